"""The VAE that made the latents of a training: its statistics, its fingerprint, and its decoder, to hear them.

It is imported where it is needed only: training without it runs on a bare machine.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_statistics


def load_decoder(vae_dir: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    """Normalised latents (1, T, C) -> waveform (S,)."""
    from ditar.vae.loading import load_vae

    vae = load_vae(vae_dir).eval()
    return lambda latents: vae.decode(vae.denormalise(latents.cpu()))[0]


def find_statistics(latents: Path, vae_dir: Path | None, fine_tuning: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, std) for normalisation: measured on these latents; for fine-tuning, and for latents that were extracted
    without measuring, those that the VAE already has."""
    if not fine_tuning and (vae_dir is None or (latents / "statistics.safetensors").is_file()):
        return read_statistics(latents)
    if vae_dir is None:
        raise DataError("--init needs --vae: latents must be normalised by the statistics of the model's VAE")
    from ditar.vae.loading import load_vae

    vae = load_vae(vae_dir)
    if not vae.measured:
        raise DataError(
            f"{vae_dir} has no statistics of its latents; give the VAE of a trained model, or extract with --statistics"
        )
    if (latents / "statistics.safetensors").is_file():
        measured, _ = read_statistics(latents)
        same_size = measured.shape == vae.latent_mean.shape
        if not same_size or not torch.allclose(measured, vae.latent_mean, atol=1e-3):
            raise DataError(
                f"{latents} was extracted with --statistics, so they are not those of the model to start from; "
                "extract again without it"
            )
    return vae.latent_mean, vae.latent_std


def find_vae(folder: Path, stores: Sequence[LatentStore], statistics: tuple[torch.Tensor, torch.Tensor]) -> str:
    """The fingerprint of the VAE that made the latents. DataError if another one made them."""
    from ditar.vae.fingerprint import encoder_fingerprint, vae_fingerprint
    from ditar.vae.loading import load_vae

    vae = load_vae(folder)
    for store in stores:
        encoder = json.loads(store.made_from or "{}").get("common", {}).get("encoder")
        if encoder is not None and encoder != encoder_fingerprint(vae):
            raise DataError(
                f"the latents of {store.folder} were made with the encoder {encoder}, and {folder} has "
                f"{encoder_fingerprint(vae)}; give the VAE that made them, or extract them again"
            )
    if not all(torch.equal(mine, theirs) for mine, theirs in zip(statistics, (vae.latent_mean, vae.latent_std))):
        raise DataError(
            f"{folder} normalises with other statistics than those of {stores[0].folder}; give the VAE that has them, "
            "or extract the latents again"
        )
    return vae_fingerprint(vae)
