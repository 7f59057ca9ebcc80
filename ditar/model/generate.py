"""Generation: prefill, then LM steps and sampled patches in turn, until the stop head ends the speech.

One utterance, a batch, a stream and a server run the same code: the rows of a batch share only the model, the number of
inference steps and the part of them with guidance. A row that has ended leaves, and another may join between any two
patches.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ditar.config.sampling import SamplingOptions
from ditar.diffusion.solver import Solver, make_solver
from ditar.model.blend import Blend
from ditar.model.ditar import DiTAR
from ditar.model.lm import LMState
from ditar.model.reading import ReadingState
from ditar.model.sampler import ALL_STEPS, GUIDANCE_SCALE, PatchSampler

FAITHFUL = make_solver(SamplingOptions())


@dataclass(frozen=True, eq=False)
class OtherVoice:
    """Another voice in a row: its symbols with the same text, and its patches, as in `GenerationInput`; share in (0, 1)
    of h."""

    symbol_ids: Tensor
    prompt: Tensor
    share: float


@dataclass(frozen=True, eq=False)
class GenerationInput:
    """What one row of a batch is made from, and when it ends.

    Args:
        symbol_ids: (L,), the prompt's symbols, then the text's.
        prompt: (N0, P, C), normalised latents, or None for a random voice.
        generator: draws all of the row's noise.
        max_patches, min_patches: the row ends after the first patch from min_patches on whose stop probability exceeds
            the threshold, and at the latest after max_patches.
        solver: with its temperature; rows that share one object are faster.
        guidance_scale: at least 1; 1 is off. guidance_rise: see `SamplingOptions`.
        stop_threshold: in [0, 1]; None: the configuration's.
        first: for monotonic reading, the number of the text's first symbol, after the prompt's.
        others: what the voice is blended with; it has the rest of the shares.
        speaker: (size,), the voice's embedding, if it has been adapted, see `LocDiT.speaker_size`.
    """

    symbol_ids: Tensor
    prompt: Tensor | None
    generator: torch.Generator
    max_patches: int
    min_patches: int = 1
    solver: Solver = field(default=FAITHFUL)
    guidance_scale: float = GUIDANCE_SCALE
    guidance_rise: float = 1.0
    stop_threshold: float | None = None
    first: int = 0
    others: tuple[OtherVoice, ...] = ()
    speaker: Tensor | None = None


@dataclass(frozen=True)
class DecodingState:
    """Everything that generation carries from patch to patch; passed in and returned.

    lm: what the LM has read, for each voice of each row, see `blend`; h (B, width): its output for the next patch;
    history (B, H, P, C): the last patches, oldest first, zeros where `exists` (B, H) is False; reading: which symbols
    the next patch speaks, if the model reads monotonically.
    """

    lm: LMState
    blend: Blend
    h: Tensor
    history: Tensor
    exists: Tensor
    reading: ReadingState | None = None

    @property
    def spoken(self) -> Tensor | None:
        """What the frames of the next patch say, for LocDiT."""
        return None if self.reading is None else self.reading.spoken

    def select(self, places: Sequence[int]) -> "DecodingState":
        """The state of some of the rows, in any order."""
        places = list(places)
        reading = None if self.reading is None else self.reading.select(places)
        kept = (self.h[places], self.history[places], self.exists[places], reading)
        return DecodingState(self.lm.select(self.blend.voices(places)), self.blend.select(places), *kept)

    def join(self, other: "DecodingState", capacity: int) -> "DecodingState":
        """The state of these rows, then of the other's; at most `capacity` patches may follow."""
        pairs = ((self.h, other.h), (self.history, other.history), (self.exists, other.exists))
        reading = None if self.reading is None else self.reading.join(other.reading)
        lm, blend = self.lm.join(other.lm, capacity), self.blend.join(other.blend)
        return DecodingState(lm, blend, *(torch.cat(pair) for pair in pairs), reading)


@dataclass(frozen=True)
class GeneratedPatches:
    """One more patch of every row that has not ended yet: rows, their numbers; patches (B, P, C), normalised latents;
    stop: the stop head's probability that it is the last one; ended: whether it is; places (B, P): the number of the
    symbol that each frame speaks, if the model reads monotonically."""

    rows: tuple[int, ...]
    patches: Tensor
    stop: tuple[float, ...]
    ended: tuple[bool, ...]
    places: Tensor | None = None


