"""Aggregation encoder: a patch of latent frames -> one embedding (arXiv 2502.03930, section 3.2)."""

import torch
from torch import Tensor, nn

from ditar.config import BlockConfig
from ditar.nn.transformer import Transformer


class AggregationEncoder(nn.Module):
    """Bidirectional transformer over [learnable token | P frames]; its output at the token is the patch embedding."""

    def __init__(self, config: BlockConfig, latent_channels: int):
        super().__init__()
        self.token = nn.Parameter(torch.randn(config.width))
        self.frames = nn.Linear(latent_channels, config.width)
        self.transformer = Transformer(config)

    def forward(self, patches: Tensor) -> Tensor:
        """(M, P, C) -> (M, width)."""
        frames = self.frames(patches)  # (M, P, width)
        token = self.token.to(frames.dtype).expand(len(frames), 1, -1)
        x = torch.cat((token, frames), dim=1)  # (M, 1 + P, width)
        positions = torch.arange(x.shape[1], device=x.device)
        return self.transformer(x, self.transformer.positions(positions), outputs=slice(0, 1)).hidden[:, 0]
