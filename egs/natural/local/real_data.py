"""Real speech in the form that training reads, from corpora in any layout that ditar.data.corpora knows.

    python egs/natural/local/real_data.py --real "DIR DIR" --out DIR [--nj 2]

Writes OUT/wav (mono, 24 kHz, 16 bit), OUT/corpora.tsv (what came from where, with licences) and data directories:

    train      voices to learn from               valid    the speakers of conf/valid_speakers.txt
    kept       those of conf/kept_speakers.txt     test_clean    the corpora of conf/test_corpora.txt, never trained on
    audio_only      of voices to learn from, audio without text: wav.scp, utt2spk, utt2bandwidth

A speaker's name begins with the prefix of his corpus (conf/prefixes.txt), so that a person who is in two corpora under
one number is one speaker and is left out of both. A speaker unknown to his corpus counts as a new one for each
utterance. Nothing is added to the audio: if a recording ends at 8 kHz the band above stays empty, and utt2bandwidth
says so. A second run keeps existing WAV files.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import soundfile
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # if the package is not installed

from ditar.audio.errors import AudioError, AudioWriteError  # noqa: E402
from ditar.audio.read import read_audio  # noqa: E402
from ditar.audio.write import write_audio  # noqa: E402
from ditar.config.program import exit_code  # noqa: E402
from ditar.config.ranges import positive  # noqa: E402
from ditar.config.workers import WorkerPool  # noqa: E402
from ditar.data.corpora import Clip, folders_in, read_corpora  # noqa: E402
from ditar.data.errors import DataError  # noqa: E402
from ditar.data.kaldi import Utterance, write_audio_dir, write_data_dir  # noqa: E402
from ditar.storage.atomic_write import write_lines  # noqa: E402
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds  # noqa: E402

CONF = Path(__file__).resolve().parents[1] / "conf"
LEAST_UTTERANCES = 6  # of a speaker to validate on: a reference and targets


def names(clip: Clip, prefixes: dict[str, str]) -> tuple[str, str]:
    """(speaker, utterance) of a clip, different from those of every other person and clip. "-" ends a speaker's name,
    since it sorts before all characters in one: then utterances and speakers have the same order."""
    prefix = prefixes.get(clip.corpus, f"{clip.corpus}_").removeprefix("-")
    speaker = re.sub(r"[^A-Za-z0-9_]", "_", prefix + (clip.speaker or f"unknown_{clip.utt}"))
    return speaker, f"{speaker}-{re.sub(r'[^A-Za-z0-9_.-]', '_', clip.utt)}"


def convert(
    clip: Clip, prefixes: dict[str, str], folder: Path, shortest_s: float, longest_s: float
) -> tuple[Utterance | None, str]:
    """(the utterance with its WAV file written, ""), or (None, why it cannot be used). AudioWriteError: the disk
    is full."""
    speaker, utt = names(clip, prefixes)
    path = folder / clip.corpus / speaker / f"{utt}.wav"
    try:
        rate_hz = clip.rate_hz or soundfile.info(str(clip.path)).samplerate
        if not path.exists() or path.stat().st_mtime < clip.path.stat().st_mtime:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_audio(path, read_audio(clip.path), SAMPLE_RATE_HZ)
        seconds = samples_to_seconds(soundfile.info(str(path)).frames)
    except AudioWriteError:
        raise
    except (AudioError, OSError, soundfile.LibsndfileError) as error:
        return None, f"{clip.path}: {error}"
    if not shortest_s <= seconds <= longest_s:
        return None, f"{clip.path}: {seconds:.2f} s is not between {shortest_s:g} and {longest_s:g} s"
    bandwidth_hz = min(rate_hz, SAMPLE_RATE_HZ) / 2
    return Utterance(utt, speaker, path, clip.text, seconds, bandwidth_hz=bandwidth_hz), ""


def listed(path: Path) -> list[str]:
    """The words of a file of conf/, one a line; # begins a comment."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def split(
    clips: Sequence[Clip], rows: Sequence[Utterance], valid: Iterable[str], kept: Iterable[str], tests: Iterable[str]
) -> dict[str, list[Utterance]]:
    """Rows by split, in the order of their clips. `tests` are corpora, the others speakers. Speakers in a test corpus
    or a list are in no other split; without text a row is in `audio_only` or nowhere."""
    tested = {row.speaker for clip, row in zip(clips, rows, strict=True) if clip.corpus in set(tests)}
    where = {**dict.fromkeys(kept, "kept"), **dict.fromkeys(valid, "valid")}
    splits: dict[str, list[Utterance]] = {name: [] for name in ("train", "valid", "audio_only", "test_clean", "kept")}
    for clip, row in zip(clips, rows, strict=True):
        if clip.corpus in set(tests):
            name = "test_clean"
        elif row.speaker in tested:
            continue
        else:
            name = where.get(row.speaker, "train")
        if row.text:
            splits[name].append(row)
        elif name == "train":
            splits["audio_only"].append(row)
    return splits


