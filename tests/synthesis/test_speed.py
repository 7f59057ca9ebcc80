"""Speed: the same speech, made as many times as fast, of every model."""

from contextlib import suppress

import numpy as np
import pytest

from ditar.audio.stretch import Stretcher, stretch
from ditar.synthesis.any_length import speak_pieces
from ditar.synthesis.long_text import speak_text
from ditar.synthesis.pieces import at_speed, pieces_to_speak
from ditar.synthesis.pipeline import SpeechRequest
from ditar.synthesis.retry import SpeechError
from ditar.synthesis.utterance_list import SpeechTask, speak_many
from ditar.text import TextError
from ditar.text.pieces import gaps
from ditar.units import SAMPLE_RATE_HZ
from tests.speaker import CONFIG, VOICE, Speaker
from tests.tiny import tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline

TEXT = "A rose is a rose is a rose is a rose."


def voiced(seconds, pitch_hz=150.0):
    """A sound with a pitch, as a vowel has one."""
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return sum(0.3 / n * np.sin(2 * np.pi * n * pitch_hz * at) for n in range(1, 6)).astype(np.float32)


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_sound_keeps_its_pitch_and_its_level(speed):
    sound = voiced(2.0)
    made = stretch(sound, speed)
    assert len(made) == round(len(sound) / speed)
    assert made.std() == pytest.approx(sound.std(), rel=0.05)
    power = np.abs(np.fft.rfft(made * np.hanning(len(made)))) ** 2
    assert power.argmax() * SAMPLE_RATE_HZ / len(made) == pytest.approx(150.0, abs=2.0)


@pytest.mark.parametrize("speed", [0.5, 0.83, 1.0, 1.7])
@pytest.mark.parametrize("length", [0, 1, 599, 24_000, 50_001])
def test_pieces_make_the_whole(speed, length):
    sound = voiced(3.0)[:length] + np.random.default_rng(0).normal(0, 0.01, length).astype(np.float32)
    whole = stretch(sound, speed)
    assert len(whole) == round(length / speed)
    for cuts in ([1, 2, 700, 701], range(97, length, 97), [length]):
        stretcher, pieces = Stretcher(speed), np.split(sound, [c for c in cuts if c < length])
        made = [stretcher(piece, final=piece is pieces[-1]) for piece in pieces]
        np.testing.assert_array_equal(np.concatenate(made), whole)


@pytest.mark.parametrize("make", [lambda: tiny_pipeline(stop_bias=20.0), tiny_token_pipeline])
def test_speed_divides_the_length(make):
    pipeline = make()
    requests = [SpeechRequest(TEXT, seed=1, speed=speed) for speed in (None, 0.5, 1.25, 2.0)]
    plain, *others = (len(output.audio) for output in pipeline.batch(requests, max_retries=0))
    assert others == [plain * 2, round(plain / 1.25), round(plain / 2)]


def test_a_call_and_a_stream_take_it():
    pipeline = tiny_pipeline(stop_bias=20.0)
    plain, fast = (pipeline(TEXT, seed=1, speed=speed, max_retries=0).audio for speed in (None, 2.0))
    assert len(fast) == round(len(plain) / 2)
    streamed = []
    with suppress(SpeechError):  # too short for its text
        for chunk in pipeline.stream(SpeechRequest(TEXT, seed=1, speed=2.0), max_retries=0, first_chunk_seconds=0):
            streamed.append(chunk)
    assert len(streamed) > 1 and all(map(len, streamed))
    np.testing.assert_allclose(np.concatenate(streamed), fast, atol=1e-5)


def test_times_follow_it():
    pipeline = tiny_pipeline(stop_bias=20.0, alignment="monotonic")
    plain, slow = (pipeline(TEXT, seed=1, speed=speed, timestamps=True, max_retries=0) for speed in (None, 0.5))
    assert [(s.text, 2 * s.start, 2 * s.end) for s in plain.timing.words] == [
        (s.text, s.start, s.end) for s in slow.timing.words
    ]
    assert slow.timing.words and slow.timing.words[-1].end <= len(slow.audio)


def test_what_is_no_speed_is_refused():
    for speed in (0.4, 2.1, float("nan")):
        with pytest.raises(ValueError, match="speed must be a number from 0.5 to 2"):
            SpeechRequest(TEXT, speed=speed)


