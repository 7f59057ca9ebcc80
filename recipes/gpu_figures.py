"""Every figure of a GPU in one call of less than ten minutes: training with and without torch.compile, and synthesis.

    python recipes/gpu_figures.py --out exp/gpu [--configs configs/ditar/0.6b.yaml configs/ditar/0.1b.yaml]
    python recipes/gpu_figures.py --out exp/dry --dry-run     # the same, tiny and on the CPU: shows that it runs

Random weights and latents of no speech. Training (ditar/bench/training.py): MFU, patches a second, memory. Synthesis
(`ditar bench`): real-time factor of one row, with and without CUDA graphs of LocDiT, first audio, throughput of batches;
ratios to Table 7 of the paper (arXiv 2502.03930: 0.6B on an A100, speech of 10 s) and to the floor that reading the
weights once a pass sets, by the bandwidth that was measured for copies. OUT/gpu.json and OUT/gpu.md are written after
every section; one that fails is told in its place, and one that would begin after --limit-s is left out.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ditar.bench.setup import Subject, Variant
from ditar.bench.study import bench
from ditar.bench.training import time_training
from ditar.config import ConfigError, DiTARConfig, load_config
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.latents import LatentStore, read_statistics
from ditar.data.synthetic import write_synthetic
from ditar.nn.counting import count_parameters
from ditar.storage.atomic_write import write_lines
from ditar.storage.provenance import provenance
from ditar.units import patches_to_seconds

ROOT = Path(__file__).parents[1]
PEAKS_TFLOPS = {"A100": 312.0, "H100": 989.0, "H200": 989.0}  # NVIDIA's data sheets: bfloat16, dense, SXM
TABLE_7 = {"rtf": 0.66, "first_ms": 66.0, "audio_s_per_s": 500 / 1.39}  # batch 1, batch 1, batch 500


def probe(device: torch.device, size: int, mib: int) -> dict[str, float]:
    """What the device reaches: TFLOP/s of a bfloat16 product of square matrices, GB/s of a copy (read and written)."""
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    source = torch.empty(mib * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    product, copy = (_seconds(call, device) for call in (lambda: a @ a, lambda: target.copy_(source)))
    return {"product_tflops": 2 * size**3 / product / 1e12, "copy_gb_s": 2 * source.nbytes / copy / 1e9}


def _seconds(call: Callable[[], Any], device: torch.device) -> float:
    """The quickest of several calls."""
    best = float("inf")
    for _ in range(6):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        began = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - began)
    return best


def floor_rtf(subject: Subject, variant: Variant, gb_s: float) -> float:
    """The real-time factor of one row if nothing but weights were read, each once a pass: the encoder's and the LM's
    for every patch, LocDiT's for every step of it."""
    model = subject.model(variant)
    once = count_parameters(model.encoder) + count_parameters(model.lm.transformer)
    weights = once + variant.steps * count_parameters(model.locdit)
    size = weights * model.stop_head.weight.element_size()
    return size / (gb_s * 1e9) / patches_to_seconds(1, subject.config.patch_frames)


def synthesis(config: Path, device: torch.device, args: argparse.Namespace, gb_s: float) -> dict[str, Any]:
    """What `ditar bench` measures, with its ratios."""
    subject = Subject.random(config, str(device))
    base = Variant(dtype="bfloat16", threads=torch.get_num_threads(), prefix_cache=subject.config.locdit_prefix_cached)
    variants = [base] + [replace(base, cuda_graphs=True)] * (device.type == "cuda")
    with torch.inference_mode():
        found = bench(subject, variants, lengths=[args.seconds], batch_sizes=args.batch_sizes, repeats=args.repeats,
                      streams=args.streams, progress=False)  # fmt: skip
    most = max(found["batches"], key=lambda row: row["audio_s_per_s"])
    floor, rtf = floor_rtf(subject, base, gb_s), found["variants"][0]["rtf"]["median"]
    first = found["first_audio"]["p50_ms"]
    return {
        **{name: found[name] for name in ("parameters", "batches", "variants", "first_audio")},
        "floor_rtf": floor,
        "ratios": {
            "rtf_to_floor": rtf / floor,
            "rtf_to_table_7": rtf / TABLE_7["rtf"],
            "first_audio_to_table_7": first / TABLE_7["first_ms"],
            "throughput_to_table_7": most["audio_s_per_s"] / TABLE_7["audio_s_per_s"],
        },
    }


