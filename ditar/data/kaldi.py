"""Kaldi data directories: read and write.

    wav.scp   <utterance> <audio file>       text     <utterance> <words>
    utt2spk   <utterance> <speaker>          spk2utt  <speaker> <utterances>
    utt2dur   <utterance> <seconds>          phones   ours: JSON lines, see below
    utt2bandwidth   ours: <utterance> <Hz>   symbol_times   ours: JSON lines, see below

All are sorted as `LC_ALL=C sort` does and hold the same utterances; a speaker's name is the prefix of his utterances'
names, so that both orders agree. `phones` is optional: {"utt": ..., "phones": [[name, start_s, end_s], ...]} for the
utterances with known phone times. So is `symbol_times`, from synthesisers that read phonemes and know when they spoke
them: {"utt": ..., "symbols": [...], "times": [[start_s, end_s] or null, ...]}. Kaldi's own
`utils/validate_data_dir.sh --no-feats` accepts these directories.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ditar.data.align import Phone, Times
from ditar.data.errors import DataError
from ditar.data.tables import read_json_lines, read_table, read_wav_scp
from ditar.data.validate import sort_key, validate_data_dir
from ditar.storage.atomic_write import write_lines
from ditar.storage.json_lines import write_json_lines

OPTIONAL = ("utt2dur", "utt2bandwidth", "phones", "symbol_times")  # of `write_data_dir`


@dataclass(frozen=True)
class Utterance:
    """One line of every table. None if the directory does not tell: `duration_s`, `phones`, `bandwidth_hz` (half the
    rate of the recording: 8,000 for a 24 kHz file made from 16 kHz), `symbol_times` (symbols, and a time for each)."""

    utt: str
    speaker: str
    path: Path
    text: str
    duration_s: float | None = None
    phones: list[Phone] | None = None
    bandwidth_hz: float | None = None
    symbol_times: tuple[list[str], Times] | None = None


def read_data_dir(folder: str | Path) -> list[Utterance]:
    """The utterances of a data directory, in its order. DataError names file and utterance if it is invalid."""
    folder = Path(folder)
    problems = validate_data_dir(folder)
    if problems:
        more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise DataError(f"{folder} is not a valid data directory:\n  " + "\n  ".join(problems[:10]) + more)
    text, speakers = read_table(folder / "text"), read_table(folder / "utt2spk")
    durations, bandwidths = (
        read_table(folder / name) if (folder / name).is_file() else {} for name in ("utt2dur", "utt2bandwidth")
    )
    phones = {row["utt"]: [tuple(p) for p in row["phones"]] for row in read_json_lines(folder / "phones")}
    spoken = {row["utt"]: (row["symbols"], row["times"]) for row in read_json_lines(folder / "symbol_times")}
    return [
        Utterance(
            utt,
            speakers[utt],
            path,
            text[utt],
            float(durations[utt]) if utt in durations else None,
            phones.get(utt),
            float(bandwidths[utt]) if utt in bandwidths else None,
            spoken.get(utt),
        )
        for utt, path in read_wav_scp(folder)
    ]


def read_audio_dir(folder: str | Path) -> list[Utterance]:
    """The utterances of a directory with audio only: wav.scp, utt2spk and, if present, utt2bandwidth. Their texts are
    empty. DataError names a missing or malformed table, and an utterance without a speaker."""
    folder = Path(folder)
    speakers = read_table(folder / "utt2spk")
    bandwidths = read_table(folder / "utt2bandwidth") if (folder / "utt2bandwidth").is_file() else {}
    rows = read_wav_scp(folder)
    without = [utt for utt, _ in rows if utt not in speakers]
    if without:
        raise DataError(
            f"{folder / 'utt2spk'} lacks {len(without)} utterances of wav.scp, {without[0]!r} first; add them"
        )
    return [
        Utterance(utt, speakers[utt], path, "", bandwidth_hz=float(bandwidths[utt]) if utt in bandwidths else None)
        for utt, path in rows
    ]


def write_audio_dir(folder: str | Path, utterances: Iterable[Utterance]) -> None:
    """The tables that need no text: what the VAE's crops read. Each is written atomically."""
    folder = Path(folder)
    rows = sorted(utterances, key=lambda u: sort_key(u.utt))
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "utt2spk", (f"{u.utt} {u.speaker}" for u in rows))
    write_lines(folder / "utt2bandwidth", (f"{u.utt} {u.bandwidth_hz:g}" for u in rows if u.bandwidth_hz))
    if all(u.duration_s is not None for u in rows):
        write_lines(folder / "utt2dur", (f"{u.utt} {u.duration_s:.4f}" for u in rows))
    write_lines(folder / "wav.scp", (f"{u.utt} {u.path}" for u in rows))


