"""Token LM: one causal transformer over the steps of all streams, [symbols | leading step | step 0 | step 1 ...].

A row holds its text padded on the right to L places (L is 0 unless the text is phonemes), then its steps from place L
on. Padding is never attended to and does not count as positions, so a row gives the same numbers in any batch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.baseline.batch import TextCondition
from ditar.baseline.depth import DepthTransformer, embed
from ditar.baseline.streams import TEXT, Streams
from ditar.config import BaselineModelConfig, ConfigError, StreamsConfig
from ditar.nn.alignment import text_attention
from ditar.nn.cross_attention import CrossContext
from ditar.nn.kv_cache import KVCache
from ditar.nn.pretrained import PretrainedModel
from ditar.nn.transformer import Transformer
from ditar.text.vocabulary import DEFAULT_SYMBOLS, PADDING_ID


@dataclass
class TokenOutput:
    """logits: of each predicted kind of streams (B, its streams, S, V), -inf for what must never be predicted; hidden
    (B, S, width): the LM's output; kept: see TransformerOutput."""

    logits: dict[str, Tensor]
    hidden: Tensor
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class TokenLMState:
    """What the LM has read: its cache, the position of the next step (B,), the encoded text it attends to."""

    cache: KVCache
    position: Tensor
    context: CrossContext | None

    def select(self, rows: Sequence[int]) -> "TokenLMState":
        """The state of some of the rows."""
        context = None if self.context is None else self.context.select(rows)
        return TokenLMState(self.cache.select(rows), self.position[rows], context)


