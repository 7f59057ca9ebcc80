import json

import numpy as np
import pytest
import soundfile

from ditar.evaluate import score as score_module
from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.score import compare, hear, score

TEXTS = {"u1": "one two three four", "u2": "five six seven eight"}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Outputs and originals whose transcripts are known: `<folder>/<utt>.heard` stands for recognition."""
    pytest.importorskip("jiwer", reason="jiwer is not installed (pip install '.[eval]')")

    def heard(audio, sentences=None, workers=None, progress=True):
        return {utt: path.with_suffix(".heard").read_text() for utt, path in audio.items()}

    monkeypatch.setattr(score_module, "recognise", heard)
    monkeypatch.setattr(score_module, "recogniser_name", lambda: "the fixture 1")
    (tmp_path / "text").write_text("".join(f"{utt} {text}\n" for utt, text in TEXTS.items()))
    (tmp_path / "decoys.txt").write_text("nine ten\n")
    rng = np.random.default_rng(0)
    for name, transcripts in {
        "original": {"u1": "one two three", "u2": "five six seven eight"},
        "output": {"u1": "one two", "u2": "five six seven eight"},
    }.items():
        (tmp_path / name).mkdir()
        for utt, text in transcripts.items():
            samples = np.concatenate([0.1 * rng.standard_normal(24_000), np.zeros(4_000)])
            soundfile.write(tmp_path / name / f"{utt}.wav", samples, 24_000)
            (tmp_path / name / f"{utt}.heard").write_text(text)
    return tmp_path


def test_score_writes_what_it_returns(folders):
    out = folders / "new" / "scores"
    result = score(folders / "output", folders / "text", original_dir=folders / "original",
                   closed_set=[folders / "decoys.txt"], out=out, resamples=100, progress=False)
    assert result["utterances"] == 2
    assert result["wer"]["rate"] == 2 / 8 and result["wer"]["low"] == 0 and result["wer"]["high"] == 0.5
    assert result["original"]["wer"]["rate"] == 1 / 8
    assert result["original"]["wer_ratio"]["value"] == 2
    assert result["closed_set"]["rate"] == 0.5 and result["closed_set"]["sentences"] == 3
    assert result["outputs"]["silent_rate"] == result["outputs"]["truncated_rate"] == 0
    assert result["similarity"] is None
    assert result["settings"]["recogniser"] == "the fixture 1"
    assert json.loads((out / "score.json").read_text()) == result
    rows = [json.loads(line) for line in (out / "utterances.jsonl").read_text().splitlines()]
    assert [row["utt"] for row in rows] == ["u1", "u2"]
    assert rows[0]["heard"] == "one two" and rows[0]["wer"] == 0.5 and not rows[0]["hit"] and rows[1]["hit"]
    table = (out / "score.md").read_text()
    assert "| word error | 25.0 % (0.0 % to 50.0 %) | 12.5 %" in table
    assert "closed set of 3 sentences" in table and "the fixture 1" in table
    assert not list(out.glob(".*"))


def test_score_alone(folders):
    result = score(folders / "output", folders / "text", progress=False)
    assert result["original"] is None and result["closed_set"] is None
    (folders / "output" / "u1.heard").write_text("one two three four")
    assert score(folders / "output", folders / "text", progress=False)["wer"]["rate"] == 0


def test_a_faultless_original_leaves_valid_json(folders):
    (folders / "original" / "u1.heard").write_text("one two three four")
    score(folders / "output", folders / "text", original_dir=folders / "original", out=folders / "s", progress=False)
    ratio = json.loads((folders / "s" / "score.json").read_text())["original"]["wer_ratio"]
    assert ratio["value"] is None and ratio["low"] == 1


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


@pytest.fixture
def voices(folders, monkeypatch):
    """References by jo (for u1) and al (for u2); an embedding of a file is what its `.voice` says, here an angle."""

    def embed(audio, progress=True, title=""):
        angles = {utt: float(path.with_suffix(".voice").read_text()) for utt, path in audio.items()}
        return {utt: np.array([np.cos(angle), np.sin(angle)]) for utt, angle in angles.items()}

    monkeypatch.setattr(score_module, "embed_files", embed)
    monkeypatch.setattr(score_module, "embedder_name", lambda: "the fixture's ear")
    (folders / "reference").mkdir()
    angles = {"reference/jo": 0.0, "reference/al": 1.0, "output/u1": 0.1, "output/u2": 0.9, "original/u1": 0.2,
              "original/u2": 0.2}  # fmt: skip
    for name, angle in angles.items():
        (folders / f"{name}.voice").write_text(str(angle))
    for clip in ("jo", "al"):
        (folders / f"reference/{clip}.wav").write_bytes((folders / "output/u1.wav").read_bytes())
    (folders / "reference/utt2ref").write_text("u1 jo\nu2 al\n")
    return folders


def judge(folders, **options):
    return score(folders / "output", folders / "text", folders / "reference", folders / "original", progress=False,
                 **options)  # fmt: skip


def test_originals_are_compared_with_references_of_their_own_speaker(voices):
    (voices / "reference/utt2spk").write_text("jo jo\nal al\n")
    unknown = judge(voices, out=voices / "s")["similarity"]
    assert unknown["mean"] == pytest.approx(np.cos(0.1)) and unknown["identified"] == 1
    assert unknown["original_mean"] is None and unknown["original_utterances"] == 0
    assert "| speaker similarity | 0.995 |  |" in (voices / "s/score.md").read_text()

    (voices / "original/utt2spk").write_text("u1 jo\nu2 jo\n")  # one speaker, cloned once in another's voice
    known = judge(voices, out=voices / "s")["similarity"]
    assert known["original_mean"] == pytest.approx(np.cos(0.2)) and known["original_utterances"] == 1
    assert "0.980 (1 of the same speaker)" in (voices / "s/score.md").read_text()

    (voices / "original/utt2spk").write_text("u1 ed\nu2 ed\n")
    assert judge(voices)["similarity"]["original_mean"] is None


def test_the_rate_of_outputs_that_never_stopped(folders):
    out = folders / "s"
    assert score(folders / "output", folders / "text", out=out, progress=False)["outputs"]["no_stop_rate"] is None
    assert "| outputs without a stop | not known |" in (out / "score.md").read_text()
    assert "stopped" not in json.loads((out / "utterances.jsonl").read_text().splitlines()[0])
    (folders / "output/stopped").write_text("u1 1 1\nu2 0 3\n")
    assert score(folders / "output", folders / "text", out=out, progress=False)["outputs"]["no_stop_rate"] == 0.5
    assert "| outputs without a stop | 50.0 % |" in (out / "score.md").read_text()
    rows = [json.loads(line) for line in (out / "utterances.jsonl").read_text().splitlines()]
    assert [(row["stopped"], row["attempts"]) for row in rows] == [(True, 1), (False, 3)]


def test_references_are_looked_up_before_any_work(voices, monkeypatch):
    monkeypatch.setattr(score_module, "recognise", lambda *args: pytest.fail("recognition began"))
    monkeypatch.setattr(score_module, "read_waveform", lambda *args: pytest.fail("reading began"))
    (voices / "reference/utt2ref").write_text("u1 jo\nu2 eve\n")
    with pytest.raises(EvaluationError, match="1 of 2 utterances have no reference clip.*'u2'"):
        judge(voices, closed_set=[voices / "decoys.txt"])
    (voices / "reference/utt2ref").write_text("u1 jo\nu2 al\n")
    (voices / "reference/utt2spk").write_text("jo\n")
    with pytest.raises(EvaluationError, match="utt2spk:1: expected"):
        judge(voices)
    (voices / "reference/utt2spk").unlink()
    (voices / "output/stopped").write_text("u1 1 1\n")
    with pytest.raises(EvaluationError, match="lacks 'u2'"):
        judge(voices)


def test_mistakes_are_named_before_any_work(folders, monkeypatch):
    monkeypatch.setattr(score_module, "recognise", lambda *args: pytest.fail("recognition began"))
    (folders / "original" / "u2.wav").unlink()
    with pytest.raises(EvaluationError, match="1 of 2 utterances have no original.*'u2'"):
        score(folders / "output", folders / "text", original_dir=folders / "original")
    (folders / "file").write_text("")
    with pytest.raises(EvaluationError, match="no folder for results.*file"):
        score(folders / "output", folders / "text", out=folders / "file")
    (folders / "output" / "u3.wav").write_bytes((folders / "output" / "u1.wav").read_bytes())
    with pytest.raises(EvaluationError, match="no line.*'u3'"):
        score(folders / "output", folders / "text")


def test_real_speech_end_to_end(speak, tmp_path):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (pip install '.[eval]')")
    pytest.importorskip("jiwer", reason="jiwer is not installed (pip install '.[eval]')")
    sentences = {"u1": "She bought three apples.", "u2": "My brother plays the guitar."}
    (tmp_path / "wavs").mkdir()
    for utt, sentence in sentences.items():
        (tmp_path / "wavs" / f"{utt}.wav").write_bytes(speak(sentence).read_bytes())
    (tmp_path / "text").write_text("".join(f"{utt} {text}\n" for utt, text in sentences.items()))
    (tmp_path / "decoys.txt").write_text("He sold two oranges.\nYour sister paints the door.\n")
    result = score(tmp_path / "wavs", tmp_path / "text", closed_set=tmp_path / "decoys.txt", workers=1, progress=False)
    assert result["closed_set"]["rate"] == 1.0
    assert result["wer"]["rate"] <= 0.2
    assert result["settings"]["recogniser"].startswith("pocketsphinx")
