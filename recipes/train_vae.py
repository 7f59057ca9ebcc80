"""Stage 2: train a SpeechVAE on the audio of Kaldi data directories.

    python recipes/train_vae.py --config configs/vae/small.yaml --train data/train --valid data/valid --out exp/vae
"""

import argparse
import sys
from pathlib import Path

from ditar.config import VAEConfig, load_config
from ditar.config.program import exit_code
from ditar.train.loop import train
from ditar.train.program import ERRORS, check_out


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises errors that `main` turns into a message."""
    check_out(args.out, init=args.init, train=args.train, valid=args.valid)
    config = load_config(args.config, VAEConfig)
    from ditar.train.vae_system import VAESystem
    from ditar.vae.loading import load_vae

    system = VAESystem(config, args.train, args.valid, load_vae(args.init) if args.init else None)
    train(system, config.optimiser, config.run, args.out, config, args.cpu)


def main() -> int:
    """Parse arguments and train; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file of configs/vae")
    parser.add_argument("--train", required=True, nargs="+", help="data directories to train on")
    parser.add_argument("--valid", required=True, nargs="+", help="data directories to validate on")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument("--init", type=Path, help="folder of a trained VAE to start from (fine-tuning)")
    parser.add_argument("--cpu", action="store_true", help="train on the CPU even if there is a GPU")
    args = parser.parse_args()
    return exit_code(lambda: run(args), "train_vae", ERRORS, keeps=True)


if __name__ == "__main__":
    sys.exit(main())
