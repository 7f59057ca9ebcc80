"""Generation in numpy around the graphs: prefill, then sampled patches and LM steps in turn, for the rows of a batch.
`ditar.model` says what the parts are, in torch; a test compares the two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ditar.onnx.ddim import DDIM, Noise, Sampling
from ditar.onnx.folder import Model
from ditar.onnx.reading import Reading, ReadingState

GROWTH, GROWTH_SHARE = 64, 0.1  # of keys and values: places by which their capacity grows at least, and of it
TRANSCRIPTS = 8  # of references, whose keys and values are kept


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a batch: ids (L,) of the prompt's symbols and the text's, which begins at `first`; prompt (N, P, C);
    noise draws all that is random; transcript: how many ids all texts in this voice begin with; speaker (size,): the
    voice's embedding, if it has one. The rows of a batch have the same steps, and the same part of them with
    guidance."""

    ids: np.ndarray
    prompt: np.ndarray
    noise: Noise
    sampling: Sampling
    max_patches: int
    min_patches: int
    stop_threshold: float
    first: int = 0
    transcript: int = 0
    speaker: np.ndarray | None = None


@dataclass(frozen=True)
class State:
    """What is carried from patch to patch: keys and values of the layers in turn (2 layers, B, kv_heads, capacity, d),
    T places of it in use and the others masked; valid (B, T); position (B,) of the next patch; h (B, width) and
    stop_logits (B,) for it; history (B, H, P, C) and whether it exists (B, H); how far the rows have read. Keys and
    values are written in place, so that a state is not used after the one that follows it was made."""

    cache: np.ndarray
    valid: np.ndarray
    position: np.ndarray
    h: np.ndarray
    stop_logits: np.ndarray
    history: np.ndarray
    exists: np.ndarray
    reading: ReadingState | None = None

    def select(self, rows: Sequence[int]) -> "State":
        """The state of some of the rows."""
        rows = list(rows)
        return State(
            self.cache[:, rows], self.valid[rows], self.position[rows], self.h[rows],
            self.stop_logits[rows], self.history[rows], self.exists[rows],
            None if self.reading is None else self.reading.select(rows),
        )  # fmt: skip


@dataclass(frozen=True)
class Patches:
    """One more patch of every row that has not ended yet: rows, their numbers; patches (B, P, C); stop: the probability
    that it is the last one; ended: whether it is."""

    rows: tuple[int, ...]
    patches: np.ndarray
    stop: tuple[float, ...]
    ended: tuple[bool, ...]


