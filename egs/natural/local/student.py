"""A small student of the teacher: one voice (Kokoro's `heart`) at a hundredth of real time, with the times of every
symbol.

hibari-tts (Apache-2.0, its voice comes with the package) is distilled from Kokoro and reads the same tokens. It teaches
words: hours of them cost minutes. It cannot teach voices.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from kokoro import FRAME_S, Speech, TeacherError, tokens

DURATIONS = "/Clip_output_0"  # (1, L) frames of each token, inside the graph


class Student:
    """The package's model on one thread of one core. TeacherError if it is missing or is another model."""

    def __init__(self):
        try:
            import hibari  # late: planning does not need it
            import onnx
            import onnxruntime
            from hibari import dsp
        except ImportError as error:
            raise TeacherError(f"{error.name} is missing; install: pip install hibari-tts onnx") from None

        assets = Path(hibari.__file__).parent / "assets"
        model = onnx.load(assets / "hibari.onnx")
        if not any(DURATIONS in node.output for node in model.graph.node):
            raise TeacherError(f"{assets / 'hibari.onnx'} has no value {DURATIONS}; install hibari-tts 0.2.1")
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(DURATIONS))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._spectrum = [output.name for output in self._session.get_outputs()][:6]
        self._synthesise = dsp.synth
        self._vocabulary = json.loads((assets / "vocab.json").read_text(encoding="utf-8"))

    def speak(self, symbols: Sequence[str], speed: float, seed: int) -> Speech:
        """Symbols of `ditar.text.Phonemiser("en-us")` spoken; `seed` draws the noise in its breath and fricatives.
        TeacherError if there is nothing to say."""
        read, ranges = tokens(symbols)
        known = [token in self._vocabulary for token in read]
        place = np.concatenate([[0], np.cumsum(known)])  # of each token among those that it knows
        ids = [self._vocabulary[token] for token, good in zip(read, known, strict=True) if good]
        if not ids:
            raise TeacherError(f"nothing to say in {''.join(symbols)!r}")
        inputs = {"ids": np.array([[0, *ids, 0]], dtype=np.int64), "speed": np.array([speed], dtype=np.float32)}
        *spectrum, durations = self._session.run([*self._spectrum, DURATIONS], inputs)
        waveform = self._synthesise(*(one[0] for one in spectrum), np.random.default_rng(seed))
        ends = np.cumsum(durations.reshape(-1)) * FRAME_S  # of the leading 0, then of each token
        times = []
        for span in ranges:
            first, last = (place[span[0]], place[span[1]]) if span else (0, 0)
            times.append((round(float(ends[first]), 3), round(float(ends[last]), 3)) if last > first else None)
        return Speech(waveform.reshape(-1).astype(np.float32), times)
