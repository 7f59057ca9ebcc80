"""The source of a source-filter vocoder: harmonics of the pitch and noise, both white and of power 1.

A network that must make every harmonic itself needs hundreds of thousands of steps to do it cleanly; given a source
with the right pitch, it only has to learn spectral envelopes (Wang et al. 2019, arXiv 1904.12088; Engel et al. 2020,
arXiv 2001.04643).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ditar.audio.pitch import HIGHEST_HZ, LOWEST_HZ
from ditar.units import SAMPLE_RATE_HZ

PITCH_BINS = 128  # evenly spaced on a logarithmic scale, 34 cents apart
NEAR_BINS = 4  # on either side of the likeliest bin, whose mean is the pitch


@dataclass(frozen=True)
class SourceStart:
    """The place of a window of latents in an utterance, so that its source continues that of the previous window: the
    window's first sample is sample `position` of the utterance (one for all rows, or (B,)), and at the window's sample
    `anchor` the harmonics have phase `turns`, in periods of the pitch."""

    position: int | torch.Tensor = 0
    anchor: int = 0
    turns: float = 0.0


class PitchHead(nn.Module):
    """Features (B, L, D) -> logits (B, L, PITCH_BINS) over pitch, as if every frame were voiced."""

    def __init__(self, width: int):
        super().__init__()
        self.out = nn.Linear(width, PITCH_BINS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x)

    @staticmethod
    def pitch_hz(logits: torch.Tensor) -> torch.Tensor:
        """Logits (B, L, PITCH_BINS) -> pitch (B, L) in Hz: the mean of the bins around the likeliest one."""
        bins = torch.arange(PITCH_BINS, device=logits.device)
        near = (bins - logits.argmax(dim=-1, keepdim=True)).abs() <= NEAR_BINS
        mean = (logits.float().masked_fill(~near, -torch.inf).softmax(dim=-1) * bins).sum(dim=-1)
        return LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (mean / (PITCH_BINS - 1))

    @staticmethod
    def loss(logits: torch.Tensor, pitch_hz: torch.Tensor) -> torch.Tensor:
        """Cross-entropy to the true pitch (B, L) in Hz, 0 where unvoiced, blurred by one bin; a mean over each row's
        voiced frames, then over rows."""
        voiced = pitch_hz > 0
        place = (pitch_hz.clamp(LOWEST_HZ, HIGHEST_HZ) / LOWEST_HZ).log() / math.log(HIGHEST_HZ / LOWEST_HZ)
        bins = torch.arange(PITCH_BINS, device=logits.device)
        target = (-0.5 * (bins - (PITCH_BINS - 1) * place[..., None]).square()).softmax(dim=-1)
        loss = -(target * logits.float().log_softmax(dim=-1)).sum(dim=-1) * voiced  # (B, L)
        return (loss.sum(dim=1) / voiced.sum(dim=1).clamp_min(1)).mean()


def held_through(pitch_hz: torch.Tensor) -> torch.Tensor:
    """(B, L) in Hz with 0 where unvoiced -> the same with lines through the unvoiced frames; 100 Hz for rows without
    voiced frames."""
    rows = []
    places = torch.arange(pitch_hz.shape[1], dtype=torch.float32, device=pitch_hz.device)
    for row in pitch_hz:
        voiced = row.nonzero()[:, 0]
        if not len(voiced):
            rows.append(torch.full_like(row, 100.0))
            continue
        after = torch.searchsorted(voiced, places.long()).clamp(max=len(voiced) - 1)
        before = (after - 1).clamp_min(0)
        left, right = voiced[before], voiced[after]
        share = ((places - left) / (right - left).clamp_min(1)).clamp(0.0, 1.0)
        rows.append(row[left] + share * (row[right] - row[left]))
    return torch.stack(rows)


@torch.no_grad()
def turns_of(pitch_hz: torch.Tensor, hop: int, start: SourceStart) -> tuple[torch.Tensor, torch.Tensor]:
    """Pitch of frames (B, L) in Hz -> (pitch, phase in turns) of samples, (B, hop * L) each, float64: frames are
    centred on their own samples, with lines between them."""
    of_samples = F.interpolate(pitch_hz[:, None].double(), scale_factor=hop, mode="linear")[:, 0]
    turns = torch.cumsum(of_samples / SAMPLE_RATE_HZ, dim=1)
    if start.anchor < turns.shape[1]:
        turns = turns - turns[:, start.anchor, None] + start.turns
    return of_samples, turns


@torch.no_grad()
def harmonics(pitch_hz: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """All harmonics below half the rate, equally strong and with phases of a pulse train, of total power 1; (B, S)."""
    count = (0.5 * SAMPLE_RATE_HZ / pitch_hz).floor()
    half = math.pi * (turns - turns.floor())  # half the angle
    # sum over k from 1 to n of cos(k x) = sin((n + 1/2) x) / (2 sin(x / 2)) - 1/2
    low = half.sin()
    pulse = torch.where(low.abs() < 1e-6, count, ((2 * count + 1) * half).sin() / (2 * low).where(low != 0, 1.0) - 0.5)
    return (pulse * (2 / count).sqrt()).float()


@torch.no_grad()
def noise_at(positions: torch.Tensor) -> torch.Tensor:
    """White noise of power 1 as a function of the sample's number (int64, any shape), independent of the order of
    decoding: an integer hash, evenly distributed."""
    mask, x = 0xFFFFFFFF, positions & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x46CA68B5)):
        x = ((x ^ (x >> shift)) * factor) & mask
    x = x ^ (x >> 16)
    return (math.sqrt(12.0) * (x.double() / 2**32 - 0.5)).float()
