"""Losses, validation and speech on a GPU, as far as machines without one can tell: nothing is left on the CPU."""

import pytest
import torch

from ditar.synthesis.request import SpeechRequest
from tests.pretended_gpu import GPU, move, pretended_gpu
from tests.tiny import clip, tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline
from tests.train.test_ranks import ditar_system, token_system, vae_system


def test_it_refuses_what_cuda_refuses(monkeypatch):
    with pretended_gpu(monkeypatch):
        x = torch.ones(3).to("cuda")
        assert x.device == GPU and (x + 1).device == GPU and x.to("cpu").tolist() == [1.0] * 3
        assert torch.arange(3, device="cuda")[torch.tensor([2])].tolist() == [2]
        for wrong in (
            lambda: x + torch.ones(3),
            lambda: torch.cat((x, torch.ones(3))),
            lambda: torch.randn(3, device=x.device, generator=torch.Generator()),
        ):
            with pytest.raises(RuntimeError, match="expected a"):
                wrong()
        with pytest.raises(TypeError):
            x.numpy()


@pytest.mark.parametrize("make", [ditar_system, vae_system, token_system])
def test_losses_and_validation(make, tmp_path, monkeypatch):
    system = make(tmp_path)
    last = system.config.optimiser.steps - 1
    expected = system.figures(system.validate(system.model.eval(), 1))
    move(system.loss)
    with pretended_gpu(monkeypatch):
        for step in (0, last):
            phases = system.phases(step)
            batch = system.batch(0, 0, phases)
            for phase in phases:
                loss, _ = system.forward(system.loss, phase, batch.to(GPU), step, system.counts(batch))
                assert loss.device == GPU and torch.isfinite(loss)
        assert system.figures(system.validate(system.model, 1)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("make", [tiny_pipeline, lambda: tiny_token_pipeline(end=5)])
def test_speech(make, monkeypatch):
    pipeline = make()
    move(pipeline.model)
    move(pipeline.autoencoder)
    with pretended_gpu(monkeypatch):
        voice = pipeline.create_voice(clip(), "hello there")
        requests = [SpeechRequest("Hello.", voice, seed=1), SpeechRequest("How are you?", voice, seed=2)]
        assert all(len(made.audio) for made in pipeline.batch(requests))
