"""Stage 2: train a SpeechVAE on the audio of Kaldi data directories.

    python recipes/train_vae.py --config configs/vae/small.yaml --train data/train --valid data/valid --out exp/vae
"""

import argparse
import sys
from pathlib import Path

from safetensors import SafetensorError

from ditar.config import ConfigError, VAEConfig, load_config
from ditar.data.errors import DataError
from ditar.model.checkpoint import ModelError
from ditar.train.checkpoint import CheckpointError
from ditar.train.errors import Interrupted, TrainingError
from ditar.train.loop import train


def main() -> int:
    """Parse arguments and train; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file of configs/vae")
    parser.add_argument("--train", required=True, nargs="+", help="data directories to train on")
    parser.add_argument("--valid", required=True, nargs="+", help="data directories to validate on")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument("--init", type=Path, help="folder of a trained VAE to start from (fine-tuning)")
    parser.add_argument("--cpu", action="store_true", help="train on the CPU although a GPU is there")
    args = parser.parse_args()
    try:
        config = load_config(args.config, VAEConfig)
        from ditar.pretrained import load_vae
        from ditar.train.vae_system import VAESystem

        system = VAESystem(config, args.train, args.valid, load_vae(args.init) if args.init else None)
        train(system, config.optimiser, config.run, args.out, config, args.cpu)
    except (ConfigError, DataError, CheckpointError, ModelError, OSError, SafetensorError, TrainingError) as error:
        print(f"train_vae: error: {error}", file=sys.stderr)
        return 1
    except Interrupted as stopped:
        print(f"train_vae: {stopped}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
