"""egs/natural/bars.sh: a part of it from end to end, with a tiny model and chords for voices; what its table says."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance
from ditar.report.results import read_result, render
from tests.egs.corpora import ROOT, chord, run, table
from tests.python_server import quick_python
from tests.tiny import tiny_pipeline

sys.path.insert(0, str(ROOT / "egs/natural/local"))
import bars  # noqa: E402

WORDS = ["A bad dog.", "Good morning.", "It was late.", "Nobody came.", "Two of them left.", "She read a book."]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bars") / "model"
    tiny_pipeline(stop_bias=20.0).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Two speakers with enough clips, one with too few; and a corpus that is no test."""
    folder = tmp_path_factory.mktemp("real")
    for corpus, speakers in (("test_clean", {"61": 6, "121": 6, "260": 4}), ("other", {"7": 6})):
        lines = "utt\tspeaker\trate\ttext\n"
        for speaker, clips in speakers.items():
            for number, text in enumerate(WORDS[:clips]):
                chord(folder / corpus / "audio" / speaker / f"{speaker}-1-{number:04d}.flac", 16_000, 3.2)
                lines += f"{speaker}-1-{number:04d}\t{speaker}\t16000\t{text}\n"
        (folder / corpus / "utterances.tsv").write_text(lines)
    return folder


def test_a_part_is_spoken_judged_and_not_made_again(model, real, tmp_path):
    out = tmp_path / "out"
    options = [model, out, "--real", real, "--only", "untranscribed", "--outputs", "3", "--metrics", "outputs",
               "--guidance-scale", "1"]  # fmt: skip
    said = run("egs/natural/bars.sh", *options)
    assert "untranscribed is done" in said and "at most 3 outputs" in said
    part = out / "untranscribed"
    texts, references = table(part / "data/text"), table(part / "references/utt2ref")
    assert len(texts) == 3 and {utt.split("-")[0] for utt in texts} == {"ls61", "ls121"}
    assert table(part / "decode/text") == texts
    rows = [json.loads(line) for line in (part / "decode/manifest.jsonl").read_text().splitlines()]
    assert {row["id"]: row["reference"] for row in rows} == references and {row["attempts"] for row in rows} == {1}

    result = read_result(out / "bars.json")
    assert "| real voices, without the reference's transcript | 3 |" in render(result, out / "bars.json", "Bars")
    found = result["parts"]["untranscribed"]["figures"]
    assert found["no_stop"]["value"] == 0 and "flawed" not in found  # nobody has heard the words
    assert {bar["reached"] for bar in result["bars"]} == {None}
    assert len(result["model"]["files"]) == len([*model.rglob("*.json"), *model.rglob("*.safetensors")])

    made = {path: path.stat().st_mtime_ns for path in part.rglob("*") if path.is_file() and path.name != "log"}
    run("egs/natural/bars.sh", *options)
    assert made == {path: path.stat().st_mtime_ns for path in made}
    assert "score is done already" in (part / "log").read_text()


def test_what_is_missing_is_named(model, tmp_path):
    program = "egs/natural/bars.sh"
    assert "no part 'rael'" in run(program, model, tmp_path / "o", "--only", "rael", code=1)
    assert "model_index.json" in run(program, tmp_path, tmp_path / "o", code=1)
    assert "a folder for results" in run(program, model, code=1)
    said = run(program, model, tmp_path / "o", "--only", "teacher", "--teacher", tmp_path, code=1)
    assert "teacher failed" in said and "stages -1 and 0" in said and "not finished: teacher" in said


def test_a_damaged_clip_is_named(real, tmp_path):
    shutil.copytree(real, tmp_path / "real")
    (tmp_path / "real/test_clean/audio/61/61-1-0002.flac").write_bytes(b"fLaC")
    program = [quick_python(), ROOT / "egs/natural/local/bars.py", "data", "--part", "real", "--out", tmp_path / "o"]
    done = subprocess.run([*program, "--real", tmp_path / "real"], capture_output=True, text=True)
    assert done.returncode == 1 and "61-1-0002.flac" in done.stderr and "Traceback" not in done.stderr


