"""Frames to patches and back; which patches exist, and what precedes each."""

import torch
from torch import Tensor


def patch(x: Tensor, patch_frames: int) -> Tensor:
    """(B, T, C) -> (B, N, P, C). ValueError if T is not a multiple of P: pad on the left, where there is no seam."""
    if x.shape[1] % patch_frames:
        raise ValueError(
            f"{x.shape[1]} frames are not a whole number of patches of {patch_frames}; "
            f"pad {-x.shape[1] % patch_frames} frames on the left"
        )
    return x.unflatten(1, (-1, patch_frames))


def unpatch(x: Tensor) -> Tensor:
    """(B, N, P, C) -> (B, N * P, C)."""
    return x.flatten(1, 2)


def histories(patches: Tensor, count: int) -> Tensor:
    """The `count` (H) patches before each patch, oldest first, zeros where there is none:
    (B, N, P, C) -> (B, N, H, P, C)."""
    number = patches.shape[1]
    padded = torch.cat((patches.new_zeros(patches.shape[0], count, *patches.shape[2:]), patches), dim=1)
    if not count:
        return patches.new_zeros(patches.shape[0], number, 0, *patches.shape[2:])
    return torch.stack([padded[:, i : i + number] for i in range(count)], dim=2)


def history_exists(number: int, count: int, device: torch.device | None = None) -> Tensor:
    """(N, H) bool: whether history place j of patch i holds a patch, or lies before the first one."""
    places = torch.arange(number, device=device)[:, None] - count + torch.arange(count, device=device)
    return places >= 0


def valid_patches(patches: Tensor, patch_counts: Tensor) -> Tensor:
    """(B, N) bool: which patches of (B, N, P, C) exist, given counts (B,)."""
    return torch.arange(patches.shape[1], device=patches.device) < patch_counts[:, None]
