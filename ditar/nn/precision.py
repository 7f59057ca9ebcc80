"""In what a device computes matrix products fast, and in what training computes them."""

import torch
from torch import Tensor

# Of x86 and of ARM, as torch.cpu.get_capabilities names them.
_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "avx10_2", "bf16", "sve_bf16")


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for products in bfloat16. A CPU without them takes 80 times as long for a
    product in bfloat16 as for one in float32 (AVX2, torch 2.13)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type != "cpu" or not set(_INSTRUCTIONS).isdisjoint(capabilities(device))


def capabilities(device: torch.device) -> list[str]:
    """What decides, besides types and threads, how a device rounds products: the kind of a GPU, the instructions of a
    CPU."""
    if device.type == "cuda":
        return [torch.cuda.get_device_name(device)]
    if device.type != "cpu":
        return []
    if hasattr(torch.cpu, "get_capabilities"):
        known = torch.cpu.get_capabilities()
    else:  # an older torch
        known = {"avx512_bf16": getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()}
    return sorted(name for name, value in known.items() if value is True)


def in_bfloat16(precision: str, device: torch.device) -> bool:
    """What `optimiser.precision` comes to on a device: "auto" is bfloat16 where that is fast."""
    return precision == "bf16" or (precision == "auto" and multiplies_bfloat16(device))


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The context of a forward pass."""
    return torch.autocast(device.type, torch.bfloat16, enabled=in_bfloat16(precision, device))


def widened(x: Tensor) -> Tensor:
    """In float32, or wider: what a loss is computed in."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
