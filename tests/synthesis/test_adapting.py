"""Whether a voice is learnt from its clip where nobody said so: adapt="auto"."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ditar.synthesis.reference import read_reference
from ditar.synthesis.voice_file import save_voice
from ditar.synthesis.voice_names import make_voice
from ditar.text.errors import TextError
from tests.tiny import clip, tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline

SAID = "Hello there."
FAST = {"num_inference_steps": 1, "temperature": 0.0, "max_retries": 0, "seed": 1}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline()


@pytest.fixture
def clean():
    return replace(read_reference(clip(), SAID, "ann"), unfit="", warnings=("it is loud",))


def test_a_clean_clip_is_learnt_from_as_if_that_was_asked_for(pipeline, clean):
    auto, asked = (pipeline.create_voice(clean, adapt=adapt) for adapt in ("auto", True))
    assert torch.equal(auto.embedding.vectors, asked.embedding.vectors) and auto.warnings == asked.warnings
    assert make_voice(clean, pipeline, "auto").embedding is not None


def test_another_is_heard_and_a_warning_among_its_own_says_why(pipeline, clean):
    voice = pipeline.create_voice(replace(clean, unfit="it has an echo"), adapt="auto")
    assert voice.embedding is None and voice.warnings == (
        "it is loud",
        "the voice 'ann' is heard and not learnt, and will be less alike: it has an echo; give a better recording, or "
        "adapt to it all the same (adapt=True, --adapt)",
    )


def test_nothing_is_said_where_nothing_could_be_done(pipeline, clean):
    for other, reference in ((pipeline, replace(clean, text="")), (tiny_token_pipeline(), clean)):
        voice = other.create_voice(reference, adapt="auto")
        assert voice.embedding is None and voice.warnings == clean.warnings
    shipped = pipeline.create_voice(adapt="auto")
    assert shipped.embedding is None and shipped.warnings == ()
    foreign = tiny_pipeline(trained_languages=("de",))
    assert foreign.create_voice(adapt="auto").text == ""
    with pytest.raises(TextError, match="was trained on de and never heard 'en-us'"):
        foreign.create_voice(adapt=True)


def test_a_voice_that_is_made_is_spoken_with_as_it_is(pipeline, clean, tmp_path):
    voice = pipeline.create_voice(clean)
    said = [pipeline("Good.", voice=voice, adapt=adapt, **FAST).audio for adapt in ("auto", False)]
    assert np.array_equal(*said)
    save_voice(voice, tmp_path / "ann.safetensors")
    assert make_voice(tmp_path / "ann.safetensors", pipeline, "auto").embedding is None
