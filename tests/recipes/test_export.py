"""recipes/export.py: how a model samples goes with its parts."""

import sys

import pytest

from ditar.config import SamplingOptions
from ditar.synthesis.loading import load_sampling
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.vae.fingerprint import vae_fingerprint
from recipes import export
from tests.tiny import tiny_pipeline

OWN = SamplingOptions(temperature=0.1, guidance_scale=1.5, num_inference_steps=7)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder, pipeline = tmp_path_factory.mktemp("export") / "base", tiny_pipeline()
    ContinuousPipeline(pipeline.vae, pipeline.ditar, OWN).save_pretrained(folder)
    pipeline.ditar.save_pretrained(folder.parent / "run/final")
    return folder


def sampling_of(base, out, ditar, *options, code=0):
    arguments = ["--vae", base / "vae", "--ditar", ditar, "--out", out, *options]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["export.py", *map(str, arguments)])
        assert export.main() == code
    return None if code else load_sampling(out / "scheduler")


def test_a_model_exported_again_samples_as_it_did(base, tmp_path):
    assert sampling_of(base, tmp_path / "again", base / "ditar") == OWN
    other = sampling_of(base, tmp_path / "cooler", base / "ditar", "--temperature", "0", "--time-grid", "sway")
    assert other == OWN.override(temperature=0.0, time_grid="sway")


def test_a_result_of_training_samples_as_it_is_told(base, tmp_path, capsys):
    final = base.parent / "run/final"
    assert sampling_of(base, tmp_path / "plain", final) == SamplingOptions()
    assert sampling_of(base, tmp_path / "like", final, "--like", base) == OWN
    sampling_of(base, tmp_path / "none", final, "--like", tmp_path, code=1)
    assert "--like" in capsys.readouterr().err and not (tmp_path / "none").exists()


def test_in_bfloat16_the_latents_stay_those_that_the_model_knows(base, tmp_path):
    vae, final = ContinuousPipeline.from_pretrained(base).vae, tmp_path / "final"
    tiny_pipeline(vae_fingerprint=vae_fingerprint(vae)).ditar.save_pretrained(final)
    for dtype in ("bfloat16", "float16"):
        sampling_of(base, tmp_path / dtype, final, "--dtype", dtype)
        loaded = ContinuousPipeline.from_pretrained(tmp_path / dtype)
        assert vae_fingerprint(loaded.vae) == vae_fingerprint(vae)
        assert (tmp_path / dtype / "ditar/model.safetensors").stat().st_size < (base / "ditar/model.safetensors").stat().st_size


def test_a_model_of_tokens_has_none_of_these(tmp_path, capsys):
    for option, value in (("--time-grid", "sway"), ("--steps", "2"), ("--like", tmp_path)):
        arguments = ["--codec", tmp_path, "--token-lm", tmp_path, "--out", tmp_path / "none", option, value]
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(sys, "argv", ["export.py", *map(str, arguments)])
            export.main()
        assert f"{option} is for --ditar" in capsys.readouterr().err
