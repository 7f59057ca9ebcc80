"""The blocks of our networks as ONNX nodes; each says the same as the `forward` of the module that it is given."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ditar.export.graph import INT, Graph, table
from ditar.nn.attention import Attention, rope_tables
from ditar.nn.norm import RMSNorm
from ditar.nn.time_embedding import LONGEST, SCALE, JumpEmbedding, TimeEmbedding
from ditar.nn.transformer import FeedForward, Transformer
from ditar.vae.convnext import HALF, ConvNeXtBlock

END = np.iinfo(INT).max  # of an axis, in a slice


def rms_norm(graph: Graph, x: str, of: RMSNorm) -> str:
    """(..., width)."""
    mean = graph.op("ReduceMean", graph.op("Pow", x, graph.weight(2.0)), axes=[-1])
    root = graph.op("Sqrt", graph.add(mean, graph.weight(of.epsilon)))
    return graph.op("Mul", graph.op("Div", x, root), graph.weight(of.weight))


def layer_norm(graph: Graph, x: str, of: nn.LayerNorm) -> str:
    """(..., width)."""
    return graph.op("LayerNormalization", x, graph.weight(of.weight), graph.weight(of.bias), epsilon=of.eps)


def conv(graph: Graph, x: str, of: nn.Conv1d, padded: bool = True) -> str:
    """(B, inputs, T) -> (B, outputs, T), or fewer frames without its padding."""
    pads = [size * padded for size in of.padding] * 2
    weights = graph.weight(of.weight), graph.weight(of.bias)
    return graph.op("Conv", x, *weights, group=of.groups, kernel_shape=list(of.kernel_size), pads=pads)


def convnext(graph: Graph, x: str, of: ConvNeXtBlock, padded: bool = True) -> str:
    """(B, width, T); not padded: (B, width, T - 2 HALF), see `ConvNeXtBlock.inner`."""
    y = layer_norm(graph, graph.transpose(conv(graph, x, of.dwconv, padded), 0, 2, 1), of.norm)
    y = graph.linear(graph.gelu(graph.linear(y, of.pwconv1)), of.pwconv2)
    x = x if padded else graph.slice(x, HALF, -HALF, 2)
    return graph.add(x, graph.transpose(graph.op("Mul", y, graph.weight(of.gamma)), 0, 2, 1))


def time_embedding(graph: Graph, times: str, of: TimeEmbedding) -> str:
    """Times (M,) -> (M, width)."""
    half = of.frequencies // 2
    frequencies = torch.exp(-math.log(LONGEST) * torch.arange(half) / half)
    angles = graph.op("Mul", graph.op("Mul", graph.unsqueeze(times, 1), graph.weight(SCALE)), graph.weight(frequencies))
    features = graph.op("Concat", graph.op("Cos", angles), graph.op("Sin", angles), axis=-1)
    return graph.linear(graph.silu(graph.linear(features, of.hidden)), of.out)


def jump_embedding(graph: Graph, lengths: str, scales: str, of: JumpEmbedding) -> str:
    """Lengths of steps and guidance scales (M,) -> (M, width)."""
    above = graph.unsqueeze(graph.op("Sub", scales, graph.weight(1.0)), 1)
    # A product of a row and a column, and no matrix product, so that 8 bits do not round the scale.
    hidden = graph.op("Mul", above, graph.weight(of.guidance_hidden.weight.T))
    hidden = graph.silu(graph.add(hidden, graph.weight(of.guidance_hidden.bias)))
    return graph.add(time_embedding(graph, lengths, of.length), graph.linear(hidden, of.guidance))


def positions(graph: Graph, places: Tensor, of: Transformer) -> tuple[str, str]:
    """RoPE tables of fixed positions, (1, 1, S, head_dim) each."""
    cosine, sine = rope_tables(places, of.head_dim, base=of.config.rope_base)
    return graph.weight(table(cosine)), graph.weight(table(sine))


def rotate(graph: Graph, x: str, tables: tuple[str, str], head_dim: int) -> str:
    """(B, heads, S, head_dim), each head rotated by its position."""
    first, second = graph.split(x, (head_dim // 2, head_dim // 2), axis=-1)
    rolled = graph.op("Concat", second, first, axis=-1)
    return graph.add(graph.op("Mul", x, tables[0]), graph.op("Mul", rolled, tables[1]))


def attention(
    graph: Graph,
    x: str,
    of: Attention,
    tables: tuple[str, str],
    mask: str | None,
    past: tuple[str, str] | None = None,
    past_length: str | None = None,
    last: bool = False,
) -> tuple[str, str, str]:
    """x (B, S, width), mask additive, (B or 1, 1, S, T + S), past: keys and values, (B, kv_heads, T, head_dim) each,
    past_length: T, (1,) -> (B, S, width), and keys and values of x, (B, kv_heads, S, head_dim) each. last: of the last
    place only, (B, 1, width). Keys and values of the past are used where they lie: joined to the new ones, or repeated
    for the queries that share them, they would be copied at every step. The scores' 1 / sqrt(head_dim) is in the
    weights of the queries: onnxruntime would merge a scale into the product, and then copies the keys as well."""
    heads, kv_heads, width = of.heads, of.kv_heads, of.head_dim

    def by_keys(y: str) -> str:  # (B, heads, S, n) -> (B, kv_heads, S * heads / kv_heads, n)
        return y if kv_heads == heads else graph.reshape(y, 0, kv_heads, -1, 0)

    def by_queries(y: str) -> str:  # back again
        return y if kv_heads == heads else graph.reshape(y, 0, heads, -1, 0)

    scales = of.qkv.weight.new_ones(heads + 2 * kv_heads, width)
    scales[:heads] = width**-0.5
    scales = scales.flatten()
    bias = None if of.qkv.bias is None else of.qkv.bias * scales
    qkv = graph.affine(x, of.qkv.weight * scales[:, None], bias)
    qkv = graph.reshape(qkv, 0, 0, heads + 2 * kv_heads, width)
    to_rotate, value = graph.split(graph.transpose(qkv, 0, 2, 1, 3), (heads + kv_heads, kv_heads), axis=1)
    query, key = graph.split(rotate(graph, to_rotate, tables, width), (heads, kv_heads), axis=1)
    if last:
        query, mask = (graph.slice(y, -1, END, 2) for y in (query, mask))
    parts = [(key, value)] if past is None else [past, (key, value)]  # successive places
    products = [graph.op("MatMul", by_keys(query), graph.transpose(y, 0, 1, 3, 2)) for y, _ in parts]
    scores = [by_queries(product) for product in products]
    scores = scores[0] if past is None else graph.op("Concat", *scores, axis=-1)
    if mask is not None:
        scores = graph.add(scores, mask)
    weights = [graph.op("Softmax", scores, axis=-1)]
    if past is not None:
        edges = graph.weight(np.array([0])), past_length, graph.weight(np.array([END]))
        axis = graph.weight(np.array([3]))
        weights = [graph.op("Slice", *weights, start, end, axis) for start, end in zip(edges, edges[1:])]
    mixed = graph.add(*[graph.op("MatMul", by_keys(share), y) for share, (_, y) in zip(weights, parts)])
    mixed = graph.reshape(graph.transpose(by_queries(mixed), 0, 2, 1, 3), 0, 0, heads * width)
    return graph.linear(mixed, of.out), key, value


def feed_forward(graph: Graph, x: str, of: FeedForward) -> str:
    """(..., width)."""
    x = graph.linear(x, of.up)
    if not of.gated:
        return graph.linear(graph.gelu(x), of.down)
    gate, x = graph.op("Split", x, axis=-1, outputs=2)
    return graph.linear(graph.op("Mul", graph.silu(gate), x), of.down)


def transformer(
    graph: Graph,
    x: str,
    of: Transformer,
    tables: tuple[str, str],
    mask: str | None = None,
    past: list[tuple[str, str]] | None = None,
    modulation: Sequence[str] = (),
) -> tuple[str, list[tuple[str, str]]]:
    """x (B, S, width) -> hidden states (B, S, width), and keys and values of every layer. past: those before x, with a
    mask; then only the hidden state of the last place is made, (B, 1, width). modulation: (B, 1, width), four for each
    layer, see `Block`."""
    kept = []
    past_length = None if past is None else graph.slice(graph.op("Shape", past[0][0]), 2, 3, 0)
    for index, block in enumerate(of.blocks):
        scale, shift, ffn_scale, ffn_shift = modulation[4 * index : 4 * index + 4] or [None] * 4
        y, last, options = graph.scaled(rms_norm(graph, x, block.attention_norm), scale), False, {}
        if past is not None:
            last = index == len(of.blocks) - 1
            options = {"past": past[index], "past_length": past_length, "last": last}
        y, *after = attention(graph, y, block.attention, tables, mask, **options)
        x = graph.shifted(graph.add(graph.slice(x, -1, END, 1) if last else x, y), shift)
        y = feed_forward(graph, graph.scaled(rms_norm(graph, x, block.ffn_norm), ffn_scale), block.ffn)
        x = graph.shifted(graph.add(x, y), ffn_shift)
        kept.append(tuple(after))
    return rms_norm(graph, x, of.norm), kept


def tiled(graph: Graph, of: Tensor, like: str) -> str:
    """A tensor (..., width) once for each row of `like`: (B, ..., width)."""
    rows = graph.slice(graph.op("Shape", like), 0, 1, 0)
    shape = graph.op("Concat", rows, graph.weight(np.array(of.shape)), axis=0)
    return graph.op("Expand", graph.weight(of), shape)
