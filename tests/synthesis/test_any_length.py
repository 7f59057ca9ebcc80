"""A text of any length from Python: the samples of the command line, in memory."""

import numpy as np
import pytest
import soundfile
import torch

from ditar.synthesis.long_text import speak_text
from ditar.synthesis.pieces import pieces_to_speak
from ditar.synthesis.request import SpeechRequest
from ditar.text import TextError
from tests.tiny import clip, tiny_pipeline

LONG = " ".join(f"This is sentence number {n} of many." for n in range(12)) + " \u265c"
FAST = {"num_inference_steps": 1, "max_retries": 0}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline(trained_seconds=3.0)


@pytest.fixture(scope="module")
def voice(pipeline):
    return pipeline.create_voice(clip(), "Hello there.")


def test_the_samples_are_those_of_the_command_line(pipeline, voice, tmp_path):
    made = pipeline(LONG, voice=voice, seed=5, **FAST)
    pieces, _ = pieces_to_speak(LONG, voice, pipeline.text_config, "en-us")
    assert len(pieces) == 12
    speak_text(pipeline, pieces, tmp_path / "a.wav", seed=5, settings={}, request_options={}, batch_options=FAST)
    np.testing.assert_allclose(made.audio, soundfile.read(tmp_path / "a.wav")[0], atol=1.1 / 32_768)
    assert made.seed == 5 and made.attempts == 1 and not made.stopped and made.patches > 24
    assert "'This is sentence number 3 of many.': the speech did not end by itself" in made.wrong
    assert sum("sounds like noise" in line for line in made.warnings) == 1  # of the voice, once


def test_the_same_seed_or_generator_gives_the_same(pipeline, voice):
    def speak(**options):
        return pipeline(LONG, voice=voice, **FAST, **options)

    drawn = speak()
    assert np.array_equal(speak(seed=drawn.seed).audio, drawn.audio)
    one, other = (speak(generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert np.array_equal(one.audio, other.audio) and one.seed is None


def test_what_fits_is_one_piece_as_in_a_list(pipeline, voice):
    text = "Hi. Bye."
    (alone,) = pipeline.batch([SpeechRequest(text, voice, seed=1)], **FAST)
    assert np.array_equal(pipeline(text, voice=voice, seed=1, **FAST).audio, alone.audio)


def test_one_call_of_a_batch_has_its_limit(pipeline, voice):
    with pytest.raises(TextError, match="30 s is the limit of one call"):
        pipeline.batch([SpeechRequest("word " * 400, voice)])


def test_the_discrete_baseline_speaks_any_length_too():
    pytest.importorskip("vector_quantize_pytorch")
    from tests.tiny_tokens import tiny_token_pipeline

    made = tiny_token_pipeline(end=False, trained_seconds=3.0)(LONG, clip(), "Hello there.", seed=1, max_retries=0)
    assert len(made.audio) / 24_000 > 10 and made.seed == 1 and not made.stopped
