"""Which VAE a DiTAR's latents were made with is looked at before training, and written into its configuration."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ditar.data.errors import DataError
from ditar.vae.fingerprint import encoder_fingerprint, vae_fingerprint
from recipes.train_ditar import find_vae
from tests.tiny import tiny_vae


@pytest.fixture
def vae(tmp_path):
    made = tiny_vae()
    made.save_pretrained(tmp_path / "vae")
    return made


def store(encoder: str) -> SimpleNamespace:
    """As much of a LatentStore as is looked at."""
    return SimpleNamespace(folder=Path("latents"), made_from=json.dumps({"common": {"encoder": encoder}, "shards": []}))


def test_the_vae_that_made_the_latents_is_named(vae, tmp_path):
    stores = [store(encoder_fingerprint(vae))]
    assert find_vae(tmp_path / "vae", stores, (vae.latent_mean, vae.latent_std)) == vae_fingerprint(vae)


def test_another_vae_is_refused(vae, tmp_path):
    with pytest.raises(DataError, match="latents were made with the encoder 0123, and .* give the VAE that made them"):
        find_vae(tmp_path / "vae", [store("0123")], (vae.latent_mean, vae.latent_std))
    with pytest.raises(DataError, match="normalises with other statistics than those of latents"):
        find_vae(tmp_path / "vae", [store(encoder_fingerprint(vae))], (vae.latent_mean, torch.ones(8)))