class TokenLM(PretrainedModel):
    """Tokens of all streams in, logits of the next step's tokens out.

    The configuration's symbols are filled in if it leaves them empty, so that a checkpoint spells out its vocabulary.
    ConfigError if the configuration is inconsistent.
    """

    config_class = BaselineModelConfig

    def __init__(self, config: BaselineModelConfig):
        super().__init__()
        if config.text == "prefix" and not config.symbols:
            config = replace(config, symbols=tuple(DEFAULT_SYMBOLS))
        _check_config(config)
        self.config, self.streams = config, Streams(config.streams)
        width, predicted = config.lm.width, self.streams.predicted
        self.own = predicted if config.depth is None else predicted[:1]  # predicted by the LM itself
        self.others = predicted[len(self.own) :]  # predicted by the depth transformer
        self.embeddings = nn.ModuleDict(
            {kind.name: nn.Embedding(len(kind.delays) * kind.ids, width) for kind in self.streams.kinds}
        )
        std = width**-0.5 if config.tied else len(self.streams) ** -0.5  # their sum has unit variance, or the logits
        for table in self.embeddings.values():
            nn.init.normal_(table.weight, std=std)
        if config.text == "prefix":
            self.symbols = nn.Embedding(len(config.symbols), width, padding_idx=PADDING_ID)
        if config.text == "cross":
            self.condition = nn.Linear(config.text_width, width)
        self.transformer = Transformer(config.lm, cross=config.text == "cross")
        if not config.tied:
            self.heads = nn.ModuleDict(
                {kind.name: nn.Linear(width, len(kind.delays) * kind.outputs, bias=False) for kind in self.own}
            )
        if self.others:
            (first,) = self.own
            ids, outputs = ([getattr(k, key) for k in self.others for _ in k.delays] for key in ("ids", "outputs"))
            self.depth = DepthTransformer(config.depth, width, len(first.delays) * first.ids, ids, outputs)

    def forward(
        self, delayed: Tensor, condition: TextCondition | None = None, keep: Collection[int] = ()
    ) -> TokenOutput:
        """One training pass over delayed tokens (B, Q, 1 + S), as `streams.pattern` makes them: the logits at s
        predict delayed[..., 1 + s]. `keep`: see Transformer."""
        x, text, counts = self._sequence(delayed[..., :-1], condition)
        positions, _ = self._positions(text, counts, x.shape[1] - text)
        mask = torch.ones(1, x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        if text:
            mask = mask & self._valid(text, counts, x.shape[1])[:, None]
        tables = self.transformer.positions(positions)
        output = self.transformer(
            x, tables, mask=mask, outputs=slice(text, None), keep=keep, context=self._context(condition)
        )
        logits = {kind.name: self.logits(output.hidden, kind) for kind in self.own}
        if self.others:
            logits |= self._depth_logits(output.hidden, delayed[..., 1:])
        return TokenOutput(logits, output.hidden, output.kept)

    @torch.no_grad()
    def attention_maps(self, delayed: Tensor, condition: TextCondition) -> Tensor:
        """Attention from steps to the symbols before the audio, normalised over them, (B, layers, heads, S, L)."""
        layers, symbols = range(self.config.lm.layers), condition.text.shape[1]
        output = self(delayed, condition, layers)
        steps = output.hidden.shape[1]
        maps = [text_attention(*output.kept[i], condition.counts, symbols, steps) for i in layers]
        return torch.stack(maps, dim=1).exp()

    def prefill(self, delayed: Tensor, condition: TextCondition | None, capacity: int) -> tuple[Tensor, TokenLMState]:
        """Read the text and the first steps (B, Q, 1 + s), the leading one included: the LM's output for the next step,
        (B, width), and the state. At most `capacity` steps may follow."""
        x, text, counts = self._sequence(delayed, condition)
        positions, following = self._positions(text, counts, x.shape[1] - text)
        cache = self.transformer.allocate(len(x), x.shape[1] + capacity, x)
        if text and not x.is_meta and bool((counts < text).any()):
            cache.valid[:, :text] = self._valid(text, counts, text)
            cache = replace(cache, ragged=True)
        context = self._context(condition, steps=True)
        tables = self.transformer.positions(positions)
        output = self.transformer(x, tables, outputs=slice(-1, None), cache=cache, context=context)
        return output.hidden[:, 0], TokenLMState(output.cache, following, context)

    def step(self, tokens: Tensor, state: TokenLMState) -> tuple[Tensor, TokenLMState]:
        """Read one step (B, Q): the LM's output for the next one, (B, width), and the state after it."""
        tables = self.transformer.positions(state.position[:, None])
        x = self.embed(tokens[..., None])
        output = self.transformer(x, tables, cache=state.cache, context=state.context)
        return output.hidden[:, 0], TokenLMState(output.cache, state.position + 1, state.context)

    def embed(self, tokens: Tensor) -> Tensor:
        """Tokens (B, Q, S) -> the sum of their embeddings, (B, S, width)."""
        x = 0.0
        for kind in self.streams.kinds:
            x = x + embed(self.embeddings[kind.name], self._rows(tokens, kind)).sum(dim=1)
        return x

    def logits(self, hidden: Tensor, kind: StreamsConfig) -> Tensor:
        """Of streams that the LM itself predicts, from its output: (B, S, width) -> (B, its streams, S, V)."""
        count = len(kind.delays)
        if self.config.tied:
            weight = self.embeddings[kind.name].weight.unflatten(0, (count, kind.ids))[:, : kind.outputs]
            flat = F.linear(hidden, weight.flatten(0, 1))
        else:
            flat = self.heads[kind.name](hidden)
        return forbid(flat.unflatten(-1, (count, kind.outputs)).transpose(1, 2), kind.never)

    def before(self, tokens: Tensor) -> Tensor:
        """Rows of the depth transformer's first table for tokens (M, Q) of a step: those that the LM predicts."""
        return self._rows(tokens[..., None], self.own[0])[..., 0]

    def _rows(self, tokens: Tensor, kind: StreamsConfig) -> Tensor:
        """Rows of a kind's shared table for its tokens in (B, Q, S): each stream has its own ids; negative stay so."""
        part = tokens[:, self.streams.slices[kind.name]]
        offsets = torch.arange(len(kind.delays), device=part.device)[:, None] * kind.ids
        return torch.where(part < 0, part, part + offsets)

    def _depth_logits(self, hidden: Tensor, following: Tensor) -> dict[str, Tensor]:
        rows, steps, _ = hidden.shape
        flat = following.transpose(1, 2).flatten(0, 1)  # (B * S, Q)
        tokens = torch.cat([flat[:, self.streams.slices[kind.name]] for kind in self.others], dim=1)
        found = iter(self.depth(hidden.flatten(0, 1), self.before(flat), tokens))
        logits = {}
        for kind in self.others:
            stacked = torch.stack([next(found).unflatten(0, (rows, steps)) for _ in kind.delays], dim=1)
            logits[kind.name] = forbid(stacked, kind.never)
        return logits

    def _sequence(self, tokens: Tensor, condition: TextCondition | None) -> tuple[Tensor, int, Tensor]:
        """Embeddings (B, L + S, width) of the symbols and of tokens (B, Q, S), L, and the symbols of each row (B,)."""
        if (condition is not None) != (self.config.text in ("prefix", "cross")):
            given = "a text" if condition is not None else "no text"
            raise ValueError(f"{given} given with the tokens, but the model's text is {self.config.text!r}")
        if condition is not None and len(condition.counts) != len(tokens):
            raise ValueError(f"{len(condition.counts)} texts for {len(tokens)} rows of tokens; give one for each row")
        if condition is not None and not condition.counts.is_meta and condition.counts.min() < 1:
            least = int(condition.counts.min())
            raise ValueError(f"a text has at least 1 symbol, got {least}; to generate without one, set keep to False")
        x = self.embed(tokens)
        if self.config.text != "prefix":
            return x, 0, torch.zeros(len(x), dtype=torch.long, device=x.device)
        ids, counts = condition.text, condition.counts
        if condition.keep is not None:
            # A left-out text is one symbol of padding, whose embedding and every value is zero.
            ids = torch.where(condition.keep[:, None], ids, PADDING_ID)
            counts = torch.where(condition.keep, counts, 1)
        return torch.cat((self.symbols(ids), x), dim=1), ids.shape[1], counts

    def _context(self, condition: TextCondition | None, steps: bool = False) -> CrossContext | None:
        if self.config.text != "cross":
            return None
        if condition.text.shape[-1] != self.config.text_width:
            raise ValueError(
                f"the text is encoded in {condition.text.shape[-1]} channels and the model reads "
                f"{self.config.text_width}; use its encoder, {self.config.text_encoder!r}"
            )
        context = self.condition(condition.text.to(self.dtype))
        if condition.keep is not None:
            context = context * condition.keep[:, None, None]
        return self.transformer.read_context(context, condition.counts, steps)

    def _positions(self, text: int, counts: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Positions of all places, (B, L + steps), and of the next one, (B,)."""
        start = counts if self.config.audio_positions == "continue" else torch.zeros_like(counts)
        along_text = torch.arange(text, device=counts.device).expand(len(counts), -1)
        along_steps = start[:, None] + torch.arange(steps, device=counts.device)
        return torch.cat((along_text, along_steps), dim=1), start + steps

    @staticmethod
    def _valid(text: int, counts: Tensor, length: int) -> Tensor:
        places = torch.arange(length, device=counts.device)
        return (places < counts[:, None]) | (places >= text)  # (B, length)


def forbid(logits: Tensor, ids: tuple[int, ...]) -> Tensor:
    """Logits (..., V) with -inf at ids that must not be predicted."""
    if not ids:
        return logits
    return logits.index_fill(-1, torch.tensor(ids, device=logits.device), float("-inf"))


def _check_config(config: BaselineModelConfig) -> None:
    streams = Streams(config.streams)
    if config.depth is not None and len(streams.predicted) < 2:
        raise ConfigError(
            f"a depth transformer predicts the kinds of streams after the first, but {len(streams.predicted)} is "
            "predicted; split the streams in two, or set depth: null"
        )
    if config.depth is not None and config.depth.qkv_bias:
        raise ConfigError("a depth transformer has no biases, got depth.qkv_bias true; set it to false")
    if (config.text == "cross") != (config.text_width is not None):
        raise ConfigError(f"text_width is for text: cross, which needs it; got {config.text_width} for {config.text!r}")
    if config.text == "stream" and TEXT not in streams.slices:
        raise ConfigError(f"text is a stream, and no streams are named {TEXT!r} among {', '.join(streams.slices)}")
    if config.guidance_scale != 1.0 and config.text not in ("prefix", "cross"):
        raise ConfigError(
            f"guidance_scale {config.guidance_scale} needs a text that can be left out, and text is {config.text!r}"
        )
    if (config.text == "category") != bool(config.categories):
        raise ConfigError(f"categories are for text: category, got {len(config.categories)} for {config.text!r}")
