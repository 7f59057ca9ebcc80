"""Folders of recorded speech -> clips of one kind, whatever the layout of a corpus.

Four layouts: a Kaldi data directory (wav.scp, text, utt2spk); a table with a folder of audio:

    <corpus>/utterances.tsv    utt, speaker and, if known, rate, text, text_from, licence; other columns are ignored
    <corpus>/audio/<speaker>/<utt>.opus (or .flac, .ogg, .wav, .mp3)

and those of two corpora of audio books in many languages:

    CSS10      <corpus>/transcript.txt    <book>/<utt>.wav|text as written|text as said|seconds; one speaker
    M-AILABS   <corpus>/by_book/<female, male or mix>/<speaker>/<book>/metadata.csv    utt|as written|as said
               <corpus>/by_book/.../<book>/wavs/<utt>.wav; a book in `mix` itself is nobody's
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
    not know it, `rate_hz` None if only the file tells; `text` is empty if nobody knows what is said. `written`: the
    text as it is written, where the corpus has both (`5 h` and `cinq heures`). `book`: of an audio book."""

    corpus: str
    utt: str
    speaker: str | None
    path: Path
    text: str = ""
    rate_hz: int | None = None
    licence: str = ""
    written: str = ""
    book: str = ""


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
                f"{folder} holds no corpus: neither it nor a folder in it has utterances.tsv, wav.scp, transcript.txt "
                "(CSS10) or by_book (M-AILABS); give one of these, or a folder of corpora"
            )
        if name and found != [folder]:
            raise DataError(f"{given}: {folder} holds {len(found)} corpora; a name can be given to a single one only")
        for corpus in found:
            clips += _read_corpus(corpus, name or corpus.resolve().name)
    return clips


def folders_in(text: str) -> list[str]:
    """The [NAME=]DIR of a list on a command line, separated by spaces; a single folder may have spaces in its name."""
    return [text] if Path(text.rpartition("=")[2]).is_dir() and text.strip() else text.split()


def _is_corpus(folder: Path) -> bool:
    files = ("utterances.tsv", "wav.scp", "transcript.txt")
    return any((folder / name).is_file() for name in files) or (folder / "by_book").is_dir()


def _read_corpus(folder: Path, name: str) -> Iterator[Clip]:
    if (folder / "transcript.txt").is_file():
        yield from _read_css10(folder, name)
        return
    if (folder / "by_book").is_dir():
        yield from _read_mailabs(folder, name)
        return
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


def _read_css10(folder: Path, name: str) -> Iterator[Clip]:
    table = folder / "transcript.txt"
    for number, line in enumerate(_lines(table), 1):
        cells = _cells(table, number, line, 4)
        path = _audio(folder / cells[0], table, number)
        yield Clip(name, path.stem, name, path, cells[2] or cells[1], None, "", cells[1], Path(cells[0]).parent.name)


def _read_mailabs(folder: Path, name: str) -> Iterator[Clip]:
    tables = sorted((folder / "by_book").glob("**/metadata.csv"))
    if not tables:
        raise DataError(f"{folder / 'by_book'} has no metadata.csv of any book; unpack the corpus there")
    for table in tables:
        _, *whose, book = table.parent.relative_to(folder / "by_book").parts
        for number, line in enumerate(_lines(table), 1):
            cells = _cells(table, number, line, 3)
            path = _audio(table.parent / "wavs" / f"{cells[0]}.wav", table, number)
            speaker = whose[-1] if whose else None
            yield Clip(name, cells[0], speaker, path, cells[2] or cells[1], None, "", cells[1], book)


def _cells(table: Path, number: int, line: str, count: int) -> list[str]:
    cells = [_BEFORE_MARK.sub(r"\1", " ".join(cell.split())) for cell in line.split("|")]
    if len(cells) != count or not cells[0] or not (cells[1] or cells[2]):
        raise DataError(f"{table}:{number}: expected {count} fields between |, a name and a text first, got {line!r}")
    return cells


def _audio(path: Path, table: Path, number: int) -> Path:
    """A file, which a user may have packed otherwise. DataError if there is none."""
    found = next((place for ending in (path.suffix, *ENDINGS) if (place := path.with_suffix(ending)).is_file()), None)
    if found is None:
        raise DataError(f"{table}:{number}: {path} does not exist (nor with {' '.join(ENDINGS)}); remove the line")
    return found


def _lines(path: Path) -> list[str]:
    """Of a UTF-8 table, without a final empty one. DataError if it is written otherwise."""
    try:
        return path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        raise DataError(
            f"{path}: not UTF-8 text; convert it with iconv -f LATIN1 -t UTF-8, or from whichever it has"
        ) from None


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by column) of a table with a header. A cell in quotation marks is written as spreadsheets do, with
    its inner marks doubled."""
    lines = _lines(path)
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
