"""Classifier-free guidance on the LM's output (arXiv 2502.03930, section 3.4)."""

from torch import Tensor


def scale_at(guidance_scale: Tensor, rise: Tensor, time: Tensor) -> Tensor:
    """The guidance scale at a time in [0, 1], 1 being noise; shapes that broadcast.

    What guidance adds, scale - 1, is `rise` times as much at the data as at the noise, rise^(1/2 - t) times what it is
    in the middle (ours: the paper has 1, the same at all times).
    """
    return 1 + (guidance_scale - 1) * rise ** (0.5 - time)


def guide(conditional: Tensor, unconditional: Tensor, guidance_scale: float) -> Tensor:
    """Guided prediction: unconditional + scale (conditional - unconditional).

    The paper writes (1 + w) v(z, h) - w v(z, 0); guidance_scale = 1 + w, so 1 is no guidance. Any shape.
    """
    return unconditional + guidance_scale * (conditional - unconditional)
