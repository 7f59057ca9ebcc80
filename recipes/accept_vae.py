"""Stage 2, acceptance: are these latents that a diffusion model can learn? The three bounds are ours.

Figures on a Kaldi data directory of held-out utterances, written to OUT/acceptance.json; three have bounds:
  signal channels   channels of 64 with Var(mean) / total variance > 1/2; at least 48
  resynthesis       word error of decoding the mean against that of the originals; 95 % interval of the ratio
  noise             word error of decoding mean + 0.3 std noise against decoding the mean; at most 1.10
  moved             how far narrow bands, codecs, rooms, ... (ditar/data/degrade.py) move the means, in units of their
  std

    python recipes/accept_vae.py --vae exp/vae/final --data data/vae_test --out exp/vae/acceptance
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass
from ditar.audio.trim import level
from ditar.audio.write import write_audio
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.degrade import DEGRADATIONS
from ditar.data.errors import DataError
from ditar.data.tables import read_wav_scp
from ditar.evaluate.report import finite
from ditar.evaluate.score import compare, hear
from ditar.recognise.choose import DEFAULT, WAYS, make_recogniser
from ditar.report.results import TABLE_VERSION
from ditar.storage.atomic_write import write_lines
from ditar.storage.provenance import provenance
from ditar.text.phonemise import espeak_language
from ditar.units import HOP_SAMPLES, SAMPLE_RATE_HZ, samples_to_frames
from ditar.vae import SpeechVAE
from ditar.vae.loading import load_vae

NOISE = 0.3
MOVED_UTTERANCES = 40
MOST_RESYNTHESIS, MOST_NOISE = 1.15, 1.10  # ratios of word errors


def heard(vae: SpeechVAE, waveform: np.ndarray) -> torch.Tensor:
    """(S,) at 24 kHz -> (1, T * hop): whole latent frames, low-passed to the VAE's bandwidth, as for extraction and
    references."""
    waveform = low_pass(waveform, vae.config.bandwidth_hz, SAMPLE_RATE_HZ)
    return torch.from_numpy(waveform[: samples_to_frames(len(waveform)) * HOP_SAMPLES])[None]


@torch.inference_mode()
def moved(vae: SpeechVAE, rows: Sequence[tuple[str, Path]]) -> dict[str, float]:
    """For each degradation: root mean square of its change of the posterior means, over that of their std."""
    changes: dict[str, list[float]] = {kind.__name__: [] for kind in DEGRADATIONS}
    stds = []
    for number, (_, path) in enumerate(rows):
        waveform = level(read_audio(path), SAMPLE_RATE_HZ)  # as references are
        clean = vae.encode(heard(vae, waveform))
        stds.append(clean.log_variance.exp().mean().item())
        for kind in DEGRADATIONS:
            made = kind(waveform, np.random.default_rng(number)).astype(np.float32)
            change = vae.encode(heard(vae, made)).mean - clean.mean
            changes[kind.__name__].append(change.square().mean().item())
    return {name: float(np.sqrt(np.mean(squares) / np.mean(stds))) for name, squares in changes.items()}


@torch.inference_mode()
def resynthesise(vae: SpeechVAE, data_dir: Path, out: Path, limit: int) -> dict[str, float]:
    """Write original, resynthesis and noisy resynthesis of each utterance; returns the figures of the latents."""
    generator = torch.Generator().manual_seed(0)
    rows = read_wav_scp(data_dir)[:limit]
    posteriors = []
    for utterance, path in tqdm(rows, desc="encode", mininterval=5):
        waveform = read_audio(path)
        original = waveform[: samples_to_frames(len(waveform)) * HOP_SAMPLES]
        posteriors.append((utterance, original, vae.encode(heard(vae, waveform))))
    means = torch.cat([p.mean[0] for *_, p in posteriors])  # (frames, C)
    signal = means.var(dim=0)
    total = signal + torch.cat([p.log_variance[0].exp() for *_, p in posteriors]).mean(dim=0)
    for name in ("original", "resynthesis", "noisy"):
        (out / name).mkdir(parents=True, exist_ok=True)
    for utterance, waveform, posterior in tqdm(posteriors, desc="decode", mininterval=5):
        noise = NOISE * total.sqrt() * torch.randn(posterior.mean.shape, generator=generator)
        made = vae.decode(torch.cat([posterior.mean, posterior.mean + noise])).numpy()
        for name, audio in zip(("original", "resynthesis", "noisy"), (waveform, *made)):
            write_audio(out / name / f"{utterance}.wav", np.clip(audio, -1, 1), SAMPLE_RATE_HZ)
    return {
        "signal_channels": int((signal / total > 0.5).sum()),
        "channels": int(total.numel()),
        "total_std_min": float(total.sqrt().min()),
        "total_std_max": float(total.sqrt().max()),
        "posterior_std_mean": float((total - signal).sqrt().mean()),
    }


def as_result(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures as a table that `ditar report` reads, together with all of them."""

    def percent(rate: Mapping[str, float]) -> str:
        interval = "" if rate["low"] is None else f" ({rate['low']:.1%} to {rate['high']:.1%})"  # None: one utterance
        return f"{rate['rate']:.1%}{interval}"

    def ratio(found: Mapping[str, float | None]) -> str:
        shown = {name: "infinite" if value is None else f"{value:.2f}" for name, value in found.items()}
        if found["low"] is None and found["value"] is not None:
            return shown["value"]
        return "{value} ({low} to {high})".format(**shown)

    made, noisy = figures["resynthesis"], figures["noise"]
    rows = [
        ["signal channels", f"{figures['signal_channels']} of {figures['channels']}", "three quarters"],
        ["word error of the originals", percent(made["original"]), ""],
        ["word error of resynthesis", percent(made["resynthesised"]), ""],
        ["their ratio", ratio(made["ratio"]), f"up to {MOST_RESYNTHESIS:.2f}, the interval's end"],
        [f"ratio with {NOISE} std noise", ratio(noisy["ratio"]), f"up to {MOST_NOISE:.2f}"],
        *([f"moved by {name}, std", f"{value:.2f}", ""] for name, value in figures["moved"].items()),
        ["accepted", "yes" if figures["accepted"] else "no", ""],
    ]
    note = f"{made['utterances']} utterances; words by {figures['recogniser']}; 95 % intervals."
    table = {"columns": ["figure", "result", "bound"], "rows": rows, "note": note}
    return {"kind": "table", "version": TABLE_VERSION, "provenance": provenance(), **table, **figures}


