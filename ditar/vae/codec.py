"""Waveform <-> codes: the interface that everything with tokens uses, and the codec matched to the continuous system.

Existing codecs, EnCodec and SNAC, are in ditar.vae.foreign_codecs.
"""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ditar.storage.digests import digest_tensors
from ditar.units import HOP_SAMPLES, SAMPLE_RATE_HZ
from ditar.vae.encoder import deciding_tensors
from ditar.vae.speech_vae import SpeechVAE


class CodecError(ValueError):
    """A codec that is not available, or audio or codes that do not fit it; the message quotes both sides."""


class Codec(nn.Module, ABC):
    """One codec: `rate_hz` samples a second become `frame_rate_hz` frames of `codebooks` integers, each at least 0 and
    below `codebook_size`. `bandwidth_hz`: remove what lies above it before encoding (ditar.audio.resample). `kind`:
    speech_vae, encodec_24khz, ...; the name that `codec` in configs/baseline uses.

    A module, so that it moves to a device; it is not trained as one, and calls compute no gradients.
    """

    kind: str
    rate_hz: int
    hop_samples: int
    codebooks: int
    codebook_size: int
    bandwidth_hz: float

    @property
    def frame_rate_hz(self) -> float:
        """Frames a second."""
        return self.rate_hz / self.hop_samples

    @torch.no_grad()
    def encode(self, waveform: Tensor) -> Tensor:
        """(B, S) at `rate_hz`, in [-1, 1] -> codes (B, Q, T), int64. An incomplete frame at the end is cut or padded,
        as the codec does it. CodecError: another shape, or less than one frame."""
        if waveform.ndim != 2 or waveform.shape[1] < self.hop_samples:
            raise CodecError(
                f"audio must be (batch, samples) with at least one frame of {self.hop_samples} samples at "
                f"{self.rate_hz} Hz, got {tuple(waveform.shape)}"
            )
        return self._encode(waveform)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, Q, T) -> waveform (B, S) at `rate_hz`, S = T * `hop_samples`. CodecError: not integers, a wrong
        number of codebooks, or ids that no codebook has."""
        if codes.is_floating_point() or codes.ndim != 3 or not codes.shape[2]:
            shape = tuple(codes.shape)
            raise CodecError(f"codes must be integers (batch, codebooks, frames), got {codes.dtype} {shape}")
        if codes.shape[1] != self.codebooks:
            raise CodecError(f"codes have {codes.shape[1]} codebooks, but {self.fingerprint} has {self.codebooks}")
        low, high = int(codes.min()), int(codes.max())
        if low < 0 or high >= self.codebook_size:
            raise CodecError(
                f"codes range from {low} to {high}, but {self.fingerprint} has 0 to {self.codebook_size - 1}; remove "
                "special ids before decoding"
            )
        return self._decode(codes.long())

    @property
    def fingerprint(self) -> str:
        """Equal for codecs whose codes mean the same: shape and a hash of what determines codes, which excludes the
        decoder."""
        shape = f"{self.frame_rate_hz:g}hz-{self.codebooks}x{self.codebook_size}"
        weights = digest_tensors(value for module in self._encoding() for value in deciding_tensors(module))
        return f"{self.kind}-{shape}-{weights}"

    def save_pretrained(self, folder: str | Path) -> None:
        """Write what `load_codec` reads, as safetensors. CodecError: a codec without such a file."""
        raise CodecError(f"{self.kind} is only stored as a pickle, which is never written; load it by name instead")

    @abstractmethod
    def _encode(self, waveform: Tensor) -> Tensor:
        """`encode` of checked audio."""

    @abstractmethod
    def _decode(self, codes: Tensor) -> Tensor:
        """`decode` of checked codes."""

    @abstractmethod
    def _encoding(self) -> list[nn.Module]:
        """The modules that determine the codes."""


class MatchedCodec(Codec):
    """A SpeechVAE with a quantiser: encoder, vocoder and frame rate of the continuous system. CodecError if the VAE has
    no quantiser, or an untrained one."""

    kind = "speech_vae"
    rate_hz, hop_samples = SAMPLE_RATE_HZ, HOP_SAMPLES

    def __init__(self, vae: SpeechVAE):
        super().__init__()
        if not vae.is_codec or not vae.residual_quantiser.initialised:
            state = "has not seen data" if vae.is_codec else "is missing"
            raise CodecError(f"the quantiser of this VAE {state}; train it with a file like configs/vae/rvq.yaml")
        self.vae = vae.eval().requires_grad_(False)
        config = vae.residual_quantiser.config
        self.codebooks, self.codebook_size = config.codebooks, config.codebook_size
        self.bandwidth_hz = vae.config.bandwidth_hz

    def save_pretrained(self, folder: str | Path) -> None:
        """A SpeechVAE's folder."""
        self.vae.register_to_config(_name_or_path="")  # diffusers would record where it was loaded from
        self.vae.save_pretrained(folder)

    def _encode(self, waveform: Tensor) -> Tensor:
        return self.vae.quantise(waveform).codes

    def _decode(self, codes: Tensor) -> Tensor:
        return self.vae.decode(self.vae.residual_quantiser.values(codes))

    def _encoding(self) -> list[nn.Module]:
        return [self.vae.encoder, self.vae.residual_quantiser]


