"""One step of decoding: its tokens, and the state after them.

A grid holds all cells from the start: known tokens (a prompt, another speaker's streams), empty ids where the delay
leaves no frame, and UNKNOWN for tokens to be made. A step makes its unknown cells, and the LM reads the step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ditar.baseline.batch import TextCondition
from ditar.baseline.lm import TokenLM, TokenLMState, forbid
from ditar.baseline.sampling import sample
from ditar.baseline.streams import TEXT, UNKNOWN, Streams
from ditar.config import SamplingConfig, StreamsConfig
from ditar.diffusion.guidance import guide


@dataclass(frozen=True)
class DecodingOptions:
    """How tokens are drawn.

    Args:
        guidance_scale: at least 1; 1 is off.
        sampling: for kinds of streams by name; the configuration's for all others.
        batch_parallel: two rows, the second answering in text only; the audio is the first's, the words are the
            second's and both read them (Mini-Omni, arXiv 2408.16725, section 3.3).
        min_frames: no stream ends in fewer frames after the prompt.
    """

    guidance_scale: float = 1.0
    sampling: Mapping[str, SamplingConfig] = field(default_factory=dict)
    batch_parallel: bool = False
    min_frames: int = 0


@dataclass(frozen=True)
class TokenDecodingState:
    """Everything that generation carries from step to step; passed in and returned.

    lm, hidden: what the LM has read, and its output for the next step (rows, width), with guidance 2 B rows. grid
    (B, Q, 1 + S): all cells, in a buffer shared with the previous state; `step`: the next one, from 0. ends (B, kinds):
    frames of each kind of streams, the maximum until its end id comes; ended (B, kinds) bool: it has come. `prompt`:
    frames that were known in every predicted stream.
    """

    lm: TokenLMState
    hidden: Tensor
    grid: Tensor
    step: int
    ends: Tensor
    ended: Tensor
    prompt: int

    def select(self, rows: Sequence[int]) -> "TokenDecodingState":
        """The state of some of the rows, in any order."""
        rows, count = list(rows), len(self.grid)
        of_lm = rows if len(self.hidden) == count else [*rows, *(count + row for row in rows)]
        kept = {name: getattr(self, name)[rows] for name in ("grid", "ends", "ended")}
        return replace(self, lm=self.lm.select(of_lm), hidden=self.hidden[of_lm], **kept)


def start_token_decoding(
    model: TokenLM,
    condition: TextCondition | None,
    known: Tensor | None,
    rows: int,
    max_frames: int,
    options: DecodingOptions,
) -> TokenDecodingState:
    """Read the text and the prompt.

    Args:
        known: (B, Q, K), tokens of the first K frames, UNKNOWN for those to be made; frames after K are unknown.
        rows: B.
        max_frames: at most so many follow those that are known in every predicted stream.

    ValueError: tokens out of range, input streams that do not reach the end, nothing to make.
    """
    streams = model.streams
    if known is None:
        known = torch.full((rows, len(streams), 0), UNKNOWN, device=model.device)
    if len(known) != rows:
        raise ValueError(f"{len(known)} rows of known tokens and {rows} generators; give one for each row")
    streams.check(known, unknown=True)
    predicted = torch.tensor(streams.per_stream("predicted"), device=known.device)
    is_whole = (known[:, predicted] != UNKNOWN).all(dim=1).all(dim=0)  # (K,)
    prompt = int(is_whole.long().cumprod(0).sum())
    total = prompt + max_frames
    grid = _grid(streams, known, total, prompt, options)
    if (grid[:, ~predicted] == UNKNOWN).any():
        raise ValueError(
            f"streams that are only read must be known for all {total} frames, prompt included, and {known.shape[2]} "
            "are given"
        )
    wanted = (grid == UNKNOWN).any(dim=0).any(dim=0).nonzero()
    if not len(wanted):
        raise ValueError(f"every token of the {total} frames is known; leave some UNKNOWN ({UNKNOWN})")
    first = int(wanted[0])  # the first step with unknown cells
    read = grid[..., :first]
    if options.guidance_scale != 1.0:
        if condition is None:
            raise ValueError(
                f"guidance_scale {options.guidance_scale} needs a text that can be left out, and the model's text is "
                f"{model.config.text!r}; use 1"
            )
        read, condition = torch.cat((read, read)), condition.with_and_without()
    hidden, lm = model.prefill(read, condition, grid.shape[2] - first)
    ends = torch.full((rows, len(streams.kinds)), total, device=grid.device)
    return TokenDecodingState(lm, hidden, grid, first - 1, ends, torch.zeros_like(ends, dtype=torch.bool), prompt)


def decide(model: TokenLM, state: TokenDecodingState, uniforms: Tensor, options: DecodingOptions) -> Tensor:
    """Tokens (B, Q) of the state's step: known ones, forced ones (pads after the end of a kind of streams, empty ids
    after a row's), and those drawn with uniforms (B, Q)."""
    streams = model.streams
    tokens = state.grid[:, :, state.step + 1].clone()
    frame = state.step - torch.tensor(streams.pattern.delays, device=tokens.device)  # (Q,)
    over = (tokens == UNKNOWN) & (frame >= row_frames(streams, state)[:, None])
    tokens = torch.where(over, torch.tensor(streams.pattern.empty_ids, device=tokens.device), tokens)
    for kind in model.own:
        if (tokens[:, streams.slices[kind.name]] == UNKNOWN).any():
            logits = guided(model.logits(state.hidden[:, None], kind)[:, :, 0], options)  # (B, its streams, V)
            may_end = _may_end(state, kind, options)
            drawn = _draw(logits, uniforms[:, streams.slices[kind.name]], kind, options, may_end)
            tokens[:, streams.slices[kind.name]] = _settle(streams, state, tokens, kind, drawn, frame)
    if options.batch_parallel:
        tokens[0, streams.slices[TEXT]] = tokens[1, streams.slices[TEXT]]
    if any((tokens[:, streams.slices[kind.name]] == UNKNOWN).any() for kind in model.others):
        _decide_in_depth(model, state, tokens, frame, uniforms, options)
    return tokens


