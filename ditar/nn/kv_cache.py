"""Preallocated keys and values of what a transformer has read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class KVCache:
    """Keys and values of `length` slots, in buffers of fixed capacity; a value that is passed in and returned.

    Shapes: keys and values (layers, kv_heads, B, capacity, head_dim), valid (B, capacity). A slot that is not valid
    (padding of a shorter row) is never attended to. `ragged` is False while every slot so far is valid: then no
    mask is needed. `causal` False: slots that are written together see each other. The buffers are shared between a
    cache and its successor: an older cache must not be used again after `advance`, except to overwrite what came later.
    """

    keys: Tensor
    values: Tensor
    valid: Tensor
    length: int = 0
    ragged: bool = False
    causal: bool = True

    @classmethod
    def allocate(
        cls,
        layers: int,
        kv_heads: int,
        batch: int,
        capacity: int,
        head_dim: int,
        like: Tensor,
        ragged: bool = False,
        causal: bool = True,
    ) -> "KVCache":
        """An empty cache with the dtype and device of `like`; what is not valid is for the caller to say."""
        shape = (layers, kv_heads, batch, capacity, head_dim)
        valid = torch.ones(batch, capacity, dtype=torch.bool, device=like.device)
        return cls(like.new_empty(shape), like.new_empty(shape), valid, ragged=ragged, causal=causal)

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

    def select(self, rows: Sequence[int]) -> "KVCache":
        """Some of the rows, in buffers of their own and of the same capacity.

        A copy, since the products of attention want rows without gaps between them: it moves what one pass over the
        remaining rows reads anyway, keys and values once, against a finished row's share of every later pass.
        """
        rows = list(rows)
        shape = (*self.keys.shape[:2], len(rows), *self.keys.shape[3:])
        keys, values = self.keys.new_empty(shape), self.values.new_empty(shape)
        for new, old in enumerate(rows):
            keys[:, :, new, : self.length] = self.keys[:, :, old, : self.length]
            values[:, :, new, : self.length] = self.values[:, :, old, : self.length]
        valid = self.valid[rows]
        return replace(self, keys=keys, values=values, valid=valid, ragged=not bool(valid.all()))

    def first(self, rows: int) -> "KVCache":
        """The first rows alone, in the same buffers."""
        return replace(self, keys=self.keys[:, :, :rows], values=self.values[:, :, :rows], valid=self.valid[:rows])

    def mask(self, slots: int) -> Tensor | None:
        """(1 or B, slots, length + slots) bool, True = attend: valid and, where causal, not later. None: all may be
        attended to."""
        end = self.length + slots
        if (slots == 1 or not self.causal) and not self.ragged:
            return None
        seen = torch.ones(slots, end, dtype=torch.bool, device=self.valid.device)
        seen = seen.tril(self.length) if self.causal else seen
        return seen & self.valid[:, None, :end] if self.ragged else seen[None]
