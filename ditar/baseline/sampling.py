"""Drawing tokens from logits: temperature, top-k, top-p (Holtzman et al., 2020, arXiv 1904.09751)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ditar.config import SamplingConfig

COLDEST = 1e-200  # below this temperature logits would become infinite; the most likely token is all that is left


def sample(logits: Tensor, uniforms: Tensor, config: SamplingConfig) -> Tensor:
    """Tokens (...) from logits (..., V) and uniform numbers (...) in [0, 1), of which it is a pure function.

    Of the `top_k` most likely tokens, those are kept whose more likely ones together stay below `top_p`; one is drawn
    by inverting their cumulative distribution, the most likely token first.
    """
    if config.temperature == 0 or config.top_k == 1:
        return logits.argmax(-1)
    kept = logits.shape[-1] if config.top_k is None else min(config.top_k, logits.shape[-1])
    ordered, ids = logits.double().topk(kept)  # most likely first
    shares = (ordered / max(config.temperature, COLDEST)).softmax(-1)
    cumulative = shares.cumsum(-1)
    if config.top_p is not None:
        shares = shares.masked_fill(cumulative - shares >= config.top_p, 0.0)
        cumulative = shares.cumsum(-1)
    at = uniforms.double()[..., None] * cumulative[..., -1:]
    # Never beyond the last token with a share, despite rounding.
    last = (shares > 0).sum(-1, keepdim=True) - 1
    place = torch.minimum((cumulative <= at).sum(-1, keepdim=True), last)
    return ids.gather(-1, place)[..., 0]


def draw_uniforms(count: int, generators: Sequence[torch.Generator], device: torch.device) -> Tensor:
    """(B, count) in [0, 1), a row from each generator on the CPU: the same in any batch and on any device."""
    how = {"dtype": torch.float64, "device": "cpu"}
    return torch.stack([torch.rand(count, generator=g, **how) for g in generators]).to(device)