def write_data_dir(folder: str | Path, utterances: Iterable[Utterance]) -> None:
    """Write every table, sorted and atomically; optional ones that an earlier run left, and that these utterances do
    not have, are removed. DataError if the utterances do not make a valid directory."""
    folder = Path(folder)
    rows = sorted(utterances, key=lambda u: sort_key(u.utt))
    _check_writable(rows)
    by_speaker: dict[str, list[str]] = {}
    for row in rows:
        by_speaker.setdefault(row.speaker, []).append(row.utt)
    tables = {
        "wav.scp": [f"{u.utt} {u.path}" for u in rows],
        "text": [f"{u.utt} {u.text}" for u in rows],
        "utt2spk": [f"{u.utt} {u.speaker}" for u in rows],
        "spk2utt": [f"{speaker} {' '.join(by_speaker[speaker])}" for speaker in sorted(by_speaker, key=sort_key)],
    }
    if all(u.duration_s is not None for u in rows):
        tables["utt2dur"] = [f"{u.utt} {u.duration_s:.4f}" for u in rows]
    if any(u.bandwidth_hz for u in rows):
        tables["utt2bandwidth"] = [f"{u.utt} {u.bandwidth_hz:g}" for u in rows if u.bandwidth_hz]
    spoken = [(u.utt, *u.symbol_times) for u in rows if u.symbol_times]
    phones = [{"utt": u.utt, "phones": u.phones} for u in rows if u.phones]
    folder.mkdir(parents=True, exist_ok=True)
    written = {*tables, *(["phones"] if phones else []), *(["symbol_times"] if spoken else [])}
    for name in (name for name in OPTIONAL if name not in written):
        (folder / name).unlink(missing_ok=True)
    for name, lines in tables.items():
        write_lines(folder / name, lines)
    if phones:
        write_json_lines(phones, folder / "phones")
    if spoken:
        lines = ({"utt": utt, "symbols": symbols, "times": times} for utt, symbols, times in spoken)
        write_json_lines(lines, folder / "symbol_times")


def keep_phones(utterances: Iterable[Utterance], folder: Path) -> list[Utterance]:
    """The utterances, with the phone times that a directory, about to be written again, has for the same recording and
    text: aligning a corpus takes hours. DataError: its table of phones is damaged."""
    utterances, table = list(utterances), folder / "phones"
    if not table.is_file():
        return utterances
    try:
        texts, files = read_table(folder / "text"), dict(read_wav_scp(folder))
    except DataError:  # half of a directory
        return utterances
    known: dict[tuple[str, Path | None, str], list[Phone]] = {}
    for row in read_json_lines(table):
        try:
            known[row["utt"], files.get(row["utt"]), texts.get(row["utt"], "")] = [tuple(p) for p in row["phones"]]
        except (KeyError, TypeError):
            raise DataError(
                f'{table}: expected {{"utt": ..., "phones": [[name, start_s, end_s], ...]}}, got {str(row)[:80]}; '
                "remove the file, and align again"
            ) from None
    made = table.stat().st_mtime
    return [
        u if u.phones or u.symbol_times or not u.path.is_file() or u.path.stat().st_mtime > made
        else replace(u, phones=known.get((u.utt, u.path, u.text)))
        for u in utterances
    ]  # fmt: skip


def subset_evenly(rows: Sequence[Utterance], most: int | None) -> list[Utterance]:
    """At most `most` rows, evenly spaced; all if None."""
    if most is None or len(rows) <= most:
        return list(rows)
    return [rows[i * len(rows) // most] for i in range(most)]


def _check_writable(rows: Sequence[Utterance]) -> None:
    if not rows:
        raise DataError("a data directory needs at least one utterance, got none")
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.utt == row.utt:
            raise DataError(f"utterance {row.utt!r} comes twice")
        if not row.utt.startswith(row.speaker):
            raise DataError(f"speaker {row.speaker!r} must be the prefix of the utterance's name {row.utt!r}")
        for name, value in (("name", row.utt), ("speaker", row.speaker)):
            if len(value.split()) != 1:
                raise DataError(f"an utterance's {name} must be one word without spaces, got {value!r}")
        if not row.text.strip() or "\n" in row.text:
            raise DataError(f"{row.utt}: the text must be one line that is not empty, got {row.text!r}")