def training(config: Path, device: torch.device, args: argparse.Namespace, compiled: bool, peak: float) -> dict[str, Any]:
    """What recipes/profile_train.py measures, with MFU."""
    typed = load_config(config, DiTARConfig)
    typed = replace(typed, data=replace(typed.data, batch_patches=args.batch_patches))
    with tempfile.TemporaryDirectory() as folder:
        longest = min(10.0, typed.data.max_seconds)
        write_synthetic(Path(folder), args.utterances, 2, typed.model.latent_channels, (0.2 * longest, longest))
        store = LatentStore(folder, *read_statistics(folder))
        found = time_training(typed, store, device, args.steps, args.backend if compiled else None)
    return {**found, "mfu": found["tflops"] / peak}


def sections(args: argparse.Namespace, device: torch.device, facts: dict[str, Any]) -> dict[str, Callable[[], dict]]:
    """Name -> what measures it, in the order of their worth."""
    peak, gb_s = facts["peak_tflops"], facts["copy_gb_s"]
    made: dict[str, Callable[[], dict]] = {}
    for config in args.configs:
        made[f"training {config.stem}"] = lambda c=config: training(c, device, args, False, peak)
        made[f"synthesis {config.stem}"] = lambda c=config: synthesis(c, device, args, gb_s)
        made[f"training {config.stem} compiled"] = lambda c=config: training(c, device, args, True, peak)
    return made


def run(args: argparse.Namespace) -> int:
    """Measure and write; the number of sections that failed."""
    began, device = time.perf_counter(), torch.device(args.device)
    for config in args.configs:
        load_config(config, DiTARConfig)  # a wrong name is told before anything is measured
    args.out.mkdir(parents=True, exist_ok=True)
    facts = probe(device, *((8192, 1024) if device.type == "cuda" else (256, 16)))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    published = next((peak for key, peak in PEAKS_TFLOPS.items() if key in name), None)
    peak = args.peak_tflops or published or facts["product_tflops"]
    facts |= {"name": name, "peak_tflops": peak, "peak_is_measured": not (args.peak_tflops or published)}
    result = {"kind": "gpu_figures", "version": 1, "dry_run": args.dry_run, "provenance": provenance(), "device": facts}
    result |= {"seconds": args.seconds, "batch_patches": args.batch_patches, "sections": {}}
    for title, measure in sections(args, device, facts).items():
        if (spent := time.perf_counter() - began) > args.limit_s:
            result["sections"][title] = {"left_out": f"{spent:.0f} s of {args.limit_s:g} were spent (--limit-s)"}
        else:
            print(f"{spent:6.1f} s: {title}", file=sys.stderr, flush=True)
            try:
                result["sections"][title] = measure()
            except (RuntimeError, ValueError, OSError) as error:  # out of memory, above all
                result["sections"][title] = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
            if device.type == "cuda":
                torch.cuda.empty_cache()
        result["took_s"] = time.perf_counter() - began
        write_lines(args.out / "gpu.json", [json.dumps(result, indent=2)])
        write_lines(args.out / "gpu.md", markdown(result))
    print("\n".join(markdown(result)))
    return sum("failed" in section for section in result["sections"].values())