class Generator:
    """Makes patches with one model."""

    def __init__(self, model: Model):
        self._model, self._shape = model, model.shape
        self._reading = Reading(model) if model.text.reads_monotonically else None
        frequency = self._shape.rope_base ** (-np.arange(0, self._shape.head_dim, 2) / self._shape.head_dim)
        self._frequency = frequency  # of RoPE
        self._transcript = lru_cache(TRANSCRIPTS)(self._read_transcript)

    def __call__(self, rows: Sequence[Row]) -> Iterator[Patches]:
        """The patches that follow the prompts, one of each row at a time, until all rows have ended."""
        live, state = tuple(range(len(rows))), self._start(rows)
        processes = [DDIM(row.sampling, row.noise) for row in rows]
        made = 0
        while live:
            going = [rows[number] for number in live]
            patches = self._draw(going, [processes[number] for number in live], state)
            stop, made = self._stop(state), made + 1
            ended = tuple(
                made == row.max_patches or (made >= row.min_patches and bool(share > row.stop_threshold))
                for row, share in zip(going, stop)
            )
            yield Patches(live, patches, tuple(map(float, stop)), ended)
            places = [place for place, over in enumerate(ended) if not over]
            live = tuple(live[place] for place in places)
            if 0 < len(live) < len(going):
                state, patches = state.select(places), patches[places]
            if live:
                state = self._advance(patches, state)

    def _start(self, rows: Sequence[Row]) -> State:
        """Read text and prompt of each row. Audio ends at the same place in every row; the gap is after the text. If
        all rows begin with the same transcript, it is read only if it was not kept from an earlier call."""
        shape, tables = self._shape, self._model.tables
        transcripts = {row.ids[: row.transcript].tobytes() for row in rows}
        kept = self._transcript(*transcripts) if len(transcripts) == 1 else None
        known = 0 if kept is None else rows[0].transcript
        reading, first = None, None
        if self._reading is not None:
            reading = self._reading.start([row.ids for row in rows], [row.first for row in rows])
            first = reading.for_lm
        lengths = [len(row.ids) - known + 1 + len(row.prompt) for row in rows]
        total = max(lengths)
        x = np.zeros((len(rows), total, shape.lm_width), np.float32)
        valid, positions = np.ones((len(rows), total), bool), np.zeros((len(rows), total), np.int64)
        history = np.zeros((len(rows), shape.history_patches, shape.patch_frames, shape.latent_channels), np.float32)
        exists = np.zeros(history.shape[:2], np.float32)
        for place, row in enumerate(rows):
            text, begin = len(row.ids) - known, total - 1 - len(row.prompt)
            x[place, :text], x[place, begin] = tables["symbols"][row.ids[known:]], tables["begin"]
            if len(row.prompt):
                x[place, begin + 1 :] = self._model.run("patches", {"patches": row.prompt})["embedded"]
            if first is not None:
                x[place, begin:-1] += tables["unread"]
                x[place, -1] += first[place]
            valid[place, text:begin] = False
            positions[place, :text] = np.arange(known, len(row.ids))
            start = len(row.ids) if shape.audio_positions == "continue" else 0
            positions[place, begin:] = start + np.arange(total - begin)
            if count := min(shape.history_patches, len(row.prompt)):
                history[place, -count:], exists[place, -count:] = row.prompt[-count:], 1.0
        seen = np.tril(np.ones((total, total), bool)) & valid[:, None]
        seen = np.concatenate((np.ones((len(rows), total, known), bool), seen), axis=2)
        cache = self._no_cache(len(rows)) if kept is None else np.repeat(kept, len(rows), axis=1)
        state = State(
            cache, np.ones((len(rows), known), bool), np.zeros(len(rows), np.int64), x[:, -1], x[:, 0, 0], history,
            exists, reading,
        )  # fmt: skip
        return self._read(x, positions, seen, valid, state)

    def _read_transcript(self, ids: bytes) -> np.ndarray | None:
        """Keys and values (2 layers, 1, kv_heads, L, d) after ids (L,), with which a row begins; None of no ids."""
        x = self._model.tables["symbols"][np.frombuffer(ids, np.int64)][None]
        count = x.shape[1]
        if not count:
            return None
        seen, valid = np.tril(np.ones((1, count, count), bool)), np.ones((1, count), bool)
        none = np.zeros((1, 0), np.float32)
        state = State(self._no_cache(1), valid[:, :0], np.zeros(1, np.int64), none, none, none, none)
        state = self._read(x, np.arange(count)[None], seen, valid, state)
        return state.cache[..., :count, :].copy()  # without the places to grow into

    def _no_cache(self, rows: int) -> np.ndarray:
        """Keys and values of nothing: a masked place, so that no axis is empty."""
        return np.zeros((2 * self._shape.layers, rows, self._shape.kv_heads, 1, self._shape.head_dim), np.float32)

    def _advance(self, patches: np.ndarray, state: State) -> State:
        """The state after a patch of each row, (B, P, C): one LM step; the patch joins the history."""
        x = self._model.run("patches", {"patches": patches})["embedded"]
        if state.reading is not None:
            x = x + state.reading.for_lm
        if state.history.shape[1]:
            history = np.concatenate((state.history[:, 1:], patches[:, None]), axis=1)
            exists = np.concatenate((state.exists[:, 1:], np.ones_like(state.exists[:, :1])), axis=1)
            state = replace(state, history=history, exists=exists)
        valid = np.ones((len(x), 1), bool)
        seen = np.concatenate((state.valid, valid), axis=1)[:, None]
        return self._read(x[:, None], state.position[:, None], seen, valid, state)

    def _read(
        self, x: np.ndarray, positions: np.ndarray, seen: np.ndarray, valid: np.ndarray, state: State
    ) -> State:
        """Read x (B, S, width) at positions (B, S); seen (B, S, T + S): what is attended to; valid (B, S). Keys and
        values are written into the arrays of the state, which is not to be used afterwards."""
        angle = positions[:, None, :, None] * self._frequency
        cosine, sine = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        names = [f"{what}_{layer}" for layer in range(self._shape.layers) for what in ("keys", "values")]
        length, capacity = state.valid.shape[1], state.cache.shape[3]
        mask = np.full((*seen.shape[:2], capacity + x.shape[1]), -np.inf, np.float32)
        mask[..., :length][seen[..., :length]] = 0
        mask[..., capacity:][seen[..., length:]] = 0
        found = self._model.run("lm", {
            "x": x,
            "cosine": np.concatenate((cosine, cosine), -1),
            "sine": np.concatenate((-sine, sine), -1),
            "mask": mask[:, None],
            **dict(zip(names, state.cache)),
        })  # fmt: skip
        reading = None if state.reading is None else self._reading.read(found["h"], state.reading)
        cache = _appended(state.cache, length, np.stack([found[f"new_{name}"] for name in names]))
        return replace(
            state, cache=cache, valid=np.concatenate((state.valid, valid), 1),
            position=positions[:, -1] + 1, h=found["h"], stop_logits=found["stop_logits"][:, 0], reading=reading,
        )  # fmt: skip

    def _stop(self, state: State) -> np.ndarray:
        """(B,): the probability that the next patch is the last."""
        stop = 1 / (1 + np.exp(-state.stop_logits.astype(np.float64)))
        if state.reading is None:
            return stop
        return np.where(self._reading.over(state.reading), 1.0, stop) * state.reading.finished

    def _draw(self, rows: Sequence[Row], processes: Sequence[DDIM], state: State) -> np.ndarray:
        """The next patch of each row, (B, P, C). With guidance LocDiT reads both branches at once, h, and h = 0; a
        distilled one reads the guidance scale instead, and where the step ends."""
        sampling, count = rows[0].sampling, len(rows)
        steps, (low, high) = sampling.num_inference_steps, sampling.guidance_steps
        scales = np.array([row.sampling.guidance_scale for row in rows], np.float32)
        rises = np.array([row.sampling.guidance_rise for row in rows], np.float32)
        distilled = bool(self._shape.distilled_guidance)
        guided = np.flatnonzero(scales != 1.0) if not distilled else np.arange(0)  # by rows of their own
        given = {"h": state.h, "history": state.history, "exists": state.exists}
        if not state.history.shape[1]:
            given = {"h": state.h}
        if state.reading is not None:
            given["spoken"] = state.reading.spoken
        none = np.zeros(self._model.speaker_space[1], np.float32)
        given["speaker"] = np.stack([none if row.speaker is None else row.speaker for row in rows])
        both = {
            name: np.concatenate((x, np.zeros_like(x[guided]) if name in ("h", "spoken") else x[guided]))
            for name, x in given.items()
        }
        x = np.stack([process.start(state.history.shape[2:]) for process in processes])
        for index in range(steps):
            times = np.array([process.times[index] for process in processes], np.float32)
            is_guided = low <= index / steps < high
            if distilled:
                aims = np.array([process.aims[index] for process in processes], np.float32)
                jump = {"aims": aims, "scales": scales if is_guided else np.ones_like(scales)}
                u = self._model.run("locdit", {"noisy": x, "times": times, **given, **jump})["u"]
            elif len(guided) and is_guided:
                pair = {"noisy": np.concatenate((x, x[guided])), "times": np.concatenate((times, times[guided]))}
                u = self._model.run("locdit", {**pair, **both})["u"]
                u, without = u[:count].copy(), u[count:]
                at = 1 + (scales - 1) * rises ** (0.5 - times)
                u[guided] = without + at[guided, None, None] * (u[guided] - without)
            else:
                u = self._model.run("locdit", {"noisy": x, "times": times, **given})["u"]
            x = np.stack([process.step(index, *pair) for process, *pair in zip(processes, u, x)])
        return x


def _appended(cache: np.ndarray, length: int, new: np.ndarray) -> np.ndarray:
    """`cache` (2 layers, B, kv_heads, capacity, d), whose first `length` places are in use, with new ones (2 layers, B,
    kv_heads, S, d) after these: in place if there is room."""
    total = length + new.shape[3]
    if total > cache.shape[3]:
        room = max(GROWTH, round(GROWTH_SHARE * total))
        grown = np.zeros((*cache.shape[:3], total + room, cache.shape[4]), np.float32)
        grown[..., :length, :] = cache[..., :length, :]
        cache = grown
    cache[..., length:total, :] = new
    return cache