def start_decoding(model: DiTAR, rows: Sequence[GenerationInput]) -> DecodingState:
    """Read text and prompt of each row (prefill). ValueError: no row, an empty text, a prompt of another shape than the
    model's, or limits that leave nothing."""
    if not rows:
        raise ValueError("there are no rows to generate; give at least one")
    for number, row in enumerate(rows):
        if row.symbol_ids.ndim != 1 or not len(row.symbol_ids):
            shape = tuple(row.symbol_ids.shape)
            raise ValueError(f"row {number} must have symbol_ids of the shape (L,), L at least 1, got {shape}")
        for prompt in (row.prompt, *(other.prompt for other in row.others)):
            if prompt is not None:
                model.check_patches(prompt[None])
        if not 0 <= row.first < len(row.symbol_ids):
            raise ValueError(f"row {number} must have 0 <= first < {len(row.symbol_ids)}, its symbols, got {row.first}")
        if not 1 <= row.min_patches <= row.max_patches:
            raise ValueError(
                f"row {number} must have 1 <= min_patches <= max_patches, got {row.min_patches} and {row.max_patches}"
            )
    config, like = model.config, model.stop_head.weight
    none = like.new_zeros(0, config.patch_frames, config.latent_channels)
    prompts = [none if row.prompt is None else row.prompt for row in rows]
    ids, reading = [row.symbol_ids for row in rows], None
    if config.reads_monotonically:
        reading = model.reading.start(ids, [row.first for row in rows])
    blend = Blend(tuple((1 - sum(o.share for o in row.others), *(o.share for o in row.others)) for row in rows))
    ids = [x for row in rows for x in (row.symbol_ids, *(other.symbol_ids for other in row.others))]
    heard = [x for row, prompt in zip(rows, prompts) for x in (prompt, *(other.prompt for other in row.others))]
    h, lm = model.prefill(ids, heard, max(row.max_patches for row in rows), blend.expand(reading))
    h = blend.mean(h)
    history = like.new_zeros(len(rows), config.history_patches, *none.shape[1:])
    exists = torch.zeros(history.shape[:2], dtype=torch.bool, device=like.device)
    for place, prompt in enumerate(prompts):
        if count := min(config.history_patches, len(prompt)):
            history[place, -count:], exists[place, -count:] = prompt[-count:], True
    return DecodingState(lm, blend, h, history, exists, None if reading is None else model.reading.read(h, reading))


def advance(model: DiTAR, patches: Tensor, state: DecodingState) -> DecodingState:
    """The state after a patch of each row, (B, P, C): one LM step; the patch joins the history. Nothing else advances
    the state."""
    blend = state.blend
    h, lm = model.step(blend.expand(patches), state.lm, blend.expand(state.reading))
    h = blend.mean(h)
    reading = None if state.reading is None else model.reading.read(h, state.reading)
    count = state.history.shape[1]
    history = torch.cat((state.history, patches[:, None]), dim=1)[:, -count:] if count else state.history
    exists = torch.cat((state.exists[:, 1:], torch.ones_like(state.exists[:, :1])), dim=1)
    return DecodingState(lm, blend, h, history, exists, reading)


@dataclass(frozen=True, eq=False)
class DecodingBatch:
    """Rows under way, between two patches: how many patches each has, what is carried on for them, and what draws."""

    rows: tuple[GenerationInput, ...]
    made: tuple[int, ...]
    state: DecodingState
    sampler: PatchSampler


@torch.inference_mode()
def start_batch(
    model: DiTAR,
    rows: Sequence[GenerationInput],
    guidance_steps: tuple[float, float] = ALL_STEPS,
    state: DecodingState | None = None,
) -> DecodingBatch:
    """Rows of which nothing is made yet. state: what `start_decoding` returned for these rows, if it was called before.
    guidance_steps: see PatchSampler. ValueError: see there and `start_decoding`."""
    state = start_decoding(model, rows) if state is None else state
    return DecodingBatch(tuple(rows), (0,) * len(rows), state, _sampler(model, rows, guidance_steps))


@torch.inference_mode()
def draw_patches(model: DiTAR, batch: DecodingBatch) -> GeneratedPatches:
    """The next patch of each row, numbered by its place in the batch."""
    state = batch.state
    return _with_stops(model, batch, batch.sampler(state.h, state.history, state.exists, state.spoken))


def _with_stops(model: DiTAR, batch: DecodingBatch, patches: Tensor) -> GeneratedPatches:
    stop = model.stop_head(batch.state.h)[..., 0].double().sigmoid()
    if batch.state.reading is not None:  # not before the last symbol, and not long after it
        stop = torch.where(batch.state.reading.over, 1.0, stop) * batch.state.reading.finished
    stop, ended = stop.tolist(), []
    for row, made, share in zip(batch.rows, batch.made, stop):
        threshold = model.config.stop_threshold if row.stop_threshold is None else row.stop_threshold
        ended.append(made + 1 == row.max_patches or (made + 1 >= row.min_patches and share > threshold))
    places = None if batch.state.reading is None else batch.state.reading.places
    return GeneratedPatches(tuple(range(len(stop))), patches, tuple(stop), tuple(ended), places)


