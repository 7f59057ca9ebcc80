"""What an evaluation reads: folders of audio by utterance id, Kaldi `text` files, lists of sentences.

Every mistake is an `EvaluationError` that quotes the names and says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ditar.data.errors import DataError
from ditar.data.tables import read_table
from ditar.extras import load_extra
from ditar.recognise.errors import RecogniserError, quote
from ditar.storage.inputs import read_input
from ditar.storage.json_lines import MANIFEST, read_log

if TYPE_CHECKING:
    import numpy as np

AUDIO_SUFFIXES = (".wav", ".flac")
CHECK_RATE_HZ = 16_000
SHOWN_BAD = 5


class EvaluationError(ValueError):
    """An evaluation that is not possible; the message quotes the names concerned and the remedy."""


def import_for_evaluation(module: str) -> ModuleType:
    """Import an optional package of the `eval` extra, or say how to install it."""
    return load_extra(module, "eval", EvaluationError)


def list_audio(folder: str | Path) -> dict[str, Path]:
    """Audio files by utterance id, sorted by id.

    A folder with a Kaldi `wav.scp` is read through it (lines `utt path`; relative paths start at the working
    directory or else at the folder); any other holds `<utt>.wav` or `<utt>.flac`, or a MANIFEST that names the files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise EvaluationError(f"{str(folder)!r} is not a folder; give the folder that holds <utt>.wav files")
    if (folder / "wav.scp").is_file():
        audio = _read_wav_scp(folder / "wav.scp")
    else:
        files = [path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES]
        audio = {path.stem: path for path in files}
        twice = sorted({path.stem for path in files if audio[path.stem] != path})
        if twice:
            raise EvaluationError(f"more than one file in {str(folder)!r} of {quote(twice)}; keep one per utterance id")
        if not audio and (folder / MANIFEST).is_file():
            audio = {utt: folder / row["file"] for utt, row in _read_manifest(folder / MANIFEST).items()}
            missing = sorted(utt for utt, path in audio.items() if not path.is_file())
            if missing:
                raise EvaluationError(f"files of {quote(missing)} are missing, though {str(folder / MANIFEST)!r} "
                                      "lists them; synthesise them again")  # fmt: skip
    if not audio:
        raise EvaluationError(f"no .wav or .flac file in {str(folder)!r}; was the synthesis written elsewhere?")
    return dict(sorted(audio.items()))


def find_text(folder: str | Path) -> Path | None:
    """The file with the texts of a folder of audio: Kaldi's `text` in it or next to it, as recipes/decode.py writes, or
    the MANIFEST of `ditar synthesize --output-dir`."""
    places = (Path(folder), Path(folder).resolve().parent)
    paths = (place / name for name in ("text", MANIFEST) for place in places)
    return next((path for path in paths if path.is_file()), None)


def read_text(path: str | Path) -> dict[str, str]:
    """Text by utterance id from a Kaldi `text` file, one line `utt words...` each, or from a MANIFEST; at least one."""
    if Path(path).name == MANIFEST:
        texts = {utt: row["text"] for utt, row in _read_manifest(Path(path)).items()}
    else:
        texts = read_kaldi_table(path)
    if not texts:
        raise EvaluationError(f"text file {str(path)!r} is empty")
    return texts


def read_kaldi_table(path: str | Path) -> dict[str, str]:
    """A Kaldi table, lines `key value`. EvaluationError names file, line and fault."""
    try:
        return read_table(Path(path))
    except DataError as error:
        raise EvaluationError(str(error)) from None


@dataclass(frozen=True)
class Ending:
    """How one output ended: by the stop head or at the length cap, and after how many attempts."""

    stopped: bool
    attempts: int


