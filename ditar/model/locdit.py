"""LocDiT: the local diffusion transformer that makes one patch (arXiv 2502.03930, section 3.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ditar.config import BlockConfig
from ditar.nn.time_embedding import TimeEmbedding
from ditar.nn.transformer import Transformer


@dataclass(frozen=True)
class LocDiTContext:
    """What stays the same over the steps of one patch: h projected (M, width), the history's tokens
    (M, H * P, width), RoPE's tables."""

    condition: Tensor
    history: Tensor
    tables: tuple[Tensor, Tensor]


class LocDiT(nn.Module):
    """Bidirectional transformer over [h + time | clean history, H * P frames | noisy patch, P frames] -> u.

    `h_width` is the LM's; h of another width is projected, without a bias, so that h = 0 (guidance) stays 0.
    """

    def __init__(
        self, config: BlockConfig, h_width: int, latent_channels: int, patch_frames: int, history_patches: int
    ):
        super().__init__()
        self.patch_frames, self.history_patches = patch_frames, history_patches
        self.condition = nn.Linear(h_width, config.width, bias=False)
        self.time = TimeEmbedding(config.width)
        if history_patches:
            self.history = nn.Linear(latent_channels, config.width)
            # What stands where no history is: learned, not zeros that look like silence (ours).
            self.no_history = nn.Parameter(torch.randn(history_patches, patch_frames, config.width))
        self.noisy = nn.Linear(latent_channels, config.width)
        self.transformer = Transformer(config)
        self.out = nn.Linear(config.width, latent_channels)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, noisy: Tensor, times: Tensor, h: Tensor, history: Tensor, exists: Tensor | None = None) -> Tensor:
        """noisy (M, P, C), times (M,) or (1,), h (M, h_width), history (M, H, P, C), exists (M, H) bool, True where
        the history holds a patch (None: everywhere) -> u (M, P, C)."""
        return self.denoise(noisy, self.time(times), self.context(h, history, exists))

    def context(self, h: Tensor, history: Tensor, exists: Tensor | None = None) -> LocDiTContext:
        """Shapes as in `forward`."""
        condition = self.condition(h)
        if self.history_patches:
            past = self.history(history)  # (M, H, P, width)
            if exists is not None:
                past = torch.where(exists[..., None, None], past, self.no_history.to(past.dtype))
            past = past.flatten(1, 2)
        else:
            past = condition.new_zeros(len(condition), 0, condition.shape[-1])
        length = 1 + past.shape[1] + self.patch_frames
        return LocDiTContext(condition, past, self.transformer.positions(torch.arange(length, device=h.device)))

    def denoise(self, noisy: Tensor, time: Tensor, context: LocDiTContext) -> Tensor:
        """noisy (M, P, C), time (M or 1, width) embedded -> u (M, P, C)."""
        first = (context.condition + time)[:, None]  # (M, 1, width)
        x = torch.cat((first, context.history, self.noisy(noisy)), dim=1)  # (M, 1 + (H + 1) P, width)
        hidden = self.transformer(x, context.tables, outputs=slice(-self.patch_frames, None)).hidden
        return self.out(hidden)
