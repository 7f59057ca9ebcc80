"""The VAE's training on a few crops: phases, a frozen encoder, weights to start from, any split over processes; and a
codec's, whose codebooks are no parameters."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ditar.config import (
    ConfigError,
    OptimiserConfig,
    QuantiserConfig,
    RunConfig,
    SpectralEncoderConfig,
    VAEConfig,
    VAEDataConfig,
    VAELossConfig,
    VAEModelConfig,
    VocosConfig,
)
from ditar.train import loop
from ditar.train.checkpoint import CheckpointError
from ditar.train.errors import TrainingError
from ditar.train.loop import train
from ditar.train.vae_system import VAESystem
from ditar.vae.speech_vae import SpeechVAE
from tests.data.test_crops import write_tone

NARROW = {"multi_period": False, "multi_resolution_channels": 4}  # of discriminators


def make_config(**loss) -> VAEConfig:
    return VAEConfig(
        model=VAEModelConfig(VocosConfig(16, 1, 16), SpectralEncoderConfig(100, 16, 1, 16), latent_channels=8),
        loss=VAELossConfig(**{"adversarial_from": 10, "latent_noise": 0.3, **NARROW, **loss}),
        data=VAEDataConfig(batch=5, crop_seconds=0.5, adversarial_batch=4),
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


def test_the_weight_of_kl_rises_over_the_run(folder):
    system = VAESystem(make_config(kl_weight=0.5, kl_final_weight=0.9, adversarial_from=99), [folder], [folder])
    batch, weights = system.batch(0, 0, ("generator",)), []
    for step in (0, 2):  # of 4
        with torch.no_grad():
            total, parts = system.forward(system.loss, "generator", batch, step, system.counts(batch))
        weights.append(((total - 15 * parts["mel"] - parts["stft"]) / parts["kl"]).item())
    assert weights == pytest.approx([0.5, 0.7], abs=1e-3)


def test_discriminators_learn_alone_before_they_are_heard(folder):
    system = VAESystem(make_config(adversarial_from=10, adversarial_warmup=3, adversarial_ramp=4), [folder], [folder])
    assert [system.phases(step)[0] for step in (9, 10)] == ["generator", "discriminator"]
    assert [system.adversary(step) for step in (9, 10, 12, 13, 14, 16, 99)] == [0.0, 0.0, 0.0, 0.25, 0.5, 1.0, 1.0]


def test_figures_are_means_over_the_steps_that_have_them(folder, tmp_path, capfd):
    """Between two lines of the log the adversary begins, and the run stops and goes on. The bar shows losses."""
    config, adversarial = make_config(adversarial_from=2), ("discriminator", "adversarial", "features")
    run(config, folder, tmp_path / "each")
    every = [json.loads(line) for line in (tmp_path / "each/log.jsonl").read_text().splitlines()]
    each = {line["step"]: line for line in every if "train/mel" in line}
    assert "train/discriminator" in each[3] and "train/discriminator" not in each[2]
    once = replace(config, run=replace(config.run, log_every=4, checkpoint_every=3))
    run(once, folder, tmp_path / "once")
    shutil.copytree(tmp_path / "once/checkpoints/step-00000003", tmp_path / "again/checkpoints/step-00000003")
    capfd.readouterr()
    run(once, folder, tmp_path / "again")
    for out in ("once", "again"):
        line = json.loads((tmp_path / out / "log.jsonl").read_text().splitlines()[0])
        assert line["step"] == 4 and "train/learning_rate" in line
        for name in (*adversarial, "gradient_norm_discriminator"):
            mean = (each[3][f"train/{name}"] + each[4][f"train/{name}"]) / 2
            assert line[f"train/{name}"] == pytest.approx(mean)
        assert line["train/mel"] == pytest.approx(sum(each[step]["train/mel"] for step in (1, 2, 3, 4)) / 4)
    shown = capfd.readouterr().err
    assert "mel=" in shown and "seconds" not in shown


def test_discriminators_may_have_a_rate_of_their_own(folder, tmp_path, monkeypatch):
    made = {}
    build = loop.build_optimisers
    monkeypatch.setattr(loop, "build_optimisers", lambda module, config: made.setdefault(module, build(module, config)))
    own = make_config(adversarial_from=0, discriminator_learning_rate=3e-3)
    own = replace(own, optimiser=replace(own.optimiser, steps=2, final_learning_rate=1e-5))
    system = run(own, folder, tmp_path / "out")
    rates = {name: {g["lr"] for one in made[part] for g in one.param_groups} for name, part in system.optimised.items()}
    assert rates["discriminator"] == {3e-3} and max(rates["generator"]) < 1e-3


@pytest.mark.parametrize("channels", [0, 2])
def test_discriminators_have_gradients_in_their_own_phase_alone(folder, channels):
    config = make_config(adversarial_from=0, log_spectrum_channels=channels)
    system = VAESystem(config, [folder], [folder])
    batch = system.batch(5, 0, system.phases(5))
    found = {}
    for phase in system.phases(5):
        loss, _ = system.forward(system.loss, phase, batch, 5, system.counts(batch))
        loss.backward()
        found[phase] = {name for name, part in system.optimised.items() for p in part.parameters() if p.grad is not None}
        system.loss.zero_grad(set_to_none=True)
    assert found == {"discriminator": {"discriminator"}, "generator": {"generator"}}


def test_a_source_is_learnt_from_a_plain_vocoder_on(folder):
    """Latents stay as they are, and pitch, harmonics and noise have gradients."""
    pytest.importorskip("parselmouth")
    plain = VAESystem(make_config(), [folder], [folder]).model
    plain.latent_mean.fill_(0.5)
    config = make_config(freeze_encoder_from=0, pitch_weight=1.0)
    config = replace(config, model=replace(config.model, vocos=replace(config.model.vocos, source_filter=True)))
    system = VAESystem(config, [folder], [folder], plain)
    assert torch.equal(system.model.latent_mean, plain.latent_mean)
    assert torch.equal(system.model.encoder.out.weight, plain.encoder.out.weight)
    batch = system.batch(0, 0, ("generator",))
    assert (batch.pitch_hz > 0).any()
    assert batch.pitch_hz[batch.pitch_hz > 0].median().item() == pytest.approx(440, rel=0.01)
    loss, parts = system.forward(system.loss, "generator", batch, 0, system.counts(batch))
    loss.backward()
    assert parts["pitch"] > 0
    for name, parameter in system.model.decoder.head.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_a_frozen_encoder_stays_as_it_is(folder, tmp_path):
    before = VAESystem(make_config(), [folder], [folder]).model.state_dict()
    after = run(make_config(freeze_encoder_from=0), folder, tmp_path / "run").model.state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(before[name], after[name])}
    assert changed == {"decoder"}


@pytest.mark.parametrize(("frozen_from", "drawn"), [(0, False), (None, True)])
def test_beside_a_frozen_encoder_means_are_decoded(folder, frozen_from, drawn):
    system = VAESystem(make_config(freeze_encoder_from=frozen_from, latent_noise=0.0), [folder], [folder])
    batch = system.batch(0, 0, ("generator",))
    parts = [system.forward(system.loss, "generator", batch, step, system.counts(batch))[1] for step in (1, 2)]
    assert (parts[0]["mel"] != parts[1]["mel"]).item() == drawn


def test_discriminators_begin_where_the_configuration_says(folder):
    system = VAESystem(make_config(adversarial_from=3), [folder], [folder])
    assert system.phases(2) == ("generator",) and system.phases(3) == ("discriminator", "generator")
    assert len(system.batch(3, 0, system.phases(3)).waveform) == 4


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


def test_how_formants_are_heard_is_not_trained(folder, tmp_path):
    """It changes neither what validation measures nor who may go on from whom."""
    config = make_config()
    clearer = replace(config, model=replace(config.model, vocos=VocosConfig(16, 1, 16, formant_contrast=0.3)))
    once = replace(config, optimiser=replace(config.optimiser, steps=2))
    first = run(once, folder, tmp_path / "run")
    trained = SpeechVAE.from_pretrained(tmp_path / "run" / "final")
    second = VAESystem(clearer, [folder], [folder], trained)
    assert second.model.config.vocos.formant_contrast == 0.3
    found = [system.validate(model.eval(), 4) for system, model in ((first, trained), (second, second.model))]
    assert first.figures(found[0]) == second.figures(found[1])
    resumed = run(replace(clearer, optimiser=replace(config.optimiser, steps=4)), folder, tmp_path / "run")
    assert resumed.model.config.vocos.formant_contrast == 0.3
    assert SpeechVAE.from_pretrained(tmp_path / "run" / "final").config.vocos.formant_contrast == 0.3


def make_codec_config(steps=4, **loss) -> VAEConfig:
    """Codes are replaced in nearly every step."""
    pytest.importorskip("vector_quantize_pytorch")
    config = make_config(**{"latent_noise": 0.0, "kl_weight": 0.0, "kl_final_weight": 0.0, **loss})
    quantiser = QuantiserConfig(codebooks=2, codebook_size=8, decay=0.5, dead_share=0.7)
    optimiser = replace(config.optimiser, steps=steps)
    return replace(config, model=replace(config.model, quantiser=quantiser), optimiser=optimiser)


def tensors(out, step) -> dict[str, torch.Tensor]:
    folder = out / "checkpoints" / f"step-{step:08d}"
    return {f"{file.stem}/{k}": v for file in folder.glob("*.safetensors") for k, v in load_file(file).items()}


def test_a_codec_s_run_that_stops_and_goes_on_is_the_same_run(folder, tmp_path):
    run(make_codec_config(), folder, tmp_path / "whole")
    run(make_codec_config(steps=2), folder, tmp_path / "halves")
    run(make_codec_config(), folder, tmp_path / "halves")
    whole, halves = tensors(tmp_path / "whole", 4), tensors(tmp_path / "halves", 4)
    assert whole.keys() == halves.keys() and all(torch.equal(whole[name], halves[name]) for name in whole)
    books = [name for name in whole if name.startswith("model/") and name.endswith("._codebook.embed")]
    first = tensors(tmp_path / "whole", 2)
    assert len(books) == 2 and not any(torch.equal(first[name], whole[name]) for name in books)
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    trained, validated = lines[0], next(line for line in lines if "valid/validation" in line)
    assert trained["train/commitment"] > 0 and "train/kl" not in trained
    assert 1 <= validated["valid/perplexity_2"] <= 8 and 0 <= validated["valid/dead_1"] < 1
    assert SpeechVAE.from_pretrained(tmp_path / "whole" / "final").is_codec


def test_codebooks_learn_once_a_step_and_no_longer_than_the_encoder(folder, tmp_path):
    seeds = []

    def loss(*arguments, **_):
        seeds.append(arguments[5])
        return torch.zeros(()), {}

    system = VAESystem(make_codec_config(adversarial_from=1, freeze_encoder_from=2), [folder], [folder])
    for step in (0, 1, 2):
        for phase in system.phases(step):  # one, then two: the discriminators' comes first
            batch = system.batch(step, 0, system.phases(step))
            system.forward(loss, phase, batch, step, system.counts(batch))
    assert [seed is not None for seed in seeds] == [True, True, False, False, False]
    assert seeds[0] != seeds[1]

    run(make_codec_config(freeze_encoder_from=2), folder, tmp_path)
    frozen, last = tensors(tmp_path, 2), tensors(tmp_path, 4)
    kept = [name for name in last if name.startswith("model/vae.") and "decoder" not in name]
    assert any("embed_avg" in name for name in kept) and all(torch.equal(frozen[name], last[name]) for name in kept)


def test_a_gaussian_vae_lends_a_codec_its_encoder_and_decoder(folder, tmp_path):
    run(make_config(), folder, tmp_path)
    trained = SpeechVAE.from_pretrained(tmp_path / "final")
    system = VAESystem(make_codec_config(), [folder], [folder], trained)
    found = system.model.state_dict()
    lent = {name: value for name, value in trained.state_dict().items() if not name.startswith("latent_")}
    assert all(torch.equal(found[name], value) for name, value in lent.items())
    assert not system.model.residual_quantiser.initialised
    with pytest.raises(CheckpointError, match="quantiser is None here|quantiser is .* there and None here"):
        VAESystem(make_config(), [folder], [folder], system.model)


def test_a_frozen_encoder_leaves_codebooks_nothing_to_start_from(folder, tmp_path):
    with pytest.raises(ConfigError, match="do not freeze the encoder at step 0"):
        run(make_codec_config(freeze_encoder_from=0), folder, tmp_path)


def test_more_processes_than_rows_are_refused_at_once(folder):
    with pytest.raises(TrainingError, match="8 processes need data.batch and data.adversarial_batch .*got 4"):
        VAESystem(make_config(), [folder], [folder]).batch(0, 0, ("generator",), 0, 8)
