"""Rows of a sweep's outputs, from a judge of the test's own."""

import numpy as np

from ditar.evaluate.metrics import FLAWS
from ditar.sweep.grid import Grid
from ditar.sweep.items import items, wav_path
from ditar.sweep.pairs import Pair
from ditar.sweep.score import score_items
from ditar.synthesis.reference import SHIPPED_VOICE


class Fake:
    """Finds one flaw in each output but the last, hears the pair's text, and knows an output by its length."""

    names = {"words": "nobody"}

    def judge(self, audio, texts, *, clips, speakers, stopped):
        return {
            utt: {"utt": utt, "text": texts[utt], "no_stop": not stopped[utt].stopped, "clip": str(clips[utt]),
                  **{flaw: number == at for at, flaw in enumerate(FLAWS)}}
            for number, utt in enumerate(audio)
        }  # fmt: skip

    def embed(self, audio, title):
        return {utt: np.full(2, float(path.stat().st_size)) for utt, path in audio.items()}


def test_an_output_fails_by_any_flaw_and_ends_as_its_manifest_says(tmp_path):
    pairs = [Pair("a", "Hi.", tmp_path / "one.wav", "One."), Pair("b", "Ho.")]
    wanted = items(Grid(seed=(0, 1, 2)), pairs)[: len(FLAWS) + 1]
    for size, item in enumerate(wanted):
        path = wav_path(tmp_path, item)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    log = {item.name: {"stopped": number != 2, "attempts": 1} for number, item in enumerate(wanted)}
    rows = score_items(wanted, log, tmp_path, Fake())
    assert list(rows) == [item.name for item in wanted]
    assert [row["failed"] for row in rows.values()] == [True] * len(FLAWS) + [False]
    assert [row["no_stop"] for row in rows.values()] == [number == 2 for number in range(len(wanted))]
    assert [row["voice"] for row in rows.values()] == [[size, size] for size in range(len(wanted))]
    assert [row["text"] for row in rows.values()] == [item.pair.text for item in wanted]
    assert rows[wanted[0].name]["clip"] == str(tmp_path / "one.wav")
    assert rows[wanted[1].name]["clip"] == str(SHIPPED_VOICE)
