"""A patch of every row, repeatedly: the rows of a model with diffusion, which join and leave between patches."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import torch

from ditar.diffusion.solver import shared_solvers
from ditar.model.generate import (
    DecodingBatch,
    GenerationInput,
    advance_batch,
    draw_patches,
    join_batches,
    select_rows,
    start_batch,
)
from ditar.serve.engine import Ended, QueuedUtterance
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.spoken import SpokenRequest
from ditar.synthesis.timing import Timing
from ditar.text.lengths import given_up

UNHEARD_STEPS = 8  # in a row, at most, of the rows that nothing has been heard of: about what a first chunk needs
CHUNK_SECONDS = 0.4  # the first chunk leaves as soon as any audio is final


@dataclass(eq=False)
class _Row:
    utterance: QueuedUtterance
    spoken: SpokenRequest
    sampling: Hashable  # what is the same for the rows of a batch
    heard: bool = False  # whether some of its audio has been handed out
    row: GenerationInput | None = None  # of the attempt
    told: Timing = field(default_factory=Timing)

    @property
    def kind(self) -> Hashable:
        """Rows of one kind share a batch."""
        return self.sampling, self.heard


@dataclass
class _Rows:
    """The rows of a kind, in the order of their batch."""

    batch: DecodingBatch
    rows: list[_Row]


class Batches:
    """A `Speaker`. Rows with different numbers of inference steps, or different parts of them with guidance, are in
    different batches, which take turns; everything else may differ from row to row. Rows of which nothing has been
    heard yet go first, among themselves: a small batch takes a fraction of the time of a large one, and to wait for the
    first audio is worse than to wait for more of it. An error affects one row if its cause is known, else its batch.
    """

    end: Callable[[QueuedUtterance, Ended], None]

    def __init__(self, pipeline: ContinuousPipeline):
        self.pipeline = pipeline
        self._solver = shared_solvers()
        self._running: dict[Hashable, _Rows] = {}
        self._in_front = 0  # steps of unheard rows alone since the last one of all

    def __len__(self) -> int:
        return sum(len(running.rows) for running in self._running.values())

    @property
    def utterances(self) -> Iterable[QueuedUtterance]:
        """Those under way."""
        return [row.utterance for running in self._running.values() for row in running.rows]

    @torch.inference_mode()
    def begin(self, utterances: Sequence[QueuedUtterance]) -> None:
        """See Speaker."""
        rows = []
        for utterance in utterances:
            try:
                rows.append(self._prepare(utterance))
            except Exception as error:  # noqa: BLE001  whoever asked is told
                self.end(utterance, Ended(error=error))
        self._add(rows)

    @torch.inference_mode()
    def step(self) -> None:
        """See Speaker."""
        for kind in self._whose_turn():
            again: list[_Row] = []
            running = self._running[kind]
            try:
                self._step(running, again)
            except Exception as error:  # noqa: BLE001
                for row in running.rows:
                    self.end(row.utterance, Ended(error=error))
                running.rows = []
            del self._running[kind]
            self._keep(running)
            self._add(again)

    def _whose_turn(self) -> list[Hashable]:
        """The kinds that are a patch further after this step."""
        unheard = [kind for kind, running in self._running.items() if not running.rows[0].heard]
        if not unheard or self._in_front == UNHEARD_STEPS:
            self._in_front = 0
            return list(self._running)
        self._in_front += 1
        return unheard

    def _prepare(self, utterance: QueuedUtterance) -> _Row:
        temperature = utterance.request.temperature  # the model's may not go with the number of steps
        sampling = self.pipeline.sampling.override(**{"temperature": temperature, **utterance.options})
        (prepared,) = self.pipeline.prepare([utterance.request], sampling, self._solver)
        spoken = SpokenRequest(self.pipeline.vae, prepared, utterance.max_retries, 0.0, CHUNK_SECONDS, *utterance.cut)
        return _Row(utterance, spoken, (sampling.num_inference_steps, sampling.guidance_steps))

    def _add(self, rows: Sequence[_Row]) -> None:
        """Rows whose attempt begins: they read their texts together, and join those of their kind."""
        for row in rows:
            row.row = row.spoken.row()
        for kind in dict.fromkeys(row.kind for row in rows):
            some = [row for row in rows if row.kind == kind]
            try:
                self._join(kind, some)
            except Exception:  # noqa: BLE001  which of them it was is found out one by one
                for row in some:
                    try:
                        self._join(kind, [row])
                    except Exception as error:  # noqa: BLE001
                        self.end(row.utterance, Ended(error=error))

    def _join(self, kind: Hashable, rows: list[_Row]) -> None:
        (_, guidance_steps), _ = kind
        self._merge(kind, _Rows(start_batch(self.pipeline.ditar, [row.row for row in rows], guidance_steps), rows))

    def _merge(self, kind: Hashable, more: _Rows) -> None:
        running = self._running.get(kind)
        if running is not None:
            batch = join_batches(self.pipeline.ditar, running.batch, more.batch)
            more = _Rows(batch, [*running.rows, *more.rows])
        self._running[kind] = more

    def _keep(self, running: _Rows) -> None:
        """Each row, after a patch, to those of its kind: it is another kind once it has been heard."""
        for kind in dict.fromkeys(row.kind for row in running.rows):
            places = [place for place, row in enumerate(running.rows) if row.kind == kind]
            some = [running.rows[place] for place in places]
            try:
                self._merge(kind, _Rows(select_rows(self.pipeline.ditar, running.batch, places), some))
            except Exception as error:  # noqa: BLE001
                for row in some:
                    self.end(row.utterance, Ended(error=error))

    def _step(self, running: _Rows, again: list[_Row]) -> None:
        """A patch of each; rows whose next attempt is due go to `again`."""
        step, going = draw_patches(self.pipeline.ditar, running.batch), []
        for place, row in enumerate(running.rows):
            places = None if step.places is None else step.places[place]
            if ended := self._hear(row, step.patches[place], step.stop[place], step.ended[place], places):
                self.end(row.utterance, ended)
            elif step.ended[place]:
                again.append(row)
            else:
                going.append(place)
        running.rows = [running.rows[place] for place in going]  # the others are told, whatever happens below
        if going:
            running.batch = advance_batch(self.pipeline.ditar, running.batch, step.patches, going)

    def _hear(
        self, row: _Row, patch: torch.Tensor, stop: float, ended: bool, places: torch.Tensor | None
    ) -> Ended | None:
        """Hand out what may be played; returns the end of the utterance, if this is it."""
        if row.utterance.cancelled:
            return Ended(cancelled=True)
        spoken = row.spoken
        try:
            chunk = spoken.hear(patch, stop, ended, places)
            timing = None if chunk is None else spoken.timing
        except Exception as error:  # noqa: BLE001
            return Ended(error=error)
        if timing is not None:
            row.utterance.tell(timing.since(row.told))
            row.told = timing
        if chunk is not None:
            row.utterance.tell(chunk)
            row.heard = True
        if not spoken.over:
            return None
        wrong = None if spoken.wrong is None else given_up(spoken.wrong, spoken.attempts)
        return Ended(
            wrong=wrong,
            seed=spoken.seed,
            attempts=spoken.attempts,
            patches=spoken.patches,
            warnings=tuple(spoken.warnings),
        )