def markdown(result: dict[str, Any]) -> list[str]:
    """Lines of the tables."""
    facts, found = result["device"], result["sections"]
    lines = ["**A dry run: none of these figures says anything.**", ""] if result["dry_run"] else []
    kind = "measured" if facts["peak_is_measured"] else "published"
    lines += [
        f"{facts['name']}: {facts['product_tflops']:.3g} TFLOP/s in a bfloat16 product, {facts['copy_gb_s']:.3g} GB/s in a "
        f"copy; MFU is of {facts['peak_tflops']:.3g} TFLOP/s ({kind}). {result['took_s']:.0f} s in all.",
        "",
        f"| training, {result['batch_patches']} patches | patches a second | s a step | TFLOP/s | MFU | peak GiB | first two steps |",
        "|" + " --- |" * 7,
    ]
    for title, row in found.items():
        if title.startswith("training") and "mfu" in row:
            cells = (f"{row['patches_a_second']:.0f}", f"{row['step_s']:.3f}", f"{row['tflops']:.3g}", f"{row['mfu']:.1%}",
                     f"{row['peak_gib']:.2f}", f"{row['warm_up_s']:.0f} s")  # fmt: skip
            lines.append(f"| {title.removeprefix('training ')} | {' | '.join(cells)} |")
    for title, row in found.items():
        if title.startswith("synthesis") and "ratios" in row:
            lines += ["", *_synthesis_lines(title, row, result["seconds"])]
    told = [f"{title}: {row.get('failed') or row['left_out']}" for title, row in found.items() if row.keys() & {"failed", "left_out"}]
    return lines + ([""] + told if told else [])


def _synthesis_lines(title: str, row: dict[str, Any], seconds: float) -> list[str]:
    lines = [
        f"| {title}, {row['parameters'] / 1e6:.0f} M, {seconds:g} s of speech | | / Table 7 | / floor |",
        "|" + " --- |" * 4,
    ]
    for variant in row["variants"]:
        rtf = variant["rtf"]["median"]
        lines.append(
            f"| real-time factor, 1 row, {variant['name']} | {rtf:.4f} | {rtf / TABLE_7['rtf']:.2f} | "
            f"{rtf / row['floor_rtf']:.1f} |"
        )
    for variant in row["variants"]:
        first_ms = variant["first_audio"]["p50_ms"]
        ratio = first_ms / TABLE_7["first_ms"]
        lines.append(f"| first audio, p50, {variant['name']} | {first_ms:.0f} ms | {ratio:.2f} | |")
    for batch in row["batches"]:
        rate = batch["audio_s_per_s"]
        lines.append(
            f"| seconds of speech a second, {batch['rows']} rows | {rate:.1f} | {rate / TABLE_7['audio_s_per_s']:.2f} | |"
        )
    return lines


def main() -> int:
    """Parse arguments, measure; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path)
    default = [ROOT / "configs" / "ditar" / name for name in ("0.6b.yaml", "0.1b.yaml")]
    parser.add_argument("--configs", type=Path, nargs="+", default=default, metavar="FILE", help="(0.6b and 0.1b)")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--peak-tflops", type=float, help="for MFU (default: published, by the GPU's name, or measured)")
    parser.add_argument("--batch-patches", type=positive, default=2048, help="of a training step (default 2048)")
    parser.add_argument("--utterances", type=positive, default=1000, help="of the latents to train on (default 1000)")
    parser.add_argument("--steps", type=positive, default=10, help="training steps that are timed (default 10)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of speech (default 10, as Table 7)")
    parser.add_argument("--batch-sizes", type=positive, nargs="+", default=[64, 128, 256, 500], metavar="B")
    parser.add_argument("--repeats", type=positive, default=1, help="rounds over all cases of synthesis (default 1)")
    parser.add_argument("--streams", type=positive, default=20, help="requests for first audio, of each variant (default 20)")
    parser.add_argument("--backend", default="inductor", help="of torch.compile (default inductor)")
    parser.add_argument("--limit-s", type=float, default=480.0, help="no section begins after it (default 480)")
    parser.add_argument("--dry-run", action="store_true", help="tiny and on the CPU; --configs may name other files")
    args = parser.parse_args()
    if args.dry_run:
        tiny = [ROOT / "configs" / "ditar" / "tiny.yaml"]
        small = {"device": "cpu", "batch_patches": 128, "utterances": 60, "steps": 1, "seconds": 0.4,
                 "batch_sizes": [1, 2], "streams": 1, "backend": "eager"}  # fmt: skip
        vars(args).update(small, configs=tiny if args.configs is default else args.configs)
    elif not torch.cuda.is_available() and args.device.startswith("cuda"):
        parser.error("there is no GPU here; --dry-run shows that everything runs, on the CPU")
    try:
        return 1 if run(args) else 0
    except (ConfigError, OSError) as error:
        print(f"gpu_figures: error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
