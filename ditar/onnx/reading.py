"""Monotonic reading, in numpy: which symbol each latent frame speaks. `ditar.model.reading` says what it is; its
learned parts are the graphs `reading` and `spoken`. A test compares the two."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from ditar.onnx.folder import Model
from ditar.text.vocabulary import is_letter, is_pause


@dataclass(frozen=True)
class ReadingState:
    """How far rows have read, after the frames of the patch that is made next. windows (B, L + 1, W): the symbols
    around place p, in column p + 1, 0 beyond the ends of what they read; sound, pause (B, L + 1): where a row may go
    from place p, in column p + 1, L and -1 meaning nowhere; place, held, going (B,): the symbol, the frames spent on
    it, the probability that it lasted so long; places (B, P): of the next patch's frames; spoken (B, P, width): what
    they say; for_lm (B, width): what the LM reads with that patch."""

    windows: np.ndarray
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
        return (sound >= self.windows.shape[1] - 1) & (pause < 0)

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
        length, after = max(map(len, ids)), self._window - self._before - 1
        padded = np.stack([np.pad(row, (0, length - len(row))) for row in ids])
        around = np.pad(padded, ((0, 0), (self._before + 1, after)))
        windows = np.lib.stride_tricks.sliding_window_view(around, self._window, axis=1)
        place, held = np.array(first) - 1, np.zeros(len(ids), np.float32)
        spoken = self._spoken(windows, place[:, None], held[:, None])
        none = np.zeros((len(ids), 0), np.int64)  # no patch is read for yet
        moves = self._moves(padded)
        return ReadingState(windows, *moves, place, held, np.ones_like(held), none, none, spoken["for_lm"])

    def read(self, h: np.ndarray, state: ReadingState) -> ReadingState:
        """The state after the frames of the next patch, given its h (B, width)."""
        rows, length = np.arange(len(h)), state.windows.shape[1] - 1
        place, held, going = state.place, state.held, state.going
        of_patch = []
        for frame in range(self._frames):
            inputs = {"window_ids": state.windows[rows, place + 1], "held": held, "h": h}
            found = self._model.run("reading", {**inputs, "frame": np.array([frame])})["logits"]
            logits = np.exp(found - found.max(-1, keepdims=True))
            stay, sound, pause = (logits / logits.sum(-1, keepdims=True)).T
            to_sound, to_pause = state.sound[rows, place + 1], state.pause[rows, place + 1]
            sound, pause = sound * (to_sound < length), pause * (to_pause >= 0)
            with np.errstate(divide="ignore", invalid="ignore"):
                going = going * (stay / (stay + sound + pause))
            moved = (going < 0.5) | ((held >= self._most_held) & (sound + pause > 0))
            place = np.where(moved, np.where(pause > sound, to_pause, to_sound), place)
            held = np.where(moved, 0.0, held + 1.0).astype(np.float32)
            going = np.where(moved, 1.0, going).astype(np.float32)
            of_patch.append((place, held))
        places, all_held = (np.stack(values, 1) for values in zip(*of_patch))
        spoken = self._spoken(state.windows, places, all_held)
        return replace(state, place=place, held=held, going=going, places=places, **spoken)

    def over(self, state: ReadingState) -> np.ndarray:
        """(B,) bool: finished, and silent for so long that the speech has ended."""
        return state.finished & (state.held >= self._most_tail)

    def _spoken(self, windows: np.ndarray, places: np.ndarray, held: np.ndarray) -> dict[str, np.ndarray]:
        """`spoken` and `for_lm` of a ReadingState, of frames (B, P)."""
        of_places = windows[np.arange(len(windows))[:, None], places + 1]
        return self._model.run("spoken", {"window_ids": of_places, "held": held})

    def _moves(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`sound` and `pause` of a ReadingState, of rows (B, L) padded with 0."""
        length, at = ids.shape[1], np.arange(ids.shape[1])
        sounds = np.where(self._is_sound[ids], at, length)
        following = np.minimum.accumulate(sounds[:, ::-1], axis=1)[:, ::-1]
        sound = np.pad(following, ((0, 0), (0, 1)), constant_values=length)  # (B, L + 1)
        pauses = np.maximum.accumulate(np.where(self._is_pause[ids], at, -1), axis=1)
        pause = np.take_along_axis(np.pad(pauses, ((0, 0), (1, 0)), constant_values=-1), sound, 1)
        return sound, np.where(pause > np.arange(-1, length), pause, -1)