def summary(clips: Sequence[Clip], rows: Sequence[Utterance], splits: dict[str, list[Utterance]]) -> list[str]:
    """The lines of corpora.tsv: for each split, corpus and licence its people, utterances and hours."""
    at = {row.utt: name for name, members in splits.items() for row in members}
    people: dict[tuple, set[str]] = {}
    count, seconds = Counter(), Counter()
    for clip, row in zip(clips, rows, strict=True):
        if row.utt in at:
            key = (at[row.utt], clip.corpus, clip.licence)
            people.setdefault(key, set()).add(row.speaker)
            count[key] += 1
            seconds[key] += row.duration_s
    lines = ["split\tcorpus\tpeople\tutterances\thours\tlicence"]
    for key in sorted(people):
        name, corpus, licence = key
        lines.append(f"{name}\t{corpus}\t{len(people[key])}\t{count[key]}\t{seconds[key] / 3600:.2f}\t{licence}")
    return lines


def main() -> int:
    """Parse arguments and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", required=True, help="folders of corpora or corpora, [NAME=]DIR, separated by spaces")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    parser.add_argument("--nj", type=positive, default=2, help="processes (%(default)s)")
    parser.add_argument("--min-seconds", type=float, default=0.5)
    parser.add_argument("--max-seconds", type=float, default=30.0)
    parser.add_argument("--conf", type=Path, default=CONF, help="folder of the lists (%(default)s)")
    args = parser.parse_args()
    try:
        valid, kept, tests = (
            listed(args.conf / f"{name}.txt") for name in ("valid_speakers", "kept_speakers", "test_corpora")
        )
        prefixes = dict(line.split() for line in listed(args.conf / "prefixes.txt"))
        clips = read_corpora(folders_in(args.real))
        twice = [name for name, times in Counter(names(clip, prefixes)[1] for clip in clips).items() if times > 1]
        if twice:
            raise DataError(f"{len(twice)} utterances come twice, {twice[0]!r} first; give each corpus once")
        out = args.out.resolve()
        work = partial(
            convert, prefixes=prefixes, folder=out / "wav", shortest_s=args.min_seconds, longest_s=args.max_seconds
        )
        with WorkerPool(args.nj, method="fork") as pool:
            done = list(tqdm(pool.in_order(work, clips, at_once=16), total=len(clips), desc=str(args.out), mininterval=5))
        write_lines(out / "skipped_audio", [why for _, why in done if why])
        clips = [clip for clip, (row, _) in zip(clips, done, strict=True) if row]
        rows = [row for row, _ in done if row]
        splits = split(clips, rows, valid, kept, tests)
        if not splits["train"]:
            raise DataError(f"nothing to train on in {args.real}: all of it is kept, validated or tested on")
        for name, members in splits.items():
            if name == "audio_only":
                write_audio_dir(out / name, members)
            elif members:
                write_data_dir(out / name, members)
        write_lines(out / "corpora.tsv", summary(clips, rows, splits))
    except (DataError, AudioError, OSError, ValueError) as error:
        print(f"real_data: error: {error}", file=sys.stderr)
        return 1
    few = [name for name in valid if 0 < sum(row.speaker == name for row in splits["valid"]) < LEAST_UTTERANCES]
    if few:
        print(f"real_data: fewer than {LEAST_UTTERANCES} utterances to validate on: {', '.join(few)}", file=sys.stderr)
    for name, members in splits.items():
        hours = sum(row.duration_s for row in members) / 3600
        print(f"{name}: {len(members)} utterances, {len({row.speaker for row in members})} speakers, {hours:.2f} h")
    print(f"left out for their length or their audio: {len(done) - len(rows)} ({out / 'skipped_audio'})")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
