"""What an evaluation reads: folders of audio by utterance id, Kaldi `text` files, lists of sentences.

Every mistake is an `EvaluationError` that quotes the names and says what to do.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

AUDIO_SUFFIXES = (".wav", ".flac")


class EvaluationError(ValueError):
    """An evaluation that cannot be done; the message quotes the names concerned and the remedy."""


def need(module: str) -> ModuleType:
    """Import an optional package of the `eval` extra, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise EvaluationError(f"{module} is not installed; install it with: pip install 'ditar[eval]'") from None


def quote(names: Iterable[str], most: int = 5) -> str:
    """The first few names, and how many more there are: for error messages."""
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def list_audio(folder: str | Path) -> dict[str, Path]:
    """Audio files by utterance id, sorted by id.

    A folder with a Kaldi `wav.scp` is read through it (lines `utt path`; relative paths start at the working
    directory or else at the folder); any other holds `<utt>.wav` or `<utt>.flac`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise EvaluationError(f"{str(folder)!r} is not a folder; give the folder that holds <utt>.wav files")
    if (folder / "wav.scp").is_file():
        pairs = _read_wav_scp(folder / "wav.scp")
    else:
        pairs = [(p.stem, p) for p in sorted(folder.iterdir()) if p.suffix.lower() in AUDIO_SUFFIXES]
    if not pairs:
        raise EvaluationError(f"no .wav or .flac file in {str(folder)!r}; was the synthesis written elsewhere?")
    _refuse_duplicates([utt for utt, _ in pairs], f"in {str(folder)!r}", "keep one file per utterance id")
    return dict(sorted(pairs))


def read_text(path: str | Path) -> dict[str, str]:
    """Text by utterance id from a Kaldi `text` file: one line `utt words...` each."""
    lines = _lines(path)
    ids = [line.split(maxsplit=1)[0] for line in lines]
    _refuse_duplicates(ids, f"in {str(path)!r}", "keep one line per utterance id")
    texts = {}
    for line in lines:
        utt, *text = line.split(maxsplit=1)
        if not text:
            raise EvaluationError(f"{str(path)!r}: line {line!r} has no text behind its utterance id; "
                                  "lines must be `utt words...`")
        texts[utt] = text[0]
    return texts


def read_sentences(path: str | Path) -> list[str]:
    """Sentences for a closed set. A file named `text` is Kaldi's (ids dropped), any other has one sentence a line."""
    return list(read_text(path).values()) if Path(path).name == "text" else _lines(path)


def match_ids(audio: dict[str, Path], texts: dict[str, str], folder: str | Path, text_file: str | Path) -> None:
    """Both must hold the same ids: a missing output would flatter a system, a nameless one cannot be judged."""
    without_text = sorted(audio.keys() - texts.keys())
    without_audio = sorted(texts.keys() - audio.keys())
    problems = []
    if without_text:
        problems.append(f"{len(without_text)} of {len(audio)} files in {str(folder)!r} have no line in "
                        f"{str(text_file)!r}: {quote(without_text)}; add lines `utt words...` or remove the files")
    if without_audio:
        problems.append(f"{len(without_audio)} of {len(texts)} lines of {str(text_file)!r} have no file in "
                        f"{str(folder)!r}: {quote(without_audio)}; synthesise them, or cut the text file to what was")
    if problems:
        raise EvaluationError("; ".join(problems))


def read_waveform(path: str | Path, rate_hz: int) -> np.ndarray:
    """Mono waveform (S,) float32 at `rate_hz`; an empty file gives S = 0, since an output may be empty."""
    import soundfile  # here, so that reading text needs no audio library

    from ditar.audio import AudioError
    from ditar.audio.read import read_audio

    try:
        if soundfile.info(str(path)).frames == 0:
            return np.zeros(0, dtype=np.float32)
        return np.asarray(read_audio(path, rate_hz), dtype=np.float32)
    except (AudioError, soundfile.LibsndfileError) as error:
        raise EvaluationError(f"cannot judge {str(path)!r}: {error}; synthesise it again or remove it") from None


def _lines(path: str | Path) -> list[str]:
    if not Path(path).is_file():
        raise EvaluationError(f"text file {str(path)!r} does not exist")
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines:
        raise EvaluationError(f"text file {str(path)!r} is empty")
    return lines


def _read_wav_scp(path: Path) -> list[tuple[str, Path]]:
    pairs = []
    for line in _lines(path):
        utt, *rest = line.split(maxsplit=1)
        target = rest[0].strip() if rest else ""
        if not target or target.endswith("|"):
            raise EvaluationError(f"{str(path)!r}: line {line!r} names no audio file (pipes are not run here); "
                                  "write lines `utt path`")
        file = Path(target)
        if not file.is_file() and (path.parent / file).is_file():
            file = path.parent / file
        if not file.is_file():
            raise EvaluationError(f"{str(path)!r}: the file {target!r} of utterance {utt!r} does not exist")
        pairs.append((utt, file))
    return pairs


def _refuse_duplicates(ids: list[str], where: str, remedy: str) -> None:
    seen: set[str] = set()
    twice = sorted({utt for utt in ids if utt in seen or seen.add(utt)})
    if twice:
        raise EvaluationError(f"utterance ids more than once {where}: {quote(twice)}; {remedy}")
