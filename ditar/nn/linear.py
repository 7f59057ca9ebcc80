"""The matrices of a transformer."""

from torch import nn


class Linear(nn.Linear):
    """torch's Linear without a bias: (..., inputs) -> (..., outputs)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, bias=False)
