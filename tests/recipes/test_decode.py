import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ditar.config import SamplingOptions
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance
from ditar.seeds import seed_of
from ditar.storage.atomic_write import WriteError
from ditar.synthesis.utterance_list import model_settings
from recipes.decode import check_apart, choose_references, decode, parse, tasks_of, write_references
from tests.speaker import CONFIG, VOICE


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
    """A test set that is its own references may have a speaker with one sentence."""
    clips = [utterance("ann", 1, "one"), utterance("bob", 1, "two"), utterance("bob", 2, "three")]
    chosen = choose_references(clips, clips, seed=0)
    assert [chosen[clip.utt].speaker for clip in clips] == ["bob", "bob", "ann"]
    with pytest.raises(DataError, match="tgt-1: no speaker has"):
        choose_references([utterance("tgt", 1, "one")], [utterance("ann", 1, "one")], seed=0)


@pytest.fixture
def finished(tmp_path):
    """A model, two targets with their clips, and a folder where both are spoken already; `again` speaks what is missing."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/a.safetensors").write_bytes(b"1")
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "two"))]
    (tmp_path / "bo.wav").write_bytes(b"1")
    clips = [utterance("ann", 1, "hello"), replace(utterance("bo", 1, "hello"), path=tmp_path / "bo.wav")]
    chosen = {target.utt: clip for target, clip in zip(targets, clips)}

    def again(targets=targets, chosen=chosen, seed=0, speaker=None, **options):
        speaker = Speaker() if speaker is None else speaker
        settings = model_settings(speaker, str(tmp_path / "model"), "cpu", "float32", **options)
        tasks = tasks_of(speaker, targets, chosen, {"language": "en-us"}, options)
        decode(speaker, tasks, tmp_path / "out", settings, seed)
        return {text for text, *_ in speaker.asked}

    assert again() == {"one", "two"} and again() == set() and wavs(tmp_path) == {"tgt-0", "tgt-1"}
    return tmp_path, targets, chosen, again


def wavs(folder):
    return {path.stem for path in (folder / "out/wav").glob("*.wav")}


@pytest.mark.parametrize(("option", "value"), [("--limit", "-1"), ("--limit", "0"), ("--batch-size", "0")])
def test_numbers_that_make_no_sense_are_refused(option, value, capsys):
    given = ["--model", "M", "--data", "D", "--references", "R", "--out", "O"]
    with pytest.raises(SystemExit):
        parse([*given, option, value])
    assert f"{option}: must be a whole number from 1 " in capsys.readouterr().err


def test_another_model_or_option_starts_over(finished, capsys):
    folder, _, _, again = finished
    assert again(num_inference_steps=3) == {"one", "two"}
    assert "2 of its files were made by another model or with other options" in capsys.readouterr().err
    (folder / "model/a.safetensors").write_bytes(b"22")
    assert again(num_inference_steps=3) == {"one", "two"} and wavs(folder) == {"tgt-0", "tgt-1"}
    assert again(num_inference_steps=3, seed=1) == {"one", "two"}


def test_another_scheduler_of_the_same_weights_starts_over(finished):
    """The settings that are saved with a model decide where no option does."""
    _, _, _, again = finished
    speaker = Speaker()
    speaker.sampling = replace(speaker.sampling, num_inference_steps=4)
    assert again(speaker=speaker) == {"one", "two"}
    (finished[0] / "model/scheduler").mkdir()
    (finished[0] / "model/scheduler/scheduler_config.json").write_text("{}")
    assert again() == {"one", "two"} and again() == set()


def test_the_same_part_of_the_steps_is_the_same_option(finished):
    _, _, _, again = finished
    part = {"guidance_steps": (0.0, 0.5)}
    assert again(**part) == {"one", "two"} and again(**part) == set()


@pytest.mark.parametrize("change", ["text", "clip", "clip text", "content", "gone"])
def test_another_text_or_reference_is_spoken_again(finished, change, capsys):
    folder, (first, second), chosen, again = finished
    targets, clip = [first, second], chosen[second.utt]
    if change == "text":
        targets = [first, replace(second, text="other words")]
    elif change == "clip":
        clip = utterance("bob", 1, "hello")
    elif change == "clip text":
        clip = replace(clip, text="hallo")
    elif change == "content":
        clip.path.write_bytes(b"2")
    else:
        targets = [first]
    kept = (folder / "out/wav/tgt-0.wav").stat().st_mtime_ns
    assert again(targets, {**chosen, second.utt: clip}) == {target.text for target in targets[1:]}
    assert wavs(folder) == {target.utt for target in targets}
    assert (folder / "out/wav/tgt-0.wav").stat().st_mtime_ns == kept
    assert "1 of its files were made from other texts or references" in capsys.readouterr().err


@pytest.mark.parametrize("case", ["data", "references", "clips", "tables"])
def test_what_is_read_is_not_written_over(tmp_path, case):
    out, data, references = (tmp_path / name for name in ("out", "data", "refs"))
    for folder in (out / "references", data, references):
        folder.mkdir(parents=True)
    clips = [utterance("ann", 1, "hello")]
    check_apart(out, data, references, clips)
    if case == "clips":
        clips = [replace(clips[0], path=out / "wav/deep/../ann-1.wav")]
    elif case == "tables":
        references = out / "references"
        (references / "wav.scp").write_text("ann-1 ann-1.wav\n")
    out = {"data": data / ".", "references": references}.get(case, out)
    with pytest.raises((ValueError, OSError), match="give another"):
        check_apart(out, data, references, clips)


def test_a_killed_run_goes_on_with_what_is_whole(finished):
    folder, targets, chosen, again = finished
    manifest = folder / "out/manifest.jsonl"
    (folder / "out/wav/tgt-1.wav").unlink()  # killed before it was there
    with open(manifest, "a") as file:
        file.write('{"id": "tg')
    assert again() == {"two"} and again() == set()
    assert [json.loads(line)["id"] for line in manifest.read_text().splitlines()] == ["tgt-0", "tgt-1"]


class Speaker:
    """A pipeline that notes what it is asked for."""

    text_config = CONFIG
    sampling = SamplingOptions()

    def __init__(self):
        self.asked, self.adapted = [], []

    def create_voice(self, prompt_audio, prompt_text, language, adapt):
        self.adapted.append(adapt)
        return replace(VOICE, text=prompt_text)

    def batch(self, requests, batch_size, **options):
        self.asked += [(r.text, r.voice.text, r.seed, {"temperature": r.temperature, **options}) for r in requests]
        audio, stopped = np.zeros(2400, dtype=np.float32), [r.text != "three" for r in requests]
        return [
            SimpleNamespace(
                audio=audio, sample_rate=24_000, seed=r.seed, attempts=1 if end else 3, stopped=end, warnings=[],
                wrong=None, timing=None,
            )
            for r, end in zip(requests, stopped, strict=True)
        ]


def test_resumes_and_counts_failures(tmp_path, capsys):
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "😀", "three"))]
    chosen = choose_references(targets, [utterance("ann", 1, "hello")], seed=0)
    seeds = {target.utt: seed_of(7, target.utt) for target in targets}
    speaker, options = Speaker(), {"temperature": 0.5}
    made = decode(speaker, tasks_of(speaker, targets, chosen, options, {}), tmp_path, {}, seed=7)
    assert [utt for utt, _ in made.failed] == ["tgt-1"] and "tgt-1: " in capsys.readouterr().err
    assert speaker.asked == [("one", "hello", seeds["tgt-0"], options), ("three", "hello", seeds["tgt-2"], options)]
    assert sorted(p.name for p in (tmp_path / "wav").iterdir()) == ["stopped", "tgt-0.wav", "tgt-2.wav"]
    assert (tmp_path / "wav/stopped").read_text() == "tgt-0 1 1\ntgt-2 0 3\n"
    records = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert [(r["id"], r["reference"], r["seconds"]) for r in records] == [
        ("tgt-0", "ann-1", 0.1),
        ("tgt-2", "ann-1", 0.1),
    ]

    speaker.asked.clear()
    (tmp_path / "wav/tgt-2.wav").unlink()
    decode(speaker, tasks_of(speaker, targets[::-1], chosen, options, {}), tmp_path, {}, seed=7)
    assert [(text, seed) for text, _, seed, _ in speaker.asked] == [("three", seeds["tgt-2"])]  # as the first time
    assert (tmp_path / "wav/stopped").read_text() == "tgt-0 1 1\ntgt-2 0 3\n"


def test_voices_that_are_adapted_are_spoken_anew(tmp_path):
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "two"))]
    chosen, asked = choose_references(targets, [utterance("ann", 1, "hello")], seed=0), []
    for adapt, space in ((False, "a"), (True, "a"), (True, "a"), (True, "b"), (False, "b")):
        speaker = Speaker()
        speaker.speaker_space = space, 3
        decode(speaker, tasks_of(speaker, targets, chosen, {}, {}, adapt=adapt), tmp_path, {}, seed=0)
        asked.append((len(speaker.asked), speaker.adapted))
    assert asked == [(2, [False]), (2, [True]), (0, []), (2, [True]), (2, [False])]


def test_without_transcripts_the_words_of_the_clips_are_unknown(tmp_path):
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "two"))]
    chosen = choose_references(targets, [utterance("ann", 1, "hello")], seed=0)
    asked = []
    for transcripts in (True, False, False):
        speaker = Speaker()
        tasks = tasks_of(speaker, targets, chosen, {}, {"max_retries": 0}, transcripts)
        decode(speaker, tasks, tmp_path, {}, seed=0)
        asked.append([(said, options) for _, said, _, options in speaker.asked])
    options = {"temperature": None, "max_retries": 0}
    assert asked == [[("hello", options)] * 2, [(None, options)] * 2, []]  # and what is known is no longer that


def test_tables_of_references_are_whole_or_named(tmp_path):
    clip = Utterance("b-1", "b", tmp_path / "b.wav", "Hello.", 1.0)
    write_references(tmp_path / "out", {"a-1": clip})
    assert (tmp_path / "out/utt2ref").read_text() == "a-1 b-1\n"
    (tmp_path / "other/wav.scp").mkdir(parents=True)
    with pytest.raises(WriteError, match="other/wav.scp cannot be written: Is a directory"):
        write_references(tmp_path / "other", {"a-1": clip})
