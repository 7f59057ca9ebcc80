"""Stage 5: train the discrete baseline, a delayed multi-stream token LM, on codes on disk.

    python recipes/train_baseline.py --config configs/baseline/matched.yaml --train exp/codes/train \\
        --valid exp/codes/valid --codec exp/codec/final --out exp/baseline [--init model/token_lm]

Without --codec (on a bare machine) training and validation are the same, but there are no samples.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ditar.baseline.lm import TokenLM
from ditar.config import BaselineConfig, load_config
from ditar.config.program import exit_code
from ditar.data.codes import CodecInfo, CodeStore, require_codec
from ditar.data.errors import DataError
from ditar.data.shard_urls import add_shard_arguments
from ditar.train.listener import add_listener_arguments, make_listener
from ditar.train.loop import train
from ditar.train.program import ERRORS, check_out
from ditar.train.token_system import TokenSystem, fill_in
from ditar.units import SAMPLE_RATE_HZ


def load_decoder(name: str, info: CodecInfo) -> Callable[[torch.Tensor], torch.Tensor]:
    """Codes (1, Q, T) -> waveform (S,). DataError for another codec than that of the codes."""
    from ditar.audio.resample import resample
    from ditar.vae.codec import CodecError
    from ditar.vae.loading import load_codec

    try:
        codec = load_codec(name, info.codebooks)
    except CodecError as error:
        raise DataError(str(error)) from None
    require_codec(codec.fingerprint, info.codec, name)

    def decode(codes: torch.Tensor) -> torch.Tensor:
        waveform = codec.decode(codes.cpu())[0].numpy()
        return torch.from_numpy(np.ascontiguousarray(resample(waveform, codec.rate_hz, SAMPLE_RATE_HZ)))

    return decode


def make_encoder(config: BaselineConfig):
    """The frozen encoder of a model that reads encoded text; None for one that does not."""
    if config.model.text != "cross":
        return None
    from ditar.baseline.text_encoder import T5TextEncoder

    return T5TextEncoder(config.model.text_encoder, config.model.text_width)


def run(args: argparse.Namespace) -> None:
    """The whole stage. Raises errors that `main` turns into a message."""
    check_out(args.out, init=args.init, codec=args.codec, train=args.train, valid=args.valid)
    config = load_config(args.config, BaselineConfig)
    init = TokenLM.from_pretrained(args.init) if args.init else None
    stores = CodeStore(args.train, urls=args.shards, skip_bad=args.skip_bad_shards), CodeStore(args.valid)
    config = fill_in(config, stores[0], init)
    info, listener = stores[0].codec, None
    if args.codec is not None:
        from ditar.evaluate.training_judges import make_training_judges  # imports recognisers: not on a bare machine

        listener = make_listener(lambda: load_decoder(args.codec, info), stores[1], args, make_training_judges)
    system = TokenSystem(config, *stores, listener, init, make_encoder(config))
    system.tell_left_out()
    train(system, config.optimiser, config.run, args.out, config, args.cpu, config.run.patience)


def main() -> int:
    """Parse arguments and train; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file of configs/baseline")
    parser.add_argument("--train", required=True, type=Path, help="codes to train on")
    parser.add_argument("--valid", required=True, type=Path, help="codes of the same codec to validate on")
    add_shard_arguments(parser)
    parser.add_argument("--codec", help="the codec that made them, a folder or a name on the hub, for samples")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an existing run is resumed")
    parser.add_argument("--init", type=Path, help="folder of a trained token LM to start from (fine-tuning)")
    add_listener_arguments(parser)
    parser.add_argument("--cpu", action="store_true", help="train on the CPU even if there is a GPU")
    args = parser.parse_args()
    return exit_code(lambda: run(args), "train_baseline", ERRORS, keeps=True)


if __name__ == "__main__":
    sys.exit(main())
