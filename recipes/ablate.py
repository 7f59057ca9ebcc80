"""Ablations: models that differ in one setting, trained with the same FLOPs, spoken and scored; a JSON for each point.

    python recipes/ablate.py --config configs/ditar/ablation.yaml --latents exp/latents --vae exp/vae \\
        --data data/test --references data/val --out exp/ablation --studies patch,history,h_dropout --seeds 0,1,2

A point is one setting with one seed: OUT/points/NAME-seedN/{config.yaml,train,model,decode-*,score-*,result.json}. The
base configuration is a point of every study. LATENTS holds train and val. Finished points are skipped, and interrupted
ones are resumed. recipes/ablation_table.py makes a table and a plot of the results.

Every step holds the same seconds of speech at any patch size (batch_patches is scaled), and the number of steps is such
that training costs as many FLOPs as the base's: counted by torch in forward and backward passes over the first batches.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import ditar
from ditar.cli.arguments import whole
from ditar.config import ConfigError, DiTARConfig, load_config, to_dict
from ditar.config.program import exit_code
from ditar.config.sampling import MOST_STEPS
from ditar.data.errors import DataError
from ditar.data.kaldi import read_data_dir
from ditar.data.latents import LatentStore, read_statistics
from ditar.data.tables import read_json_lines, read_table
from ditar.storage.atomic_write import write_lines
from ditar.storage.provenance import provenance
from ditar.train.ditar_system import DiTARSystem
from ditar.units import LATENT_RATE_HZ
from ditar.vae.speech_vae import SpeechVAE

ROOT = Path(__file__).resolve().parents[1]
COUNTED_BATCHES = 4
GUIDANCE = 2.0


@dataclass(frozen=True)
class Point:
    """What a study varies. Its name is that of its folder."""

    patch_frames: int
    history_patches: int
    h_dropout: float

    @property
    def name(self) -> str:
        return f"p{self.patch_frames}-h{self.history_patches}-d{self.h_dropout:g}"


def studies(base: Point) -> dict[str, list[Point]]:
    """The points of each study around a base point: Fig. 3, Table 5, and what guidance needs (section 3.4)."""
    return {
        "patch": [replace(base, patch_frames=frames) for frames in (1, 2, 4, 8)],
        "history": [replace(base, history_patches=patches) for patches in (0, 1, 2)],
        "h_dropout": [replace(base, h_dropout=share) for share in (base.h_dropout, 0.0)],
    }


def point_of(config: DiTARConfig) -> Point:
    """The point of a configuration."""
    return Point(config.model.patch_frames, config.model.history_patches, config.loss.h_dropout)


def configure(base: DiTARConfig, point: Point, seed: int) -> DiTARConfig:
    """The base configuration at a point, with the base's number of steps and the same speech in a step."""
    patches = base.data.batch_patches * base.model.patch_frames // point.patch_frames
    return replace(
        base,
        model=replace(base.model, patch_frames=point.patch_frames, history_patches=point.history_patches),
        loss=replace(base.loss, h_dropout=point.h_dropout),
        data=replace(base.data, batch_patches=patches, crop_frames=point.patch_frames),
        run=replace(base.run, seed=seed),
    )


def flops_per_step(config: DiTARConfig, train: LatentStore, valid: LatentStore) -> float:
    """Training FLOPs of a mean step: those of a second of speech, in the first batches, times the seconds in a step."""
    system = DiTARSystem(config, train, valid)
    flops, seconds = 0, 0.0
    for step in range(COUNTED_BATCHES):
        batch = system.batch(step, 0, ("model",))
        # the counter does not know torch's fused attention on a CPU
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            system.forward(system.loss, "model", batch, 0, system.counts(batch))[0].backward()
        flops += counter.get_total_flops()
        seconds += int(batch.patch_counts.sum()) * config.model.patch_frames / LATENT_RATE_HZ
    plan = system.batches.plan(0, config.data.max_seconds)
    frames = sum(train.entries[i].frames for batch in plan for example in batch for i in example)
    return flops / seconds * frames / LATENT_RATE_HZ / len(plan) * config.optimiser.accumulation


def run(command: list[str]) -> None:
    """Run a program of the recipes. DataError if it fails; if this program is stopped, so is the other."""
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()  # training writes a checkpoint
        process.wait()
        raise
    if code:
        raise DataError(f"{' '.join(command[:4])} ... ended with exit code {code}; its message is above")


