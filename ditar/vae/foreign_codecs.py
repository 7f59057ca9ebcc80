"""Codecs trained by others, behind the interface of ditar.vae.codec: EnCodec and Mimi through `transformers`, SNAC
through its own package. Neither package is needed until such a codec is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from ditar.extras import missing
from ditar.vae.codec import Codec, CodecError

DECODING = ("decoder", "decoder_transformer", "upsample")  # parts of a Mimi that do not decide about codes
SNAC_STRIDES = (4, 2, 1)
# Positions of the 1 + 2 + 4 tokens of a frame, read depth first: coarse, middle, fine, fine, middle, fine, fine
# (Mini-Omni, arXiv 2408.16725). Row k: where the tokens of codebook k are.
SNAC_PLACES = ((0,), (1, 4), (2, 3, 5, 6))


class _TransformersCodec(Codec):
    """A codec of `transformers`, where its model's class is ARCHITECTUREModel."""

    architecture: str
    model: nn.Module

    @classmethod
    def from_pretrained(cls, name: str | Path, codebooks: int | None = None) -> Self:
        """From a folder or the hub. CodecError if transformers is missing or cannot read it."""
        return cls(_of_transformers(cls.architecture, name), codebooks)

    def save_pretrained(self, folder: str | Path) -> None:
        """A folder of `transformers`."""
        self.model.save_pretrained(folder)


class EncodecCodec(_TransformersCodec):
    """EnCodec (arXiv 2210.13438): `facebook/encodec_24khz` (75 Hz, 2 to 32 codebooks x 1024), `facebook/encodec_32khz`
    (50 Hz, 4 x 2048; MusicGen's). `model` is a transformers.EncodecModel.

    CodecError: stereo, chunked or normalising models (the 48 kHz one), and a number of `codebooks` that the model's
    bandwidths do not offer; None means the only one there is.
    """

    architecture = "Encodec"

    def __init__(self, model: nn.Module, codebooks: int | None = None):
        super().__init__()
        config = model.config
        if config.audio_channels != 1 or config.chunk_length_s is not None or config.normalize:
            raise CodecError(
                f"this EnCodec has {config.audio_channels} channels, chunks of {config.chunk_length_s} s and normalize "
                f"{config.normalize}; only mono models without chunks and normalisation are supported: 24 kHz, 32 kHz"
            )
        offered = {model.quantizer.get_num_quantizers_for_bandwidth(b): b for b in config.target_bandwidths}
        if codebooks is None and len(offered) == 1:
            codebooks = next(iter(offered))
        if codebooks not in offered:
            raise CodecError(f"this EnCodec works with {sorted(offered)} codebooks, got {codebooks}")
        self.model = model.eval().requires_grad_(False)
        self.bandwidth_kbps = offered[codebooks]
        self.codebooks, self.codebook_size = codebooks, config.codebook_size
        self.rate_hz, self.hop_samples = config.sampling_rate, config.hop_length
        self.kind = f"encodec_{self.rate_hz // 1000}khz"
        self.bandwidth_hz = self.rate_hz / 2

    def _encode(self, waveform: Tensor) -> Tensor:
        return self.model.encode(waveform.unsqueeze(1), bandwidth=self.bandwidth_kbps).audio_codes[0]  # the only chunk

    def _decode(self, codes: Tensor) -> Tensor:
        made = self.model.decode(codes.unsqueeze(0), [None]).audio_values[:, 0]
        return made[:, : codes.shape[2] * self.hop_samples]

    def _encoding(self) -> list[nn.Module]:
        return [self.model.encoder, self.model.quantizer]


class MimiCodec(_TransformersCodec):
    """Mimi (arXiv 2410.00037, section 3.3; `kyutai/mimi`): 24 kHz, 12.5 Hz, up to 32 codebooks x 2048, of which the
    first is semantic; Moshi uses 8. `model` is a transformers.MimiModel.

    CodecError: a number of `codebooks` that the model does not have; None means all.
    """

    architecture, kind = "Mimi", "mimi"

    def __init__(self, model: nn.Module, codebooks: int | None = None):
        super().__init__()
        config = model.config
        self.codebooks = config.num_quantizers if codebooks is None else codebooks
        if not config.num_semantic_quantizers <= self.codebooks <= config.num_quantizers:
            raise CodecError(
                f"this Mimi works with {config.num_semantic_quantizers} to {config.num_quantizers} codebooks, got "
                f"{codebooks}"
            )
        self.model = model.eval().requires_grad_(False)
        self.codebook_size, self.rate_hz = config.codebook_size, config.sampling_rate
        self.hop_samples = round(config.sampling_rate / config.frame_rate)
        self.bandwidth_hz = self.rate_hz / 2

    def _encode(self, waveform: Tensor) -> Tensor:
        return self.model.encode(waveform.unsqueeze(1), num_quantizers=self.codebooks).audio_codes

    def _decode(self, codes: Tensor) -> Tensor:
        return self.model.decode(codes).audio_values[:, 0, : codes.shape[2] * self.hop_samples]

    def _encoding(self) -> list[nn.Module]:
        return [module for name, module in self.model.named_children() if name not in DECODING]


