"""Before the first stage: can the settings of the later ones be used? What needs data or weights they check themselves.

    python recipes/check_settings.py --vae-config F --train-config F --last-config F --steps 8 --time-grid sway
    python recipes/check_settings.py --codec-config F --baseline-config F --decode-options "--top-k 50"
"""

import argparse
import sys
from pathlib import Path

from ditar.config import BaselineConfig, ConfigError, DiTARConfig, SamplingOptions, VAEConfig, load_config
from ditar.config.program import exit_code
from ditar.recognise.choose import check_recogniser
from ditar.recognise.errors import RecogniserError
from ditar.storage.weights import ModelError, read_config
from ditar.synthesis.loading import load_sampling
from ditar.text import TextError
from ditar.text.phonemise import espeak_language

SAMPLING = ("temperature", "guidance_scale", "guidance_rise", "num_inference_steps", "time_grid")


def check(args: argparse.Namespace) -> None:
    """ConfigError, RecogniserError, TextError name what cannot be used."""
    vaes = [(name, load_config(name, VAEConfig).model.latent_channels) for name in args.vae_config]
    if args.vae is not None:
        vaes.append((args.vae, read_config(args.vae).get("latent_channels")))
    for name in args.codec_config:
        load_config(name, VAEConfig)
    for name in args.baseline_config:
        load_config(name, BaselineConfig)
    for name in args.train_config:
        made = load_config(name, DiTARConfig).model.latent_channels
        for vae, channels in vaes:
            if made != channels:
                raise ConfigError(
                    f"{name}: model.latent_channels is {made}, and the VAE of {vae} has {channels}; set it to that"
                )
    asked = {key: value for key in SAMPLING if (value := getattr(args, key)) is not None}
    try:
        own = SamplingOptions() if args.like is None else load_sampling(args.like / "scheduler")
        own.override(**asked)
    except ConfigError as error:
        raise ConfigError(f"sampling options: {error}") from None
    espeak_language(args.language)
    if args.recogniser is not None:
        check_recogniser(args.recogniser, args.language)
    if args.decode_options is not None:
        from recipes.decode import parse

        needed = "--model m --data d --references r --out o".split()
        parse([*needed, *args.decode_options.split()], "check_settings: --decode-config")


def main() -> int:
    """Parse arguments and check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("vae", "train", "codec", "baseline"):
        parser.add_argument(f"--{option}-config", action="append", default=[], metavar="FILE", help="may be repeated")
    parser.add_argument("--vae", type=Path, help="in place of --vae-config: the folder of a VAE that exists")
    parser.add_argument("--like", type=Path, help="the model whose way of sampling is kept, but for the next five")
    parser.add_argument("--temperature", type=float, help="this and the next four: as of recipes/export.py")
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--guidance-rise", type=float)
    parser.add_argument("--steps", dest="num_inference_steps", type=int)
    parser.add_argument("--time-grid")
    parser.add_argument("--decode-options", metavar="LINE", help="of recipes/decode.py")
    parser.add_argument("--recogniser", help="who hears words, as of `ditar evaluate`")
    parser.add_argument("--language", default="en-us", help="espeak's name of the texts' language")
    args = parser.parse_args()
    try:
        check(args)
    except (ConfigError, ModelError, RecogniserError, TextError, OSError) as error:
        print(f"check_settings: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
