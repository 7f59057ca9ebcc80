"""Stage 3: latents, phonemes and their times on disk, from Kaldi data directories and a VAE.

    python recipes/extract_latents.py --vae exp/vae/final --data data/train --out exp/latents/train --statistics

--statistics measures the mean and the total std of the latents of this split, writes them beside the latents and
into the VAE's own checkpoint, from where synthesis normalises.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ditar.audio import AudioError
from ditar.audio.read import read_audio
from ditar.data.crops import read_wav_scp
from ditar.data.errors import DataError
from ditar.data.latents import LatentWriter
from ditar.data.tables import read_json_lines, read_table
from ditar.units import HOP_SAMPLES, samples_to_frames
from ditar.vae import SpeechVAE

BATCH = 16


class Moments:
    """Running per-channel moments of posterior means and variances."""

    def __init__(self):
        self.count, self.first, self.second, self.noise = 0, 0.0, 0.0, 0.0

    def add(self, mean: torch.Tensor, log_variance: torch.Tensor) -> None:
        """Both (frames, C)."""
        mean = mean.double()
        self.count += len(mean)
        self.first = self.first + mean.sum(dim=0)
        self.second = self.second + mean.square().sum(dim=0)
        self.noise = self.noise + log_variance.double().exp().sum(dim=0)

    def statistics(self) -> dict[str, torch.Tensor]:
        """latent_mean (C,), and latent_std (C,) = sqrt(Var mean + E variance)."""
        mean = self.first / self.count
        variance = self.second / self.count - mean.square() + self.noise / self.count
        return {"latent_mean": mean.float(), "latent_std": variance.sqrt().float()}


@torch.inference_mode()
def extract(vae: SpeechVAE, data: Path, writer: LatentWriter, skip: bool) -> Moments:
    """Encode every utterance; batches hold utterances of equal length, so none sees another's padding."""
    texts, speakers = read_table(data / "text"), read_table(data / "utt2spk")
    prepared = {row["utt"]: row for row in read_json_lines(data / "symbols")}
    if not prepared:
        raise DataError(f"{data / 'symbols'} does not exist or is empty; run recipes/prepare_text.py first (stage 1)")
    moments = Moments()
    groups: dict[int, list[tuple[str, np.ndarray]]] = {}
    refused: list[str] = []

    def flush(group: list[tuple[str, np.ndarray]]) -> None:
        posterior = vae.encode(torch.from_numpy(np.stack([w for _, w in group])))
        for (utt, _), mean, log_variance in zip(group, posterior.mean, posterior.log_variance):
            row = prepared[utt]
            writer.add(utt, speakers[utt], mean, row["symbols"], row["times"], texts[utt])
            moments.add(mean, log_variance)

    for utt, path in tqdm(read_wav_scp(data), desc=str(data), mininterval=10):
        try:
            if utt not in prepared or utt not in speakers:
                raise DataError(f"not in {data / ('symbols' if utt not in prepared else 'utt2spk')}")
            waveform = read_audio(path)
            frames = samples_to_frames(len(waveform))
            if frames == 0:
                raise DataError(f"{len(waveform)} samples are less than one latent frame")
        except (DataError, AudioError) as error:
            refused.append(f"{utt}: {error}")
            if not skip:
                raise DataError(f"{refused[-1]}; repair it or leave such utterances out with --skip-bad") from None
            continue
        group = groups.setdefault(frames, [])
        group.append((utt, waveform[: frames * HOP_SAMPLES]))
        if len(group) == BATCH:
            flush(groups.pop(frames))
    for group in groups.values():
        flush(group)
    if refused:
        print(f"left out {len(refused)} utterances:", *refused[:20], sep="\n  ", file=sys.stderr)
    return moments


def main() -> int:
    """Parse arguments and extract; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path, help="Kaldi data directory, mono 24 kHz")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--statistics", action="store_true", help="measure statistics and store them in the VAE too")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what cannot be read, and list it")
    args = parser.parse_args()
    try:
        vae, writer = SpeechVAE.from_pretrained(args.vae).eval(), LatentWriter(args.out)
        moments = extract(vae, args.data, writer, args.skip_bad)
        statistics = moments.statistics() if args.statistics else None
        writer.close(statistics)
        if statistics is not None:
            vae.latent_mean.copy_(statistics["latent_mean"])
            vae.latent_std.copy_(statistics["latent_std"])
            vae.save_pretrained(args.vae)
    except (DataError, OSError) as error:
        print(f"extract_latents: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
