import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance
from ditar.text import TextError
from recipes.decode import choose_references, decode, start_or_resume, write_references


def utterance(speaker, number, text):
    return Utterance(f"{speaker}-{number}", speaker, Path(f"/{speaker}{number}.wav"), text)


def test_speakers_in_turns_and_never_the_targets_own_words(tmp_path):
    clips = [utterance(s, n, text) for s in ("ann", "bob") for n, text in ((1, "one"), (2, "two"))]
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "two", "three", "one"))]
    chosen = choose_references(targets, clips, seed=0)
    assert [chosen[t.utt].speaker for t in targets] == ["ann", "bob", "ann", "bob"]
    assert all(chosen[t.utt].text != t.text for t in targets)
    assert chosen == choose_references(targets, clips, seed=0)

    write_references(tmp_path, chosen)
    used = {line.split()[1] for line in (tmp_path / "utt2ref").read_text().splitlines()}
    assert used == {line.split()[0] for line in (tmp_path / "wav.scp").read_text().splitlines()}


def test_a_speaker_who_only_says_the_target():
    with pytest.raises(DataError, match="'ann'"):
        choose_references([utterance("tgt", 1, "one")], [utterance("ann", 1, "one")], seed=0)


def test_another_model_starts_over(tmp_path):
    model, out = tmp_path / "model", tmp_path / "out"
    model.mkdir()
    (model / "a.safetensors").write_bytes(b"1")
    start_or_resume(out, model, {"seed": 0})
    made = out / "wav/x.wav"
    made.touch()
    start_or_resume(out, model, {"seed": 0})
    assert made.exists()
    (model / "a.safetensors").write_bytes(b"22")
    start_or_resume(out, model, {"seed": 0})
    assert not made.exists()
    made.touch()
    start_or_resume(out, model, {"seed": 1})
    assert not made.exists()


class Speaker:
    """A pipeline that notes what it is asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, text, prompt_audio, prompt_text, seed, **options):
        if text == "😀":
            raise TextError("nothing to say")
        self.asked.append((text, prompt_text, seed, options))
        audio = np.zeros(2400, dtype=np.float32)
        return SimpleNamespace(audio=audio, sample_rate=24_000, seed=seed, attempts=1, stopped=True, warnings=[])


def test_resumes_and_counts_failures(tmp_path):
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "😀", "three"))]
    chosen = choose_references(targets, [utterance("ann", 1, "hello")], seed=0)
    (tmp_path / "wav").mkdir()
    speaker = Speaker()
    assert decode(speaker, targets, chosen, tmp_path, {"temperature": 0.5}, seed=7) == 1
    assert speaker.asked == [("one", "hello", 7, {"temperature": 0.5}), ("three", "hello", 9, {"temperature": 0.5})]
    assert sorted(p.name for p in (tmp_path / "wav").iterdir()) == ["tgt-0.wav", "tgt-2.wav"]
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(r["utt"], r["reference"], r["seconds"]) for r in records] == [
        ("tgt-0", "ann-1", 0.1),
        ("tgt-2", "ann-1", 0.1),
    ]

    (tmp_path / "wav/tgt-2.wav").unlink()
    speaker.asked.clear()
    decode(speaker, targets, chosen, tmp_path, {}, seed=7)
    assert [text for text, *_ in speaker.asked] == ["three"]  # with the seed it had the first time
    assert speaker.asked[0][2] == 9
