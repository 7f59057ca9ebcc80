"""The distilled model that ships."""

import json

import numpy as np
import pytest
from safetensors.torch import load_file

from ditar import load_pipeline
from ditar.cli.checks import check_model
from ditar.config import SamplingOptions
from ditar.model.speaker import learn_speaker
from ditar.synthesis.model_folder import FAST_MODEL, SHIPPED_MODEL, named_folder, vae_folder
from ditar.synthesis.voice_file import load_voice, save_voice


def test_it_is_the_faithful_one_but_for_its_locdit():
    fast, faithful = (load_file(folder / "ditar/model.safetensors") for folder in (FAST_MODEL, SHIPPED_MODEL))
    changed = {name for name in faithful if not (name in fast and fast[name].equal(faithful[name]))}
    new = fast.keys() - faithful.keys()
    assert changed and {name.split(".")[0] for name in changed | new} == {"locdit"}
    fast, faithful = (json.loads((folder / "ditar/config.json").read_text()) for folder in (FAST_MODEL, SHIPPED_MODEL))
    assert fast == faithful | {"distilled_guidance": 4.0}


def test_it_has_the_vae_of_the_faithful_one(monkeypatch, tmp_path):
    assert vae_folder(FAST_MODEL) == vae_folder(FAST_MODEL.parent / "model/../fast") == SHIPPED_MODEL / "vae"
    assert vae_folder(tmp_path) == tmp_path / "vae"


def test_models_that_ship_have_names(tmp_path, monkeypatch):
    assert named_folder(None) == named_folder("shipped") == SHIPPED_MODEL and named_folder("fast") == FAST_MODEL
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fast").mkdir()
    assert named_folder("fast") == FAST_MODEL  # an export, perhaps
    (tmp_path / "fast/model_index.json").touch()
    assert named_folder("fast") == "fast"
    with pytest.raises(ValueError, match="a distilled one is another; leave --adapter out, or --fast"):
        (tmp_path / "base.json").touch()
        check_model(str(FAST_MODEL), str(tmp_path))


def test_it_speaks_in_two_steps_of_one_evaluation():
    pipeline = load_pipeline(FAST_MODEL, threads=1)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.sampling == SamplingOptions(temperature=0.0, num_inference_steps=2, time_grid="sway")
    rows, patches = [], []
    watched = (pipeline.ditar.locdit.transformer, rows), (pipeline.ditar.stop_head, patches)
    for module, to in watched:
        module.register_forward_hook(lambda _, inputs, __, to=to: to.append(len(inputs[0])))
    spoken = pipeline("It rains.", seed=0, max_retries=0)
    assert 0.4 < len(spoken.audio) / spoken.sample_rate < 3.0 and not spoken.warnings
    assert len(rows) == 2 * len(patches) and max(rows) == 1


def test_it_speaks_with_a_voice_that_the_faithful_one_has_learnt(monkeypatch, tmp_path):
    """Which few steps of learning move already."""
    monkeypatch.setitem(learn_speaker.__kwdefaults__, "steps", 8)
    faithful, fast = (load_pipeline(folder, threads=1) for folder in (SHIPPED_MODEL, FAST_MODEL))
    told = []
    voice = faithful.create_voice(adapt=True, on_step=lambda step, steps: told.append(step))
    assert told == list(range(8)) and not voice.warnings
    save_voice(voice, tmp_path / "eric.safetensors")
    kept, plain = load_voice(tmp_path / "eric.safetensors"), faithful.create_voice()
    fast.set_progress_bar_config(disable=True)
    learnt, without = (fast("It rains.", voice=one, seed=0, max_retries=0).audio for one in (kept, plain))
    assert not np.array_equal(learnt, without) and all(0.4 < len(x) / 24_000 < 3.0 for x in (learnt, without))
    assert not fast.adapts_voices and faithful.adapts_voices
