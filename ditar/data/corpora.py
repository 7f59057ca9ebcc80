"""Folders of recorded speech -> clips of one kind, whatever the layout of a corpus.

Two layouts: a Kaldi data directory (wav.scp, text, utt2spk), and a table with a folder of audio:

    <corpus>/utterances.tsv    utt, speaker and, if known, rate, text, text_from, licence; other columns are ignored
    <corpus>/audio/<speaker>/<utt>.opus (or .flac, .ogg, .wav, .mp3)
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ditar.data.errors import DataError
from ditar.data.kaldi import read_data_dir

ENDINGS = (".opus", ".flac", ".ogg", ".wav", ".mp3")
_UNKNOWN = re.compile(r"(^|_)unk(nown)?(_|$)|^\??$")  # what corpora write for an unknown speaker
_BEFORE_MARK = re.compile(r"\s+([,.;:!?])")


@dataclass(frozen=True)
class Clip:
    """One recording of a corpus. `speaker` and `utt` are the corpus's own names; `speaker` is None if the corpus does
    not know it, `rate_hz` None if only the file tells; `text` is empty if nobody knows what is said."""

    corpus: str
    utt: str
    speaker: str | None
    path: Path
    text: str = ""
    rate_hz: int | None = None
    licence: str = ""


def read_corpora(folders: Sequence[str | Path]) -> list[Clip]:
    """The clips of all folders. Each is a corpus or holds corpora; `NAME=FOLDER` gives a corpus a name other than its
    folder's. DataError if there is none, or if a table names missing audio."""
    clips: list[Clip] = []
    for given in map(str, folders):
        name, _, path = given.rpartition("=")
        folder = Path(path)
        found = [folder] if _is_corpus(folder) else sorted(filter(_is_corpus, folder.glob("*")))
        if not found:
            raise DataError(
                f"{folder} holds no corpus: neither it nor a folder in it has utterances.tsv or wav.scp; give a Kaldi "
                "data directory, or a folder of corpora"
            )
        if name and found != [folder]:
            raise DataError(f"{given}: {folder} holds {len(found)} corpora; a name can be given to a single one only")
        for corpus in found:
            clips += _read_corpus(corpus, name or corpus.resolve().name)
    return clips


def _is_corpus(folder: Path) -> bool:
    return (folder / "utterances.tsv").is_file() or (folder / "wav.scp").is_file()


def _read_corpus(folder: Path, name: str) -> Iterator[Clip]:
    if not (folder / "utterances.tsv").is_file():
        for row in read_data_dir(folder):
            rate_hz = round(2 * row.bandwidth_hz) if row.bandwidth_hz else None
            yield Clip(name, row.utt, row.speaker, row.path, row.text, rate_hz)
        return
    for number, row in _rows(folder / "utterances.tsv"):
        where = f"{folder / 'utterances.tsv'}:{number}"
        rate = row.get("rate", "")
        if rate and not rate.isdigit():
            raise DataError(f"{where}: the rate must be a whole number of Hz, got {rate!r}")
        places = [folder / "audio" / row["speaker"] / f"{row['utt']}{ending}" for ending in ENDINGS]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise DataError(f"{where}: {places[0]} does not exist (nor with {' '.join(ENDINGS[1:])}); remove the line")
        speaker = None if _UNKNOWN.search(row["speaker"]) else row["speaker"]
        text = "" if row.get("text_from") == "none" else _BEFORE_MARK.sub(r"\1", " ".join(row.get("text", "").split()))
        yield Clip(name, row["utt"], speaker, path, text, int(rate) if rate else None, row.get("licence", ""))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by column) of a table with a header. A cell in quotation marks is written as spreadsheets do, with
    its inner marks doubled."""
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        raise DataError(
            f"{path}: not UTF-8 text; convert it with iconv -f LATIN1 -t UTF-8, or from whichever it has"
        ) from None
    head = lines[0].split("\t")
    if lacking := {"utt", "speaker"} - set(head):
        raise DataError(f"{path}:1: no column {' and '.join(sorted(lacking))} among {', '.join(head)}")
    for number, line in enumerate(lines[1:], 2):
        cells = [_plain(cell) for cell in line.split("\t")]
        if len(cells) != len(head):
            raise DataError(f"{path}:{number}: expected {len(head)} columns, got {len(cells)}")
        yield number, dict(zip(head, cells, strict=True))


def _plain(cell: str) -> str:
    inner = cell[1:-1]
    quoted = len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if quoted else cell
