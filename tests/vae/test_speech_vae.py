"""SpeechVAE: shapes, reach of the decoder, statistics, both encoders, both phases of its training."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import ditar
from ditar.audio.resample import low_pass
from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config import ConfigError, VAEConfig, VAELossConfig, load_config, to_dict
from ditar.units import HOP_SAMPLES
from ditar.vae import Posterior, SpeechVAE, vocoder
from ditar.vae.convnext import Backbone
from ditar.vae.fingerprint import vae_fingerprint
from ditar.vae.losses import SpectralLoss, VAELoss
from ditar.vae.speech_vae import WEIGHTS

CONFIGS = Path(__file__).parents[2] / "configs" / "vae"
TINY = {
    "vocos": {"width": 16, "layers": 7, "ffn": 24},
    "spectral": {"mel_bins": 20, "width": 16, "layers": 1, "ffn": 24},
    "latent_channels": 8,
}


@pytest.fixture(scope="module")
def vae() -> SpeechVAE:
    torch.manual_seed(0)
    return SpeechVAE(**TINY).eval()


@pytest.fixture
def waveform() -> torch.Tensor:
    return 0.1 * torch.randn(2, 24_000, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_shapes_and_rates(vae, waveform):
    posterior = vae.encode(waveform)
    assert posterior.mean.shape == posterior.log_variance.shape == (2, 40, 8)
    assert vae.decode(posterior.mean).shape == waveform.shape
    assert vae.encode(waveform[:, :1799]).mean.shape == (2, 2, 8)


def test_less_than_a_frame_is_refused(vae):
    with pytest.raises(ValueError, match="599 samples"):
        vae.encode(torch.zeros(1, 599))


@pytest.mark.parametrize(
    "waveform, told",
    [
        (torch.zeros(1, 24_000, dtype=torch.int16), r"torch.int16 \(1, 24000\); divide 16-bit integers by 32768"),
        (torch.zeros(24_000), r"torch.float32 \(24000,\)"),
        (torch.zeros(1, 2, 24_000), r"torch.float32 \(1, 2, 24000\); .*mono"),
    ],
)
def test_what_is_no_waveform_is_refused(vae, waveform, told):
    with pytest.raises(ValueError, match=f"floats in .* got {told}"):
        vae.encode(waveform)


@pytest.mark.parametrize("shape", [(3, 8), (1, 3, 7), (1, 0, 8)])
def test_what_are_no_latents_is_refused(vae, shape):
    with pytest.raises(ValueError, match=rf"\(B, T, 8\), T at least 1, got \({shape[0]}, {shape[1]}"):
        vae.decode(torch.zeros(shape))


@torch.no_grad()
def test_decoder_sees_no_further_than_it_says(vae):
    """At most 14 latents ahead, and exactly what `context_latents` promises to those who cut seams."""
    reach = vae.decoder.context_latents
    assert reach <= 14
    latents = torch.randn(1, 80, 8, generator=torch.Generator().manual_seed(2))
    changed = latents.clone()
    changed[:, 40] += 100.0
    difference = (vae.decode(latents) - vae.decode(changed)).abs()[0] > 0
    moved = difference.nonzero().flatten()
    assert moved.min() >= (40 - reach) * HOP_SAMPLES
    assert moved.max() < (41 + reach) * HOP_SAMPLES
    assert moved.min() < 39 * HOP_SAMPLES and moved.max() > 42 * HOP_SAMPLES  # it does look around


@torch.no_grad()
def test_decoding_with_context_equals_decoding_at_once(vae):
    latents = torch.randn(1, 80, 8, generator=torch.Generator().manual_seed(3))
    whole, reach = vae.decode(latents), vae.decoder.context_latents
    part = vae.decode(latents[:, 30 - reach : 50 + reach])[:, reach * HOP_SAMPLES : (reach + 20) * HOP_SAMPLES]
    assert torch.allclose(part, whole[:, 30 * HOP_SAMPLES : 50 * HOP_SAMPLES], atol=1e-6)


def test_a_file_from_before_quantisers_is_a_gaussian_vae(tmp_path):
    """A config.json without that key, as the first shipped weights had it: their tensors are those of a VAE of today."""
    folder = Path(ditar.__file__).parent / "assets" / "model" / "vae"
    config = json.loads((folder / "config.json").read_text())
    config.pop("quantiser")
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / WEIGHTS).symlink_to(folder / WEIGHTS)
    assert not SpeechVAE.from_pretrained(tmp_path).is_codec


@torch.no_grad()
def test_blocks_and_istft_are_those_of_the_package_vocos():
    import_torchaudio()
    from vocos.heads import ISTFTHead
    from vocos.models import VocosBackbone

    ours, theirs = Backbone(16, 24, 3), VocosBackbone(16, 16, 24, 3)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 16, 30)
    torch.testing.assert_close(ours(x), theirs(x))
    head, of_package = vocoder.ISTFTHead(16, 1200, 300), ISTFTHead(16, 1200, 300, padding="same")
    of_package.load_state_dict(head.state_dict())
    torch.testing.assert_close(head(10 * ours(x)), of_package(10 * ours(x)), rtol=1e-4, atol=1e-4)


def test_statistics_travel_with_the_checkpoint(vae, waveform, tmp_path):
    vae.latent_mean.fill_(0.5)
    vae.latent_std.fill_(2.0)
    vae.save_pretrained(tmp_path)
    again = SpeechVAE.from_pretrained(tmp_path)
    vae.latent_mean.zero_(), vae.latent_std.fill_(1.0)
    z = torch.randn(1, 3, 8)
    assert torch.allclose(again.normalise(z), (z - 0.5) / 2.0)
    assert torch.allclose(again.denormalise(again.normalise(z)), z, atol=1e-6)
    with torch.no_grad():
        assert torch.equal(again.encode(waveform).mean, vae.encode(waveform).mean)


def test_an_empty_band_looks_like_an_inaudible_one():
    """A clip from 16 kHz, with and without the dither of one 16-bit step: the floor makes them nearly the same."""
    generator = torch.Generator().manual_seed(3)
    clip = 0.05 * torch.from_numpy(low_pass(torch.randn(24_000, generator=generator).numpy(), 8000, 24_000))[None]
    dithered = clip + (torch.rand(clip.shape, generator=generator) - torch.rand(clip.shape, generator=generator)) / 2**15
    moved = {}
    for floor in (0.0, 3e-5):
        torch.manual_seed(0)
        vae = SpeechVAE(**TINY | {"spectral": TINY["spectral"] | {"noise_floor": floor}}).eval()
        with torch.no_grad():
            one, other = vae.encode(clip).mean, vae.encode(dithered).mean
        moved[floor] = ((one - other).norm() / one.norm()).item()
    assert moved[0.0] > 0.05
    assert moved[3e-5] < 0.02


def test_the_floor_is_part_of_what_latents_mean():
    torch.manual_seed(0)
    older = SpeechVAE(**TINY)
    newer = SpeechVAE(**TINY | {"spectral": TINY["spectral"] | {"noise_floor": 1.2e-5}})
    newer.load_state_dict(older.state_dict())
    assert vae_fingerprint(newer) != vae_fingerprint(older)
    with pytest.raises(ValueError, match=r"spectral.noise_floor must be in .0, 0.01., got 0.5"):
        SpeechVAE(**TINY | {"spectral": TINY["spectral"] | {"noise_floor": 0.5}})


def test_exactly_one_encoder():
    with pytest.raises(ValueError, match="exactly one"):
        SpeechVAE(vocos=TINY["vocos"])


def test_odd_strides_are_refused():
    with pytest.raises(ValueError, match=r"oobleck.ratios must be even and multiply to 600.*\[8, 15, 5\]"):
        SpeechVAE(vocos=TINY["vocos"], oobleck={"ratios": [8, 15, 5]}, latent_channels=8)


@pytest.mark.parametrize("shape", [{"n_fft": 300}, {"n_fft": 200}, {"n_fft": 401}, {"hop": 400}])
def test_windows_that_make_no_audio_are_refused(shape):
    with pytest.raises(ValueError, match="vocos.hop must divide 600, and n_fft be larger by an even number, got"):
        SpeechVAE(**{**TINY, "vocos": {**TINY["vocos"], **shape}})


def test_kl_is_torchs():
    mean, log_variance = torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, (0.5 * log_variance).exp()), normal(0.0, 1.0))
    assert torch.allclose(Posterior(mean, log_variance).kl(), expected.sum(-1).mean(), atol=1e-5)


def test_samples_have_the_posterior_s_moments():
    posterior = Posterior(torch.full((1, 20_000, 1), 3.0), torch.full((1, 20_000, 1), -2.0))
    draw = posterior.sample(torch.Generator().manual_seed(0))
    assert abs(draw.mean() - 3.0) < 0.02 and abs(draw.std() - posterior.std[0, 0, 0]) < 0.02


def test_small_configuration_keeps_to_its_size():
    config = load_config(CONFIGS / "small.yaml", VAEConfig)
    vae = SpeechVAE(**to_dict(config.model))
    assert sum(p.numel() for p in vae.parameters()) <= 5_000_000


def test_paper_like_encoder_trains_a_step(waveform):
    """One step of both phases with the strided encoder of paper.yaml, at a width that a test can afford."""
    torch.manual_seed(0)
    config = load_config(CONFIGS / "paper.yaml", VAEConfig)
    model = {**to_dict(config.model), "latent_channels": 4, "vocos": TINY["vocos"]}
    vae = SpeechVAE(**model)
    loss = VAELoss(vae, replace(config.loss, multi_period=False))
    before = [p.clone() for p in vae.encoder.parameters()]
    optimiser = torch.optim.AdamW(loss.parameters(), 1e-3)
    for phase in ("discriminator", "generator"):
        value, parts = loss(waveform[:, :12_000], phase, 0.0, torch.Generator().manual_seed(0), adversary=1.0)
        value.backward()
        assert torch.isfinite(value) and all(torch.isfinite(p) for p in parts.values())
    assert all(p.grad is not None for p in loss.discriminators.parameters())
    optimiser.step()
    assert any(not torch.equal(a, b) for a, b in zip(before, vae.encoder.parameters()))


@pytest.mark.parametrize("quantiser", [None, {"codebooks": 2, "codebook_size": 16}])
def test_reconstruction_falls_on_one_batch(waveform, quantiser):
    if quantiser:
        pytest.importorskip("vector_quantize_pytorch")
    torch.manual_seed(0)
    vae = SpeechVAE(**TINY, quantiser=quantiser)
    of_gaussian = {"kl_weight": 0.0, "kl_final_weight": 0.0} if quantiser else {}
    loss = VAELoss(vae, VAELossConfig(multi_period=False, **of_gaussian))
    optimiser = torch.optim.AdamW(vae.parameters(), 3e-3)
    values = []
    for step in range(30):
        generator = torch.Generator().manual_seed(step)
        value, parts = loss(waveform[:, :6000], "generator", 0.0, generator, 0.0, step)
        assert parts.keys() == {"mel", "stft", "commitment" if quantiser else "kl"}
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < 0.7 * values[0]


def test_weights_of_a_gaussian_are_refused_for_a_codec():
    pytest.importorskip("vector_quantize_pytorch")
    with pytest.raises(ConfigError, match="has no Gaussian; .*'kl_weight': 0.001"):
        VAELoss(SpeechVAE(**TINY, quantiser={}), VAELossConfig(multi_period=False))


def test_spectral_loss_knows_equal_from_different(waveform):
    loss = SpectralLoss()
    assert all(part < 1e-6 for part in loss(waveform, waveform))
    assert all(part > 0.1 for part in loss(0.1 * waveform, waveform))


def test_what_lies_above_the_bandwidth_of_a_row_is_not_compared(waveform):
    torch.manual_seed(0)
    loss = VAELoss(SpeechVAE(**TINY), VAELossConfig(multi_period=False))
    hiss = waveform - torch.from_numpy(low_pass(waveform.numpy().reshape(-1), 8_800, 24_000)).reshape(waveform.shape)

    def value(true: torch.Tensor, bands_hz: list[float]) -> float:
        generator = torch.Generator().manual_seed(0)
        return loss(true, "generator", 0.0, generator, 0.0, None, waveform, torch.tensor(bands_hz))[1]["mel"].item()

    assert abs(value(waveform - hiss, [8_000.0] * 2) - value(waveform, [8_000.0] * 2)) < 3e-3
    assert abs(value(waveform - hiss, [12_000.0] * 2) - value(waveform, [12_000.0] * 2)) > 1e-2
