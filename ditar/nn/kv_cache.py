"""Preallocated keys and values of what a transformer has read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class LayerCache:
    """One layer's keys and values, (B, kv_heads, capacity, head_dim), of which `length` slots are filled."""

    keys: Tensor
    values: Tensor
    length: int

    def write(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append (B, kv_heads, S, head_dim) to the filled slots; returns all filled keys and values.

        ValueError when the capacity is too small.
        """
        end, capacity = self.length + keys.shape[2], self.keys.shape[2]
        if end > capacity:
            raise ValueError(f"the KV cache holds {capacity} slots, but {end} are needed; allocate a larger one")
        self.keys[:, :, self.length : end] = keys
        self.values[:, :, self.length : end] = values
        return self.keys[:, :, :end], self.values[:, :, :end]


@dataclass(frozen=True)
class KVCache:
    """Keys and values of `length` slots, in buffers of fixed capacity; a value that is passed in and returned.

    layers: keys and values of each, (B, kv_heads, capacity, head_dim); valid (B, capacity). A slot that is not valid
    (padding of a shorter row) is never attended to. `ragged` is False as long as every slot is valid: no mask is needed
    then. `causal` False: slots that are written together see each other. A cache shares its buffers with its successor:
    do not use an older cache after `advance`, except to overwrite what came later.
    """

    layers: tuple[tuple[Tensor, Tensor], ...]
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
        """An empty cache with the dtype and device of `like`; the caller marks what is not valid."""
        shape = (batch, kv_heads, capacity, head_dim)
        buffers = tuple((like.new_empty(shape), like.new_empty(shape)) for _ in range(layers))
        valid = torch.ones(batch, capacity, dtype=torch.bool, device=like.device)
        return cls(buffers, valid, ragged=ragged, causal=causal)

    def layer(self, index: int) -> LayerCache:
        """Where a layer reads and writes."""
        return LayerCache(*self.layers[index], self.length)

    def advance(self, slots: int) -> "KVCache":
        """The cache after `slots` more have been written in every layer."""
        return replace(self, length=self.length + slots)

    def select(self, rows: Sequence[int]) -> "KVCache":
        """Some of the rows, in buffers of their own with the same capacity; unfilled slots are not copied."""
        rows = list(rows)

        def copy(old: Tensor) -> Tensor:
            new = old.new_empty(len(rows), *old.shape[1:])
            new[:, :, : self.length] = old[rows, :, : self.length]
            return new

        layers = tuple((copy(keys), copy(values)) for keys, values in self.layers)
        valid = self.valid[rows]
        return replace(self, layers=layers, valid=valid, ragged=not bool(valid.all()))

    def join(self, other: "KVCache", capacity: int) -> "KVCache":
        """These rows, then `other`'s, in new buffers with room for `capacity` more slots. What they hold ends at
        the same slot; slots in front that no row attends to are left out."""
        parts = [(cache, cache.length - cache._first_valid()) for cache in (self, other)]
        length = max(count for _, count in parts)

        def put(*buffers: Tensor) -> Tensor:
            """(B, heads, slots, d) of each -> of both; zeros where there is nothing, since attention multiplies it."""
            rows, heads, _, width = buffers[0].shape
            new = buffers[0].new_zeros(rows + len(buffers[1]), heads, length + capacity, width)
            for into, buffer, (cache, count) in zip((new[:rows], new[rows:]), buffers, parts):
                into[:, :, length - count : length] = buffer[:, :, cache.length - count : cache.length]
            return new

        layers = tuple(
            (put(keys, others_keys), put(values, others_values))
            for (keys, values), (others_keys, others_values) in zip(self.layers, other.layers, strict=True)
        )
        valid = put(self.valid[:, None, :, None], other.valid[:, None, :, None])[:, 0, :, 0]
        valid[:, length:] = True
        return replace(self, layers=layers, valid=valid, length=length, ragged=not bool(valid.all()))

    def _first_valid(self) -> int:
        """The first slot that any row attends to."""
        return int(self.valid[:, : self.length].any(0).long().argmax())

    def first(self, rows: int) -> "KVCache":
        """The first rows alone, in the same buffers."""
        layers = tuple((keys[:rows], values[:rows]) for keys, values in self.layers)
        return replace(self, layers=layers, valid=self.valid[:rows])

    def mask(self, slots: int) -> Tensor | None:
        """(1 or B, slots, length + slots) bool, True = attend: valid and, if causal, not later. None: everything may
        be attended to."""
        end = self.length + slots
        if (slots == 1 or not self.causal) and not self.ragged:
            return None
        seen = torch.ones(slots, end, dtype=torch.bool, device=self.valid.device)
        seen = seen.tril(self.length) if self.causal else seen
        return seen & self.valid[:, None, :end] if self.ragged else seen[None]
