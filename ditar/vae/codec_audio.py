"""Clips at 24 kHz <-> codes of a codec of any rate, with a reference: what a pipeline does with a codec."""

import numpy as np
import torch
from torch import Tensor

from ditar.audio.resample import low_pass, resample
from ditar.units import SAMPLE_RATE_HZ
from ditar.vae.codec import Codec

CONTEXT_SECONDS = 1.0  # of the reference precede the codes when they are decoded: no click at the seam


@torch.inference_mode()
def encode_clip(codec: Codec, clip: np.ndarray, after_seconds: float, device: torch.device) -> Tensor:
    """A clip (S,) -> codes (Q, T) on the CPU. It is padded on the left, so that it ends with a whole frame; for
    encoding it is followed by `after_seconds` of silence."""
    clip = resample(low_pass(clip, codec.bandwidth_hz, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, codec.rate_hz)
    left, right = -len(clip) % codec.hop_samples, round(after_seconds * codec.rate_hz)
    waveform = torch.from_numpy(np.pad(clip, (left, right)))[None].to(device)
    return codec.encode(waveform)[0, :, : (left + len(clip)) // codec.hop_samples].cpu()


@torch.inference_mode()
def decode_after(codec: Codec, reference: Tensor, codes: Tensor, device: torch.device) -> np.ndarray:
    """Codes (Q, T) that follow those of a reference (Q, R) -> (S,) of `codes` only; no codes give no samples."""
    if not codes.shape[1]:
        return np.zeros(0, dtype=np.float32)
    context = reference[:, -round(CONTEXT_SECONDS * codec.frame_rate_hz) :]
    whole = codec.decode(torch.cat((context, codes), dim=1)[None].to(device))[0]
    made = whole[context.shape[1] * codec.hop_samples :].float().cpu().numpy()
    return resample(made, codec.rate_hz, SAMPLE_RATE_HZ)
