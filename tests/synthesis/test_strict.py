"""From Python as strict as on the command line: what is no number, text, seed or voice is named, whoever asks."""

import math

import numpy as np
import pytest
import torch

from ditar.synthesis.request import SpeechRequest
from ditar.text import TextError
from tests.tiny import clip, tiny_pipeline

TEXT, CLIP_TEXT = "Good morning.", "Hello there."
FAST = {"num_inference_steps": 1, "temperature": 0.0, "max_retries": 0}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline()


NUMBERS = {
    "temperature": (-0.1, 1.5), "guidance_scale": (0.5,), "guidance_rise": (0.5, 101.0), "guidance_steps": ((0.5, 0.5), (0.0, 1.1)),
    "num_inference_steps": (0, 2.5), "stop_threshold": (-0.1, 1.1), "seed": (-1, 1.5, 2**63, True),
    "max_retries": (-1, 1.5, 101, True),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [
    (name, value) for name, values in NUMBERS.items()
    for value in (*values, *((0.0, odd) if name == "guidance_steps" else odd for odd in (math.nan, math.inf)), "much")
    if (name, value) != ("guidance_steps", "much")
])  # fmt: skip
def test_a_number_out_of_its_range_is_named(pipeline, name, value):
    shown = "|".join({str(value), str(value[1]) if isinstance(value, tuple) else repr(value)})
    with pytest.raises(ValueError, match=f"{name}.* got .*({shown})"):
        pipeline(TEXT, clip(), CLIP_TEXT, **{name: value})


@pytest.mark.parametrize(("name", "value"), [("first_chunk_seconds", math.nan), ("chunk_seconds", math.inf),
                                             ("chunk_seconds", -1), ("max_retries", -1)])  # fmt: skip
def test_a_streams_numbers_too(pipeline, name, value):
    with pytest.raises(ValueError, match=f"{name} must be a .*number from 0 to .*got {value}"):
        pipeline.stream(SpeechRequest(TEXT), **{name: value})


@pytest.mark.parametrize(("request_", "message"), [
    ({"text": 3}, "text must be a string, got int"),
    ({"text": b"Hello."}, "text must be a string, got bytes"),
    ({"text": TEXT, "language": 3}, "language must be a string, got int"),
    ({"text": TEXT, "voice": "heart"}, "voice must be a Voice, which create_voice and load_voice make, got str"),
    ({"text": TEXT, "seed": "1"}, "seed must be a whole number from 0 to 2.63 - 1, got '1'"),
    ({"text": TEXT, "temperature": math.nan}, "temperature must be a number from 0 to 100, got nan"),
    ({"text": TEXT, "stop_threshold": math.inf}, "stop_threshold must be a number from 0 to 1, got inf"),
])  # fmt: skip
def test_a_request_is_checked_when_it_is_made(request_, message):
    with pytest.raises(ValueError, match=message):
        SpeechRequest(**request_)


@pytest.mark.parametrize(("requests", "options", "message"), [
    ("Good morning.", {}, r"requests must be a list, such as \['Good morning.'\]"),
    ([3], {}, "a request must be a SpeechRequest or a text, got int"),
    ([TEXT], {"batch_size": 0}, "batch_size must be a whole number from 1 to 1000, got 0"),
    ([TEXT], {"batch_size": math.nan}, "batch_size must be .*got nan"),
    ([TEXT], {"generator": 1}, "generator must be a torch.Generator, got int; a number is a seed"),
    ([TEXT, TEXT], {"generator": torch.Generator()}, "a generator is for one request, got 2"),
])  # fmt: skip
def test_what_is_no_batch_is_named(pipeline, requests, options, message):
    with pytest.raises(ValueError, match=message):
        pipeline.batch(requests, **options)


def test_texts_are_requests_and_numpys_numbers_are_numbers(pipeline):
    voice = pipeline.create_voice(clip(), CLIP_TEXT)
    (plain,) = pipeline.batch([SpeechRequest(TEXT, voice, seed=3)], **FAST)
    numpys = SpeechRequest(TEXT, voice, seed=np.int64(3), stop_threshold=np.float32(0.5))
    (other,) = pipeline.batch([numpys], **FAST | {"max_retries": np.int32(0), "num_inference_steps": np.int64(1)})
    assert np.array_equal(plain.audio, other.audio) and type(other.seed) is int
    assert len(pipeline.batch([TEXT, SpeechRequest(TEXT)], **FAST)) == 2
    with pipeline.stream(TEXT, **FAST) as chunks:
        assert np.isfinite(next(chunks)).all()


@pytest.mark.parametrize("given", [clip().tolist(), torch.from_numpy(clip())[None], (24_000, clip()), (clip(), 24_000)])
def test_clips_of_any_kind_are_the_same_clip(pipeline, given):
    made, plain = (pipeline.create_voice(one, CLIP_TEXT).latents for one in (given, clip()))
    assert torch.equal(made, plain)


def test_the_rate_of_samples_is_heeded(pipeline):
    assert pipeline.create_voice(clip(2.0), CLIP_TEXT, sample_rate=48_000).seconds == pytest.approx(1.0, abs=0.02)
    made = pipeline(TEXT, clip(2.0), CLIP_TEXT, sample_rate=np.int64(48_000), seed=1, **FAST)
    assert np.array_equal(made.audio, pipeline(TEXT, (48_000, clip(2.0)), CLIP_TEXT, seed=1, **FAST).audio)


@pytest.mark.parametrize(("seconds", "text", "message"), [
    (9.0, "Hi.", r"text has 5 symbols and the clip lasts 9\.00 s, 0\.6 symbols a second"),
    (1.0, "Hello " * 30, r"text has 209 symbols and the clip lasts 1\.00 s, 209\.0 symbols a second"),
])  # fmt: skip
def test_a_transcript_that_cannot_belong_to_its_clip_is_named_with_both_figures(pipeline, seconds, text, message):
    with pytest.raises(TextError, match=f"said in the reference 'reference' is something else: its {message}.*exactly"):
        pipeline.create_voice(clip(seconds), text)


def test_a_transcript_is_a_string(pipeline):
    with pytest.raises(TextError, match="prompt_text must be a string, got int"):
        pipeline.create_voice(clip(), 3)