def train_seconds(log: Path) -> float:
    """Seconds spent training, over all its starts."""
    total, before = 0.0, 0
    for row in read_json_lines(log):
        if "train/seconds_forward" in row:
            each = sum(value for name, value in row.items() if name.startswith("train/seconds_"))
            total, before = total + each * (row["step"] - before), row["step"]
    return round(total, 1)


def outcome(folder: Path, guidance: float) -> dict[str, Any]:
    """What was heard of each utterance, and by whom, from decode-* and score-*."""
    rows = read_json_lines(folder / f"score-{guidance:g}/utterances.jsonl")
    log = {row["id"]: row for row in read_json_lines(folder / f"decode-{guidance:g}/manifest.jsonl")}
    keep = ("utt", "text", "heard", "hit", "words", "word_errors", "characters", "character_errors")
    scores = json.loads((folder / f"score-{guidance:g}/scores.json").read_text(encoding="utf-8"))
    return {
        "judge": f"{scores['tools']['words']}; {scores['tools']['normaliser']}",
        "utterances": [
            {name: row[name] for name in keep if name in row}
            | {name: log[row["utt"]][name] for name in ("stopped", "seconds", "took_s")}
            for row in rows
        ]
    }


class Ablation:
    """One folder of points. `base` is the base configuration, `budget` its training FLOPs."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.base = args, load_config(args.config, DiTARConfig)
        if self.base.data.curriculum_until:
            raise ConfigError(
                f"{args.config}: data.curriculum_until is {self.base.data.curriculum_until:g}; with a curriculum the "
                "FLOPs of a step are not known: set it to 0"
            )
        statistics = read_statistics(args.latents / "train")
        self.stores = [LatentStore(args.latents / name, *statistics) for name in ("train", "val")]
        self.per_step: dict[str, float] = {}
        self.budget = self.flops(point_of(self.base)) * self.base.optimiser.steps

    def flops(self, point: Point) -> float:
        """Training FLOPs of a step."""
        if point.name not in self.per_step:
            self.per_step[point.name] = flops_per_step(configure(self.base, point, 0), *self.stores)
        return self.per_step[point.name]

    def settings(self, point: Point, seed: int) -> dict[str, Any]:
        """What a result depends on; a result with other settings is not taken for this point's."""
        config = configure(self.base, point, seed)
        steps = max(1, round(self.budget / self.flops(point)))
        config = replace(config, optimiser=replace(config.optimiser, steps=steps))
        read = hashlib.sha256()
        for file in (self.args.data / "text", self.args.references / "text", *self.args.closed_set):
            read.update(file.read_bytes())
        for store in self.stores:
            read.update(store.made_from.encode())
        return {"config": to_dict(config), "data": read.hexdigest(), "guidance": self.guidance(point),
                "decode_steps": self.args.decode_steps}  # fmt: skip

    def guidance(self, point: Point) -> list[float]:
        """Scales to speak with: models without h-dropout, which guidance needs, are also compared without guidance."""
        return [GUIDANCE, 1.0] if point in studies(point_of(self.base))["h_dropout"] else [GUIDANCE]

    def make(self, point: Point, seed: int) -> None:
        """Train, speak and score one point, unless it is done. DataError if its folder holds another's result."""
        folder = self.args.out / "points" / f"{point.name}-seed{seed}"
        result, settings = folder / "result.json", self.settings(point, seed)
        if result.is_file():
            try:
                same = json.loads(result.read_text(encoding="utf-8"))["settings"] == settings
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{result} is damaged ({error}); remove it, and the point is run again") from None
            if not same:
                raise DataError(f"{result} was made with other settings or data; give another --out, or remove it")
            print(f"{folder.name} is done already", flush=True)
            return
        steps = settings["config"]["optimiser"]["steps"]
        print(f"{folder.name}: {steps} steps of {self.flops(point) / 1e9:.1f} GFLOPs", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        write_lines(folder / "config.yaml", yaml.safe_dump(settings["config"], sort_keys=False).splitlines())
        args, latents = self.args, self.args.latents
        run(["recipes/train_ditar.py", "--config", f"{folder}/config.yaml", "--train", f"{latents}/train", "--valid",
             f"{latents}/val", "--out", f"{folder}/train", *([] if args.gpu else ["--cpu"])])  # fmt: skip
        run(
            [
                "recipes/export.py",
                "--vae",
                str(args.vae),
                "--ditar",
                f"{folder}/train/final",
                "--out",
                f"{folder}/model",
            ]
        )
        for scale in settings["guidance"]:
            spoken = f"{folder}/decode-{scale:g}"
            run(["recipes/decode.py", "--model", f"{folder}/model", "--data", str(args.data), "--references",
                 str(args.references), "--out", spoken, "--guidance-scale", str(scale), "--seed", str(seed), "--steps",
                 str(args.decode_steps)])  # fmt: skip
            metrics = "words,closed_set" if args.closed_set else "words"
            closed = [part for file in args.closed_set for part in ("--closed-set", str(file))]
            run(["-m", "ditar.cli", "evaluate", f"{spoken}/wav", f"{spoken}/text", *closed, "--metrics",
                 metrics, "--output", f"{folder}/score-{scale:g}"])  # fmt: skip
        system = DiTARSystem(load_config(folder / "config.yaml", DiTARConfig), *self.stores)
        validation = [row for row in read_json_lines(folder / "train/log.jsonl") if "valid/diffusion" in row][-1]
        record = {
            "version": ditar.__version__,
            **provenance(),
            "seed": seed,
            "point": {"name": point.name, **vars(point)},
            "steps": steps,
            "flops_per_step": self.flops(point),
            "training_flops": self.flops(point) * steps,
            "parameters": sum(p.numel() for p in system.model.parameters()),
            "train_seconds": train_seconds(folder / "train/log.jsonl"),
            "validation": {n: v for n in ("diffusion", "text_gain") if (v := validation.get(f"valid/{n}")) is not None},
            "guidance": {f"{scale:g}": outcome(folder, scale) for scale in settings["guidance"]},
            "settings": settings,
        }
        write_lines(result, [json.dumps(record, indent=1, ensure_ascii=False)])


def main() -> int:
    """Parse arguments and run what is missing; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, type=Path, help="the base point, without a curriculum")
    parser.add_argument("--latents", required=True, type=Path, help="folder with train (with statistics) and val")
    parser.add_argument("--vae", required=True, type=Path, help="the VAE of the latents, with their statistics")
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory with the texts to speak")
    parser.add_argument("--references", required=True, type=Path, help="Kaldi data directory with the clips")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--studies", default="patch,history,h_dropout", help="separated by commas (%(default)s)")
    parser.add_argument("--seeds", default="0,1,2", help="separated by commas (%(default)s)")
    parser.add_argument(
        "--decode-steps", type=whole(1, MOST_STEPS), default=10, help="diffusion steps of a patch (%(default)s)"
    )
    parser.add_argument("--closed-set", type=Path, action="append", default=[], help="decoys, one sentence a line")
    parser.add_argument("--gpu", action="store_true", help="train on a GPU if there is one")
    args = parser.parse_args()
    try:
        for name in ("config", "latents", "vae", "data", "references", "out"):
            setattr(args, name, getattr(args, name).resolve())  # programs run from the repository's root
        args.closed_set = [file.resolve() for file in args.closed_set]
        if not all(seed.isdecimal() for seed in args.seeds.split(",")):
            raise DataError(f"--seeds must be whole numbers separated by commas, got {args.seeds!r}")
        known = studies(Point(4, 1, 0.1))
        if unknown := sorted(set(args.studies.split(",")) - known.keys()):
            raise DataError(f"--studies: there is no {', '.join(unknown)}; known: {', '.join(known)}")
        read_table(args.data / "text")  # this and the next two before hours of training
        read_data_dir(args.references)
        SpeechVAE.from_pretrained(args.vae)
        ablation = Ablation(args)
        chosen = [point for name in args.studies.split(",") for point in studies(point_of(ablation.base))[name]]
        # Every point once before any a second time: an interrupted run has a whole table.
        for seed, point in product(map(int, args.seeds.split(",")), dict.fromkeys(chosen)):
            ablation.make(point, seed)
    except (ValueError, OSError) as error:  # every error class of the package is a ValueError
        print(f"ablate: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
