"""Stage 4: train a DiTAR on latents on disk.

    python recipes/train_ditar.py --config configs/ditar/small.yaml --train exp/latents/train --valid exp/latents/valid \\
        --vae exp/vae/final --out exp/ditar

Without --vae (a bare machine) it trains and validates the same, and makes no samples and no word errors.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ditar.config import ConfigError, DiTARConfig, load_config
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_index, read_statistics
from ditar.train.checkpoint import CheckpointError
from ditar.train.ditar_system import DiTARSystem
from ditar.train.loop import TrainingError, train
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
    from ditar.evaluate.recognise import RECOGNISER_RATE_HZ, Recogniser
    from ditar.evaluate.words import corpus_rate, word_errors
    from ditar.vae import SpeechVAE

    vae, recogniser = SpeechVAE.from_pretrained(vae_dir).eval(), Recogniser()

    def word_error(waveforms, texts) -> float:
        heard = [recogniser.transcribe(resample(w, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)) for w in waveforms]
        rows = word_errors(dict(enumerate(texts)), dict(enumerate(heard)))
        return corpus_rate([r.word_errors for r in rows], [r.words for r in rows])

    return Listener(lambda latents: vae.decode(vae.denormalise(latents.cpu()))[0], word_error)


def main() -> int:
    """Parse arguments and train; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file of configs/ditar")
    parser.add_argument("--train", required=True, type=Path, help="latents to train on, with statistics")
    parser.add_argument("--valid", required=True, type=Path, help="latents to validate on")
    parser.add_argument("--vae", type=Path, help="VAE with the same statistics, for samples")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument("--cpu", action="store_true", help="train on the CPU although a GPU is there")
    args = parser.parse_args()
    try:
        config = load_config(args.config, DiTARConfig)
        statistics = read_statistics(args.train)
        entries = read_index(args.train)
        stores = LatentStore(args.train, *statistics), LatentStore(args.valid, *statistics)
        pace = round(sum(e.frames for e in entries) / LATENT_RATE_HZ / sum(len(e.symbols) for e in entries), 4)
        config = replace(config, model=replace(config.model, seconds_per_symbol=pace))  # kept in the checkpoint
        system = DiTARSystem(config, *stores, make_listener(args.vae))
        train(system, config.optimiser, config.run, args.out, config, args.cpu)
    except (ConfigError, DataError, CheckpointError, TrainingError) as error:
        print(f"train_ditar: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
