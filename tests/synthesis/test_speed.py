"""Speed: a control of models that read monotonically, refused by the others."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ditar.synthesis.long_text import speak_text
from ditar.synthesis.pieces import check_speeds, pieces_to_speak
from ditar.synthesis.pipeline import SpeechRequest
from ditar.synthesis.utterance_list import SpeechTask, speak_many
from ditar.text import TextError
from tests.speaker import CONFIG, VOICE, Speaker
from tests.tiny import tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline

TEXT = "A rose is a rose is a rose is a rose."


def reader(sooner):
    """Whose sounds last some frames each, by the bias of its head towards the next one."""
    pipeline = tiny_pipeline(stop_bias=20.0, alignment="monotonic", seconds_per_symbol=0.2)
    head = pipeline.ditar.reading.head
    torch.nn.init.zeros_(head.weight)
    head.bias.data = torch.tensor([sooner, 0.0, -9.0])
    return pipeline


@pytest.mark.parametrize("speed", [0.5, 1.25, 2.0])
def test_speed_divides_the_length(speed):
    pipeline = reader(sooner=2.2)
    requests = [SpeechRequest(TEXT, seed=1), SpeechRequest(TEXT, seed=1, speed=speed)]
    plain, other = pipeline.batch(requests, max_retries=0)
    assert plain.stopped and other.stopped
    assert len(plain.audio) / len(other.audio) == pytest.approx(speed, rel=0.15)


def test_the_limits_of_the_length_follow_the_speed():
    pipeline = tiny_pipeline(alignment="monotonic")
    requests = [SpeechRequest(TEXT, seed=1, speed=speed) for speed in (1.0, 0.5)]
    plain, slow = pipeline.prepare(requests, pipeline.sampling)
    assert slow.lengths.most == 2 * plain.lengths.most and slow.lengths.expected == 2 * plain.lengths.expected


def test_a_call_takes_it():
    pipeline = reader(sooner=2.2)
    plain, fast = (len(pipeline(TEXT, seed=1, speed=speed, max_retries=0).audio) for speed in (None, 2.0))
    assert plain / fast == pytest.approx(2.0, rel=0.15)


def test_a_model_without_it_refuses():
    with pytest.raises(ValueError, match="speed 1.5 is for models with monotonic alignment"):
        tiny_pipeline().batch([SpeechRequest(TEXT, speed=1.5)])
    with pytest.raises(ValueError, match="speed 1.5 is for models with monotonic alignment"):
        tiny_token_pipeline().batch([SpeechRequest(TEXT, speed=1.5)])
    for speed in (0.4, 2.1, float("nan")):
        with pytest.raises(ValueError, match="speed must be a number from 0.5 to 2"):
            SpeechRequest(TEXT, speed=speed)


def test_a_rate_in_the_text_multiplies_the_speed():
    monotonic = SimpleNamespace(**vars(CONFIG), reads_monotonically=True, tokenizer="")
    text = 'One. <prosody rate="slow">Two. [pause:1] Three.</prosody> Four.'
    pieces, warnings = pieces_to_speak(text, VOICE, monotonic, "en-us")
    assert [piece.text for piece in pieces] == ["One.", "Two.", "Three.", "Four."] and not warnings
    assert [piece.request(1).speed for piece in pieces] == [None, 0.75, 0.75, None]
    assert [piece.request(1, speed=1.2).speed for piece in pieces] == [1.2, pytest.approx(0.9), pytest.approx(0.9), 1.2]
    with pytest.raises(TextError, match="'Two.': its rate 0.75 at the speed 0.6 makes 0.45, and from 0.5 to 2"):
        check_speeds(pieces, 0.6)


def test_a_rate_makes_its_passage_longer():
    pipeline = reader(sooner=2.2)
    plain = pipeline(TEXT, seed=1, max_retries=0)
    slow = pipeline(f'<prosody rate="50%">{TEXT}</prosody>', seed=1, max_retries=0)
    assert len(slow.audio) / len(plain.audio) == pytest.approx(2, rel=0.15)


def test_a_model_without_it_names_the_rate_and_ignores_it():
    pipeline = tiny_pipeline(stop_bias=20.0)
    said = pipeline('<prosody rate="9">Hello.</prosody>', seed=1, max_retries=0)
    assert any('<prosody rate="9">' in line for line in said.warnings)
    assert np.array_equal(said.audio, pipeline("Hello.", seed=1, max_retries=0).audio)


def test_a_piece_at_another_rate_is_made_again_and_a_list_goes_on(tmp_path):
    monotonic = SimpleNamespace(**vars(CONFIG), reads_monotonically=True, tokenizer="")

    def speak(rate, interrupt_at=None):
        pieces, _ = pieces_to_speak(f'One. <prosody rate="{rate}">Two.</prosody> Three.', VOICE, monotonic, "en-us")
        speaker, options = Speaker(interrupt_at), {"request_options": {}, "batch_options": {}, "batch_size": 1}
        speak_text(speaker, pieces, tmp_path / "a.wav", seed=1, settings={}, **options)
        return [request.text for request in speaker.said]

    with pytest.raises(KeyboardInterrupt):
        speak("slow", interrupt_at=2)
    assert speak("fast") == ["Two.", "Three."]
    speaker = Speaker()
    speaker.text_config = monotonic
    texts = ("One.", '<prosody rate="0.6">Two.</prosody>', "Three.")
    tasks = [
        SpeechTask(text[-1:] + str(n), text, VOICE, "tone", request_options={"speed": 0.8})
        for n, text in enumerate(texts)
    ]
    result = speak_many(speaker, tasks, tmp_path / "list", settings={})
    assert result.spoken == 2 and "its rate 0.6 at the speed 0.8 makes 0.48" in result.failed[0][1]
