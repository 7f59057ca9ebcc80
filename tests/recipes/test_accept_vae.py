"""How far degradations move latents: nothing where the encoder hears nothing, and each kind by its name."""

import numpy as np
import soundfile
import torch

from ditar.data.degrade import DEGRADATIONS
from recipes.accept_vae import moved
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
