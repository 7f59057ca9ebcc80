"""A GPU on machines without one: tensors that say they are on it, compute on the CPU, and refuse what CUDA refuses."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

GPU = torch.device("cuda:0")
MAKERS = {"arange", "as_tensor", "empty", "eye", "full", "hann_window", "linspace", "ones", "rand", "randint", "randn",
          "randperm", "scalar_tensor", "tensor", "zeros"}  # fmt: skip
MIXES = {"__getitem__", "__setitem__", "copy_"}  # which take indices, or values, of either device


class OnGpu(Tensor):
    """A tensor whose values are in `cpu`. Only what `PretendedGpu` sees can be done with it."""

    def __new__(cls, cpu: Tensor):
        return torch.Tensor._make_wrapper_subclass(cls, cpu.size(), dtype=cpu.dtype, device="meta")

    def __init__(self, cpu: Tensor):
        self.cpu_values = cpu

    @classmethod
    def __torch_dispatch__(cls, function, *_):
        raise NotImplementedError(f"{function} outside of PretendedGpu")

    __torch_function__ = torch._C._disabled_torch_function_impl


def values(x):
    return x.cpu_values if isinstance(x, OnGpu) else x


def place(x):
    return (GPU if isinstance(x, OnGpu) else x.device) if isinstance(x, Tensor) else x


class PretendedGpu(TorchFunctionMode):
    """RuntimeError for an operation on tensors of both devices, or with a generator of the other one."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(function, "__name__", "")
        if function in (Tensor.device.__get__, Tensor.is_cuda.__get__) and isinstance(args[0], OnGpu):
            return GPU if function == Tensor.device.__get__ else True
        wanted = kwargs.get("device")
        if name in ("to", "cpu") and isinstance(args[0], Tensor):
            places = [place(x) for x in args[1:]]
            places = ["cpu"] if name == "cpu" else [x for x in [*places, wanted] if isinstance(x, str | torch.device)]
            dtypes = [x.dtype if isinstance(x, Tensor) else x for x in [*args[1:], kwargs.get("dtype")]]
            moved = values(args[0])
            for dtype in (x for x in dtypes if isinstance(x, torch.dtype) and x != moved.dtype):
                moved = moved.to(dtype)
            to_gpu = torch.device(places[-1]).type == "cuda" if places else isinstance(args[0], OnGpu)
            if to_gpu == isinstance(args[0], OnGpu):
                return args[0] if moved is values(args[0]) else OnGpu(moved) if to_gpu else moved
            return OnGpu(moved.clone()) if to_gpu else moved.clone()
        everything = tree_flatten((args, kwargs))[0]
        tensors = [x for x in everything if isinstance(x, Tensor)]
        ours = [x for x in tensors if isinstance(x, OnGpu)]
        makes = wanted is not None and torch.device(wanted).type == "cuda"
        if not ours and not (makes and name in MAKERS):
            return function(*args, **kwargs)
        shapes = [(str(place(x)), tuple(x.shape)) for x in tensors]
        if ours and name not in MIXES and any(x.dim() and not isinstance(x, OnGpu) for x in tensors):
            raise RuntimeError(f"expected all tensors to be on the same device in {name}: {shapes}")
        if any(isinstance(x, torch.Generator) and x.device.type == "cpu" for x in everything):
            raise RuntimeError(f"expected a generator of the GPU in {name}: {shapes}")
        if name == "numpy":
            raise TypeError("a tensor of the GPU has no numpy array; use .cpu() first")
        if wanted is not None:
            kwargs["device"] = "cpu"
        result = function(*tree_map(values, args), **tree_map(values, kwargs))
        if (wanted is not None and not makes) or (name in MIXES and not isinstance(args[0], OnGpu)):
            return result
        same = {id(x.cpu_values): x for x in ours}  # of operations in place
        return tree_map(lambda x: same.get(id(x)) if id(x) in same else OnGpu(x) if isinstance(x, Tensor) else x, result)


class _Autocast(torch.autocast):
    def __init__(self, device_type: str, *args, **options):
        super().__init__("cpu", *args, **options)


def move(module: nn.Module) -> nn.Module:
    """Its weights and buffers to that GPU, in place."""
    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                part._parameters[name] = OnGpu(value.detach())
        for name, value in part._buffers.items():
            if value is not None:
                part._buffers[name] = OnGpu(value)
    return module


@contextlib.contextmanager
def pretended_gpu(monkeypatch) -> Iterator[None]:
    """In the block cuda:0 is there, for computing without gradients."""
    monkeypatch.setattr(torch, "autocast", _Autocast)
    with PretendedGpu(), torch.no_grad():
        yield
