import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance
from ditar.seeds import seed_of
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


@pytest.fixture
def finished(tmp_path):
    """A model, two targets with their clips, and a folder where both are spoken already."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/a.safetensors").write_bytes(b"1")
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "two"))]
    chosen = {target.utt: utterance("ann", 1, "hello") for target in targets}

    def start(targets=targets, chosen=chosen, **options):
        return start_or_resume(tmp_path / "out", tmp_path / "model", targets, chosen, {"seed": 0, **options})

    decode(Speaker(), targets, chosen, start(), tmp_path / "out", {}, seed=0)
    assert set(start()) == {"tgt-0", "tgt-1"} == wavs(tmp_path)
    return tmp_path, targets, chosen, start


def wavs(folder):
    return {path.stem for path in (folder / "out/wav").glob("*.wav")}


def test_another_model_or_option_starts_over(finished, capsys):
    folder, _, _, start = finished
    assert start(seed=1) == {} and not wavs(folder)
    assert "2 of its files were made by another model or with other options" in capsys.readouterr().err
    (folder / "out/wav/tgt-0.wav").touch()
    (folder / "model/a.safetensors").write_bytes(b"22")
    assert start(seed=1) == {} and not wavs(folder)


def test_the_same_part_of_the_steps_is_the_same_option(finished):
    _, targets, chosen, start = finished
    part = {"guidance_steps": (0.0, 0.5)}
    assert start(**part) == {}
    decode(Speaker(), targets, chosen, {}, finished[0] / "out", {}, seed=0)
    assert set(start(**part)) == {"tgt-0", "tgt-1"}


@pytest.mark.parametrize("change", ["text", "clip", "clip text", "gone"])
def test_another_text_or_reference_is_spoken_again(finished, change, capsys):
    folder, (first, second), chosen, start = finished
    targets, clip = [first, second], chosen[second.utt]
    if change == "text":
        targets = [first, replace(second, text="other words")]
    elif change == "clip":
        clip = utterance("bob", 1, "hello")
    elif change == "clip text":
        clip = replace(clip, text="hallo")
    else:
        targets = [first]
    assert set(start(targets, {**chosen, second.utt: clip})) == {"tgt-0"} == wavs(folder)
    assert "1 of its files were made from other texts or references" in capsys.readouterr().err


def test_a_killed_run_goes_on_with_what_is_whole(finished):
    folder, targets, chosen, start = finished
    log = folder / "out/log.jsonl"
    (folder / "out/wav/tgt-1.wav").rename(folder / "out/wav/.tgt-1.wav")  # killed before the last step
    with open(log, "a") as file:
        file.write('{"utt": "tg')
    done = start()
    assert set(done) == {"tgt-0"} and not list((folder / "out/wav").glob(".*"))
    decode(Speaker(), targets, chosen, done, folder / "out", {}, seed=0)
    assert [json.loads(line)["utt"] for line in log.read_text().splitlines()] == ["tgt-0", "tgt-1"]
    assert set(start()) == {"tgt-0", "tgt-1"}


class Speaker:
    """A pipeline that notes what it is asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, text, prompt_audio, prompt_text, seed, **options):
        if text == "😀":
            raise TextError("nothing to say")
        self.asked.append((text, prompt_text, seed, options))
        audio, stopped = np.zeros(2400, dtype=np.float32), text != "three"
        attempts = 1 if stopped else 3
        return SimpleNamespace(
            audio=audio, sample_rate=24_000, seed=seed, attempts=attempts, stopped=stopped, warnings=[]
        )


def test_resumes_and_counts_failures(tmp_path):
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "😀", "three"))]
    chosen = choose_references(targets, [utterance("ann", 1, "hello")], seed=0)
    seeds = {target.utt: seed_of(7, target.utt) for target in targets}
    (tmp_path / "wav").mkdir()
    speaker = Speaker()
    assert decode(speaker, targets, chosen, {}, tmp_path, {"temperature": 0.5}, seed=7) == 1
    options = {"temperature": 0.5}
    assert speaker.asked == [("one", "hello", seeds["tgt-0"], options), ("three", "hello", seeds["tgt-2"], options)]
    assert sorted(p.name for p in (tmp_path / "wav").iterdir()) == ["stopped", "tgt-0.wav", "tgt-2.wav"]
    assert (tmp_path / "wav/stopped").read_text() == "tgt-0 1 1\ntgt-2 0 3\n"
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(r["utt"], r["reference"], r["seconds"]) for r in records] == [
        ("tgt-0", "ann-1", 0.1),
        ("tgt-2", "ann-1", 0.1),
    ]

    speaker.asked.clear()
    decode(speaker, targets[::-1], chosen, {"tgt-0": records[0]}, tmp_path, {}, seed=7)
    assert [(text, seed) for text, _, seed, _ in speaker.asked] == [("three", seeds["tgt-2"])]  # as the first time
    assert (tmp_path / "wav/stopped").read_text() == "tgt-0 1 1\ntgt-2 0 3\n"
