"""Stage 4: train a DiTAR on latents on disk.

    python recipes/train_ditar.py --config configs/ditar/small.yaml --train exp/latents/train --valid exp/latents/valid \\
        --vae exp/vae/final --out exp/ditar [--init model/ditar]

Without --vae (a bare machine) it trains and validates the same, and makes no samples and no word errors.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError

from ditar.config import ConfigError, DiTARConfig, load_config
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_statistics
from ditar.model.checkpoint import ModelError
from ditar.model.ditar import DiTAR
from ditar.train.checkpoint import CheckpointError
from ditar.train.ditar_system import DiTARSystem
from ditar.train.errors import Interrupted, TrainingError
from ditar.train.loop import train
from ditar.train.samples import Listener
from ditar.units import LATENT_RATE_HZ, SAMPLE_RATE_HZ


def make_listener(vae_dir: Path | None) -> Listener | None:
    """Decoder and recogniser for word errors during training; None without a VAE or without a recogniser."""
    if vae_dir is None:
        return None
    try:
        import pocketsphinx  # noqa: F401  the offline recogniser of ditar[eval]
    except ImportError:
        print("no word errors during training: install ditar[eval] for a recogniser", file=sys.stderr)
        return None
    from ditar.audio.resample import resample
    from ditar.evaluate.intervals import corpus_rate
    from ditar.evaluate.recognise import RECOGNISER_RATE_HZ, Recogniser
    from ditar.evaluate.words import word_errors
    from ditar.pretrained import load_vae

    vae, recogniser = load_vae(vae_dir).eval(), Recogniser()

    def word_error(waveforms, texts) -> float:
        heard = [recogniser.transcribe(resample(w, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)) for w in waveforms]
        rows = word_errors(dict(enumerate(texts)), dict(enumerate(heard)))
        return corpus_rate([r.word_errors for r in rows], [r.words for r in rows])

    return Listener(lambda latents: vae.decode(vae.denormalise(latents.cpu()))[0], word_error)


def find_statistics(latents: Path, vae_dir: Path | None, fine_tuning: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, std) that normalise: measured on these latents; for fine-tuning those that the VAE has from before."""
    if not fine_tuning:
        return read_statistics(latents)
    if vae_dir is None:
        raise DataError("--init needs --vae: latents must be normalised as the model knows them, by its VAE's statistics")
    from ditar.pretrained import load_vae

    vae = load_vae(vae_dir)
    if not vae.measured:
        raise DataError(f"{vae_dir} has no statistics of its latents; give the VAE of the model to start from")
    if (latents / "statistics.safetensors").is_file():
        measured, _ = read_statistics(latents)
        if not torch.allclose(measured, vae.latent_mean, atol=1e-3):
            raise DataError(
                f"{latents} was extracted with --statistics, so they are not those that the model to start from knows; "
                "extract again without it"
            )
    return vae.latent_mean, vae.latent_std


def main() -> int:
    """Parse arguments and train; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file of configs/ditar")
    parser.add_argument("--train", required=True, type=Path, help="latents to train on, with statistics")
    parser.add_argument("--valid", required=True, type=Path, help="latents to validate on")
    parser.add_argument("--vae", type=Path, help="VAE with the same statistics, for samples")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument("--init", type=Path, help="folder of a trained DiTAR to start from (fine-tuning)")
    parser.add_argument("--cpu", action="store_true", help="train on the CPU although a GPU is there")
    args = parser.parse_args()
    try:
        config = load_config(args.config, DiTARConfig)
        init = DiTAR.from_pretrained(args.init) if args.init else None
        statistics = find_statistics(args.train, args.vae, init is not None)
        stores = LatentStore(args.train, *statistics), LatentStore(args.valid, *statistics)
        entries = stores[0].entries
        pace = round(sum(e.frames for e in entries) / LATENT_RATE_HZ / sum(len(e.symbols) for e in entries), 4)
        heard = {symbol for e in entries for symbol in e.symbols}
        if init is not None:  # where it is not known what those weights heard, it stays unknown
            heard = heard | set(init.config.trained_symbols) if init.config.trained_symbols else set()
        # Kept in the checkpoint: what synthesis has to know of the data.
        of_corpus = {
            "seconds_per_symbol": pace,
            "trained_symbols": tuple(sorted(heard)),
            "trained_seconds": config.data.max_seconds,
        }
        config = replace(config, model=replace(config.model, **of_corpus))
        system = DiTARSystem(config, *stores, make_listener(args.vae), init)
        if left_out := system.batches.left_out(config.data.max_seconds):
            print(
                f"{len(left_out)} of {len(entries)} utterances are left out (longer than data.max_seconds, "
                f"{config.data.max_seconds:g} s, or shorter than a patch): {', '.join(left_out[:5])} ...",
                file=sys.stderr,
            )
        train(system, config.optimiser, config.run, args.out, config, args.cpu)
    except (ConfigError, DataError, CheckpointError, ModelError, OSError, SafetensorError, TrainingError) as error:
        print(f"train_ditar: error: {error}", file=sys.stderr)
        return 1
    except Interrupted as stopped:
        print(f"train_ditar: {stopped}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
