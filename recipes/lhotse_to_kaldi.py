"""Stage 0: a corpus in its own layout -> Kaldi data directories, through lhotse's recipe for it.

For corpora in parts (libritts, librittsr, librispeech), sets are made of parts:

    python recipes/lhotse_to_kaldi.py --corpus libritts --folder downloads/LibriTTS --out data/raw \\
        --set train=train-clean-100,train-clean-360 --set val=dev-clean --set test=test-clean --most test=500

The others (ljspeech, vctk) are split into OUT/{train,val,test}:

    python recipes/lhotse_to_kaldi.py --corpus vctk --folder downloads/VCTK-Corpus-0.92 --out data/raw \\
        --hold-out speakers --val 4 --test 8

An utterance is named SPEAKER-REST, REST being its name in the corpus without the speaker, so that the order by
utterance is also the order by speaker, as Kaldi requires; names in a corpus with one speaker are unchanged.
"""

import argparse
import logging
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, keep_phones, subset_evenly, write_data_dir
from ditar.data.lhotse_corpora import CORPORA, LhotseCorpus
from ditar.data.optional import need_lhotse
from ditar.data.validate_audio import audio_fault
from ditar.text.lengths import letter_count, pace_fault


# Nobody needs audio without a text; stage 1 makes 24 kHz of any rate; and what is trimmed is a rounding error: each of
# these corpora has a file per utterance, whose length divided by the rate and rounded may exceed itself (4 clips of 10
# at 22.05 kHz).
HARMLESS = ("recordings with no corresponding supervisions", "supervisions exceeding the end of the recording",
            "recordings with different sampling rates")  # fmt: skip
ROUNDING_S = 0.001
AUDIO_FILES = (".wav", ".flac")


