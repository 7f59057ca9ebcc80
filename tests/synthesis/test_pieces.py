"""Pauses that a text asks for, on every way that a text takes."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ditar.synthesis.long_text import speak_text, stream_text
from ditar.synthesis.pieces import join, pieces_to_speak
from ditar.synthesis.request import SpeechRequest
from ditar.text.pieces import ends_to_cut, gap_samples, gaps
from ditar.text.sentences import Piece
from tests.speaker import CONFIG, VOICE, Speaker
from tests.tiny import clip, tiny_pipeline

TEXT = "[pause:0.1] One is here. [pause:0.25] Two [pause:0] three. Four. [pause:1]"
GAPS = [2400, 6000, 0, 10_800, 24_000]
FAST = {"num_inference_steps": 1, "max_retries": 0}


def test_silences_around_pieces():
    pieces, warnings = pieces_to_speak(TEXT, VOICE, CONFIG, "en-us")
    assert [piece.text for piece in pieces] == ["One is here.", "Two", "three.", "Four."] and not warnings
    assert gaps(pieces) == GAPS
    natural, asked = Piece("a", 0.5), Piece("a", 0.25, asked=True)
    led = Piece("b", 0.5, lead_seconds=1.0)
    assert [gap_samples(*two) for two in [(natural, natural), (natural, led), (asked, led), (None, natural)]] == [
        12_000, 24_000, 30_000, 0,
    ]  # fmt: skip
    assert gap_samples(natural, None) == 0 and gap_samples(asked, None) == 6000


def test_which_ends_of_pieces_a_stream_cuts():
    assert ends_to_cut([0, 0]) == ends_to_cut([2400, 6000]) == [(False, False)]  # one piece is as it was made
    assert ends_to_cut([0, 6000, 0]) == [(False, True), (True, False)]
    assert ends_to_cut([0, 6000, 0, 24_000]) == [(False, True), (True, True), (True, True)]


def test_a_file_that_is_resumed_has_every_silence(tmp_path):
    pieces, _ = pieces_to_speak(TEXT, VOICE, CONFIG, "en-us")

    def speak(speaker, path):
        options = {"seed": 3, "settings": {}, "request_options": {}, "batch_options": {}, "batch_size": 1}
        return speak_text(speaker, pieces, path, **options)

    speak(speaker := Speaker(), tmp_path / "whole.wav")
    outputs = Speaker().batch(speaker.said[:2], batch_size=1) + Speaker().batch(speaker.said[2:], batch_size=1)
    audio, _ = soundfile.read(tmp_path / "whole.wav", dtype="float32")
    np.testing.assert_allclose(audio, join(pieces, outputs)[0], atol=1e-4)
    assert abs(np.flatnonzero(audio)[[0, -1]] - [2400, len(audio) - 24_001]).max() < 1000  # 30 ms are kept at its ends
    assert not audio[:2400].any() and not audio[-24_000:].any()
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=2), tmp_path / "cut.wav")
    assert speak(Speaker(), tmp_path / "cut.wav").resumed == 2
    assert (tmp_path / "cut.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline(trained_seconds=3.0)


def test_a_call_and_a_stream_have_them_too(pipeline):
    voice = pipeline.create_voice(clip(), "Hello there.")
    (alone,) = pipeline.batch([SpeechRequest("One is here.", voice, seed=1)], **FAST)
    made = pipeline("[pause:0.1] One is here. [pause:0.25]", voice=voice, seed=1, **FAST).audio
    np.testing.assert_array_equal(made, np.concatenate([np.zeros(2400), alone.audio, np.zeros(6000)]))

    class Sink:
        heard, samples = np.zeros(0), 0

        def write(self, audio):
            self.heard, self.samples = np.concatenate([self.heard, audio]), self.samples + len(audio)

    pieces, _ = pieces_to_speak("[pause:0.1] One is here. [pause:0.25]", voice, pipeline.text_config, "en-us")
    stream_text(pipeline, pieces, sink := Sink(), seed=1, request_options={}, stream_options=FAST)
    np.testing.assert_allclose(sink.heard, made, atol=1e-4)


def test_a_call_takes_a_lexicon(pipeline):
    voice = pipeline.create_voice(clip(), "Hello there.")
    by_word = pipeline("A tomato.", voice=voice, seed=1, lexicon={"tomato": "təˈmɑːtəʊ"}, **FAST)
    in_text = pipeline("A [tomato](/təˈmɑːtəʊ/).", voice=voice, seed=1, **FAST)
    assert np.array_equal(by_word.audio, in_text.audio)
    assert not np.array_equal(by_word.audio, pipeline("A tomato.", voice=voice, seed=1, **FAST).audio)


def test_a_pronunciation_is_part_of_what_a_piece_is_made_from():
    (plain,), _ = pieces_to_speak("A tomato.", VOICE, CONFIG, "en-us")
    (given,), _ = pieces_to_speak("A [tomato](/təˈmɑːtəʊ/).", VOICE, CONFIG, "en-us")
    assert given.text == "A [tomato](/təmˈɑːtəʊ/)." != plain.text
    assert "".join(given.read.symbols) == "ɐ təmˈɑːtəʊ."


def test_marks_that_the_model_never_learnt_are_named():
    config = replace(CONFIG, trained_symbols=tuple("ɐbɔˈ ."))
    (piece,), (warning,) = pieces_to_speak("A [bon](/bɔ̃/).", VOICE, config, "en-us")
    assert "".join(piece.read.symbols) == "ɐ bɔ." and "[bon](/bɔ̃/): left out" in warning and "COMBINING TILDE" in warning