def advance_tokens(
    model: TokenLM, tokens: Tensor, state: TokenDecodingState, options: DecodingOptions
) -> TokenDecodingState:
    """The state after a step's tokens (B, Q): they join the grid, ends are noted, the LM reads them. Nothing else
    advances the state."""
    streams = model.streams
    state.grid[:, :, state.step + 1] = tokens
    ends, ended = state.ends.clone(), state.ended.clone()
    for number, kind in enumerate(streams.kinds):
        frame = state.step - kind.delays[0]
        if kind.end_id is None or not kind.predicted or frame < state.prompt:
            continue
        now = (tokens[:, streams.slices[kind.name].start] == kind.end_id) & ~ended[:, number]
        ends[:, number] = torch.where(now, frame + 1, ends[:, number])
        ended[:, number] |= now
    if options.batch_parallel:  # the second row's audio is silent and never ends
        ends, ended = ends[:1].expand(2, -1).clone(), ended[:1].expand(2, -1).clone()
    read = torch.cat((tokens, tokens)) if options.guidance_scale != 1.0 else tokens
    hidden, lm = model.step(read, state.lm)
    return replace(state, lm=lm, hidden=hidden, step=state.step + 1, ends=ends, ended=ended)


def row_frames(streams: Streams, state: TokenDecodingState) -> Tensor:
    """Frames of each row (B,): the maximum until every kind of streams that can end has ended."""
    return state.ends[:, can_end(streams) or [0]].amax(dim=1)


def can_end(streams: Streams) -> list[int]:
    return [i for i, kind in enumerate(streams.kinds) if kind.predicted and kind.end_id is not None]


