"""A vocoder that filters a source: harmonics and noise are what they say, streaming goes on where it was, and training
teaches pitch and both filters."""

import numpy as np
import pytest
import torch

from ditar.audio.pitch import pitch_of_frames
from ditar.config import VocosConfig
from ditar.units import HOP_SAMPLES
from ditar.vae.convnext import Backbone
from ditar.vae.source import PITCH_BINS, PitchHead, SourceStart, harmonics, held_through, noise_at, turns_of
from ditar.vae.speech_vae import SpeechVAE
from ditar.vae.streaming import StreamingDecoder
from ditar.vae.vocoder import Vocoder

TINY = {
    "vocos": {"width": 16, "layers": 2, "ffn": 24, "source_filter": True, "formant_contrast": 0.2},
    "spectral": {"mel_bins": 20, "width": 16, "layers": 1, "ffn": 24},
    "latent_channels": 8,
}


def test_harmonics_are_lines_of_equal_strength_and_power_1():
    of_samples, turns = turns_of(torch.full((1, 80), 235.0), 300, SourceStart())
    sound = harmonics(of_samples, turns)[0]
    assert sound.square().mean().item() == pytest.approx(1.0, abs=0.03)
    spectrum = torch.fft.rfft(sound).abs()  # a bin of 1 Hz
    lines = spectrum[235:11_900:235]
    assert lines.min() > 0.99 * lines.max()
    assert (spectrum.square().sum() - lines.square().sum()) / spectrum.square().sum() < 0.02


def test_a_glide_has_the_pitch_that_it_was_asked_for():
    wanted = torch.linspace(180.0, 300.0, 160)[None]
    sound = harmonics(*turns_of(wanted, 300, SourceStart()))[0].numpy()
    found = pitch_of_frames(sound, 300)
    voiced = found > 0
    assert voiced[4:-4].all()
    assert np.abs(found / wanted[0].numpy() - 1)[4:-4].max() < 0.02


def test_hum_is_not_a_voice():
    times = torch.arange(24_000) / 24_000
    hum = 0.1 * torch.sin(2 * torch.pi * 60.0 * times)
    voice = harmonics(*turns_of(torch.full((1, 80), 180.0), 300, SourceStart()))[0]
    assert not pitch_of_frames((hum + 1e-4 * noise_at(torch.arange(24_000))).numpy(), 300).any()
    found = pitch_of_frames((hum + 0.02 * voice).numpy(), 300)
    assert found[4:-4] == pytest.approx(180.0, rel=0.01)


def test_noise_is_white_and_a_function_of_the_sample_alone():
    noise = noise_at(torch.arange(48_000))
    assert noise.mean().abs() < 0.02
    assert noise.square().mean().item() == pytest.approx(1.0, abs=0.02)
    power = torch.fft.rfft(noise).abs().square()[1:].reshape(12, -1).mean(dim=1)
    assert power.max() < 1.15 * power.min()
    assert torch.equal(noise_at(torch.arange(7_000, 7_100)), noise[7_000:7_100])


def test_the_pitch_of_logits_is_that_of_their_peak():
    wanted = torch.tensor([[60.0, 123.4, 333.0, 550.0]])
    place = (PITCH_BINS - 1) * (wanted / 50.0).log() / np.log(600.0 / 50.0)
    logits = -0.5 * (torch.arange(PITCH_BINS) - place[..., None]).square()
    assert PitchHead.pitch_hz(logits) == pytest.approx(wanted, rel=0.01)
    assert PitchHead.loss(20 * logits, wanted) > PitchHead.loss(logits, wanted)  # sharper than the target
    unvoiced = torch.zeros(1, 4)
    assert PitchHead.loss(logits, unvoiced).item() == 0.0


def test_lines_lead_through_unvoiced_frames():
    pitch = torch.tensor([[0.0, 100.0, 0.0, 0.0, 130.0, 0.0], [0.0] * 6])
    assert held_through(pitch) == pytest.approx(
        torch.tensor([[100.0, 100.0, 110.0, 120.0, 130.0, 130.0], [100.0] * 6])
    )


@torch.no_grad()
@pytest.mark.parametrize("before", [0, 5, 30])
def test_streamed_is_what_is_decoded_at_once(before):
    torch.manual_seed(0)
    vae = SpeechVAE(**TINY).eval()
    latents = torch.randn(90, 8)
    stream, pieces = StreamingDecoder(vae, latents[:before]), []
    for first in range(before, 90, 4):
        stream.add(latents[first : first + 4])
        pieces.append(stream.take())
    pieces.append(stream.take(final=True))
    kept = max(0, before - vae.decoder.context_latents)
    start = SourceStart(anchor=(before - kept) * HOP_SAMPLES)
    contrast = vae.config.vocos.formant_contrast
    whole = vae.decoder(latents[None, kept:], start, contrast=contrast).waveform[0, (before - kept) * HOP_SAMPLES :]
    error = torch.cat(pieces) - whole
    # Rounding moves the phase of the harmonics, and random weights make these loud.
    assert error.abs().max() < 5e-3 and error.std() < 1e-4 and whole.std() > 0.01


@torch.no_grad()
def test_a_decoder_sees_no_further_than_it_says():
    vae = SpeechVAE(**TINY).eval()
    reach = vae.decoder.context_latents
    latents = torch.randn(1, 80, 8, generator=torch.Generator().manual_seed(2))
    changed = latents.clone()
    changed[:, 40] += 3.0
    start = SourceStart(anchor=(40 - reach) * HOP_SAMPLES)  # the phase goes on from where nothing has changed
    one, other = (vae.decoder(x, start).waveform[0] for x in (latents, changed))
    assert torch.equal(one[: (40 - reach) * HOP_SAMPLES], other[: (40 - reach) * HOP_SAMPLES])
    assert not torch.equal(one, other)


@torch.no_grad()
def test_a_plain_vocoder_lends_its_magnitudes():
    plain = Vocoder(VocosConfig(16, 2, 24), 8).eval()
    filtering = Vocoder(VocosConfig(16, 2, 24, source_filter=True), 8).eval()
    filtering.start_from_plain(plain)
    x = torch.randn(1, 10, 8)
    assert torch.equal(plain.features(x), filtering.features(x))
    magnitude = plain.head.out(plain.features(x)).chunk(2, dim=-1)[0]
    gain, phase, noise_gain = filtering.head.out(filtering.features(x)).chunk(3, dim=-1)
    assert gain == pytest.approx(magnitude, abs=1e-5)
    assert noise_gain == pytest.approx(magnitude, abs=1e-5)
    assert not phase.any()


@torch.no_grad()
@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("pieces", [[20], [1] * 20, [3, 5, 12], [3, 17, 0]])
def test_a_backbone_goes_on_where_it_was(pieces, within):
    """Every frame is computed once, and is what it is among all of them; those that need what is before are not made,
    if it is said to be missing."""
    backbone, x = Backbone(8, 16, 3), torch.randn(2, 8, 20)
    whole, kept, found = backbone(x), backbone.beginning(x, within), []
    missing = backbone.reach if within else 0
    for number, piece in enumerate(x.split(pieces, dim=2)):
        final = number == len(pieces) - 1
        further, kept = backbone.go_on(piece, kept, final)
        found.append(further)
        known = sum(pieces[: number + 1]) - (0 if final else backbone.reach)
        assert sum(one.shape[1] for one in found) == max(0, known - missing)
    torch.testing.assert_close(torch.cat(found, dim=1), whole[:, missing:], atol=1e-5, rtol=0)