def test_nobody_speaks_after_his_own_words(real):
    targets, references = bars.real_pairs(bars.real_clips([str(real)]))
    assert [row.speaker for row in targets] == ["ls121"] * 5 + ["ls61"] * 5
    assert set(references) == set(references.values()) == {row.utt for row in targets}
    assert all(utt != before and utt.split("-")[0] == before.split("-")[0] for utt, before in references.items())
    with pytest.raises(DataError, match="5 clips"):
        bars.real_pairs([Utterance("a-1", "a", real, "Yes.", 4.0)])


def test_the_teachers_voices_speak_after_their_own_clip(tmp_path):
    rows = {"test": [("b-1", "b"), ("a-2", "a"), ("a-1", "a")], "test_ref": [("a-ref", "a"), ("b-ref", "b")]}
    for name, some in rows.items():
        clips = [Utterance(utt, who, tmp_path / f"{utt}.wav", "Yes.") for utt, who in some]
        bars.write_data_dir(tmp_path / name, clips)
        for utt, _ in some:
            chord(tmp_path / f"{utt}.wav", 24_000)
    bars.write_part("teacher", tmp_path / "o", [], tmp_path, None)
    assert table(tmp_path / "o/references/utt2ref") == {"a-1": "a-ref", "a-2": "a-ref", "b-1": "b-ref"}


def test_both_minutes_of_the_book_have_the_same_words(tmp_path):
    sentences = bars.book_sentences(None)
    assert len(sentences) == 230 and sentences[:100] == sentences[:-101:-1]
    times, at = {"words": []}, 0.5
    for word in " ".join(sentences).split():
        times["words"].append({"text": word, "start": at, "end": at + 0.3})
        at += 0.4
    times["seconds"] = at
    (tmp_path / "times.json").write_text(json.dumps(times))
    soundfile.write(tmp_path / "book.wav", np.zeros(round(at * 24_000), dtype=np.float32), 24_000)
    bars.write_minutes(tmp_path / "book.wav", tmp_path / "times.json", sentences, tmp_path / "minutes")
    text = table(tmp_path / "minutes/text")
    assert sorted(text["first"].split()) == sorted(text["last"].split())
    for name in ("first", "last"):
        words = len(text[name].split())
        assert soundfile.info(tmp_path / f"minutes/{name}.wav").duration == pytest.approx(0.4 * words, abs=0.6)
        assert 50 < 0.4 * words <= 60
    del times["words"][3]  # it made no sound
    assert bars.minutes(times, sentences)["last"][2] == text["last"]
    with pytest.raises(DataError, match="'zebras'"):
        bars.minutes({"seconds": 9.0, "words": [{"text": "zebras", "start": 0, "end": 1}]}, sentences)


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        ("The kettle is boiling.", False),
        ("The grey fox, the kettle is boiling.", True),  # three words of the reference
        ("Slept, the kettle is boiling.", True),  # its last one, before the text
        ("The kettle is boiling the fox.", False),  # two words may be misheard
        ("", False),
    ],
)
def test_words_of_the_reference(heard, found):
    assert bars.leaked(heard, "The kettle is boiling.", "Near the grey fox, they slept.") is found


def test_bars_are_judged_as_they_are_written():
    originals = {"wer": {"value": 0.05}, "distillmos": {"value": 4.0}}
    resynthesis = {"figures": {"wer": {"value": 0.065}, "distillmos": {"value": 3.7}}, "originals": originals}
    judged = {bar.metric: bars.judged(bar, resynthesis) for bar in bars.read_bars() if bar.part == "vae_real"}
    assert judged["wer"]["bar"] == pytest.approx(0.065) and judged["wer"]["reached"]  # 1.1 times 5 % and a point
    assert judged["distillmos"]["bar"] == pytest.approx(3.72) and judged["distillmos"]["reached"] is False
    assert judged["similarity"]["reached"] is None
    real = {"figures": {"wer": {"value": 0.081}, "identified": {"value": 0.8}, "flawed": {"value": 0.02}}}
    judged = {bar.metric: bars.judged(bar, real)["reached"] for bar in bars.read_bars() if bar.part == "real"}
    expected = {"wer": False, "identified": True, "flawed": True, "distillmos": None, "similarity": None}
    assert judged == expected
