"""ONNX graphs, node by node: no tracing, so that neither the exporter of a version of torch nor what we replace for
speed on CPUs has a say in what is written, and only the package `onnx` is needed.

Values are named by strings; weights are arrays. Patterns are those that onnxruntime fuses (RMSNorm, GELU).
"""

from collections.abc import Sequence
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from ditar.extras import load_extra

OPSET, IR_VERSION = 17, 8  # of 2022: the first with LayerNormalization
INT, FLOAT = np.int64, np.float32


class ExportError(ValueError):
    """A model that cannot be exported; the message says why."""


def package() -> ModuleType:
    """The package `onnx`. ExportError says how to install it."""
    return load_extra("onnx", "onnx", ExportError)


class Graph:
    """One graph under construction. Axes of inputs are numbers, or names where a call decides."""

    def __init__(self, name: str):
        self.name, self._onnx = name, package()
        self._nodes, self._weights, self._inputs, self._outputs, self._count = [], {}, [], [], 0
        self._names: dict[str, str] = {}  # of outputs, by the values that they are

    def input(self, name: str, axes: Sequence[int | str], dtype: type = FLOAT) -> str:
        """An input of that shape."""
        self._inputs.append(self._onnx.helper.make_tensor_value_info(name, self._type(dtype), list(axes)))
        return name

    def output(self, name: str, value: str, axes: Sequence[int | str], dtype: type = FLOAT) -> None:
        """`value` is the output `name`."""
        if value in self._names or value not in {made for node in self._nodes for made in node.output}:
            value = self.op("Identity", value)  # an output already, or a weight or input
        self._names[value] = name  # an Identity of its own would copy it
        self._outputs.append(self._onnx.helper.make_tensor_value_info(name, self._type(dtype), list(axes)))

    def weight(self, value: Tensor | np.ndarray | float | Sequence[int]) -> str:
        """A constant: float32, or int64 for integers. The same array twice is stored once."""
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        array = np.ascontiguousarray(array, INT if array.dtype.kind in "iu" else FLOAT)
        key = (array.shape, array.dtype.str, array.tobytes())
        if key not in self._weights:
            self._weights[key] = f"w{len(self._weights)}"
        return self._weights[key]

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes) -> str | list[str]:
        """A node of the kind, by ONNX's names; its output, or a list of several."""
        names = [f"v{self._count + i}" for i in range(outputs)]
        self._count += outputs
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def add(self, *values: str) -> str:
        """Their sum."""
        first, *others = values
        for other in others:
            first = self.op("Add", first, other)
        return first

    def scaled(self, x: str, by: str | None) -> str:
        """x (1 + by); None: x as it is."""
        return x if by is None else self.op("Mul", x, self.add(by, self.weight(1.0)))

    def shifted(self, x: str, shift: str | None) -> str:
        """Their sum; None: x as it is."""
        return x if shift is None else self.add(x, shift)

    def linear(self, x: str, of: nn.Linear) -> str:
        """torch's Linear on the last axis."""
        return self.affine(x, of.weight, of.bias)

    def affine(self, x: str, weight: Tensor, bias: Tensor | None) -> str:
        """A product of the last axis with a weight (outputs, inputs), and a bias (outputs,)."""
        y = self.op("MatMul", x, self.weight(weight.T))
        return y if bias is None else self.add(y, self.weight(bias))

    def reshape(self, x: str, *shape: int) -> str:
        """0: the axis as it is; -1: whatever is left."""
        return self.op("Reshape", x, self.weight(np.array(shape)))

    def transpose(self, x: str, *axes: int) -> str:
        return self.op("Transpose", x, perm=list(axes))

    def slice(self, x: str, start: int, end: int, axis: int) -> str:
        """From `start` to before `end` of an axis."""
        return self.op("Slice", x, *(self.weight(np.array([value])) for value in (start, end, axis)))

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        if len(sizes) == 1:  # of which `op` would return the one output, and not a list
            return [x]
        return self.op("Split", x, self.weight(np.array(sizes)), axis=axis, outputs=len(sizes))

    def unsqueeze(self, x: str, *axes: int) -> str:
        return self.op("Unsqueeze", x, self.weight(np.array(axes)))

    def silu(self, x: str) -> str:
        return self.op("Mul", x, self.op("Sigmoid", x))

    def gelu(self, x: str) -> str:
        """Of torch, by the error function."""
        inside = self.op("Erf", self.op("Div", x, self.weight(2.0**0.5)))
        return self.op("Mul", self.op("Mul", x, self.add(inside, self.weight(1.0))), self.weight(0.5))

    def model(self):
        """The finished ModelProto, checked."""
        helper, numpy_helper = self._onnx.helper, self._onnx.numpy_helper
        weights = [
            numpy_helper.from_array(np.frombuffer(data, dtype).reshape(shape), name)
            for (shape, dtype, data), name in self._weights.items()
        ]
        for node in self._nodes:
            for values in (node.input, node.output):
                values[:] = [self._names.get(value, value) for value in values]
        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, weights)
        opsets = [helper.make_opsetid("", OPSET)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="ditar")
        self._onnx.checker.check_model(made)
        return made

    def _type(self, dtype: type) -> int:
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def table(values: Tensor) -> np.ndarray:
    """A tensor as float32."""
    return values.detach().to("cpu", torch.float32).numpy()
