"""Generation: one step of all streams at a time (`ditar.baseline.decoding`), until the last stream has ended."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ditar.baseline.batch import TextCondition
from ditar.baseline.decoding import (
    DecodingOptions,
    advance_tokens,
    can_end,
    decide,
    guided,
    row_frames,
    start_token_decoding,
)
from ditar.baseline.lm import TokenLM, forbid
from ditar.baseline.sampling import draw_uniforms, sample
from ditar.baseline.streams import TEXT


@dataclass(frozen=True)
class GeneratedFrame:
    """One frame of all streams (B, Q); present (B,) bool: False if the row has ended, whose tokens are then the empty
    ids; ended (B,) bool: every kind of streams that can end has ended (False at the last frame: the limit ended the
    row)."""

    tokens: Tensor
    present: Tensor
    ended: Tensor


@torch.inference_mode()
def generate_tokens(
    model: TokenLM,
    generators: Sequence[torch.Generator],
    *,
    max_frames: int,
    condition: TextCondition | None = None,
    known: Tensor | None = None,
    options: DecodingOptions | None = None,
) -> Iterator[GeneratedFrame]:
    """Yield the frames that follow a prompt, each as soon as its last stream has it. ValueError: see
    `start_token_decoding`.

    Args:
        generators: one for each row, so that a row does not depend on the batch around it.
        max_frames: at least 1.
        condition: the texts, of a model that reads them.
        known: see `start_token_decoding`.
        options: None: guidance and sampling of the configuration.
    """
    if max_frames < 1:
        raise ValueError(f"max_frames must be at least 1, got {max_frames}")
    options = DecodingOptions(model.config.guidance_scale) if options is None else options
    _check_options(model, options, len(generators))
    streams, pattern = model.streams, model.streams.pattern
    state = start_token_decoding(model, condition, known, len(generators), max_frames, options)
    given, live, generators = state.prompt, list(range(len(generators))), list(generators)
    absent = torch.tensor(pattern.empty_ids, device=state.grid.device).repeat(len(live), 1)  # (B, Q)
    ended = torch.zeros(len(live), dtype=torch.bool, device=state.grid.device)
    while True:
        frames = row_frames(streams, state)
        longest = int(frames.max())
        said = state.ended[:, can_end(streams)]  # (B, kinds that can end)
        ended[live] = said.all(dim=1) & bool(said.shape[1])
        while given < min(state.step - pattern.max_delay, longest):
            tokens, present = absent.clone(), torch.zeros_like(ended)
            tokens[live] = torch.stack([state.grid[:, q, 1 + given + d] for q, d in enumerate(pattern.delays)], dim=1)
            present[live] = given < frames
            yield GeneratedFrame(tokens, present, ended.clone())
            given += 1
        if state.step >= longest + pattern.max_delay:
            return
        # Finished rows leave, except for a row that another one reads.
        going = [place for place, count in enumerate(frames.tolist()) if state.step < count + pattern.max_delay]
        if len(going) < len(live) and not options.batch_parallel:
            state = state.select(going)
            live, generators = [live[place] for place in going], [generators[place] for place in going]
        tokens = decide(model, state, draw_uniforms(len(streams), generators, model.device), options)
        state = advance_tokens(model, tokens, state, options)


@dataclass(frozen=True)
class GeneratedTokens:
    """tokens (B, Q, T) after the prompt, frame_counts (B,), ended (B,) bool: see GeneratedFrame."""

    tokens: Tensor
    frame_counts: Tensor
    ended: Tensor


def collect_tokens(frames: Iterable[GeneratedFrame]) -> GeneratedTokens:
    """All of `generate_tokens` at once."""
    listed = list(frames)
    counts = torch.stack([frame.present for frame in listed]).sum(dim=0)
    return GeneratedTokens(torch.stack([frame.tokens for frame in listed], dim=2), counts, listed[-1].ended)


@torch.inference_mode()
def redraw(
    model: TokenLM,
    tokens: Tensor,
    generators: Sequence[torch.Generator],
    condition: TextCondition | None = None,
    options: DecodingOptions | None = None,
) -> Tensor:
    """Tokens (B, Q, T) of whole rows, with each predicted one drawn anew given the true ones of the previous steps:
    teacher-forced output. No stream ends."""
    options = DecodingOptions(model.config.guidance_scale) if options is None else options
    delayed = model.streams.pattern.apply(tokens)
    read, drawn = delayed, delayed.clone()
    if options.guidance_scale != 1.0:
        read, condition = torch.cat((delayed, delayed)), condition.with_and_without()
    logits = model(read, condition).logits
    for kind in model.streams.predicted:
        part = model.streams.slices[kind.name]
        own = guided(logits[kind.name], options).float()  # (B, its streams, S, V)
        if kind.end_id is not None:
            own = forbid(own, (kind.end_id,))
        uniforms = draw_uniforms(own[0, ..., 0].numel(), generators, model.device).view(own.shape[:-1])
        drawn[:, part, 1:] = sample(own, uniforms, options.sampling.get(kind.name, kind.sampling))
    return model.streams.pattern.revert(drawn)


def _check_options(model: TokenLM, options: DecodingOptions, rows: int) -> None:
    for name in options.sampling:
        model.streams[name]  # a ValueError that lists the names
    if options.batch_parallel and (rows != 2 or TEXT not in model.streams.slices):
        raise ValueError(
            f"batch-parallel decoding takes 2 rows and a stream named {TEXT!r}, got {rows} rows and "
            f"{', '.join(model.streams.slices)}"
        )
