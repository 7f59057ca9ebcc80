"""ConvNeXt blocks and the inverse STFT of Vocos (Siuzdak 2023, arXiv 2306.00814), with the names of its tensors.

Not from the package `vocos`, whose import brings torchaudio, encodec and scipy: a second of CPU, more than a sentence
takes. A test compares the two.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ditar.nn.linear import Linear

KERNEL = 7
HALF = KERNEL // 2  # frames that a convolution needs on either side


class ConvNeXtBlock(nn.Module):
    """(B, width, T) -> (B, width, T): a depthwise convolution, then a feed-forward of `ffn`, scaled by `scale` at
    first."""

    def __init__(self, width: int, ffn: int, scale: float):
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, kernel_size=KERNEL, padding=HALF, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = Linear(width, ffn, bias=True)
        self.pwconv2 = Linear(ffn, width, bias=True)
        self.gamma = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self._mixed(self.dwconv(x))

    def inner(self, x: torch.Tensor) -> torch.Tensor:
        """The same without the HALF frames at both ends, whose neighbours are not there: (B, width, T - 2 HALF)."""
        conv = self.dwconv
        return x[..., HALF:-HALF] + self._mixed(F.conv1d(x, conv.weight, conv.bias, groups=conv.groups))

    def _mixed(self, x: torch.Tensor) -> torch.Tensor:
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(self.norm(x.transpose(1, 2)))))
        return y.transpose(1, 2)


class Backbone(nn.Module):
    """(B, width, T) -> (B, T, width): a convolution, `layers` blocks, and a norm at both ends."""

    def __init__(self, width: int, ffn: int, layers: int):
        super().__init__()
        self.embed = nn.Conv1d(width, width, kernel_size=KERNEL, padding=HALF)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.convnext = nn.ModuleList(ConvNeXtBlock(width, ffn, 1.0 / layers) for _ in range(layers))
        self.final_layer_norm = nn.LayerNorm(width, eps=1e-6)
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.embed(x).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        return self.final_layer_norm(x.transpose(1, 2))

    @property
    def reach(self) -> int:
        """How many frames on either side a frame of the output depends on."""
        return HALF * (1 + len(self.convnext))

    def beginning(self, x: torch.Tensor, within: bool) -> list[torch.Tensor]:
        """For the first call of `go_on`, what every convolution keeps of what is before x (B, width, T): the zeros of
        `forward`. within: nothing, since frames are missing there, and the output that needs them is not made."""
        return [x.new_zeros(len(x), x.shape[1], 0 if within else HALF)] * (1 + len(self.convnext))

    def go_on(
        self, x: torch.Tensor, kept: Sequence[torch.Tensor], final: bool = False
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Further frames (B, width, T) -> those of the output that are final by now, (B, T', width), and what every
        convolution keeps of its input for the next ones: together the output of all frames at once, each computed once.
        kept: what the call before returned, or `beginning`; final: nothing follows."""
        after, edge = [], x.new_zeros(len(x), x.shape[1], HALF)  # what `forward` pads with
        for inner, before in zip((self._embedded, *(block.inner for block in self.convnext)), kept, strict=True):
            x = torch.cat((before, x, edge) if final else (before, x), dim=2)
            after.append(x[..., -2 * HALF :])
            x = inner(x) if x.shape[2] >= KERNEL else x[..., :0]
        return self.final_layer_norm(x.transpose(1, 2)), after

    def _embedded(self, x: torch.Tensor) -> torch.Tensor:
        x = F.conv1d(x, self.embed.weight, self.embed.bias)
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class ISTFT(nn.Module):
    """Complex spectra (B, n_fft / 2 + 1, L) -> waveform (B, hop * L), frame i centred on its own samples: windows are
    overlapped and added, divided by the sum of their squares, and cut by (n_fft - hop) / 2 at both ends."""

    def __init__(self, n_fft: int, hop: int):
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        # Never on the meta device (`without_weights`), where it would make torch import its compiler.
        self.register_buffer("window", torch.hann_window(n_fft, device="cpu"))

    def forward(self, spectrum: torch.Tensor) -> torch.Tensor:
        frames = torch.fft.irfft(spectrum, self.n_fft, dim=1) * self.window[:, None]  # (B, n_fft, L)
        weight = self.window.square()[None, :, None].expand(1, -1, frames.shape[2])
        cut = (self.n_fft - self.hop) // 2  # first: at the very ends the sum is 0, and gradients of 0 / 0 are NaN
        return self._added(frames)[:, cut:-cut] / self._added(weight)[:, cut:-cut]

    def _added(self, frames: torch.Tensor) -> torch.Tensor:
        """(B, n_fft, L) -> (B, hop * (L - 1) + n_fft)."""
        length = self.hop * (frames.shape[2] - 1) + self.n_fft
        return F.fold(frames, (1, length), kernel_size=(1, self.n_fft), stride=(1, self.hop))[:, 0, 0]
