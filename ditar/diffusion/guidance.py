"""Classifier-free guidance on the LM's output (arXiv 2502.03930, section 3.4)."""

from torch import Tensor


def guide(conditional: Tensor, unconditional: Tensor, guidance_scale: float) -> Tensor:
    """Guided prediction: unconditional + scale (conditional - unconditional).

    The paper writes (1 + w) v(z, h) - w v(z, 0); guidance_scale = 1 + w, so 1 is no guidance. Any shape.
    """
    return unconditional + guidance_scale * (conditional - unconditional)
