"""Speed: a control of models that read monotonically, refused by the others."""

import pytest
import torch

from ditar.synthesis.pipeline import SpeechRequest
from tests.tiny import tiny_pipeline

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
    for speed in (0.4, 2.1, float("nan")):
        with pytest.raises(ValueError, match="speed must be a number from 0.5 to 2"):
            SpeechRequest(TEXT, speed=speed)
