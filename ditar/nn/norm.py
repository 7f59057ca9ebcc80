"""RMSNorm."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Root-mean-square normalisation over the last axis, (..., width) -> (..., width), in the input's dtype.

    Computed in float32, or wider, and rounded once: under autocast the gains stay float32, as they are trained.
    """

    def __init__(self, width: int, epsilon: float = 1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        wide = torch.promote_types(x.dtype, self.weight.dtype)  # kernels compute float16 and bfloat16 in float32
        return F.rms_norm(x.to(wide), self.weight.shape, self.weight.to(wide), self.epsilon).to(x.dtype)
