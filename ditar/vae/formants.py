"""Formants that stand out as much as in recordings: a postfilter on the spectra that a vocoder predicts.

Trained on spectra, a decoder says the mean of what it cannot know: on the scale of formants, log spectra of what it
makes are a tenth flatter than those of recordings, which sounds veiled. Speech coders have long deepened the valleys
between formants after decoding (Chen and Gersho 1995), and parametric synthesis has restored the spread that a mean has
lost (Toda and Tokuda 2007). Here the logarithmic gains themselves are deepened (ours): what is left of them when they
are smoothed a little, less when they are smoothed a lot. `egs/natural/RESULTS.md` has the figures.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

LITTLE_HZ, MUCH_HZ = 60.0, 1020.0  # means over the first lose what is finer than formants, over the second formants too
FROM_HZ, WITHIN_HZ = 800.0, 150.0  # it begins around here: below, likeness to the speaker would be lost faster


def deepened(log_gains: Sequence[Tensor], contrast: float, bin_hz: float) -> list[Tensor]:
    """Logarithms of gains that are added up, (B, F, L) each over F frequencies `bin_hz` apart, with deeper valleys
    between formants; each frame keeps the power of all of them together. contrast: the share by which formants stand
    out more."""
    deep = [x + emphasis(x, contrast, bin_hz) for x in log_gains]
    louder = 0.5 * (_log_power(deep) - _log_power(log_gains))  # (B, 1, L)
    return [x - louder for x in deep]


def emphasis(x: Tensor, contrast: float, bin_hz: float) -> Tensor:
    """What `deepened` adds to log gains (B, F, L) before it sets their power: contrast times their formants, linear in
    them. At the edge of a band without sound it makes up to 7 dB of overshoot where it is quiet."""
    frequency_hz = bin_hz * torch.arange(x.shape[1], dtype=x.dtype, device=x.device)
    share = contrast * torch.sigmoid((frequency_hz - FROM_HZ) / WITHIN_HZ)[:, None]  # (F, 1)
    return share * (_smooth(x, LITTLE_HZ / bin_hz) - _smooth(x, MUCH_HZ / bin_hz))


def _smooth(x: Tensor, bins: float) -> Tensor:
    """Means over about so many bins; what is beyond the edges is as at them."""
    half = round((bins - 1) / 2)
    padded = F.pad(x.transpose(1, 2), (half, half), mode="replicate")
    return F.avg_pool1d(padded, 2 * half + 1, stride=1).transpose(1, 2)


def _log_power(log_gains: Sequence[Tensor]) -> Tensor:
    return torch.logsumexp(2.0 * torch.cat(tuple(log_gains), dim=1), dim=1, keepdim=True)
