"""The VAE's objective once more: each part by hand, and what they are weighted with."""

import pytest
import torch
import torch.nn.functional as F

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config import VAELossConfig
from ditar.vae import SpeechVAE
from ditar.vae.losses import Discriminators, SpectralLoss, VAELoss
from ditar.vae.vocoder import Decoded

import_torchaudio()

from torchaudio.functional import melscale_fbanks  # noqa: E402

NARROW = {"multi_resolution_channels": 2, "multi_period_divisor": 32}
TINY = {
    "vocos": {"width": 16, "layers": 1, "ffn": 16}, "spectral": {"width": 16, "layers": 1, "ffn": 16},
    "latent_channels": 8,
}  # fmt: skip


def noise(seed, rows=2, samples=6000):
    return 0.1 * torch.randn(rows, samples, generator=torch.Generator().manual_seed(seed))


def made_by(**changes):
    torch.manual_seed(0)
    return VAELoss(SpeechVAE(**TINY), VAELossConfig(**{**NARROW, **changes}))


def test_spectra():
    made, true = noise(0), noise(1)
    mel = stft = 0.0
    for size, bins in ((512, 40), (1024, 80), (2048, 128)):
        window = torch.hann_window(size)
        a, b = (torch.stft(x, size, size // 4, window=window, return_complex=True).abs() for x in (made, true))
        bank = melscale_fbanks(size // 2 + 1, 0.0, 12_000.0, bins, 24_000)
        mel_a, mel_b = (torch.einsum("bft,fm->bmt", x, bank).clamp_min(1e-3).log() for x in (a, b))
        mel += (mel_a - mel_b).abs().mean() / 3
        stft += (a.clamp_min(1e-3).log() - b.clamp_min(1e-3).log()).abs().mean() / 3
        stft += ((a - b).square().sum((1, 2)) / b.square().sum((1, 2))).sqrt().mean() / 3  # of rows
    torch.testing.assert_close(SpectralLoss()(made, true), (mel, stft))


@pytest.mark.parametrize("progress, of_kl", [(0.0, 0.2), (0.25, 0.35), (1.0, 0.8)])
def test_the_generator_s_objective(progress, of_kl):
    """The weight of KL rises, and the adversary has its share."""
    loss = made_by(
        mel_weight=2.0, stft_weight=3.0, kl_weight=0.2, kl_final_weight=0.8, adversarial_weight=5.0, feature_weight=7.0
    )
    found, parts = loss(noise(0), "generator", progress, torch.Generator().manual_seed(0), 0.5)
    wanted = 2 * parts["mel"] + 3 * parts["stft"] + of_kl * parts["kl"]
    wanted = wanted + 0.5 * (5 * parts["adversarial"] + 7 * parts["features"])
    torch.testing.assert_close(found, wanted)
    alone = loss(noise(0), "generator", progress, torch.Generator().manual_seed(0), 0.0)[1]
    assert alone.keys() == {"mel", "stft", "kl"} and all(torch.equal(alone[name], parts[name]) for name in alone)


@pytest.mark.parametrize("multi_period, log_spectrum", [(True, 0), (True, 2), (False, 0)])
def test_adversarial_losses_are_hinges(multi_period, log_spectrum):
    """Means over the discriminators of a kind; the multi-resolution ones count a tenth beside others."""
    config = VAELossConfig(**NARROW, multi_period=multi_period, log_spectrum_channels=log_spectrum)
    torch.manual_seed(0)
    discriminators, true, made = Discriminators(config), noise(0), noise(1)
    kinds = {"multi_resolution": 0.1 if multi_period else 1.0, "multi_period": 1.0, "log_spectrum": 1.0}
    wanted = dict.fromkeys(("discriminator", "fooled", "features"), 0.0)
    for name, weight in kinds.items():
        if (kind := getattr(discriminators, name)) is None:
            continue
        for number in range(len(kind.discriminators)):
            logits, logits_made, features, features_made = (x[number] for x in kind(y=true, y_hat=made))
            share = weight / len(kind.discriminators)
            wanted["discriminator"] += share * (F.relu(1 - logits).mean() + F.relu(1 + logits_made).mean())
            wanted["fooled"] += share * F.relu(1 - logits_made).mean()
            wanted["features"] += share * sum((a - b).abs().mean() for a, b in zip(features, features_made))
    torch.testing.assert_close(discriminators(true, made, "discriminator")[0], wanted["discriminator"])
    fooled, features = discriminators(true, made, "generator")
    torch.testing.assert_close((fooled, features), (wanted["fooled"], wanted["features"]))


def test_discriminators_hear_the_recording_as_true_and_the_vae_learns_nothing_of_it(monkeypatch):
    loss, heard = made_by(), []

    def listen(true, made, phase):
        heard.append((true, made, phase))
        return made.sum() * 0.0 + sum(p.sum() for p in loss.discriminators.parameters()), made.sum()

    monkeypatch.setattr(loss.discriminators, "forward", listen)
    waveform = noise(0)
    loss(waveform, "discriminator", 0.0, torch.Generator().manual_seed(0), 1.0)[0].backward()
    ((true, made, phase),) = heard
    assert torch.equal(true, waveform) and made.shape == true.shape and phase == "discriminator"
    assert not made.requires_grad and all(p.grad is None for p in loss.vae.parameters())
    loss(waveform, "generator", 0.0, torch.Generator().manual_seed(0), 1.0, discriminated_samples=2048)
    true, made, phase = heard[-1]
    assert torch.equal(true, waveform[:, 1976:4024]) and made.requires_grad and made.shape == true.shape


def test_the_encoder_hears_what_it_is_given_and_the_target_is_the_recording(monkeypatch):
    loss, waveform, heard, compared = made_by(), noise(0), [], []
    encode = loss.vae.encoder.forward
    monkeypatch.setattr(loss.vae.encoder, "forward", lambda x: heard.append(x) or encode(x))
    compare = loss.spectral.forward
    monkeypatch.setattr(loss.spectral, "forward", lambda a, b: compared.append(b) or compare(a, b))
    loss(waveform, "generator", 0.0, torch.Generator().manual_seed(0), 0.0, heard=noise(1))
    assert torch.equal(heard[0], noise(1)) and torch.equal(compared[0], waveform)


def test_noise_on_latents_is_a_share_of_the_channels_of_a_row(monkeypatch):
    """A level for each row, uniform from 0 to latent_noise."""
    torch.manual_seed(0)
    vae, decoded = SpeechVAE(**TINY), []
    monkeypatch.setattr(vae.decoder, "forward", lambda latents, *rest: decoded.append(latents) or Decoded(latents))
    waveform = noise(0, rows=100, samples=24_000)
    generators = [torch.Generator().manual_seed(row) for row in range(100)]
    with torch.no_grad():
        _, posterior = vae(waveform, generators, latent_noise=0.3, sampled=False)
    added = (decoded[0] - posterior.mean) / posterior.mean.std(dim=1, keepdim=True)
    levels = added.std(dim=(1, 2)).sort().values / 0.3
    assert (levels - (torch.arange(100) + 0.5) / 100).abs().max() < 0.2
    assert added.std(dim=1).mean(0).std() < 0.02  # the same for all channels
