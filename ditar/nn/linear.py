"""Matrices whose weights can be laid out for the matrix units of a CPU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# From how many rows and weights on the laid out weights are the faster ones, measured from 256 x 256 to 512 x 2048: in
# float32 they save nothing where few rows or small matrices are bound by reading them.
FEWEST_ROWS = {torch.float32: 4, torch.bfloat16: 1}
FEWEST_WEIGHTS = {torch.float32: 512 * 512, torch.bfloat16: 1}
LAID_OUT_FOR = 16  # rows; the layout serves other numbers as well
# Positions of a sequence in float32. What is longer is a prefill, which has another length every time, and oneDNN keeps
# some code for every number of rows: 0.8 MB a prefill. (torch's own product in bfloat16 is oneDNN's as well.)
LONGEST = 32


class Linear(nn.Linear):
    """torch's Linear without a bias. `pack` adds a copy of the weights that is laid out for the CPU's matrix units; where
    no gradients are kept, products use it until the weights change or move (then torch's own way, right and slower).

    torch lays the weights out anew for every product, which for a few rows costs as much as the product itself.
    Measured on a core with AMX, 9 rows and 512 x 2048: in float32 0.84 ms against 0.49, in bfloat16 0.33 against 0.22.
    """

    _packed: Tensor | None = None
    _packed_from: tuple[int, int] | None = None

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor, activation: str = "none") -> Tensor:
        """(..., inputs) -> (..., outputs); activation: "none" or "gelu"."""
        if not torch.compiler.is_compiling() and self._serves(x):
            return torch.ops.mkldnn._linear_pointwise(x, self._packed, None, activation, [], "none")
        x = super().forward(x)
        return F.gelu(x) if activation == "gelu" else x

    def pack(self) -> None:
        """Lay the weights out, where that is of use: on a CPU that torch has oneDNN for, in float32 or bfloat16."""
        weight = self.weight.detach()
        useful = weight.device.type == "cpu" and weight.numel() >= FEWEST_WEIGHTS.get(weight.dtype, torch.inf)
        if useful and torch.backends.mkldnn.is_available() and not weight.is_inference():
            self._packed = torch.ops.mkldnn._reorder_linear_weight(weight, LAID_OUT_FOR)
            self._packed_from = self._state()

    def _serves(self, x: Tensor) -> bool:
        if self._packed is None or torch.is_grad_enabled() or x.dtype != self.weight.dtype:
            return False
        if x.dtype == torch.float32 and x.ndim > 2 and x.shape[-2] > LONGEST:
            return False
        return x.numel() >= FEWEST_ROWS[x.dtype] * self.in_features and self._packed_from == self._state()

    def _state(self) -> tuple[int, int]:
        """Changes with the weights."""
        return self.weight.data_ptr(), self.weight._version

    def _apply(self, fn, recurse: bool = True) -> "Linear":
        self._packed = None
        return super()._apply(fn, recurse)

    def __getstate__(self) -> dict:
        """Copies and pickles have no layout of their own."""
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_packed")}


def pack_linears(model: nn.Module) -> None:
    """Lay out all matrices of a model that is not trained any more, as a copy beside its weights. Changes no result by
    more than rounding."""
    for module in model.modules():
        if isinstance(module, Linear):
            module.pack()