def _grid(streams: Streams, known: Tensor, total: int, prompt: int, options: DecodingOptions) -> Tensor:
    whole = known.new_full((len(known), len(streams), total), UNKNOWN)
    whole[:, :, : min(total, known.shape[2])] = known[:, :, :total]
    if options.batch_parallel:
        for kind in streams.predicted:
            if kind.name != TEXT:
                whole[1, streams.slices[kind.name], prompt:] = _pad(kind)
    return streams.pattern.apply(whole)


def _pad(kind: StreamsConfig) -> int:
    """What follows the end of streams while others go on."""
    return kind.pad_ids[0] if kind.pad_ids else kind.empty_id


def guided(logits: Tensor, options: DecodingOptions) -> Tensor:
    """(B or 2 B, ...) -> (B, ...)."""
    if options.guidance_scale == 1.0:
        return logits
    conditional, unconditional = logits.chunk(2)
    mixed = guide(conditional, unconditional, options.guidance_scale)
    return torch.where(conditional.isneginf(), conditional, mixed)  # -inf minus -inf is not a number


def _draw(
    logits: Tensor, uniforms: Tensor, kind: StreamsConfig, options: DecodingOptions, may_end: bool
) -> Tensor:
    """(B, streams, V) -> (B, streams). Only the first stream of a kind may draw the end id; `may_end`: the kind may end
    now."""
    logits = logits.float()
    if kind.end_id is not None:
        others = forbid(logits[:, int(may_end) :], (kind.end_id,))
        logits = torch.cat((logits[:, : int(may_end)], others), dim=1)
    return sample(logits, uniforms, options.sampling.get(kind.name, kind.sampling))


def _may_end(state: TokenDecodingState, kind: StreamsConfig, options: DecodingOptions) -> bool:
    return state.step - kind.delays[0] - state.prompt >= options.min_frames


def _settle(
    streams: Streams, state: TokenDecodingState, tokens: Tensor, kind: StreamsConfig, drawn: Tensor, frame: Tensor
) -> Tensor:
    """What the first streams of a kind say, of which (B, those) are drawn: known tokens where there are, and the end
    and what follows it where it has come."""
    first, number = streams.slices[kind.name].start, streams.kinds.index(kind)
    part = slice(first, first + drawn.shape[1])
    wanted, frames = tokens[:, part] == UNKNOWN, frame[part]
    ends = state.ends[:, number]
    if kind.end_id is not None:
        now = wanted[:, 0] & ~state.ended[:, number] & (drawn[:, 0] == kind.end_id)
        ends = torch.where(now, frames[0] + 1, ends)
        known_end = (state.ended[:, number] | now)[:, None] & (frames == ends[:, None] - 1)
        drawn = torch.where(known_end, kind.end_id, drawn)
        drawn = torch.where(frames >= ends[:, None], _pad(kind), drawn)
    return torch.where(wanted, drawn, tokens[:, part])


def _decide_in_depth(
    model: TokenLM, state: TokenDecodingState, tokens: Tensor, frame: Tensor, uniforms: Tensor, options: DecodingOptions
) -> None:
    """The depth transformer's streams in order, each reading those before it."""
    depth, copies = model.depth, 2 if options.guidance_scale != 1.0 else 1
    place = depth.begin(state.hidden)
    read = depth.embed_before(model.before(tokens).repeat(copies, 1))
    for kind in model.others:
        part, drawn = model.streams.slices[kind.name], []
        for number in range(len(kind.delays)):
            logits, place = depth.step(place, read)
            logits = forbid(guided(logits, options), kind.never)[:, None]
            at = part.start + number
            may_end = number == 0 and _may_end(state, kind, options)
            drawn.append(_draw(logits, uniforms[:, at : at + 1], kind, options, may_end)[:, 0])
            said = _settle(model.streams, state, tokens, kind, torch.stack(drawn, dim=1), frame)
            if place.stream < depth.streams:
                read = depth.embed_token(said[:, -1].repeat(copies), place.stream - 1)
        tokens[:, part] = said
