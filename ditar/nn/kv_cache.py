"""Preallocated keys and values of a causal transformer."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class KVCache:
    """Keys and values of `length` slots, in buffers of fixed capacity; a value that is passed in and returned.

    Shapes: keys and values (layers, kv_heads, B, capacity, head_dim), valid (B, capacity). A slot that is not valid
    (padding of a shorter row) is never attended to. `ragged` is False while every slot so far is valid: then no
    mask is needed. The buffers are shared between a cache and its successor: an older cache must not be used again
    after `advance`, except to overwrite what came later.
    """

    keys: Tensor
    values: Tensor
    valid: Tensor
    length: int = 0
    ragged: bool = False

    @classmethod
    def allocate(cls, layers: int, kv_heads: int, batch: int, capacity: int, head_dim: int, like: Tensor) -> "KVCache":
        """An empty cache with the dtype and device of `like`."""
        shape = (layers, kv_heads, batch, capacity, head_dim)
        valid = torch.ones(batch, capacity, dtype=torch.bool, device=like.device)
        return cls(like.new_zeros(shape), like.new_zeros(shape), valid)

    @property
    def capacity(self) -> int:
        return self.keys.shape[3]

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put (kv_heads, B, S, head_dim) behind the filled slots of a layer; returns all filled keys and values.

        ValueError when the capacity is too small.
        """
        end = self.length + keys.shape[2]
        if end > self.capacity:
            raise ValueError(f"the KV cache holds {self.capacity} slots and {end} are needed; allocate a larger one")
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, slots: int) -> "KVCache":
        """The cache after `slots` more have been written in every layer."""
        return replace(self, length=self.length + slots)

    def mask(self, slots: int) -> Tensor | None:
        """(1 or B, slots, length + slots) bool, True = attend: causal and valid. None: all may be attended to."""
        end = self.length + slots
        if slots == 1 and not self.ragged:
            return None
        causal = torch.ones(slots, end, dtype=torch.bool, device=self.valid.device).tril(self.length)
        return causal & self.valid[:, None, :end] if self.ragged else causal[None]
