"""Waveform <-> codes: the interface that everything with tokens uses, and the codec that matches the continuous system.

Codecs that users have already, EnCodec and SNAC, are in ditar.vae.foreign_codecs.
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
    """A codec that cannot be had, or audio or codes that do not fit it; the message quotes both sides."""


class Codec(nn.Module, ABC):
    """One codec: `rate_hz` samples a second become `frame_rate_hz` frames of `codebooks` integers, each at least 0 and
    below `codebook_size`. `bandwidth_hz`: what lies above is to be removed before encoding (ditar.audio.resample).
    `kind`: speech_vae, encodec_24khz, ...; what `codec` of configs/baseline names.

    A module, so that it moves to a device; it is not trained as one, and calls keep no gradients.
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
        """(B, S) at `rate_hz`, in [-1, 1] -> codes (B, Q, T), int64. What is left over at the end is cut or filled up
        to a frame, as the codec does it. CodecError: another shape, or less than one frame."""
        if waveform.ndim != 2 or waveform.shape[1] < self.hop_samples:
            raise CodecError(
                f"audio must be (batch, samples) with at least one frame of {self.hop_samples} samples at "
                f"{self.rate_hz} Hz, got {tuple(waveform.shape)}"
            )
        return self._encode(waveform)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, Q, T) -> waveform (B, S) at `rate_hz`, S = T * `hop_samples`. CodecError: not integers, another
        number of codebooks, or ids that no codebook has."""
        if codes.is_floating_point() or codes.ndim != 3 or not codes.shape[2]:
            shape = tuple(codes.shape)
            raise CodecError(f"codes must be integers (batch, codebooks, frames), got {codes.dtype} {shape}")
        if codes.shape[1] != self.codebooks:
            raise CodecError(f"codes have {codes.shape[1]} codebooks, and {self.fingerprint} has {self.codebooks}")
        low, high = int(codes.min()), int(codes.max())
        if low < 0 or high >= self.codebook_size:
            raise CodecError(
                f"codes go from {low} to {high}, and {self.fingerprint} has 0 to {self.codebook_size - 1}; take "
                "special ids out before decoding"
            )
        return self._decode(codes.long())

    @property
    def fingerprint(self) -> str:
        """Equal where the same codes mean the same: shape and a hash of what decides about codes, which a decoder alone
        does not."""
        shape = f"{self.frame_rate_hz:g}hz-{self.codebooks}x{self.codebook_size}"
        weights = digest_tensors(value for module in self._encoding() for value in deciding_tensors(module))
        return f"{self.kind}-{shape}-{weights}"

    def save_pretrained(self, folder: str | Path) -> None:
        """Write what `load_codec` reads, as safetensors. CodecError: a codec that has no such file."""
        raise CodecError(f"{self.kind} is only stored as a pickle, which is never written; load it by name instead")

    @abstractmethod
    def _encode(self, waveform: Tensor) -> Tensor:
        """`encode` of audio that was looked at."""

    @abstractmethod
    def _decode(self, codes: Tensor) -> Tensor:
        """`decode` of codes that were looked at."""

    @abstractmethod
    def _encoding(self) -> list[nn.Module]:
        """The modules that decide about codes."""


class MatchedCodec(Codec):
    """A SpeechVAE with a quantiser: encoder, vocoder and frame rate of the continuous system. CodecError where the VAE
    has no quantiser, or one that was never trained."""

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
        self.vae.register_to_config(_name_or_path="")  # diffusers would tell where it was loaded from
        self.vae.save_pretrained(folder)

    def _encode(self, waveform: Tensor) -> Tensor:
        return self.vae.quantise(waveform).codes

    def _decode(self, codes: Tensor) -> Tensor:
        return self.vae.decode(self.vae.residual_quantiser.values(codes))

    def _encoding(self) -> list[nn.Module]:
        return [self.vae.encoder, self.vae.residual_quantiser]


def load_codec(name: str | Path, codebooks: int | None = None) -> Codec:
    """The codec in a folder here or in a repository of the Hugging Face hub: a SpeechVAE with a quantiser, an EnCodec
    for `transformers`, or a SNAC for its own package; config.json tells which.

    `codebooks`: how many to use, for an EnCodec, which is made for several numbers of them. CodecError: files that
    are missing or cut off, a package that is missing, another number of codebooks.
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
        raise CodecError(f"config.json of {str(name)!r} is of no SpeechVAE, EnCodec or SNAC; its keys: {keys}")
    if codebooks not in (None, codec.codebooks):
        raise CodecError(f"{str(name)!r} has {codec.codebooks} codebooks, and {codebooks} are asked for")
    return codec


def _read_config(name: str | Path) -> dict[str, Any]:
    path = Path(name) / "config.json"
    if not Path(name).is_dir():
        from huggingface_hub import hf_hub_download

        try:
            path = Path(hf_hub_download(str(name), "config.json"))
        except Exception as error:  # whatever the network stack of the day raises
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CodecError(
                f"{str(name)!r} is not a folder here and could not be fetched from the Hugging Face hub ({reason}); "
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
    wrong = {what: names for what, names in found.items() if names}  # which diffusers would leave as they are
    if wrong:
        raise CodecError(f"the tensors of {str(name)!r} do not fit its config.json: {wrong}; use files of one model")
    return vae
