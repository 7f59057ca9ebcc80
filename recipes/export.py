"""Stage 6: combine the parts of a model into a folder for `ditar synthesize --model` and the hub.

    python recipes/export.py --vae exp/vae/final --ditar exp/ditar/final --out exp/model --dtype float16
    python recipes/export.py --vae BASE/vae --ditar BASE/ditar --adapter exp/voice --out exp/voice_model
    python recipes/export.py --vae BASE/vae --ditar exp/distil/final --steps 2 --temperature 0 --time-grid sway \\
        --out exp/fast
    python recipes/export.py --codec exp/codec/final --token-lm exp/baseline/final --out exp/model
"""

import argparse
import sys
from pathlib import Path

import torch

from ditar.baseline.lm import TokenLM
from ditar.baseline.streams import AUDIO
from ditar.config.program import exit_code
from ditar.config.sampling import TIME_GRIDS, SamplingOptions
from ditar.model.adapter import merge_adapter
from ditar.model.ditar import DiTAR
from ditar.model.own_patches import DISTILLED_STEPS
from ditar.storage.atomic_write import check_not_input
from ditar.storage.weights import ModelError
from ditar.synthesis.loading import load_sampling
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.token_pipeline import TokenPipeline
from ditar.vae.loading import load_codec, load_vae


def join(args: argparse.Namespace) -> ContinuousPipeline | TokenPipeline:
    """The pipeline of the given parts. ModelError if they do not fit together."""
    if args.ditar is None:
        token_lm = TokenLM.from_pretrained(args.token_lm)
        return TokenPipeline(load_codec(args.codec, len(token_lm.streams[AUDIO].delays)), token_lm)
    vae, ditar = load_vae(args.vae), DiTAR.from_pretrained(args.ditar)
    if not vae.measured:
        raise ModelError(f"{args.vae} has no statistics of its latents; run extract_latents.py with --statistics")
    if args.adapter is not None:
        merge_adapter(ditar, args.adapter)
    base, steps = _base(args) / "scheduler", args.steps
    is_part = args.like is None and base.is_dir()
    if steps is None and ditar.config.is_distilled and not is_part:
        steps = DISTILLED_STEPS
    given = {"temperature": args.temperature, "guidance_scale": args.guidance_scale, "time_grid": args.time_grid}
    given |= {"guidance_rise": args.guidance_rise}
    given["num_inference_steps"] = steps
    sampling = (load_sampling(base) if base.is_dir() else SamplingOptions()).override(**given)
    ditar.config.check_sampling(sampling.guidance_scale, sampling.solver, sampling.guidance_rise)
    return ContinuousPipeline(vae, ditar, sampling)


def _base(args: argparse.Namespace) -> Path:
    """The model whose way of sampling is kept: that of --like, or the one of which --ditar is a part."""
    if args.like is None:
        return args.ditar.parent
    if not (args.like / "scheduler").is_dir():
        raise ModelError(f"--like {args.like} is no model (no scheduler/ in it); give a folder of recipes/export.py")
    return args.like


def main() -> int:
    """Parse arguments, write and print the size; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", type=Path, help="of the continuous system, with --ditar")
    parser.add_argument("--ditar", type=Path)
    parser.add_argument("--adapter", type=Path, help="of `ditar finetune --lora`, to merge into --ditar")
    parser.add_argument("--codec", help="of the discrete baseline, a folder or a name, with --token-lm")
    parser.add_argument("--token-lm", type=Path)
    parser.add_argument(
        "--like", type=Path, metavar="MODEL",
        help="sample as this model does, but for the next five (default: as that of which --ditar is a part, if any)",
    )  # fmt: skip
    parser.add_argument(
        "--temperature", type=float, help="what the model speaks at unless a call says otherwise (default: 1)"
    )
    parser.add_argument("--guidance-scale", type=float, help="likewise (default: 2)")
    parser.add_argument("--guidance-rise", type=float, help="likewise (default: 1)")
    parser.add_argument(
        "--steps", type=int, help=f"likewise (default: 10, or {DISTILLED_STEPS} for a model of recipes/distil.py)"
    )
    parser.add_argument("--time-grid", choices=TIME_GRIDS, help="likewise (default: uniform)")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float16")
    args = parser.parse_args()
    given = {name for name in ("vae", "ditar", "codec", "token_lm") if getattr(args, name) is not None}
    if given not in ({"vae", "ditar"}, {"codec", "token_lm"}):
        parser.error("give --vae and --ditar, or --codec and --token-lm")
    for name in ("temperature", "guidance_scale", "guidance_rise", "steps", "time_grid", "like", "adapter"):
        if args.ditar is None and getattr(args, name) is not None:
            parser.error(f"--{name.replace('_', '-')} is for --ditar, not for a model of tokens; leave it out")
    try:
        for name in given:  # parts of a model are often exported again, in another precision
            for part in args.out.glob("*/"):
                check_not_input(part, "--out", {f"--{name.replace('_', '-')}": getattr(args, name)})
        join(args).save_pretrained(args.out, getattr(torch, args.dtype))
    except (ModelError, ValueError, OSError) as error:
        print(f"export: error: {error}", file=sys.stderr)
        return 1
    size = sum(p.stat().st_size for p in args.out.rglob("*.safetensors"))
    print(f"{args.out}: {size / 1e6:.1f} MB of weights in {args.dtype}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
