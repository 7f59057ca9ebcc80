"""Waveform <-> codes: the interface that everything with tokens uses, and the codec matched to the continuous system.

Existing codecs, EnCodec, Mimi and SNAC, are in ditar.vae.foreign_codecs.
"""

from abc import ABC, abstractmethod
from pathlib import Path

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
        self.vae.save_pretrained(folder)

    def _encode(self, waveform: Tensor) -> Tensor:
        return self.vae.quantise(waveform).codes

    def _decode(self, codes: Tensor) -> Tensor:
        return self.vae.decode(self.vae.residual_quantiser.values(codes))

    def _encoding(self) -> list[nn.Module]:
        return [self.vae.encoder, self.vae.residual_quantiser]
