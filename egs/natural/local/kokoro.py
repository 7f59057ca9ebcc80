"""The neural teacher: IPA symbols and a style to a waveform at 24 kHz, with the times of every symbol.

Kokoro-82M (StyleTTS 2's family, Apache-2.0) as fetch_teacher.py stores it, in any language that it was trained
on. It is given *our* symbols instead of its own reading of the text, so that what a model trained on its speech reads
and what it hears agree.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE_HZ = 24_000
FRAME_S = 0.025  # of the durations: 600 samples
# Its waveform runs three frames ahead of its durations: against forced alignment its symbols are 70 to 75 ms late, in
# English and in French.
LATE_S = 3 * FRAME_S
MOST_TOKENS = 510  # a voice has a row for each number of tokens from 0 to 509; the model's positions end there too
STYLE_NUMBERS = 256  # the first half of a style is timbre, the second prosody
MODEL, VOCABULARY, VOICES = "model.onnx", "vocab.json", "voices"  # what fetch_teacher.py writes
DURATIONS = "/encoder/Clip_output_0"  # (1, L) frames of each token, among the graph's outputs after fetch_teacher.py

# Groups of espeak's en-us symbols and the tokens that replace them; every other symbol is a token itself. The symbols
# of a group share the time of its tokens, and a symbol without a token has no time.
_GROUPS = {
    "eɪ": "A", "aɪ": "I", "aʊ": "W", "oʊ": "O", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ", "ɜː": "ɜɹ", "əl": "ᵊl", "n̩": "ᵊn",
    "ɚ": "əɹ", "ɐ": "ə", "ɾ": "T", "ː": "", "o": "ɔ", "r": "ɹ",
}  # fmt: skip
_GROUPS_ELSEWHERE = {"tʃ": "ʧ", "dʒ": "ʤ"}  # in other languages, whose symbols it reads as espeak writes them

Times = list[tuple[float, float] | None]


class TeacherError(RuntimeError):
    """The teacher cannot speak: one of its files is missing or damaged, or a sentence is too long for it."""


def on_time(times: Times) -> Times:
    """Times by the durations, of symbols or None, as they are in the waveform."""
    return [None if t is None else tuple(round(max(0.0, end - LATE_S), 3) for end in t) for t in times]


@dataclass(frozen=True)
class Speech:
    """waveform (S,) float32 at 24 kHz; times: start and end in seconds of each symbol, None if it has no sound."""

    waveform: np.ndarray
    times: Times


def tokens(symbols: Sequence[str], language: str = "en-us") -> tuple[list[str], list[tuple[int, int] | None]]:
    """Symbols of `ditar.text` in a language to Kokoro's tokens, and the range of tokens of each symbol (None: it has
    none)."""
    groups = _GROUPS if language == "en-us" else _GROUPS_ELSEWHERE
    longest = max(map(len, groups))
    read: list[str] = []
    ranges: list[tuple[int, int] | None] = []
    i = 0
    while i < len(symbols):
        group = next((g for n in range(longest, 0, -1) if (g := "".join(symbols[i : i + n])) in groups), symbols[i])
        said = groups.get(group, group)
        ranges += [(len(read), len(read) + len(said)) if said else None] * len(group)
        read += said
        i += len(group)
    return read, ranges


def require_files(folder: Path) -> None:
    """TeacherError if a file of the teacher is missing: before processes are started that would each say so."""
    for name in (MODEL, VOCABULARY, VOICES):
        if not (folder / name).exists():
            raise TeacherError(f"{folder / name} does not exist; fetch it: fetch_teacher.py --out {folder}")


class Kokoro:
    """The model and the voices in a folder that fetch_teacher.py made, on one thread of one core.

    TeacherError if a file is missing.
    """

    def __init__(self, folder: str | Path):
        try:
            import onnxruntime  # late: planning needs none of it
        except ImportError:
            raise TeacherError(
                "onnxruntime is missing, which runs it; install it with: pip install onnxruntime"
            ) from None

        self._folder = Path(folder)
        require_files(self._folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(self._folder / MODEL), options, providers=["CPUExecutionProvider"]
        )
        outputs = [output.name for output in self._session.get_outputs()]
        if DURATIONS not in outputs:
            raise TeacherError(
                f"{self._folder / MODEL} has no output {DURATIONS} (it has {outputs}), so no times; make the folder "
                f"again: fetch_teacher.py --out {folder}"
            )
        self._audio = next(name for name in outputs if name != DURATIONS)
        # Exports call them differently: tokens (1, L) are integers, the style is (1, 256) and the speed (1,).
        inputs = sorted(self._session.get_inputs(), key=lambda i: ("int" not in i.type, -len(i.shape)))
        self._tokens_input, self._style_input, self._speed_input = (i.name for i in inputs)
        self._vocabulary = json.loads((self._folder / VOCABULARY).read_text(encoding="utf-8"))["vocab"]
        self._voices: dict[str, np.ndarray] = {}

    def voice(self, name: str) -> np.ndarray:
        """The styles of a voice, (510, 256): a row for each number of tokens."""
        if name not in self._voices:
            path = self._folder / VOICES / f"{name}.bin"
            if not path.exists():
                raise TeacherError(f"there is no voice {name!r}: {path} does not exist")
            self._voices[name] = np.fromfile(path, dtype="<f4").reshape(MOST_TOKENS, STYLE_NUMBERS)
        return self._voices[name]

    def style(self, timbre: Sequence[tuple[str, float]], prosody: str, count: int) -> np.ndarray:
        """(256,) for `count` tokens: the weighted timbres of some voices and the prosody of one."""
        row = min(count, MOST_TOKENS - 1)
        half = STYLE_NUMBERS // 2
        mixed = sum(weight * self.voice(name)[row, :half] for name, weight in timbre)
        return np.concatenate([mixed, self.voice(prosody)[row, half:]]).astype(np.float32)

    def speak(
        self,
        symbols: Sequence[str],
        timbre: Sequence[tuple[str, float]],
        prosody: str,
        speed: float = 1.0,
        language: str = "en-us",
    ) -> Speech:
        """Symbols of `ditar.text.Phonemiser(language)` spoken. TeacherError if there are more than it can take."""
        read, ranges = tokens(symbols, language)
        known = [token in self._vocabulary for token in read]
        place = np.concatenate([[0], np.cumsum(known)])  # of each token among those that it knows
        ids = [self._vocabulary[token] for token, good in zip(read, known, strict=True) if good]
        if not 0 < len(ids) <= MOST_TOKENS:
            raise TeacherError(f"{len(ids)} tokens in one sentence; the teacher takes 1 to {MOST_TOKENS}: cut it")
        audio, durations = self._session.run(
            [self._audio, DURATIONS],
            {
                self._tokens_input: np.array([[0, *ids, 0]], dtype=np.int64),
                self._style_input: self.style(timbre, prosody, len(ids))[None],
                self._speed_input: np.array([speed], dtype=np.float32),
            },
        )
        ends = np.cumsum(durations.reshape(-1)) * FRAME_S  # of the leading 0, then of each token
        times: Times = []
        for span in ranges:
            first, last = (place[span[0]], place[span[1]]) if span else (0, 0)
            times.append((round(float(ends[first]), 3), round(float(ends[last]), 3)) if last > first else None)
        return Speech(audio.reshape(-1).astype(np.float32), on_time(times))
