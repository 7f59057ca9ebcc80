"""Labels real speech without transcripts, so that real speakers join the training of DiTAR.

    label_speech.py --clips DIR --out DIR [--derivatives 6] [--add-to DIR] [--seed 0] [--nj 2]

CLIPS holds wav.scp and utt2spk: one clip or more of each speaker. pocketsphinx recognises words, a clip is cut at its
pauses into utterances of 1.5 to 8 s, each is aligned to the phones of its words, and OUT becomes a Kaldi data
directory. About a quarter of the words are wrong; they sound much like the right ones, for which they were taken, so
the phones are more accurate than the words. An utterance whose words pocketsphinx doubts is left out.

Each speaker also gets `--derivatives` with another vocal tract (resampling moves pitch, formants and pace together) and
another timbre (timbre.py). `--add-to` rewrites a data directory with these utterances added.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]  # its neighbours, and the package when it is not installed
import timbre  # noqa: E402

from ditar.audio.errors import AudioError  # noqa: E402
from ditar.audio.read import read_audio  # noqa: E402
from ditar.audio.write import write_audio  # noqa: E402
from ditar.config.program import exit_code  # noqa: E402
from ditar.config.ranges import positive  # noqa: E402
from ditar.config.workers import WorkerPool  # noqa: E402
from ditar.data.errors import DataError  # noqa: E402
from ditar.data.kaldi import Phone, Utterance, read_data_dir, write_data_dir  # noqa: E402
from ditar.data.tables import read_table, read_wav_scp  # noqa: E402
from ditar.recognise.aligner import Aligner, AlignmentError  # noqa: E402
from ditar.seeds import seed_of  # noqa: E402
from ditar.units import SAMPLE_RATE_HZ  # noqa: E402

HEARING_RATE_HZ = 16_000
FRAME_S = 0.01  # of pocketsphinx
LEAST_S, MOST_S = 1.5, 8.0
PAUSE_S, LONG_PAUSE_S = 0.12, 0.5  # an utterance may end at the first, and always ends at the second
MARGIN_S = 0.05  # of a pause that stays with the adjacent speech
LEAST_CONFIDENCE = 0.35  # mean posterior of the words, weighted by their length


@dataclass(frozen=True)
class Heard:
    """A word or a pause of a clip; `word` is None for a pause or a noise."""

    word: str | None
    start_s: float
    end_s: float
    confidence: float


@cache
def _decoder():
    from pocketsphinx import Decoder

    return Decoder(samprate=HEARING_RATE_HZ, loglevel="FATAL", cmn="batch")


_aligner = cache(Aligner)


def hear(waveform: np.ndarray) -> list[Heard]:
    """Words and pauses of (S,) at HEARING_RATE_HZ, with pronunciation variants kept as pocketsphinx names them."""
    decoder = _decoder()
    decoder.start_utt()
    decoder.process_raw(np.int16(np.clip(waveform, -1, 1) * 32767).tobytes(), full_utt=True)
    decoder.end_utt()
    return [
        Heard(
            None if segment.word[0] in "<[" else segment.word,
            segment.start_frame * FRAME_S,
            (segment.end_frame + 1) * FRAME_S,
            float(segment.prob),
        )
        for segment in decoder.seg() or ()
    ]


def cut(heard: list[Heard]) -> list[list[Heard]]:
    """Runs of words of LEAST_S to MOST_S, as short as the pauses allow; what does not fit is left out."""
    pieces: list[list[Heard]] = []
    piece: list[Heard] = []
    for one in heard:
        if one.word is not None:
            piece.append(one)
        elif piece:
            pause_s = one.end_s - piece[-1].end_s  # silences and noises follow each other
            enough = piece[-1].end_s - piece[0].start_s >= LEAST_S
            if pause_s >= (PAUSE_S if enough else LONG_PAUSE_S):
                pieces.append(piece)
                piece = []
    if piece:
        pieces.append(piece)
    return [p for p in pieces if LEAST_S <= p[-1].end_s - p[0].start_s <= MOST_S]


def align(waveform: np.ndarray, piece: list[Heard], start_s: float) -> list[Phone]:
    """The phones of a piece in its (S,) at HEARING_RATE_HZ, which begins at `start_s` of the clip. If they do not fit,
    the phones of each word share its time."""
    aligner = _aligner()
    try:
        return aligner.fit(waveform, [one.word for one in piece])
    except AlignmentError:
        shared = []
    for one in piece:
        names = aligner.pronunciation(one.word)
        edges = np.linspace(one.start_s - start_s, one.end_s - start_s, len(names) + 1)
        shared += [(name, round(float(a), 3), round(float(b), 3)) for name, a, b in zip(names, edges, edges[1:])]
    return shared


def label(clip: tuple[str, str, Path, Path, int, int]) -> list[Utterance] | AudioError:
    """The utterances of one clip and of its derivatives, with their WAV files written, or why it cannot be read."""
    name, speaker, path, out, derivatives, seed = clip
    try:
        waveform = read_audio(path)
    except AudioError as error:
        return error
    low = soxr.resample(waveform, SAMPLE_RATE_HZ, HEARING_RATE_HZ)
    rows = []
    for number, piece in enumerate(cut(hear(low))):
        lengths = [one.end_s - one.start_s for one in piece]
        if np.average([one.confidence for one in piece], weights=lengths) < LEAST_CONFIDENCE:
            continue
        start_s = max(0.0, piece[0].start_s - MARGIN_S)
        end_s = min(len(waveform) / SAMPLE_RATE_HZ, piece[-1].end_s + MARGIN_S)
        heard_part = low[round(start_s * HEARING_RATE_HZ) : round(end_s * HEARING_RATE_HZ)]
        phones = align(heard_part, piece, start_s)
        text = " ".join(one.word.split("(")[0] for one in piece).capitalize() + "."
        speech = waveform[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
        for version in range(derivatives + 1):
            voice = f"lib{speaker}v{version}"
            made, stretch = derive(speech, speaker, version, seed)
            utt = f"{voice}-{name}-{number:03d}"
            target = out / "wav" / voice / f"{utt}.wav"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_audio(target, made, SAMPLE_RATE_HZ)
            timed = [(p, round(a * stretch, 3), round(b * stretch, 3)) for p, a, b in phones]
            rows.append(Utterance(utt, voice, target.resolve(), text, round(len(made) / SAMPLE_RATE_HZ, 4), timed))
    return rows


def derive(speech: np.ndarray, speaker: str, version: int, seed: int) -> tuple[np.ndarray, float]:
    """(S,) -> (S',) of the speaker's `version`, and S' / S. Version 0 is the speaker."""
    if version == 0:
        return speech, 1.0
    rng = random.Random(seed_of(seed, f"{speaker}v{version}"))
    stretch = round(rng.uniform(0.88, 1.12), 3)
    moved = soxr.resample(speech, 1000, round(1000 * stretch))
    made = timbre.reshape(moved, SAMPLE_RATE_HZ, timbre.draw(rng))
    loudness = np.sqrt(np.mean(speech**2) / max(np.mean(made**2), 1e-12))
    made = made * loudness
    return made / max(1.0, float(np.abs(made).max()) / 0.98), stretch


def read_clips(folder: Path) -> list[tuple[str, str, Path]]:
    """(utterance, speaker, file) of wav.scp and utt2spk. DataError, before anything is recognised: a table lacks an
    utterance, or a file does not exist."""
    speakers, clips = read_table(folder / "utt2spk"), []
    for utt, path in read_wav_scp(folder):
        if utt not in speakers:
            raise DataError(f"{folder / 'utt2spk'}: no speaker for {utt!r} of wav.scp; add its line")
        if not path.is_file():
            raise DataError(f"{folder / 'wav.scp'}: {utt}: {path} does not exist; correct the path")
        clips.append((utt, speakers[utt], path))
    return clips


def main() -> int:
    parser = argparse.ArgumentParser(description="Label real speech without transcripts.")
    parser.add_argument("--clips", type=Path, required=True, help="folder with wav.scp and utt2spk")
    parser.add_argument("--out", type=Path, required=True, help="data directory to write")
    parser.add_argument("--derivatives", type=int, default=6, help="altered voices of each speaker")
    parser.add_argument("--add-to", type=Path, help="data directory to which these utterances are added")
    parser.add_argument("--seed", type=int, default=0, help="of the derivatives")
    parser.add_argument("--nj", type=positive, default=2, help="processes")
    arguments = parser.parse_args()
    try:
        clips = [
            (utt, speaker, path, arguments.out, arguments.derivatives, arguments.seed)
            for utt, speaker, path in read_clips(arguments.clips)
        ]
        with WorkerPool(arguments.nj) as pool:
            made = list(tqdm(pool.as_done(label, clips), total=len(clips), unit="clip"))
        rows = [row for part in made if not isinstance(part, AudioError) for row in part]
        if unread := sorted(str(part) for part in made if isinstance(part, AudioError)):
            print(f"{len(unread)} of {len(clips)} clips cannot be read and are left out:", *unread, sep="\n  ")
        if not rows:
            raise DataError(f"no utterance could be labelled in {arguments.clips}")
        write_data_dir(arguments.out, rows)
        if arguments.add_to:
            voices = {row.speaker for row in rows}  # whatever they said there before
            others = [row for row in read_data_dir(arguments.add_to) if row.speaker not in voices]
            write_data_dir(arguments.add_to, [*others, *rows])
    except (AudioError, DataError, OSError) as error:
        print(f"label_speech.py: {error}", file=sys.stderr)
        return 1
    hours = sum(row.duration_s or 0.0 for row in rows) / 3600
    voices = len({row.speaker for row in rows})
    print(f"{len(rows)} utterances of {voices} voices, {hours:.2f} h, from {len(clips)} clips")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
