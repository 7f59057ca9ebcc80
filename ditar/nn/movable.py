"""Groups of tensors that move between devices together."""

from dataclasses import fields, replace
from typing import Self

import torch
from torch import Tensor


class Movable:
    """Base of frozen dataclasses of tensors, of each other, and of anything else, which stays as it is."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in values.items() if isinstance(v, (Tensor, Movable))})