def load_codec(name: str | Path, codebooks: int | None = None) -> Codec:
    """The codec in a local folder or a Hugging Face hub repository: a SpeechVAE with a quantiser, an EnCodec for
    `transformers`, or a SNAC for its own package; config.json tells which.

    `codebooks`: how many to use, for an EnCodec, which offers several numbers of them. CodecError: missing or truncated
    files, a missing package, an unsupported number of codebooks.
    """
    config = _read_config(name)
    if config.get("_class_name") == "SpeechVAE":
        codec = MatchedCodec(_load_vae(name))
    elif config.get("model_type") == "encodec":
        from ditar.vae.foreign_codecs import EncodecCodec

        codec = EncodecCodec.from_pretrained(name, codebooks)
    elif "vq_strides" in config:
        from ditar.vae.foreign_codecs import SNACCodec

        codec = SNACCodec.from_pretrained(name)
    else:
        keys = ", ".join(sorted(config))
        raise CodecError(f"config.json of {str(name)!r} is not that of a SpeechVAE, EnCodec or SNAC; its keys: {keys}")
    if codebooks not in (None, codec.codebooks):
        raise CodecError(f"{str(name)!r} has {codec.codebooks} codebooks, but {codebooks} were asked for")
    return codec


def _read_config(name: str | Path) -> dict[str, Any]:
    path = Path(name) / "config.json"
    if not Path(name).is_dir():
        from huggingface_hub import hf_hub_download

        try:
            path = Path(hf_hub_download(str(name), "config.json"))
        except Exception as error:  # whatever the installed network stack raises
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CodecError(
                f"{str(name)!r} is not a local folder and could not be fetched from the Hugging Face hub ({reason}); "
                "check the name and the network"
            ) from error
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CodecError(f"{path} cannot be read ({error}); give a folder that save_pretrained wrote") from None
    return config if isinstance(config, dict) else {}


def _load_vae(name: str | Path) -> SpeechVAE:
    try:
        vae, found = SpeechVAE.from_pretrained(name, torch_dtype=torch.float32, output_loading_info=True)
    except (ValueError, RuntimeError, OSError, TypeError, KeyError) as error:
        raise CodecError(f"{str(name)!r} is not a SpeechVAE that fits its config.json: {error}") from None
    wrong = {what: names for what, names in found.items() if names}  # which diffusers would silently accept
    if wrong:
        raise CodecError(f"the tensors of {str(name)!r} do not fit its config.json: {wrong}; use files of one model")
    return vae
