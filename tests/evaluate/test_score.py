import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ditar.evaluate import judge as judge_module
from ditar.evaluate import quality
from ditar.evaluate import score as score_module
from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.report import read_results
from ditar.evaluate.score import compare, hear, score
from tests.evaluate.sounds import RATE_HZ, buzz, hiss

TEXTS = {"u1": "one two three four", "u2": "five six seven eight"}
CHEAP = ["words", "outputs"]


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Outputs and originals whose transcripts are known: `<folder>/<utt>.heard` stands for recognition."""
    pytest.importorskip("jiwer", reason="jiwer is not installed (pip install '.[eval]')")

    class Hears:
        name, normaliser, spelling = "the fixture 1", "plain", None

        def __init__(self, *_, language="en-us"):
            pass

        def recognise(self, audio, workers=None, progress=True):
            return {utt: path.with_suffix(".heard").read_text() for utt, path in audio.items()}

    for module in (judge_module, score_module):  # each imports the name
        monkeypatch.setattr(module, "make_recogniser", Hears)
    monkeypatch.setattr(judge_module, "Pocketsphinx", Hears)
    (tmp_path / "text").write_text("".join(f"{utt} {text}\n" for utt, text in TEXTS.items()))
    (tmp_path / "decoys.txt").write_text("nine ten\n")
    for name, transcripts in {
        "original": {"u1": "one two three", "u2": "five six seven eight"},
        "output": {"u1": "one two", "u2": "five six seven eight"},
    }.items():
        (tmp_path / name).mkdir()
        for seed, (utt, text) in enumerate(transcripts.items()):
            samples = np.concatenate([buzz(0.4), hiss(0.4, seed=seed), buzz(0.3, 150.0), np.zeros(2_000)])
            soundfile.write(tmp_path / name / f"{utt}.wav", samples, RATE_HZ)
            (tmp_path / name / f"{utt}.heard").write_text(text)
    return tmp_path


def judge(folders, metrics=CHEAP, **options):
    return score(folders / "output", folders / "text", metrics=metrics, resamples=100, progress=False, **options)


def test_score_writes_what_it_returns(folders):
    out = folders / "new" / "scores"
    result = judge(folders, ["words", "closed_set", "outputs", "prosody", "parallel"], out=out,
                   original_dir=folders / "original", closed_set=[folders / "decoys.txt"],
                   provenance={"date": "today"})  # fmt: skip
    figures, original = result["metrics"], result["original"]
    assert (out / result["settings"]["paths_from"]).resolve() == Path.cwd()  # where the names of audio begin
    assert result["utterances"] == 2 and result["version"] == 1 and result["provenance"] == {"date": "today"}
    assert figures["wer"] == {"value": 2 / 8, "low": 0, "high": 0.5, "utterances": 2}
    assert original["metrics"]["wer"]["value"] == 1 / 8 and original["wer_ratio"]["value"] == 2
    assert original["differences"]["wer"]["value"] == 1 / 8
    assert figures["closed_set"]["value"] == 0.5 and "3 sentences" in result["tools"]["closed_set"]
    assert figures["unfinished"]["value"] == 0.5 and figures["repeating"]["value"] == 0
    assert figures["silent"]["value"] == figures["truncated"]["value"] == 0
    assert figures["mcd_db"]["value"] == 0 and "mcd_db" not in original["differences"]  # the same sounds
    assert figures["f0_median_hz"]["value"] > 100 and original["differences"]["f0_median_hz"]["value"] == 0
    assert "similarity" not in figures and "distillmos" not in figures
    assert result["tools"]["words"] == "the fixture 1" and result["against"] is None
    assert {"words", "closed_set", "outputs", "prosody", "parallel"} == result["settings"]["seconds"].keys()

    assert read_results(out)[0] == result
    rows = read_results(out)[1]
    assert [row["utt"] for row in rows] == ["u1", "u2"] and rows[0]["audio"] == str(folders / "output/u1.wav")
    assert rows[0]["heard"] == "one two" and rows[0]["wer"] == 0.5 and not rows[0]["hit"] and rows[1]["hit"]
    table = (out / "scores.md").read_text()
    assert "| word error | 25.0 % (0.0 to 50.0) | 12.5 % (0.0 to 25.0) | 12.5 % (0.0 to 25.0) |" in table
    assert "| word error, ratio |  |  | 2.00 (1.00 to 2.00) |" in table and "the fixture 1" in table
    (case,) = result["worst"]["wer"]  # the other one is right
    assert case == {"value": 0.5, "utt": "u1", "audio": str(folders / "output/u1.wav"), "text": TEXTS["u1"],
                    "heard": "one two"}  # fmt: skip
    assert '- 50.0 % [u1](<../../output/u1.wav>): "one two three four", heard "one two"' in table
    assert not list(out.glob(".*"))


def test_the_text_is_found_beside_the_audio_or_not_needed(folders):
    found = score(folders / "output", metrics=CHEAP, progress=False)
    assert found["settings"]["text_file"] == str(folders / "text")
    (folders / "text").rename(folders / "elsewhere")
    with pytest.raises(EvaluationError, match="no text of .*output'.*--metrics outputs,distillmos"):
        score(folders / "output", progress=False)
    with pytest.raises(EvaluationError, match="'words' needs TEXT"):
        score(folders / "output", metrics=["words"], progress=False)
    alone = score(folders / "output", metrics=["outputs", "prosody"], progress=False)
    assert alone["metrics"]["f0_median_hz"]["utterances"] == 2 and "words_per_s" not in alone["metrics"]


def test_a_faultless_original_leaves_valid_json(folders):
    (folders / "original" / "u1.heard").write_text("one two three four")
    judge(folders, original_dir=folders / "original", out=folders / "s")
    ratio = json.loads((folders / "s" / "scores.json").read_text())["original"]["wer_ratio"]
    assert ratio["value"] is None and ratio["low"] == 1
    assert "infinite" in (folders / "s" / "scores.md").read_text()


def test_against_another_system_by_its_audio_or_its_results(folders):
    by_audio = judge(folders, against=folders / "original")["against"]
    assert by_audio["metrics"]["wer"]["value"] == 1 / 8 and by_audio["wer_ratio"]["value"] == 2
    assert by_audio["differences"]["wer"] == {"value": 1 / 8, "low": 0, "high": 0.25, "utterances": 2}
    score(folders / "original", folders / "text", metrics=CHEAP, progress=False, out=folders / "base")
    (folders / "original" / "u1.heard").write_text("its audio is not asked again")
    by_results = judge(folders, against=folders / "base", out=folders / "s")["against"]
    assert by_results == {**by_audio, "name": str(folders / "base")}
    assert f"| {folders / 'base'} | difference |" in (folders / "s" / "scores.md").read_text()


def test_another_system_is_judged_as_this_one(folders):
    """By its own table of ends, and against the same originals: 3.4 s are too long where they have 1.2 s."""
    (folders / "base").mkdir()
    for utt in TEXTS:
        samples = np.concatenate([buzz(3.3), np.zeros(2_000)])
        soundfile.write(folders / f"base/{utt}.wav", samples, RATE_HZ)
        (folders / f"base/{utt}.heard").write_text("one")
    (folders / "base/stopped").write_text("u1 0 1\nu2 1 1\n")
    (folders / "output/stopped").write_text("u1 1 1\nu2 1 1\n")
    groups = ["words", "outputs", "parallel"]
    result = judge(folders, groups, against=folders / "base", original_dir=folders / "original")
    other = result["against"]
    assert [other["metrics"][name]["value"] for name in ("no_stop", "too_long")] == [0.5, 1.0]
    assert [other["differences"][name]["value"] for name in ("no_stop", "too_long")] == [-0.5, -1.0]
    assert result["metrics"]["mcd_db"]["value"] < 0.01 < 1 < other["metrics"]["mcd_db"]["value"]


def test_scores_of_other_references_or_originals_do_not_compare(voices, monkeypatch):
    """By what is in the files, and by whose they are; before anything is heard."""
    both = {"reference_dir": voices / "reference", "original_dir": voices / "original"}
    groups = ["words", "outputs", "similarity"]
    score(voices / "original", voices / "text", metrics=groups, progress=False, out=voices / "base", **both)
    scores = json.loads((voices / "base/scores.json").read_text())
    shutil.copytree(voices / "reference", voices / "copy")  # the same clips elsewhere
    judge(voices, groups, against=voices / "base", **{**both, "reference_dir": voices / "copy"})
    monkeypatch.setattr(judge_module.Judge, "judge", lambda *_, **__: pytest.fail("heard"))

    def refused(what, folder):
        with pytest.raises(EvaluationError, match=f"base' was scored with other {what} than those in '{folder}'"):
            judge(voices, groups, against=voices / "base", **both)

    (voices / "reference/utt2spk").write_text("jo jo\nal jo\n")
    refused("references", voices / "reference")
    (voices / "reference/utt2spk").unlink()
    soundfile.write(voices / "reference/al.wav", buzz(0.4), RATE_HZ)
    refused("references", voices / "reference")
    del scores["settings"]["inputs"]["references"]  # it was scored without any
    (voices / "base/scores.json").write_text(json.dumps(scores))
    soundfile.write(voices / "original/u1.wav", buzz(0.4), RATE_HZ)
    refused("originals", voices / "original")
    del scores["settings"]["inputs"]  # an earlier result, which does not say what it was scored with
    (voices / "base/scores.json").write_text(json.dumps(scores))
    with pytest.raises(pytest.fail.Exception, match="heard"):
        judge(voices, groups, against=voices / "base", **both)


def test_words_that_are_repeated_and_rates_of_words_as_they_are_said(folders):
    (folders / "text").write_text("u1 one 21\nu2 five six seven eight\n")
    (folders / "output/u1.heard").write_text("one one one twenty one")
    assert judge(folders, ["words", "prosody"], out=folders / "s")["metrics"]["repeating"]["value"] == 0.5
    first, second = read_results(folders / "s")[1]
    assert (first["repeating"], first["repeated"], second["repeating"]) == (True, "one", False)
    for row, words, characters in ((first, 3, 12), (second, 4, 17)):
        assert row["words_per_s"] * row["speech_s"] == pytest.approx(words)
        assert row["characters_per_s"] * row["speech_s"] == pytest.approx(characters)


def test_systems_that_cannot_be_compared(folders, monkeypatch):
    out = folders / "base"
    score(folders / "original", folders / "text", metrics=CHEAP, progress=False, out=out)
    scores = json.loads((out / "scores.json").read_text())
    monkeypatch.setattr(judge_module.Judge, "judge", lambda *args: pytest.fail("recognition began"))

    def refused(message, **changes):
        (out / "scores.json").write_text(json.dumps({**scores, **changes}))
        with pytest.raises(EvaluationError, match=message):
            judge(folders, against=out)

    refused("is of version 7, this program reads version 1", version=7)
    refused("is of version None", version=None)
    other = {**scores["tools"], "words": "another ear"}
    refused("scored with 'another ear', this run has 'the fixture 1'", tools=other)
    refused("2 rows in utterances.jsonl and 5 utterances", utterances=5)
    (out / "scores.json").write_text(json.dumps(scores))
    (folders / "text").write_text("u1 one two three five\nu2 five six seven eight\n")
    with pytest.raises(EvaluationError, match="scored on another text than .*'u1'"):
        judge(folders, against=out)
    (folders / "original" / "u2.wav").unlink()
    with pytest.raises(EvaluationError, match="the same utterances.*'u2'"):
        judge(folders, against=folders / "original")


def test_a_resynthesis_is_compared_with_its_originals(folders):
    (folders / "text").write_text((folders / "text").read_text() + "u3 never resynthesised\n")
    original, made = (hear(folders / name, folders / "text", progress=False) for name in ("original", "output"))
    result = compare(original, made)
    assert result["original"]["rate"] == 1 / 8 and result["resynthesised"]["rate"] == 2 / 8
    assert result["ratio"]["value"] == 2 and result["utterances"] == 2
    assert compare(original, original)["ratio"] == {"value": 1, "low": 1, "high": 1}


def test_comparison_needs_the_same_utterances(folders):
    both = hear(folders / "output", folders / "text", progress=False)
    assert compare(both, both)["ratio"]["value"] == 1
    with pytest.raises(EvaluationError, match="only one of the two.*'u2'"):
        compare(both, both[:1])


def test_quality_stands_beside_that_of_the_originals(folders, monkeypatch):
    class Rates:
        name = "the rater 3"

        def __init__(self, device):
            assert device == "cpu"

        def rate(self, audio, workers=None, progress=True):
            scores = {"output/u1": 2.0, "output/u2": 3.0, "original/u1": 4.0}  # the other has no sound
            names = {utt: f"{path.parent.name}/{path.stem}" for utt, path in audio.items()}
            return {utt: {"distillmos": scores[name]} if name in scores else {} for utt, name in names.items()}

    monkeypatch.setattr(quality, "DistillMOS", Rates)
    result = judge(folders, ["distillmos"], original_dir=folders / "original", out=folders / "s")
    figure, original = result["metrics"]["distillmos"], result["original"]
    assert (figure["value"], figure["low"], figure["high"], figure["utterances"]) == (2.5, 2.0, 3.0, 2)
    assert original["metrics"]["distillmos"]["value"] == 4.0
    assert original["differences"]["distillmos"] == {"value": -2.0, "low": None, "high": None, "utterances": 1}
    assert result["tools"] == {"distillmos": "the rater 3"} and "distillmos" in result["settings"]["seconds"]
    assert [case["utt"] for case in result["worst"]["distillmos"]] == ["u1", "u2"]
    table = (folders / "s/scores.md").read_text()
    assert "| DistillMOS | 2.50 (2.00 to 3.00) | 4.00 (1 utterance) | -2.00 (1 utterance) |" in table


@pytest.fixture
def voices(folders, monkeypatch):
    """References by jo (for u1) and al (for u2); an embedding of a file is what its `.voice` says, here an angle."""

    def embed(audio, progress=True, title="", embedder=None):
        angles = {utt: float(path.with_suffix(".voice").read_text()) for utt, path in audio.items()}
        return {utt: np.array([np.cos(angle), np.sin(angle)]) for utt, angle in angles.items()}

    class Ear:
        name = "the fixture's ear"

    monkeypatch.setattr(judge_module, "embed_files", embed)
    monkeypatch.setattr(judge_module, "Embedder", Ear)
    (folders / "reference").mkdir()
    angles = {"reference/jo": 0.0, "reference/al": 1.0, "output/u1": 0.1, "output/u2": 0.9, "original/u1": 0.2,
              "original/u2": 0.2}  # fmt: skip
    for name, angle in angles.items():
        (folders / f"{name}.voice").write_text(str(angle))
    for clip in ("jo", "al"):
        (folders / f"reference/{clip}.wav").write_bytes((folders / "output/u1.wav").read_bytes())
    (folders / "reference/utt2ref").write_text("u1 jo\nu2 al\n")
    return folders


def test_originals_are_compared_with_references_of_their_own_speaker(voices):
    def known(**options):
        folders = {"reference_dir": voices / "reference", "original_dir": voices / "original"}
        return judge(voices, ["similarity"], **folders, **options)

    (voices / "reference/utt2spk").write_text("jo jo\nal al\n")
    unknown = known(out=voices / "s")
    assert unknown["metrics"]["similarity"]["value"] == pytest.approx(np.cos(0.1)) and unknown["speakers"] == 2
    assert unknown["metrics"]["identified"]["value"] == 1 and unknown["tools"]["similarity"] == "the fixture's ear"
    assert unknown["original"]["metrics"] == {}
    assert "| speaker similarity | 0.995 (0.995 to 0.995) |  |  |" in (voices / "s/scores.md").read_text()

    (voices / "original/utt2spk").write_text("u1 jo\nu2 jo\n")  # one speaker, cloned once in another's voice
    own = known(out=voices / "s")["original"]
    assert own["metrics"]["similarity"]["value"] == pytest.approx(np.cos(0.2))
    assert own["differences"]["similarity"]["value"] == pytest.approx(np.cos(0.1) - np.cos(0.2))
    assert own["metrics"]["similarity"]["utterances"] == own["differences"]["similarity"]["utterances"] == 1

    (voices / "original/utt2spk").write_text("u1 ed\nu2 ed\n")
    assert known()["original"]["metrics"] == {}


def test_voices_of_repeated_runs(voices):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (pip install '.[eval]')")
    options = {"runs": [voices / "original"], "reference_dir": voices / "reference", "out": voices / "s"}
    result = judge(voices, ["diversity"], **options)
    expected = 1 - (np.cos(0.1) + np.cos(0.7)) / 2
    assert result["metrics"]["spread"]["value"] == pytest.approx(expected) and result["runs"] == 2
    assert "| spread of voices over runs (2) |" in (voices / "s/scores.md").read_text()
    assert (voices / "s/diversity.png").read_bytes().startswith(b"\x89PNG")
    scores = read_results(voices / "s")[0]
    assert (scores["kind"], scores["plots"]) == ("evaluation", ["diversity.png"])
    (voices / "original/u2.wav").unlink()
    with pytest.raises(EvaluationError, match="runs differ in their utterances.*'u2'"):
        judge(voices, ["diversity"], **options)


def test_the_rate_of_outputs_that_never_stopped(folders):
    assert "no_stop" not in judge(folders)["metrics"]
    (folders / "output/stopped").write_text("u1 1 1\nu2 0 3\n")
    assert judge(folders, out=folders / "s")["metrics"]["no_stop"]["value"] == 0.5
    assert "| outputs without a stop | 50.0 %" in (folders / "s/scores.md").read_text()
    rows = read_results(folders / "s")[1]
    assert [(row["no_stop"], row["attempts"]) for row in rows] == [(False, 1), (True, 3)]


def test_mistakes_are_named_before_any_work(voices, monkeypatch):
    for name in ("embed_files", "read_judged_audio"):
        monkeypatch.setattr(judge_module, name, lambda *args, **options: pytest.fail("work began"))
    monkeypatch.setattr(judge_module.Judge, "judge", lambda *args, **options: pytest.fail("work began"))

    def refused(message, **options):
        with pytest.raises(EvaluationError, match=message):
            judge(voices, ["words", "similarity"], reference_dir=voices / "reference", **options)

    (voices / "reference/utt2ref").write_text("u1 jo\nu2 eve\n")
    refused("1 of 2 utterances have no reference clip.*'u2'")
    (voices / "reference/utt2ref").write_text("u1 jo\nu2 al\n")
    (voices / "reference/utt2spk").write_text("jo\n")
    refused("utt2spk:1: expected")
    (voices / "reference/utt2spk").unlink()
    (voices / "output/stopped").write_text("u1 1 1\n")
    refused("lacks 'u2'")
    (voices / "output/stopped").unlink()
    (voices / "file").write_text("")
    refused("no folder for results.*file", out=voices / "file")
    (voices / "original" / "u2.wav").unlink()
    refused("1 of 2 utterances have no original.*'u2'", original_dir=voices / "original")
    (voices / "output" / "u3.wav").write_bytes((voices / "output" / "u1.wav").read_bytes())
    refused("no line.*'u3'")
    for file in (voices / "output").glob("*.wav"):
        file.unlink()
    refused("no .wav or .flac file")


def test_real_speech_end_to_end(speak, tmp_path):
    pytest.importorskip("jiwer", reason="jiwer is not installed (pip install '.[eval]')")
    sentences = {"u1": "She bought three apples.", "u2": "My brother plays the guitar."}
    (tmp_path / "wavs").mkdir()
    for utt, sentence in sentences.items():
        (tmp_path / "wavs" / f"{utt}.wav").write_bytes(speak(sentence).read_bytes())
    (tmp_path / "text").write_text("".join(f"{utt} {text}\n" for utt, text in sentences.items()))
    (tmp_path / "decoys.txt").write_text("He sold two oranges.\nYour sister paints the door.\n")
    result = score(tmp_path / "wavs", closed_set=tmp_path / "decoys.txt", workers=1, progress=False,
                   recogniser="pocketsphinx", metrics=["words", "closed_set", "outputs", "prosody"])  # fmt: skip
    figures = {name: figure["value"] for name, figure in result["metrics"].items()}
    assert figures["closed_set"] == 1.0 and figures["wer"] <= 0.2
    assert figures["unfinished"] == figures["repeating"] == figures["truncated"] == 0
    assert 80 < figures["f0_median_hz"] < 120 and 2 < figures["words_per_s"] < 6
    assert result["tools"]["words"].startswith("pocketsphinx")


def test_a_folder_of_synthesize_is_judged_by_its_manifest(folders):
    rows = [{"id": utt, "file": f"{utt}.wav", "text": text} for utt, text in TEXTS.items()]
    for utt in TEXTS:  # a run with another text that was replaced, and a line that a killed process left
        rows.insert(0, {"id": utt, "file": f"{utt}.wav", "text": "other words"})
    (folders / "text").unlink()
    (folders / "output/manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"id": "u')
    found = score(folders / "output", metrics=CHEAP, resamples=100, progress=False)
    assert found["metrics"]["wer"]["value"] == 2 / 8 and found["settings"]["text_file"].endswith("manifest.jsonl")
    (folders / "output/deep").mkdir()
    for path in [*(folders / "output").glob("u*.*")]:
        path.rename(folders / "output/deep" / path.name)
    again = [row | {"file": f"deep/{row['file']}"} for row in rows]
    (folders / "output/manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in again))
    assert score(folders / "output", metrics=CHEAP, resamples=100, progress=False)["metrics"] == found["metrics"]
    (folders / "output/deep/u1.wav").unlink()
    with pytest.raises(EvaluationError, match="files of 'u1' are missing, though .*manifest.jsonl' lists them"):
        score(folders / "output", metrics=CHEAP, progress=False)
    (folders / "output/manifest.jsonl").write_text("{}\n")
    with pytest.raises(EvaluationError, match="lists no output; make it again"):
        score(folders / "output", metrics=CHEAP, progress=False)


@pytest.mark.parametrize("place", ["output", "original", "references", "run", "base"])
def test_files_that_cannot_be_judged_are_all_named_before_anything_is_heard(folders, place, monkeypatch):
    monkeypatch.setattr(judge_module.Judge, "judge", lambda *_, **__: pytest.fail("heard"))
    monkeypatch.setattr(judge_module.Judge, "_load_embedder", lambda *_: None)
    for name in ("references", "run", "base"):
        (folders / name).mkdir()
        for utt in TEXTS:
            soundfile.write(folders / name / f"{utt}.wav", buzz(0.4), RATE_HZ)
    (folders / place / "u1.wav").write_text("junk")
    soundfile.write(folders / place / "u2.wav", np.full(100, np.nan), RATE_HZ, subtype="FLOAT")
    with pytest.raises(EvaluationError, match=r"2 of 10 audio files cannot be judged.*u1\.wav.*u2\.wav"):
        judge(folders, ["words", "similarity", "diversity"], original_dir=folders / "original",
              reference_dir=folders / "references", runs=[folders / "run"], against=folders / "base")  # fmt: skip


def test_a_text_without_a_word_is_named_before_anything_is_heard(folders, monkeypatch):
    monkeypatch.setattr(judge_module.Judge, "judge", lambda *_, **__: pytest.fail("heard"))
    (folders / "text").write_text("u1 one\nu2 ...\n")
    with pytest.raises(EvaluationError, match=r"the texts of 'u2' have no word, such as '\.\.\.'"):
        judge(folders)


def test_the_scores_to_compare_with_are_not_written_over(folders):
    judge(folders, out=folders / "scores")
    before = (folders / "scores/scores.json").read_bytes()
    with pytest.raises(EvaluationError, match="is the system to compare with, whose scores would be lost"):
        judge(folders, out=folders / "deep/../scores", against=folders / "scores")
    assert (folders / "scores/scores.json").read_bytes() == before


def test_one_utterance_has_no_interval_and_columns_of_fewer_say_so(folders):
    for name in ("output", "original"):
        (folders / name / "u2.wav").unlink()
    (folders / "text").write_text(f"u1 {TEXTS['u1']}\n")
    one = judge(folders, original_dir=folders / "original", out=folders / "out")
    assert one["metrics"]["wer"] == {"value": 0.5, "low": None, "high": None, "utterances": 1}
    assert one["original"]["differences"]["wer"]["low"] is None and one["original"]["wer_ratio"]["low"] is None
    table = (folders / "out/scores.md").read_text()
    assert "| word error | 50.0 % (1 utterance) | 25.0 % (1 utterance) | 25.0 % (1 utterance) |" in table
    assert "| word error, ratio |  |  | 2.00 |" in table