@torch.inference_mode()
def advance_batch(model: DiTAR, batch: DecodingBatch, patches: Tensor, places: Sequence[int]) -> DecodingBatch:
    """The batch after a patch of each row, (B, P, C), with the rows at some places only, at least one."""
    if len(places) < len(batch.rows):
        patches = patches[list(places)]
    batch = select_rows(model, batch, places)
    made = tuple(count + 1 for count in batch.made)
    return DecodingBatch(batch.rows, made, advance(model, patches, batch.state), batch.sampler)


@torch.inference_mode()
def select_rows(model: DiTAR, batch: DecodingBatch, places: Sequence[int]) -> DecodingBatch:
    """A batch of the rows at some places, at least one."""
    places = list(places)
    if places == list(range(len(batch.rows))):
        return batch
    rows, made = tuple(batch.rows[place] for place in places), tuple(batch.made[place] for place in places)
    sampler = _sampler(model, rows, batch.sampler.guidance_steps)
    return DecodingBatch(rows, made, batch.state.select(places), sampler)


@torch.inference_mode()
def join_batches(model: DiTAR, batch: DecodingBatch, other: DecodingBatch) -> DecodingBatch:
    """One batch of two, between two patches of both. ValueError: they differ in the number of inference steps, or in
    the part of them with guidance."""
    parts = batch.sampler.guidance_steps, other.sampler.guidance_steps
    if parts[0] != parts[1]:
        raise ValueError(f"the rows of a batch have guidance at the same part of the steps, got {parts}")
    rows, made = (*batch.rows, *other.rows), (*batch.made, *other.made)
    sampler = _sampler(model, rows, parts[0])
    capacity = max(row.max_patches - count for row, count in zip(rows, made))
    return DecodingBatch(rows, made, batch.state.join(other.state, capacity), sampler)


def generate_patches(
    model: DiTAR,
    rows: Sequence[GenerationInput],
    *,
    state: DecodingState | None = None,
    guidance_steps: tuple[float, float] = ALL_STEPS,
) -> Iterator[GeneratedPatches]:
    """Yield the patches that follow the prompts, one of each row at a time, until all rows have ended. For the
    arguments see `start_batch`."""
    batch, live = start_batch(model, rows, guidance_steps, state), tuple(range(len(rows)))
    while True:
        with torch.inference_mode():  # as `draw_patches`: a frame less between a command and LocDiT
            state = batch.state
            patches = batch.sampler(state.h, state.history, state.exists, state.spoken)
            step = _with_stops(model, batch, patches)
        yield replace(step, rows=live)
        going = [place for place, over in enumerate(step.ended) if not over]
        if not going:
            return
        live = tuple(live[place] for place in going)
        batch = advance_batch(model, batch, step.patches, going)


def _sampler(model: DiTAR, rows: Sequence[GenerationInput], guidance_steps: tuple[float, float]) -> PatchSampler:
    solvers, scales, generators = zip(*((row.solver, row.guidance_scale, row.generator) for row in rows))
    rises = [row.guidance_rise for row in rows]
    return PatchSampler(model, solvers, scales, generators, guidance_steps, _speakers(model, rows), rises)


def _speakers(model: DiTAR, rows: Sequence[GenerationInput]) -> Tensor | None:
    """(B, size), zeros for rows without one; None if no row has one."""
    if all(row.speaker is None for row in rows):
        return None
    none = model.stop_head.weight.new_zeros(model.locdit.speaker_size)
    return torch.stack([none if row.speaker is None else row.speaker.to(none) for row in rows])


@dataclass(frozen=True)
class GenerationOutput:
    """A whole row: patches (N, P, C), the stop probability of the last, and the places (N, P) of their frames, see
    `GeneratedPatches`."""

    patches: Tensor
    stop: float
    places: Tensor | None = None


def collect_patches(steps: Iterable[GeneratedPatches]) -> list[GenerationOutput]:
    """All of `generate_patches` at once, in the order of the rows."""
    patches: dict[int, list[Tensor]] = {}
    places: dict[int, list[Tensor]] = {}
    stop: dict[int, float] = {}
    for step in steps:
        for index, (row, patch, share) in enumerate(zip(step.rows, step.patches, step.stop)):
            patches.setdefault(row, []).append(patch)
            stop[row] = share
            if step.places is not None:
                places.setdefault(row, []).append(step.places[index])
    made = ((torch.stack(patches[row]), stop[row], places.get(row)) for row in sorted(patches))
    return [GenerationOutput(x, share, None if at is None else torch.stack(at)) for x, share, at in made]
