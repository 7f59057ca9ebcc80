"""The settings of sampling: ranges, and what a call says against what the model saved."""

import pytest

from ditar.config import ConfigError, SamplingOptions
from ditar.diffusion.ddim import DDIM
from ditar.diffusion.scheduler import DiTARScheduler
from ditar.diffusion.solver import make_solver


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": 1.5}, r"temperature must lie in \[0, 1\].*got 1.5"),
        ({"guidance_scale": 0.5}, r"guidance_scale must be in \[1, 100\], got 0.5"),
        ({"num_inference_steps": 0}, r"num_inference_steps must be in \[1, 1000\], got 0"),
        ({"num_inference_steps": 1, "temperature": 0.5}, "needs at least 2 inference steps"),
        ({"guidance_steps": (0.5, 0.2)}, r"guidance_steps must ascend.*\[0.5, 0.2\]"),
        ({"guidance_steps": (0.5, 0.5)}, r"0 <= low < high <= 1, got \(0.5, 0.5\)"),
        ({"solver": "euler"}, "solver must be one of 'ddim'.* got 'euler'"),
        ({"solver": "unipc", "time_grid": "sway"}, "'unipc' has no time_grid 'sway'"),
    ],
)
def test_what_cannot_be_sampled_is_refused_where_it_is_declared(values, message):
    with pytest.raises(ConfigError, match=message):
        SamplingOptions(**values)


def test_a_call_says_what_differs_from_the_saved_scheduler():
    saved = DiTARScheduler(num_inference_steps=4, time_grid="sway").sampling
    assert saved == SamplingOptions(num_inference_steps=4, time_grid="sway")
    assert saved.override(temperature=0.5, solver=None) == SamplingOptions(0.5, num_inference_steps=4, time_grid="sway")
    assert saved.override(solver="unipc").time_grid == "uniform"
    with pytest.raises(TypeError, match="'stepps' is not an option of sampling; there are temperature"):
        saved.override(stepps=3)
    with pytest.raises(TypeError, match=r"'voice' is not an option .*a field of a request, SpeechRequest\(text, voice="):
        saved.override(voice="heart")
    with pytest.raises(TypeError, match="'prompt_audio' is not an option .*make a voice of the clip, create_voice"):
        saved.override(prompt_audio="a.wav")


def test_a_solver_is_made_of_them():
    made = make_solver(SamplingOptions(temperature=0.5, num_inference_steps=4, time_grid="cosine"))
    assert isinstance(made, DDIM) and made.times == DDIM(4, 0.5, "cosine").times