class SNACCodec(Codec):
    """SNAC with three codebooks at strides 4, 2 and 1 (arXiv 2410.14411; `hubertsiuzdak/snac_24khz`), each frame of the
    coarsest being one frame of 7 layers. `model` is a snac.SNAC. CodecError: other strides."""

    codebooks = 7

    def __init__(self, model: Any):
        super().__init__()
        if tuple(model.vq_strides) != SNAC_STRIDES:
            raise CodecError(
                f"this SNAC has strides {tuple(model.vq_strides)}, but 7 layers need {SNAC_STRIDES}; use "
                "hubertsiuzdak/snac_24khz"
            )
        self.model = model.eval().requires_grad_(False)
        self.rate_hz, self.codebook_size = int(model.sampling_rate), int(model.codebook_size)
        self.kind = f"snac_{self.rate_hz // 1000}khz"
        self.hop_samples = int(model.hop_length) * SNAC_STRIDES[0]
        self.bandwidth_hz = self.rate_hz / 2

    @classmethod
    def from_pretrained(cls, name: str | Path) -> "SNACCodec":
        """From a folder or the hub, by the package's own loader. CodecError if either is missing."""
        try:
            from snac import SNAC
        except ModuleNotFoundError as error:
            if error.name != "snac":
                raise
            raise CodecError("SNAC needs its package, which is not installed: pip install snac") from None
        try:
            return cls(SNAC.from_pretrained(str(name)))
        except CodecError:
            raise
        except Exception as error:  # files, network, pickles: each with its own classes
            raise CodecError(f"SNAC {str(name)!r} could not be loaded: {error}") from error

    def _encode(self, waveform: Tensor) -> Tensor:
        return snac_to_layers(self.model.encode(waveform.unsqueeze(1)))

    def _decode(self, codes: Tensor) -> Tensor:
        device = codes.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(0)  # its decoder adds noise: the same codes must give the same waveform
            return self.model.decode(layers_to_snac(codes))[:, 0]

    def _encoding(self) -> list[nn.Module]:
        return [self.model.encoder, self.model.quantizer]


def _of_transformers(kind: str, name: str | Path) -> nn.Module:
    """A codec of transformers, Encodec or Mimi, from a folder or the hub."""
    try:
        import transformers
    except ModuleNotFoundError as error:
        if error.name != "transformers":
            raise
        raise CodecError(missing(f"transformers, which {kind} needs,", "baseline")) from None
    try:
        model, found = getattr(transformers, f"{kind}Model").from_pretrained(str(name), output_loading_info=True)
    except Exception as error:  # files, network, safetensors: each with its own classes
        raise CodecError(f"{kind} {str(name)!r} could not be loaded: {error}") from error
    wrong = {what: found[what] for what in ("missing_keys", "mismatched_keys") if found.get(what)}
    if wrong:
        raise CodecError(f"tensors of {str(name)!r} do not fit its config.json: {wrong}; use files of one model")
    return model


def snac_to_layers(codes: Sequence[Tensor]) -> Tensor:
    """SNAC's three codebooks (B, T), (B, 2T), (B, 4T) -> layers (B, 7, T). CodecError: other lengths."""
    lengths = [one.shape[-1] for one in codes]
    if len(codes) != 3 or lengths != [lengths[0], 2 * lengths[0], 4 * lengths[0]]:
        raise CodecError(f"SNAC has three codebooks of T, 2 T and 4 T tokens, got lengths {lengths}")
    layers = codes[0].new_empty(len(codes[0]), 7, lengths[0])
    for one, places in zip(codes, SNAC_PLACES):
        layers[:, places] = one.unflatten(1, (-1, len(places))).movedim(1, 2)
    return layers


def layers_to_snac(layers: Tensor) -> list[Tensor]:
    """The inverse of `snac_to_layers`: (B, 7, T) -> (B, T), (B, 2T), (B, 4T). CodecError: a wrong number of layers."""
    if layers.ndim != 3 or layers.shape[1] != 7:
        raise CodecError(f"SNAC's layers are (batch, 7, frames), got {tuple(layers.shape)}")
    return [layers[:, places].movedim(1, 2).flatten(1) for places in SNAC_PLACES]
