"""The matrices of a transformer."""

from torch import nn


class Linear(nn.Linear):
    """torch's Linear, without a bias by default: (..., inputs) -> (..., outputs)."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False):
        super().__init__(inputs, outputs, bias=bias)