def test_a_rate_in_the_text_multiplies_the_speed():
    text = 'One. <prosody rate="slow">Two. [pause:1] Three.</prosody> Four.'
    pieces, warnings = pieces_to_speak(text, VOICE, CONFIG, "en-us")
    assert [piece.text for piece in pieces] == ["One.", "Two.", "Three.", "Four."] and not warnings
    assert [piece.request(1).speed for piece in pieces] == [None, 0.75, 0.75, None]
    assert [piece.request(1, speed=1.2).speed for piece in pieces] == [1.2, pytest.approx(0.9), pytest.approx(0.9), 1.2]
    with pytest.raises(TextError, match="'Two.': its rate 0.75 at the speed 0.6 makes 0.45, and from 0.5 to 2"):
        at_speed(pieces, 0.6)


def test_pauses_are_as_fast_as_the_speech_but_for_those_asked_for():
    text = 'One. Two. [pause:1] <prosody rate="200%">Three. Four.</prosody>\n\nFive.'
    pieces, _ = pieces_to_speak(text, VOICE, CONFIG, "en-us")
    as_written = gaps(pieces)
    assert as_written[2] == SAMPLE_RATE_HZ
    scale = {None: (1, 1, 2, 2), 1.0: (1, 1, 2, 2), 0.8: (0.8, 1, 1.6, 1.6)}  # at 2, and asked for twice as fast
    for speed, factors in scale.items():
        made = gaps(at_speed(pieces, speed))
        wanted = [gap / factor for gap, factor in zip(as_written[1:5], factors)]
        assert made[1:5] == pytest.approx(wanted, abs=1) and (made[0], made[5]) == (0, 0)
    for bad in (0.0, 3.0, float("nan"), "fast"):
        with pytest.raises((ValueError, TypeError), match="speed must be a number"):
            at_speed(pieces, bad)


def test_a_text_at_twice_the_speed_lasts_half_as_long(tmp_path):
    """In memory and in a file."""
    pipeline, text = tiny_pipeline(stop_bias=20.0), f"{TEXT} {TEXT}"
    voice = pipeline.create_voice(None)
    pieces, _ = pieces_to_speak(text, voice, pipeline.text_config, "en-us")
    assert len(pieces) > 1
    options = {"settings": {}, "batch_options": {"max_retries": 0}, "batch_size": 2, "seed": 1}
    lengths = []
    for speed in (1.0, 2.0):
        made = speak_text(pipeline, pieces, tmp_path / f"{speed}.wav", request_options={"speed": speed}, **options)
        whole = speak_pieces(
            pipeline, pieces, [], seed=1, generator=None, language="en-us", request_options={"speed": speed},
            batch_options={"max_retries": 0},
        )  # fmt: skip
        lengths.append([made.seconds, len(whole.audio) / SAMPLE_RATE_HZ])
    assert lengths[1] == pytest.approx([seconds / 2 for seconds in lengths[0]], rel=0.02)


def test_a_rate_makes_its_passage_longer():
    pipeline = tiny_pipeline(stop_bias=20.0)
    plain = pipeline(TEXT, seed=1, max_retries=0)
    slow = pipeline(f'<prosody rate="50%">{TEXT}</prosody>', seed=1, max_retries=0)
    assert len(slow.audio) == 2 * len(plain.audio)


def test_a_piece_at_another_rate_is_made_again_and_a_list_goes_on(tmp_path):
    def speak(rate, interrupt_at=None):
        pieces, _ = pieces_to_speak(f'One. <prosody rate="{rate}">Two.</prosody> Three.', VOICE, CONFIG, "en-us")
        speaker, options = Speaker(interrupt_at), {"request_options": {}, "batch_options": {}, "batch_size": 1}
        speak_text(speaker, pieces, tmp_path / "a.wav", seed=1, settings={}, **options)
        return [request.text for request in speaker.said]

    with pytest.raises(KeyboardInterrupt):
        speak("slow", interrupt_at=2)
    assert speak("fast") == ["Two.", "Three."]
    speaker = Speaker()
    texts = ("One.", '<prosody rate="0.6">Two.</prosody>', "Three.")
    tasks = [
        SpeechTask(text[-1:] + str(n), text, VOICE, "tone", request_options={"speed": 0.8})
        for n, text in enumerate(texts)
    ]
    result = speak_many(speaker, tasks, tmp_path / "list", settings={})
    assert result.spoken == 2 and "its rate 0.6 at the speed 0.8 makes 0.48" in result.failed[0][1]
