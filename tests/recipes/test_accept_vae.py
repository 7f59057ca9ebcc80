"""How far degradations move latents: nothing where the encoder hears nothing, and each kind by its name."""

import json

import numpy as np
import soundfile
import torch

from ditar.data.degrade import DEGRADATIONS
from ditar.report.results import read_result, render
from recipes.accept_vae import as_result, heard, moved, resynthesise
from tests.tiny import tiny_vae


def test_moves_are_in_units_of_the_latents_own_noise(tmp_path):
    rows = []
    for number in range(2):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, 0.1 * np.random.default_rng(number).standard_normal(24_000), 24_000)
        rows.append((str(number), path))
    vae = tiny_vae()
    found = moved(vae, rows)
    assert found.keys() == {kind.__name__ for kind in DEGRADATIONS}
    assert found["dither"] < found["noise"] < found["telephone"]
    with torch.no_grad():
        vae.encoder.out.bias[8:] += 2 * np.log(2.0)  # twice the std
    wider = moved(vae, rows)
    assert abs(wider["narrow"] - found["narrow"] / 2) < 0.02 * found["narrow"]


def test_acceptance_is_a_result_that_reports_read(tmp_path):
    words = {"rate": 0.05, "low": 0.04, "high": 0.06}
    compared = {"utterances": 7, "original": words, "resynthesised": words}
    compared["ratio"] = {"value": 1.0, "low": 0.9, "high": None}
    figures = {"recogniser": "an ear", "signal_channels": 60, "channels": 64, "moved": {"dither": 0.25}}
    figures["accepted"] = False
    path = tmp_path / "acceptance.json"
    path.write_text(json.dumps(as_result({**figures, "resynthesis": compared, "noise": compared})))
    result = read_result(path)
    section = render(result, path, "Acceptance")
    assert "| signal channels | 60 of 64 | three quarters |" in section and "an ear" in section
    assert "| their ratio | 1.00 (0.90 to infinite) |" in section and "| moved by dither, std | 0.25 |" in section
    assert result["signal_channels"] == 60 and result["provenance"]["command"]  # the figures stay where they were


def test_what_the_vae_does_not_know_is_not_heard(tmp_path):
    """As in extraction: an utterance with sound above the VAE's bandwidth is encoded as one without."""
    vae = tiny_vae(bandwidth_hz=8000)
    time = np.arange(24_000) / 24_000
    low = (0.1 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    both = (low + 0.1 * np.sin(2 * np.pi * 10_000 * time)).astype(np.float32)
    assert heard(vae, both).shape == (1, 24_000) and heard(vae, both[:-1]).shape == (1, 23_400)
    inside = slice(2400, -2400)  # filters ring at the ends
    assert torch.allclose(heard(vae, both)[0, inside], heard(vae, low)[0, inside], atol=1e-4)
    folder = tmp_path / "data"
    folder.mkdir()
    soundfile.write(folder / "a.wav", both, 24_000)
    (folder / "wav.scp").write_text(f"a {folder}/a.wav\n")
    encoded, encode = [], vae.encode
    vae.encode = lambda waveform: encoded.append(waveform) or encode(waveform)
    resynthesise(vae, folder, tmp_path / "out", 1)
    moved(vae, [("a", folder / "a.wav")])
    for waveform in encoded:
        spectrum = np.abs(np.fft.rfft(waveform[0, inside].numpy() * np.hanning(24_000 - 4800)))
        assert spectrum[8100 * 19_200 // 24_000 :].max() < 1e-2 * spectrum.max()
    written, _ = soundfile.read(tmp_path / "out/original/a.wav")
    assert np.allclose(written, both, atol=1e-3)  # what people said, to compare with
