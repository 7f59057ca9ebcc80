"""Stage 4: train a DiTAR on latents on disk.

    python recipes/train_ditar.py --config configs/ditar/small.yaml --train exp/latents/train --valid exp/latents/valid
    \\
        --vae exp/vae/final --out exp/ditar [--init model/ditar | --init-lm Qwen/Qwen2.5-0.5B [--subwords]]

Without --vae (on a bare machine) training and validation are the same, but there are no samples.

With --init-lm the LM begins as a pretrained text LM of the shape that the configuration says, such as
configs/ditar/qwen2.5-0.5b.yaml. It reads phonemes, new to it, or with --subwords its own subwords, for data of
`prepare_text.py --tokenizer`.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ditar.config import DiTARConfig, load_config
from ditar.config.program import exit_code
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.data.shard_urls import add_shard_arguments
from ditar.model.ditar import DiTAR
from ditar.model.qwen2 import find_lm, tokenizer_content
from ditar.text.subwords import read_tokenizer
from ditar.text.vocabulary import UNKNOWN_TRANSCRIPT
from ditar.train.ditar_system import DiTARSystem
from ditar.train.listener import add_listener_arguments, make_listener
from ditar.train.loop import train
from ditar.train.program import ERRORS, check_out
from ditar.train.speech_system import of_corpus
from ditar.train.vae_of_latents import find_statistics, find_vae, load_decoder
from ditar.units import LATENT_RATE_HZ


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises errors that `main` turns into a message."""
    if args.init is not None and args.init_lm is not None:
        raise DataError(f"--init {args.init} and --init-lm {args.init_lm} both give weights to begin with; give one")
    if args.subwords and args.init_lm is None:
        raise DataError("--subwords are those of a text LM, which is not given; add --init-lm")
    read = {"train": args.train, "valid": args.valid, "poor": args.poor}
    check_out(args.out, init=args.init, init_lm=args.init_lm, vae=args.vae, **read)
    config = load_config(args.config, DiTARConfig)
    init = DiTAR.from_pretrained(args.init) if args.init else None
    lm = None if args.init_lm is None else find_lm(args.init_lm)
    statistics = find_statistics(args.train, args.vae, init is not None)
    train_store = LatentStore(args.train, *statistics, args.shards, args.skip_bad_shards)
    stores = train_store, LatentStore(args.valid, *statistics)
    poor = None if args.poor is None else LatentStore(args.poor, *statistics, skip_bad=args.skip_bad_shards)
    made = stores if poor is None else (*stores, poor)
    # Kept in the checkpoint: what synthesis must know about the data.
    before = None if init is None else init.config
    known = of_corpus(stores[0], LATENT_RATE_HZ, config.data.max_seconds, before)
    if known["trained_symbols"] and config.data.transcript_unknown + config.data.transcript_wrong > 0:
        known["trained_symbols"] = tuple(sorted({*known["trained_symbols"], UNKNOWN_TRANSCRIPT}))
    if init is not None and not config.model.symbols:  # older models have fewer
        known["symbols"] = init.config.symbols
    if init is not None and not config.model.tokenizer:
        known["tokenizer"] = init.config.tokenizer
    if args.subwords:
        known["tokenizer"] = tokenizer_content(lm)
        known["symbols"] = read_tokenizer(known["tokenizer"])[1]
    elif config.model.tokenizer:
        read_tokenizer(config.model.tokenizer)  # before hours of training with one that is none
    known["vae_fingerprint"] = "" if args.vae is None else find_vae(args.vae, made, statistics)
    config = replace(config, model=replace(config.model, **known))
    listener = None
    if args.vae is not None:
        from ditar.evaluate.training_judges import make_training_judges  # imports recognisers: not on a bare machine

        listener = make_listener(lambda: load_decoder(args.vae), stores[1], args, make_training_judges)
    system = DiTARSystem(config, *stores, listener, init, lm, poor)
    system.tell_left_out()
    train(system, config.optimiser, config.run, args.out, config, args.cpu)


def main() -> int:
    """Parse arguments and train; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file of configs/ditar")
    parser.add_argument("--train", required=True, type=Path, help="latents to train on, with statistics")
    parser.add_argument("--valid", required=True, type=Path, help="latents to validate on")
    add_shard_arguments(parser)
    parser.add_argument("--poor", type=Path, help="the training latents as poor recordings, for data.reference_poor")
    parser.add_argument("--vae", type=Path, help="VAE with the same statistics, for samples")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument("--init", type=Path, help="folder of a trained DiTAR to start from (fine-tuning)")
    parser.add_argument("--init-lm", metavar="DIR|HUB-ID", help="a Qwen2 or Qwen2.5 as which the LM begins")
    parser.add_argument("--subwords", action="store_true", help="read the subwords of --init-lm instead of phonemes")
    add_listener_arguments(parser)
    parser.add_argument("--cpu", action="store_true", help="train on the CPU even if there is a GPU")
    args = parser.parse_args()
    return exit_code(lambda: run(args), "train_ditar", ERRORS, keeps=True)


if __name__ == "__main__":
    sys.exit(main())
