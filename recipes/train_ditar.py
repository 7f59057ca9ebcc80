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
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ditar.config import DiTARConfig, load_config
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_statistics
from ditar.model.ditar import DiTAR
from ditar.model.qwen2 import find_lm, tokenizer_content
from ditar.text.subwords import read_tokenizer
from ditar.text.vocabulary import UNKNOWN_TRANSCRIPT
from ditar.train.ditar_system import DiTARSystem
from ditar.train.listener import add_listener_arguments, make_listener
from ditar.train.loop import train
from ditar.train.program import check_out, exit_code
from ditar.train.speech_system import of_corpus
from ditar.units import LATENT_RATE_HZ


def load_decoder(vae_dir: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    """Normalised latents (1, T, C) -> waveform (S,)."""
    from ditar.vae.loading import load_vae

    vae = load_vae(vae_dir).eval()
    return lambda latents: vae.decode(vae.denormalise(latents.cpu()))[0]


def find_statistics(latents: Path, vae_dir: Path | None, fine_tuning: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, std) for normalisation: measured on these latents; for fine-tuning those that the VAE already has."""
    if not fine_tuning:
        return read_statistics(latents)
    if vae_dir is None:
        raise DataError("--init needs --vae: latents must be normalised by the statistics of the model's VAE")
    from ditar.vae.loading import load_vae

    vae = load_vae(vae_dir)
    if not vae.measured:
        raise DataError(f"{vae_dir} has no statistics of its latents; give the VAE of the model to start from")
    if (latents / "statistics.safetensors").is_file():
        measured, _ = read_statistics(latents)
        if not torch.allclose(measured, vae.latent_mean, atol=1e-3):
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


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises errors that `main` turns into a message."""
    if args.init is not None and args.init_lm is not None:
        raise DataError(f"--init {args.init} and --init-lm {args.init_lm} both give weights to begin with; give one")
    if args.subwords and args.init_lm is None:
        raise DataError("--subwords are those of a text LM, which is not given; add --init-lm")
    check_out(args.out, init=args.init, init_lm=args.init_lm, vae=args.vae, train=args.train, valid=args.valid)
    config = load_config(args.config, DiTARConfig)
    init = DiTAR.from_pretrained(args.init) if args.init else None
    lm = None if args.init_lm is None else find_lm(args.init_lm)
    statistics = find_statistics(args.train, args.vae, init is not None)
    train_store = LatentStore(args.train, *statistics, args.shards, args.skip_bad_shards)
    stores = train_store, LatentStore(args.valid, *statistics)
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
    known["vae_fingerprint"] = "" if args.vae is None else find_vae(args.vae, stores, statistics)
    config = replace(config, model=replace(config.model, **known))
    listener = None
    if args.vae is not None:
        from ditar.evaluate.training_judges import make_training_judges  # imports recognisers: not on a bare machine

        listener = make_listener(lambda: load_decoder(args.vae), stores[1], args, make_training_judges)
    system = DiTARSystem(config, *stores, listener, init, lm)
    system.tell_left_out()
    train(system, config.optimiser, config.run, args.out, config, args.cpu)


def main() -> int:
    """Parse arguments and train; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file of configs/ditar")
    parser.add_argument("--train", required=True, type=Path, help="latents to train on, with statistics")
    parser.add_argument("--valid", required=True, type=Path, help="latents to validate on")
    parser.add_argument(
        "--shards",
        nargs="+",
        metavar="URL",
        help="where the shards of --train are, if not in it: http://HOST/latents.{000000..000999}.tar, pipe:COMMAND, or "
        "paths; several for several machines",
    )
    parser.add_argument(
        "--skip-bad-shards", action="store_true", help="leave out shards of --train that are missing, cut short or damaged"
    )
    parser.add_argument("--vae", type=Path, help="VAE with the same statistics, for samples")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument("--init", type=Path, help="folder of a trained DiTAR to start from (fine-tuning)")
    parser.add_argument("--init-lm", metavar="DIR|HUB-ID", help="a Qwen2 or Qwen2.5 as which the LM begins")
    parser.add_argument("--subwords", action="store_true", help="read the subwords of --init-lm instead of phonemes")
    add_listener_arguments(parser)
    parser.add_argument("--cpu", action="store_true", help="train on the CPU even if there is a GPU")
    args = parser.parse_args()
    return exit_code("train_ditar", lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
