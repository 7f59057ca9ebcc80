"""Embedding of the diffusion time, and of what else a distilled network is told with it."""

import math

import torch
from torch import Tensor, nn

LONGEST, SCALE = 10_000.0, 1000.0  # period, relative to the shortest, and angle at time 1


def sinusoids(times: Tensor, width: int) -> Tensor:
    """Cosines and sines of times in [0, 1] at `width` / 2 frequencies: (M,) -> (M, width), float32 or wider."""
    times = times if times.dtype == torch.float64 else times.float()
    steps = torch.arange(width // 2, device=times.device, dtype=times.dtype)
    angles = SCALE * times[:, None] * torch.exp(-math.log(LONGEST) * steps / (width // 2))
    return torch.cat((angles.cos(), angles.sin()), dim=-1)


class TimeEmbedding(nn.Module):
    """Sinusoids and a two-layer perceptron: times (M,) in [0, 1] -> (M, width)."""

    def __init__(self, width: int, frequencies: int = 256):
        super().__init__()
        self.frequencies = frequencies
        self.hidden = nn.Linear(frequencies, width)
        self.out = nn.Linear(width, width)

    def forward(self, times: Tensor) -> Tensor:
        features = sinusoids(times, self.frequencies).to(self.hidden.weight.dtype)
        return self.out(nn.functional.silu(self.hidden(features)))


class JumpEmbedding(nn.Module):
    """For a distilled network, added to the time's: how far its step goes in time, in [0, 1], and the guidance scale,
    from 1 on: (M,) each -> (M, width). Zeros until it is trained."""

    def __init__(self, width: int):
        super().__init__()
        self.length = TimeEmbedding(width)
        self.guidance_hidden = nn.Linear(1, width)
        self.guidance = nn.Linear(width, width)
        for last in (self.length.out, self.guidance):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, lengths: Tensor, scales: Tensor) -> Tensor:
        above = (scales - 1)[:, None].to(self.guidance.weight.dtype)
        return self.length(lengths) + self.guidance(nn.functional.silu(self.guidance_hidden(above)))
