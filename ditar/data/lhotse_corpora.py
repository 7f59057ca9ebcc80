"""Published corpora that lhotse's recipes read, each in its own layout, and what these recipes leave to be checked."""

from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ditar.data.errors import DataError


@dataclass(frozen=True)
class LhotseCorpus:
    """How lhotse reads a corpus. `prepare(folder, parts, nj)` -> {part: its manifests}, "" if there are no parts;
    `layout`: lists of alternative names, of which the folder must have one each; `speaker`: if the manifests name none;
    `texts(folder)`: file of a text -> file of its audio, if lhotse stops when one of them is missing; `check(folder)`:
    DataError for a table that lhotse cannot read, since it does not say where."""

    prepare: Callable[[Path, list[str], int], dict[str, dict]]
    layout: tuple[tuple[str, ...], ...] = ()
    speaker: str | None = None
    parts: bool = False
    texts: Callable[[Path], dict[Path, Path]] = lambda folder: {}
    check: Callable[[Path], None] = lambda folder: None


def _ljspeech(folder: Path, parts: list[str], nj: int) -> dict[str, dict]:
    from lhotse.recipes.ljspeech import prepare_ljspeech

    return {"": prepare_ljspeech(folder)}


def _check_metadata(folder: Path) -> None:
    """DataError names the line of LJ Speech's table that lhotse could not read, or would read wrongly."""
    path = folder / "metadata.csv"
    first: dict[str, int] = {}
    content = path.read_bytes()
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), 1):
        try:
            cells = line.decode("utf-8").strip().split("|")
        except UnicodeDecodeError:
            raise DataError(f"{path}:{number}: not UTF-8 text; convert it with iconv -f LATIN1 -t UTF-8") from None
        if number == 1 and content.startswith(BOM_UTF8):
            raise DataError(f"{path}:1: a byte order mark; take it out, e.g. with dos2unix --remove-bom")
        if len(cells) != 3 or not cells[0]:
            raise DataError(
                f"{path}:{number}: expected <name>|<text>|<text as it is said>, got {'|'.join(cells)!r}; correct the "
                "line, and give the text twice where it is written as it is said"
            )
        if cells[0] in first:
            raise DataError(f"{path}:{number}: {cells[0]!r} comes twice, first in line {first[cells[0]]}; keep one")
        first[cells[0]] = number


def _vctk(folder: Path, parts: list[str], nj: int) -> dict[str, dict]:
    from lhotse.recipes.vctk import prepare_vctk

    return {"": prepare_vctk(folder, use_edinburgh_vctk_url=(folder / "wav48_silence_trimmed").is_dir())}


def _vctk_texts(folder: Path) -> dict[Path, Path]:
    audio = folder / "wav48_silence_trimmed"
    new = audio.is_dir()
    audio, ending = (audio, "_mic2.flac") if new else (folder / "wav48", ".wav")
    # lhotse knows what these two speakers lack
    texts = (path for path in sorted((folder / "txt").rglob("*.txt")) if path.parent.name not in ("p280", "p362"))
    return {path: audio / path.parent.name / f"{path.stem}{ending}" for path in texts}


def _libritts(folder: Path, parts: list[str], nj: int) -> dict[str, dict]:
    from lhotse.recipes.libritts import prepare_libritts

    return prepare_libritts(folder, parts, num_jobs=nj)


def _librispeech(folder: Path, parts: list[str], nj: int) -> dict[str, dict]:
    from lhotse.recipes.librispeech import prepare_librispeech

    return prepare_librispeech(folder, dataset_parts=parts, num_jobs=nj)


CORPORA = {
    "ljspeech": LhotseCorpus(_ljspeech, (("metadata.csv",), ("wavs",)), speaker="LJ", check=_check_metadata),
    "vctk": LhotseCorpus(
        _vctk, (("txt",), ("wav48_silence_trimmed", "wav48"), ("speaker-info.txt",)), texts=_vctk_texts
    ),
    "libritts": LhotseCorpus(_libritts, parts=True),
    "librittsr": LhotseCorpus(_libritts, parts=True),
    "librispeech": LhotseCorpus(_librispeech, parts=True),
}
