"""Stage 0: recordings of a voice -> OUT/train to fine-tune on, OUT/test to speak, OUT/reference with the clip to clone.

    local/split.py --folder LibriSpeech --speaker 163 --name 163 --out data/163

The last recordings, by name, are the test, up to a share of the seconds; they are cut at pauses as those of training
are, so that sentences have the length that the model knows. The clip to clone comes from the recordings of training.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))  # the package, when it is not installed

from ditar.audio.errors import AudioWriteError  # noqa: E402
from ditar.audio.read import read_audio  # noqa: E402
from ditar.config.program import exit_code  # noqa: E402
from ditar.data.errors import DataError  # noqa: E402
from ditar.data.kaldi import Utterance, write_data_dir  # noqa: E402
from ditar.finetune.compare import references  # noqa: E402
from ditar.finetune.pieces import PieceMaker, TrainingPiece  # noqa: E402
from ditar.finetune.recordings import read_recordings  # noqa: E402
from ditar.units import samples_to_seconds  # noqa: E402


def named(rows: list[Utterance], name: str) -> list[Utterance]:
    """Of one speaker, as data directories have it: his name before those of his recordings."""
    return [
        replace(row, speaker=name, utt=row.utt if row.utt.startswith(name) else f"{name}-{row.utt}") for row in rows
    ]


def as_utterances(pieces: list[TrainingPiece]) -> list[Utterance]:
    """Pieces as rows of a data directory."""
    return [Utterance(p.utt, p.speaker, Path(p.path), p.text, p.seconds) for p in pieces]


def lengths(rows: list[Utterance], left_out: list[str] | None) -> tuple[list[Utterance], list[float]]:
    """The rows, and their seconds; left_out: gets why some cannot be read or have no text, None: they are
    errors."""
    kept, seconds = [], []
    for row in rows:
        try:
            if not row.text:
                raise DataError(
                    f"{row.path} has no transcript, and what is compared must be known; write what is said in "
                    f"{row.path.with_suffix('.txt').name} beside it"
                )
            seconds.append(samples_to_seconds(len(read_audio(row.path))))
            kept.append(row)
        except ValueError as error:  # every error class of the package is one
            if left_out is None:
                raise
            left_out.append(str(error))
    if not kept:
        raise DataError(f"none of {len(rows)} recordings can be read; give others")
    return kept, seconds


def cut(rows: list[Utterance], folder: Path, longest_s: float, skip_bad: bool) -> list[TrainingPiece]:
    """The pieces of all rows, or of those that can be used."""
    folder.mkdir(parents=True, exist_ok=True)
    maker = PieceMaker(folder.resolve(), "en-us", (), longest_s, 30.0, False, "faster-whisper")
    pieces = []
    for row in rows:
        try:
            pieces += maker.pieces(row)[0]
        except ValueError as error:  # every error class of the package is one
            if not skip_bad or isinstance(error, AudioWriteError):
                raise
            print(f"left out: {row.path}: {error}", file=sys.stderr)
    if not pieces:
        raise DataError(f"none of {len(rows)} recordings can be used; give others")
    return pieces


def main() -> int:
    """Parse arguments and split; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder", required=True, type=Path, help="recordings, in a layout that `ditar finetune` reads"
    )
    parser.add_argument("--speaker", help="one of several in it")
    parser.add_argument("--name", required=True, help="of the voice")
    parser.add_argument("--test-share", type=float, default=0.25, help="of the seconds (%(default)s)")
    parser.add_argument("--longest", type=float, default=7.0, help="seconds of a test sentence (%(default)s)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out recordings that cannot be used")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    try:
        left_out: list[str] = []
        rows = read_recordings(args.folder, "en-us", left_out if args.skip_bad else None)
        if args.speaker is not None:
            rows = [row for row in rows if row.speaker == args.speaker]
        if not rows:
            raise DataError(f"{args.folder} has no speaker {args.speaker!r}")
        rows = named(rows, args.name)
        try:
            rows, seconds = lengths(rows, left_out if args.skip_bad else None)
        finally:
            for why in left_out:
                print(f"left out: {why}", file=sys.stderr)
        first = next(n for n in range(len(rows)) if sum(seconds[n + 1 :]) < args.test_share * sum(seconds))
        train, test = rows[: first + 1], rows[first + 1 :]
        if not (train and test):
            raise DataError(f"{len(rows)} recordings cannot be split with --test-share {args.test_share}; give others")
        write_data_dir(args.out / "test", as_utterances(cut(test, args.out / "wav/test", args.longest, args.skip_bad)))
        pieces = cut(train, args.out / "wav/train", args.longest, args.skip_bad)
        kept = {piece.recording for piece in pieces}
        write_data_dir(args.out / "train", [row for row in train if row.utt in kept])
        clip = references(pieces)[args.name]
        write_data_dir(args.out / "reference", as_utterances([clip]))
    except (ValueError, OSError) as error:  # every error class of the package is a ValueError
        print(f"split: error: {error}", file=sys.stderr)
        return 1
    seconds = sum(piece.seconds for piece in pieces)
    print(f"{args.out}: {len(kept)} recordings to train on, {seconds:.0f} s; {len(test)} to speak")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