class _Complaints(logging.Handler):
    """Collects lhotse's warnings about missing files."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if not any(known in message for known in HARMLESS):
            self.messages.append(message)


def read_corpus(name: str, folder: Path, parts: list[str], nj: int, skip_bad: bool) -> dict[str, list[Utterance]]:
    """Utterances of each part ("" if the corpus has none). DataError if the layout differs or audio is missing;
    `skip_bad` leaves out utterances without audio or text and reports their number."""
    corpus = CORPORA[name]
    lacking = [" or ".join(some) for some in corpus.layout if not any((folder / one).exists() for one in some)]
    lacking += [part for part in parts if not (folder / part).is_dir()]
    if lacking:
        raise DataError(f"{folder} holds no {', no '.join(lacking)}; give the folder of {name} (stage -1 gets it)")
    corpus.check(folder)
    with suppress(ImportError):  # lhotse imports it only if it is installed
        import_torchaudio()  # a binary that does not match torch would hide lhotse's own messages
    complaints = _Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        found, unreadable = _read(corpus, folder.resolve(), parts, nj, skip_bad, complaints)
    finally:
        logging.getLogger().removeHandler(complaints)
    faults = {row.utt: fault for rows in found.values() for row in rows if (fault := _fault(row, skip_bad))}
    bad = complaints.messages + unreadable + [f"{utt}: {fault}" for utt, fault in faults.items()]
    if bad:
        shown = "\n  ".join(bad[:5])
        what = f"{folder} lacks audio or text in {len(bad)} place{'s' * (len(bad) != 1)}:\n  {shown}"
        if not skip_bad:
            raise DataError(f"{what}\nget the corpus again, or leave these out with --skip-bad")
        print(what, file=sys.stderr)
    speakers = {row.speaker for rows in found.values() for row in rows}
    rename = len(speakers) > 1
    return {part: [_named(row) if rename else row for row in rows if row.utt not in faults]
            for part, rows in found.items()}  # fmt: skip


def _fault(row: Utterance, skip_bad: bool) -> str:
    """What is wrong with an utterance; `skip_bad`: whatever `ditar validate-data` would refuse."""
    if not row.text or not skip_bad:
        return "" if row.text else "has no text"
    seconds, fault = audio_fault(row.path)
    return f"{row.path} {fault}" if fault else pace_fault(letter_count(row.text), seconds, "letters")


def _read(
    corpus: LhotseCorpus, folder: Path, parts: list[str], nj: int, skip_bad: bool, complaints: _Complaints
) -> tuple[dict[str, list[Utterance]], list[str]]:
    """(the utterances of each part, unreadable audio files). One such file stops lhotse: with `skip_bad` it is given
    the corpus without them, as links."""
    try:
        return _utterances(corpus, folder, parts, nj), []
    except DataError as error:
        bad = _unreadable(folder)
        bad |= {text: "has no audio that can be read" for text, audio in corpus.texts(folder).items()
                if audio in bad or not audio.is_file()}  # fmt: skip
        if not bad:
            raise
        lines = [f"{path} {why}" for path, why in bad.items()]
        if not skip_bad:
            shown = "\n  ".join(lines[:5])
            raise DataError(f"{error}\n  {shown}\n--skip-bad leaves out what cannot be read") from None
    with tempfile.TemporaryDirectory() as links:
        for path in folder.rglob("*"):
            if path.is_file() and path not in bad:
                link = links / path.relative_to(folder)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
        complaints.messages.clear()  # of the first attempt
        found = _utterances(corpus, Path(links), parts, nj)
    said = [message.replace(links, str(folder)) for message in complaints.messages]
    complaints.messages = [message for message in said if not any(str(path) in message for path in bad)]
    return found, lines


def _utterances(corpus: LhotseCorpus, folder: Path, parts: list[str], nj: int) -> dict[str, list[Utterance]]:
    try:
        manifests = corpus.prepare(folder, parts, nj)
    except Exception as error:  # lhotse has no class for faults of a corpus, and audio errors have their own
        said = " ".join(str(error).split("\nSet LHOTSE_")[0].split())
        raise DataError(
            f"lhotse cannot read {folder} ({type(error).__name__}: {said}); get the corpus again, or remove what is "
            "named, audio and text"
        ) from None
    return {part: [_utterance(one, kept, corpus) for one in kept["supervisions"]] for part, kept in manifests.items()}


def _unreadable(folder: Path) -> dict[Path, str]:
    """Audio files that are empty, cut off or cannot be read, and why."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in AUDIO_FILES and path.is_file())
    return {path: fault for path in files if (fault := audio_fault(path)[1])}


def _utterance(supervision, manifests: dict, corpus: LhotseCorpus) -> Utterance:
    custom = supervision.custom or {}
    text = custom.get("normalized_text", supervision.text) or ""
    recording = manifests["recordings"][supervision.recording_id]
    if abs(recording.duration - supervision.duration) > ROUNDING_S:
        raise DataError(
            f"{supervision.id} has {supervision.duration} s of the {recording.duration} s of {recording.id}; this "
            "program takes whole recordings"
        )
    speaker = supervision.speaker or corpus.speaker
    path = Path(recording.sources[0].source).resolve()
    return Utterance(supervision.id, speaker, path, " ".join(text.split()), float(recording.duration))


def _named(row: Utterance) -> Utterance:
    """The same utterance with a name that sorts like its speaker's."""
    rest = row.utt.removeprefix(row.speaker).lstrip("_-")
    return Utterance(f"{row.speaker}-{rest}", row.speaker, row.path, row.text, row.duration_s)


def hold_out_utterances(rows: list[Utterance], val: int, test: int) -> dict[str, list[Utterance]]:
    """The last `test` utterances, the `val` before them, and the rest. DataError if nothing is left to train on."""
    rows = sorted(rows, key=lambda row: row.utt)
    if val < 1 or test < 1 or val + test >= len(rows):
        raise DataError(f"{len(rows)} utterances cannot give {val} for validation, {test} for the test and some more")
    return {"train": rows[: -val - test], "val": rows[-val - test : -test], "test": rows[-test:]}


