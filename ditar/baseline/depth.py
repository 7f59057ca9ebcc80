"""Depth transformer: the streams of one step, in order (Moshi, arXiv 2410.00037, section 3.4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.config import BlockConfig
from ditar.nn.attention import SoftmaxAttention
from ditar.nn.kv_cache import KVCache, LayerCache
from ditar.nn.norm import RMSNorm


class PerStreamLinear(nn.Module):
    """A matrix for each of K streams, no biases: (M, S, inputs) -> (M, S, outputs), place s with matrix first + s."""

    def __init__(self, streams: int, inputs: int, outputs: int, std: float):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(streams, outputs, inputs) * std)

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        weight = self.weight[first : first + x.shape[1]]
        return torch.bmm(x.transpose(0, 1), weight.transpose(1, 2)).transpose(0, 1)


class DepthBlock(nn.Module):
    """One layer, like `ditar.nn.transformer.Block` with weights for each stream, which make positions unnecessary."""

    def __init__(self, config: BlockConfig, streams: int):
        super().__init__()
        width, residual_std = config.width, (2 * config.layers) ** -0.5
        self.heads, self.kv_heads = config.heads, config.kv_heads or config.heads
        self.gated = config.ffn_kind == "gated"
        rows = (self.heads + 2 * self.kv_heads) * (width // self.heads)
        self.attention_norm = RMSNorm(width, config.norm_epsilon)
        self.qkv = PerStreamLinear(streams, width, rows, width**-0.5)
        self.attend = SoftmaxAttention()
        self.out = PerStreamLinear(streams, width, width, width**-0.5 * residual_std)
        self.ffn_norm = RMSNorm(width, config.norm_epsilon)
        self.up = PerStreamLinear(streams, width, config.ffn * (2 if self.gated else 1), width**-0.5)
        self.down = PerStreamLinear(streams, config.ffn, width, config.ffn**-0.5 * residual_std)

    def forward(self, x: Tensor, first: int = 0, mask: Tensor | None = None, cache: LayerCache | None = None) -> Tensor:
        """(M, S, width) of the places from `first` on -> the same shape; mask and cache: see Attention."""
        x = x + self.attention(self.attention_norm(x), first, mask, cache)
        return x + self.ffn(self.ffn_norm(x), first)

    def attention(self, x: Tensor, first: int, mask: Tensor | None, cache: LayerCache | None) -> Tensor:
        """Among the streams, (M, S, width) -> the same shape."""
        heads = self.qkv(x, first).unflatten(-1, (self.heads + 2 * self.kv_heads, -1)).transpose(1, 2)
        query, key, value = heads.split((self.heads, self.kv_heads, self.kv_heads), 1)
        if cache is not None:
            key, value = cache.write(key, value)
        return self.out(self.attend(query, key, value, mask).transpose(1, 2).flatten(2), first)

    def ffn(self, x: Tensor, first: int) -> Tensor:
        """(M, S, width) -> the same shape."""
        x = self.up(x, first)
        if not self.gated:
            return self.down(F.gelu(x), first)
        gate, x = x.chunk(2, dim=-1)
        return self.down(F.silu(gate) * x, first)


@dataclass(frozen=True)
class DepthState:
    """Progress within a step: inputs (M, K, width) from the LM, and the cache of the streams before `stream`."""

    inputs: Tensor
    cache: KVCache
    stream: int = 0


class DepthTransformer(nn.Module):
    """Causal over the K streams of a step. Place k reads the LM's output and the previous tokens: at place 0 those that
    the LM itself predicts, embedded by one table of `before_ids` rows, then stream k - 1's. It predicts stream k.

    `ids` and `outputs`: K sizes each.
    """

    def __init__(self, config: BlockConfig, lm_width: int, before_ids: int, ids: Sequence[int], outputs: Sequence[int]):
        super().__init__()
        self.config, self.streams = config, len(ids)
        width = config.width
        self.inputs = nn.Linear(lm_width, self.streams * width, bias=False)
        self.before = nn.Embedding(before_ids, width)
        self.embeddings = nn.ModuleList(nn.Embedding(n, width) for n in ids[:-1])
        self.blocks = nn.ModuleList(DepthBlock(config, self.streams) for _ in range(config.layers))
        self.norm = RMSNorm(width, config.norm_epsilon)
        self.heads = nn.ModuleList(nn.Linear(width, n, bias=False) for n in outputs)

    def forward(self, hidden: Tensor, before: Tensor, tokens: Tensor) -> list[Tensor]:
        """Teacher-forced: hidden (M, lm_width), before (M, Q0) rows of the table (negative: no token), tokens (M, K) of
        the streams -> K logits (M, outputs)."""
        read = [self.embed_before(before)]
        read += [embed(table, tokens[:, k]) for k, table in enumerate(self.embeddings)]
        x = self._inputs(hidden) + torch.stack(read, dim=1)  # (M, K, width)
        mask = torch.full((1, 1, self.streams, self.streams), float("-inf"), dtype=x.dtype, device=x.device).triu(1)
        for block in self.blocks:
            x = block(x, mask=mask)
        x = self.norm(x)
        return [head(x[:, k]) for k, head in enumerate(self.heads)]

    def begin(self, hidden: Tensor) -> DepthState:
        """The state before the first stream, hidden (M, lm_width)."""
        config = self.config
        heads, head_dim = config.kv_heads or config.heads, config.width // config.heads
        inputs = self._inputs(hidden)
        return DepthState(
            inputs, KVCache.allocate(config.layers, heads, len(hidden), self.streams, head_dim, inputs)
        )

    def step(self, state: DepthState, read: Tensor) -> tuple[Tensor, DepthState]:
        """Logits (M, outputs) of the state's stream and the state of the next; `read` (M, width): the embedding of the
        previous tokens, by `embed_before` at stream 0 and by `embed_token` after it."""
        k = state.stream
        x = (state.inputs[:, k] + read)[:, None]
        for layer, block in enumerate(self.blocks):
            x = block(x, k, cache=state.cache.layer(layer))
        return self.heads[k](self.norm(x[:, 0])), DepthState(state.inputs, state.cache.advance(1), k + 1)

    def embed_before(self, before: Tensor) -> Tensor:
        """(M, Q0) -> (M, width)."""
        return embed(self.before, before).sum(dim=1)

    def embed_token(self, token: Tensor, stream: int) -> Tensor:
        """(M,) of a stream -> (M, width)."""
        return embed(self.embeddings[stream], token)

    def _inputs(self, hidden: Tensor) -> Tensor:
        return self.inputs(hidden).unflatten(-1, (self.streams, -1))


def embed(table: nn.Embedding, tokens: Tensor) -> Tensor:
    """Embeddings (..., width) of tokens (...); zeros for negative ones."""
    return table(tokens.clamp(min=0)) * (tokens >= 0)[..., None]
