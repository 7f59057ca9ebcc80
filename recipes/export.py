"""Stage 6: put a VAE and a DiTAR together into the folder that `ditar synthesize --model` and the hub take.

    python recipes/export.py --vae exp/vae/final --ditar exp/ditar/final --out exp/model --dtype float16
"""

import argparse
import sys
from pathlib import Path

import torch

from ditar.diffusion.scheduler import DiTARScheduler
from ditar.model.checkpoint import ModelError
from ditar.model.ditar import DiTAR
from ditar.pipeline import DiTARPipeline
from ditar.pretrained import load_vae


def main() -> int:
    """Parse arguments, write and print the size; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", required=True, type=Path)
    parser.add_argument("--ditar", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float16")
    args = parser.parse_args()
    try:
        vae, ditar = load_vae(args.vae), DiTAR.from_pretrained(args.ditar)
        if not vae.measured:
            raise ModelError(f"{args.vae} has no statistics of its latents; run extract_latents.py with --statistics")
        DiTARPipeline(vae, ditar, DiTARScheduler()).save_pretrained(args.out, getattr(torch, args.dtype))
    except (ModelError, ValueError, OSError) as error:
        print(f"export: error: {error}", file=sys.stderr)
        return 1
    size = sum(p.stat().st_size for p in args.out.rglob("*.safetensors"))
    print(f"{args.out}: {size / 1e6:.1f} MB of weights in {args.dtype}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