def hold_out_speakers(rows: list[Utterance], val: int, test: int) -> dict[str, list[Utterance]]:
    """The last `test` speakers, the `val` before them, and the rest; texts of training speakers are left out of both
    held-out sets. DataError if nothing is left of a set."""
    names = sorted({row.speaker for row in rows})
    if val < 1 or test < 1 or val + test >= len(names):
        raise DataError(f"{len(names)} speakers cannot give {val} for validation, {test} for the test and some more")
    of = {"train": names[: -val - test], "val": names[-val - test : -test], "test": names[-test:]}
    sets = {name: [row for row in rows if row.speaker in chosen] for name, chosen in of.items()}
    trained = {_words(row.text) for row in sets["train"]}
    for name in ("val", "test"):
        sets[name] = [row for row in sets[name] if _words(row.text) not in trained]
        if not sets[name]:
            raise DataError(f"speakers {', '.join(of[name])} say nothing that the others do not say; hold out more")
    return sets


def _words(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def make_sets(args: argparse.Namespace) -> dict[str, list[Utterance]]:
    """The sets that the options ask for. DataError if corpus and options do not fit."""
    if CORPORA[args.corpus].parts:
        if not args.set:
            raise DataError(f"{args.corpus} comes in parts; say which make up a set, e.g. --set train=train-clean-100")
        wanted = {name: value.split(",") for name, value in args.set}
        if len(wanted) < len(args.set):
            names = ", ".join(name for name, _ in args.set)
            raise DataError(f"--set names a set twice ({names}); give all its parts together: --set NAME=PART,PART")
        parts = [part for group in wanted.values() for part in group]
        found = read_corpus(args.corpus, args.folder, parts, args.nj, args.skip_bad)
        return {name: [row for part in group for row in found[part]] for name, group in wanted.items()}
    if args.hold_out is None or args.val is None or args.test is None:
        raise DataError(f"{args.corpus} has no parts; split it with --hold-out, --val and --test")
    (rows,) = read_corpus(args.corpus, args.folder, [], args.nj, args.skip_bad).values()
    return {"speakers": hold_out_speakers, "utterances": hold_out_utterances}[args.hold_out](rows, args.val, args.test)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name, value


def _count(text: str) -> tuple[str, int]:
    name, value = _pair(text)
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"expected NAME=COUNT, a count of at least 1, got {text!r}")
    return name, int(value)


def main() -> int:
    """Parse arguments and prepare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, choices=CORPORA)
    parser.add_argument("--folder", required=True, type=Path, help="the corpus, in its own layout")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--set", type=_pair, action="append", default=[], metavar="NAME=PART,PART")
    parser.add_argument("--hold-out", choices=("speakers", "utterances"))
    parser.add_argument("--val", type=positive, help="speakers or utterances")
    parser.add_argument("--test", type=positive, help="speakers or utterances")
    parser.add_argument("--most", type=_count, action="append", default=[], metavar="NAME=N", help="evenly over a set")
    parser.add_argument("--skip-bad", action="store_true", help="leave out what has no audio or no text")
    parser.add_argument("--nj", type=positive, default=2)
    args = parser.parse_args()
    try:
        need_lhotse()
        most, sets = dict(args.most), make_sets(args)
        if unknown := sorted(most.keys() - sets.keys()):
            raise DataError(f"--most {unknown[0]}: there is no such set; the sets are {', '.join(sets)}")
        for name, rows in sets.items():
            rows = subset_evenly(sorted(rows, key=lambda row: row.utt.encode()), most.get(name))
            write_data_dir(args.out / name, keep_phones(rows, args.out / name))
            hours, speakers = sum(row.duration_s for row in rows) / 3600, len({row.speaker for row in rows})
            print(f"{args.out / name}: {len(rows)} utterances, {speakers} speakers, {hours:.2f} h")
    except (DataError, OSError) as error:
        print(f"lhotse_to_kaldi: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
