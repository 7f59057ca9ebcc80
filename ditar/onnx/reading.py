"""Monotonic reading, in numpy: which symbol each latent frame speaks. `ditar.model.reading` says what it is; its
learned parts are the graphs `reading` and `spoken`. A test compares the two."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from ditar.onnx.folder import Model
from ditar.text.vocabulary import is_letter, is_pause


@dataclass(frozen=True)
class ReadingState:
    """How far rows have read, after the frames of the patch that is made next. ids: what they read;
    sound, pause (B, L + 1): where a row may go from place p, in column p + 1, L and -1 meaning nowhere; place, held,
    going (B,): the symbol, the frames spent on it, the probability that it lasted so long; places (B, P): of the next
    patch's frames; spoken (B, P, width): what they say; for_lm (B, width): what the LM reads with that patch."""

    ids: np.ndarray
    sound: np.ndarray
    pause: np.ndarray
    place: np.ndarray
    held: np.ndarray
    going: np.ndarray
    places: np.ndarray
    spoken: np.ndarray
    for_lm: np.ndarray

    @property
    def finished(self) -> np.ndarray:
        """(B,) bool: nothing is left to say."""
        rows = np.arange(len(self.place))
        sound, pause = self.sound[rows, self.place + 1], self.pause[rows, self.place + 1]
        return (sound >= self.ids.shape[1]) & (pause < 0)

    def select(self, rows: Sequence[int]) -> "ReadingState":
        """The state of some of the rows."""
        return ReadingState(*(getattr(self, field.name)[list(rows)] for field in fields(self)))


class Reading:
    """The reading of one model."""

    def __init__(self, model: Model):
        self._model, shape = model, model.shape
        self._before, self._window, self._most_held = shape.window_before, shape.window, shape.most_held
        self._most_tail, self._frames = shape.most_tail_frames, shape.patch_frames
        self._is_sound = np.array([is_letter(symbol) for symbol in model.text.symbols])
        self._is_pause = np.array([is_pause(symbol) for symbol in model.text.symbols])

    def start(self, ids: Sequence[np.ndarray], first: Sequence[int]) -> ReadingState:
        """Before the symbols `first` of rows (L,)."""
        length = max(map(len, ids))
        padded = np.stack([np.pad(row, (0, length - len(row))) for row in ids])
        sound, pause = self._moves(padded)
        rows, none = len(ids), np.zeros((len(ids), 0), np.int64)
        state = ReadingState(
            padded, sound, pause, np.array(first) - 1, np.zeros(rows, np.float32), np.ones(rows, np.float32),
            none, none, none,
        )  # fmt: skip
        return replace(state, for_lm=self._spoken(state.ids, state.place[:, None], state.held[:, None])["for_lm"])

    def read(self, h: np.ndarray, state: ReadingState) -> ReadingState:
        """The state after the frames of the next patch, given its h (B, width)."""
        rows, length = np.arange(len(h)), state.ids.shape[1]
        places, held = [], []
        for frame in range(self._frames):
            inputs = {"window_ids": self._window_ids(state.ids, state.place), "held": state.held, "h": h}
            found = self._model.run("reading", {**inputs, "frame": np.array([frame])})["logits"]
            logits = np.exp(found - found.max(-1, keepdims=True))
            stay, sound, pause = (logits / logits.sum(-1, keepdims=True)).T
            to_sound, to_pause = state.sound[rows, state.place + 1], state.pause[rows, state.place + 1]
            sound, pause = sound * (to_sound < length), pause * (to_pause >= 0)
            with np.errstate(divide="ignore", invalid="ignore"):
                going = state.going * (stay / (stay + sound + pause))
            moved = (going < 0.5) | ((state.held >= self._most_held) & (sound + pause > 0))
            state = replace(
                state,
                place=np.where(moved, np.where(pause > sound, to_pause, to_sound), state.place),
                held=np.where(moved, 0.0, state.held + 1.0).astype(np.float32),
                going=np.where(moved, 1.0, going).astype(np.float32),
            )
            places.append(state.place)
            held.append(state.held)
        of_patch = np.stack(places, 1)
        return replace(state, places=of_patch, **self._spoken(state.ids, of_patch, np.stack(held, 1)))

    def over(self, state: ReadingState) -> np.ndarray:
        """(B,) bool: finished, and silent for so long that the speech has ended."""
        return state.finished & (state.held >= self._most_tail)

    def _spoken(self, ids: np.ndarray, places: np.ndarray, held: np.ndarray) -> dict[str, np.ndarray]:
        """`spoken` and `for_lm` of a ReadingState, of frames (B, P)."""
        return self._model.run("spoken", {"window_ids": self._window_ids(ids, places), "held": held})

    def _window_ids(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The symbols of rows (B, L) around places (B, ...), (B, ..., W); 0 beyond the ends."""
        around = places[..., None] - self._before + np.arange(self._window)
        inside = (around >= 0) & (around < ids.shape[1])
        flat = around.clip(0, ids.shape[1] - 1).reshape(len(ids), -1)
        return np.where(inside, np.take_along_axis(ids, flat, 1).reshape(around.shape), 0)

    def _moves(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`sound` and `pause` of a ReadingState, of rows (B, L) padded with 0."""
        length, at = ids.shape[1], np.arange(ids.shape[1])
        sounds = np.where(self._is_sound[ids], at, length)
        following = np.minimum.accumulate(sounds[:, ::-1], axis=1)[:, ::-1]
        sound = np.pad(following, ((0, 0), (0, 1)), constant_values=length)  # (B, L + 1)
        pauses = np.maximum.accumulate(np.where(self._is_pause[ids], at, -1), axis=1)
        pause = np.take_along_axis(np.pad(pauses, ((0, 0), (1, 0)), constant_values=-1), sound, 1)
        return sound, np.where(pause > np.arange(-1, length), pause, -1)
