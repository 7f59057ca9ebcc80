"""After stage 6: teach a student of a model's LocDiT to make a guided step of any length in one evaluation.

    python recipes/distil.py --teacher exp/model --train exp/latents/train --valid exp/latents/valid --out exp/distil
    python recipes/export.py --vae exp/model/vae --ditar exp/distil/final --steps 2 --temperature 0 \\
        --time-grid sway --out exp/fast

The student begins with the teacher's weights; all but its LocDiT stay as they are. The latents are those of the
teacher's VAE. `shipped` is the model that ships.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ditar.config import DistilConfig, load_config
from ditar.config.program import exit_code
from ditar.data.latents import LatentStore
from ditar.model.ditar import DiTAR
from ditar.synthesis.loading import load_sampling
from ditar.synthesis.model_folder import model_folder
from ditar.train.distil_system import DistilSystem
from ditar.train.listener import add_listener_arguments, make_listener
from ditar.train.loop import train
from ditar.train.program import ERRORS, check_out
from ditar.train.vae_of_latents import find_statistics, find_vae, load_decoder

CONFIG = Path(__file__).parents[1] / "configs/distil/natural.yaml"
HEARD = {"num_inference_steps": 2, "time_grid": "sway", "temperature": 0.0, "solver": "ddim"}  # as it is exported above


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises errors that `main` turns into a message."""
    folder = model_folder(args.teacher, {})
    vae = folder / "vae"
    check_out(args.out, teacher=folder, train=args.train, valid=args.valid, poor=args.poor)
    config = load_config(args.config, DistilConfig)
    teacher = DiTAR.from_pretrained(folder / "ditar")
    statistics = find_statistics(args.train, vae, fine_tuning=True)
    stores = LatentStore(args.train, *statistics), LatentStore(args.valid, *statistics)
    poor = None if args.poor is None else LatentStore(args.poor, *statistics)
    find_vae(vae, stores if poor is None else (*stores, poor), statistics)
    sampling = load_sampling(folder / "scheduler").override(**HEARD)
    highest = config.loss.guidance_scale[1]
    sampling = replace(sampling, guidance_scale=min(sampling.guidance_scale, highest))
    listener = None
    if args.listen:
        from ditar.evaluate.training_judges import make_training_judges  # imports recognisers

        listener = make_listener(lambda: load_decoder(vae), stores[1], args, make_training_judges)
    system = DistilSystem(config, *stores, teacher, listener, sampling, poor)
    system.tell_left_out()
    train(system, config.optimiser, config.run, args.out, config, args.cpu)


def main() -> int:
    """Parse arguments and train; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", required=True, help="a model's folder, its name on the hub, or `shipped`")
    parser.add_argument("--train", required=True, type=Path, help="latents of its VAE to train on")
    parser.add_argument("--poor", type=Path, help="the training latents as poor recordings, for data.reference_poor")
    parser.add_argument("--valid", required=True, type=Path, help="latents to validate on")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument("--config", type=Path, default=CONFIG, help="a file of configs/distil (default: %(default)s)")
    parser.add_argument(
        "--listen", action="store_true", help="hear the student speak at every sample_every, in two steps of `sway`"
    )
    add_listener_arguments(parser)
    parser.add_argument("--cpu", action="store_true", help="train on the CPU even if there is a GPU")
    args = parser.parse_args()
    return exit_code(lambda: run(args), "distil", ERRORS, keeps=True)


if __name__ == "__main__":
    sys.exit(main())
