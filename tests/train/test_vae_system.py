"""The VAE's training on a few crops: phases, a frozen encoder, weights to start from, any split over processes."""

from dataclasses import replace

import pytest
import torch

from ditar.config import (
    OptimiserConfig,
    RunConfig,
    SpectralEncoderConfig,
    VAEConfig,
    VAEDataConfig,
    VAELossConfig,
    VAEModelConfig,
    VocosConfig,
)
from ditar.train.checkpoint import CheckpointError
from ditar.train.loop import train
from ditar.train.vae_system import VAESystem
from ditar.vae.speech_vae import SpeechVAE
from tests.data.test_crops import write_tone


def make_config(**loss) -> VAEConfig:
    return VAEConfig(
        model=VAEModelConfig(VocosConfig(16, 1, 16), SpectralEncoderConfig(100, 16, 1, 16), latent_channels=8),
        loss=VAELossConfig(**{"adversarial_from": 10, "latent_noise": 0.3, "multi_period": False, **loss}),
        data=VAEDataConfig(batch=5, crop_seconds=0.5, adversarial_batch=2),
        optimiser=OptimiserConfig(steps=4, learning_rate=1e-3, precision="no"),
        run=RunConfig(log_every=1, validate_every=4, sample_every=4, checkpoint_every=2),
    )


@pytest.fixture
def folder(tmp_path):
    return str(write_tone(tmp_path / "tone", 440))


def run(config, folder, out, init=None) -> VAESystem:
    system = VAESystem(config, [folder], [folder], init)
    train(system, config.optimiser, config.run, out, config, cpu=True)
    return system


def test_shares_of_processes_add_up_to_the_gradient(folder):
    config = make_config()
    gradients = []
    for ranks in (1, 2, 4):
        system = VAESystem(config, [folder], [folder])
        batches = [system.batch(3, 0, ("generator",), rank, ranks) for rank in range(ranks)]
        counts = sum(system.counts(batch) for batch in batches)
        assert counts.item() == 5
        for batch in batches:
            loss, _ = system.forward(system.loss, "generator", batch, 3, counts)
            loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in system.model.parameters() if p.grad is not None]))
    for other in gradients[1:]:
        assert (other - gradients[0]).norm() < 1e-4 * gradients[0].norm()


def test_a_frozen_encoder_stays_as_it_is(folder, tmp_path):
    before = VAESystem(make_config(), [folder], [folder]).model.state_dict()
    after = run(make_config(freeze_encoder_from=0), folder, tmp_path / "run").model.state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(before[name], after[name])}
    assert changed == {"decoder"}


def test_discriminators_begin_where_the_configuration_says(folder):
    system = VAESystem(make_config(adversarial_from=3), [folder], [folder])
    assert system.phases(2) == ("generator",) and system.phases(3) == ("discriminator", "generator")
    assert len(system.batch(3, 0, system.phases(3)).waveform) == 2


def test_fine_tuning_starts_from_the_given_weights(folder, tmp_path):
    config = make_config()
    run(config, folder, tmp_path / "first")
    trained = SpeechVAE.from_pretrained(tmp_path / "first" / "final")
    system = VAESystem(config, [folder], [folder], trained)
    found = system.model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in trained.state_dict().items())
    other = replace(config, model=replace(config.model, vocos=VocosConfig(16, 2, 16)))
    with pytest.raises(CheckpointError, match="vocos.layers is 1 there and 2 here"):
        VAESystem(other, [folder], [folder], trained)