def main() -> int:
    """Parse arguments, measure, write and print; exit code 1 if the VAE is not accepted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory of held-out utterances")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--limit", type=positive, default=400, help="utterances at most")
    parser.add_argument("--recogniser", metavar="NAME", default=DEFAULT, help=f"{WAYS}; default %(default)s")
    parser.add_argument("--language", default="en-us", help="espeak's name of what is spoken (%(default)s)")
    parser.add_argument("--report-only", action="store_true", help="exit 0 even if the VAE is not accepted")
    args = parser.parse_args()
    try:
        language = espeak_language(args.language)
        recogniser = make_recogniser(args.recogniser, language=language)  # before minutes of work
        vae = load_vae(args.vae)
        figures = {"recogniser": recogniser.name, **resynthesise(vae, args.data, args.out, args.limit)}
        figures["moved"] = moved(vae, read_wav_scp(args.data)[: min(args.limit, MOVED_UTTERANCES)])
        text = args.data / "text"
        names = ("original", "resynthesis", "noisy")
        original, made, noisy = (hear(args.out / name, text, recogniser, language=language) for name in names)
        figures["resynthesis"], figures["noise"] = compare(original, made), compare(made, noisy)
    except (DataError, ValueError, OSError) as error:
        print(f"accept_vae: error: {error}", file=sys.stderr)
        return 1
    figures["accepted"] = bool(
        figures["signal_channels"] >= 0.75 * figures["channels"]
        and figures["resynthesis"]["ratio"]["high"] <= MOST_RESYNTHESIS
        and figures["noise"]["ratio"]["value"] <= MOST_NOISE
    )
    figures = finite(figures)
    write_lines(args.out / "acceptance.json", [json.dumps(as_result(figures), indent=2)])
    print(json.dumps(figures, indent=2))
    return 0 if figures["accepted"] or args.report_only else 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