def read_stopped(folder: str | Path, utts: Iterable[str]) -> dict[str, Ending] | None:
    """How each of `utts` ended, from the table `stopped` next to the audio: lines `utt 1 attempts`, or `utt 0 attempts`
    for what ended at the length cap. None without a table, since the audio does not tell."""
    path = Path(folder) / "stopped"
    if not path.is_file():
        return None
    endings = {}
    for utt, value in read_kaldi_table(path).items():
        if not (found := re.fullmatch(r"([01])\s+(\d+)", value)):
            raise EvaluationError(f"{str(path)!r}: expected `{utt} 1 attempts` or `{utt} 0 attempts`, got {value!r}")
        endings[utt] = Ending(found[1] == "1", int(found[2]))
    missing = sorted(set(utts) - endings.keys())
    if missing:
        raise EvaluationError(f"{str(path)!r} lacks {quote(missing)}; add their lines, or remove the table")
    return {utt: endings[utt] for utt in utts}


def read_sentences(path: str | Path) -> list[str]:
    """Sentences for a closed set. A file named `text` is Kaldi's (ids dropped), any other has one sentence a line."""
    if Path(path).name == "text":
        return list(read_text(path).values())
    try:
        lines = read_input(path).decode("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise EvaluationError(f"file of sentences {str(path)!r} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"file of sentences {str(path)!r} cannot be read ({error})") from None
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise EvaluationError(f"file of sentences {str(path)!r} is empty")
    return sentences


def match_ids(audio: dict[str, Path], texts: dict[str, str], folder: str | Path, text_file: str | Path) -> None:
    """Both must hold the same ids: a missing output would flatter a system, one without a text cannot be judged."""
    without_text = sorted(audio.keys() - texts.keys())
    without_audio = sorted(texts.keys() - audio.keys())
    problems = []
    if without_text:
        problems.append(f"{len(without_text)} of {len(audio)} files in {str(folder)!r} have no line in "
                        f"{str(text_file)!r}: {quote(without_text)}; add lines `utt words...` or remove the files")
    if without_audio:
        problems.append(f"{len(without_audio)} of {len(texts)} lines of {str(text_file)!r} have no file in "
                        f"{str(folder)!r}: {quote(without_audio)}; synthesise them, or remove their lines")
    if problems:
        raise EvaluationError("; ".join(problems))


def check_audio(paths: Iterable[Path]) -> None:
    """Read every file once, before minutes of work: EvaluationError names all that cannot be judged."""
    paths, bad = sorted(set(paths)), []
    for path in paths:
        try:
            read_judged_audio(path, CHECK_RATE_HZ)
        except EvaluationError as error:
            bad.append(str(error))
    if bad:
        shown = "; ".join(bad[:SHOWN_BAD]) + (f"; and {len(bad) - SHOWN_BAD} more" if len(bad) > SHOWN_BAD else "")
        raise EvaluationError(f"{len(bad)} of {len(paths)} audio files cannot be judged: {shown}")


def read_judged_audio(path: str | Path, rate_hz: int) -> np.ndarray:
    """Mono waveform (S,) float32 at `rate_hz`; an empty file gives S = 0, since an output may be empty."""
    from ditar.recognise import files  # here, so that `ditar --help` and reading text need no numpy or audio library

    try:
        return files.read_waveform(path, rate_hz)
    except RecogniserError as error:
        raise EvaluationError(str(error)) from None


def _read_wav_scp(path: Path) -> dict[str, Path]:
    audio = {}
    for utt, target in read_kaldi_table(path).items():
        if target.endswith("|"):
            raise EvaluationError(f"{str(path)!r}: {utt!r} has a command, {target!r}, and pipes are not run here; "
                                  "write lines `utt path`")
        file = Path(target)
        if not file.is_file() and (path.parent / file).is_file():
            file = path.parent / file
        if not file.is_file():
            raise EvaluationError(f"{str(path)!r}: the file {target!r} of utterance {utt!r} does not exist")
        audio[utt] = file
    return audio


def _read_manifest(path: Path) -> dict[str, dict]:
    """The lines of a manifest by id, the last of each: until its run ends, a repeated output has two."""
    rows = {row["id"]: row for row in read_log(path) if {"id", "file", "text"} <= row.keys()}
    if not rows:
        raise EvaluationError(f"{str(path)!r} lists no output; make it again with: ditar synthesize --output-dir")
    return rows
