"""Kaldi data directories: read, validate, write.

    wav.scp   <utterance> <audio file>       text     <utterance> <words>
    utt2spk   <utterance> <speaker>          spk2utt  <speaker> <utterances>
    utt2dur   <utterance> <seconds>          phones   ours: JSON lines, see below

All are sorted as `LC_ALL=C sort` sorts and hold the same utterances; a speaker's name is the prefix of his utterances'
names, so that both orders agree. `phones` is optional: {"utt": ..., "phones": [[name, start_s, end_s], ...]} for the
utterances whose phone times are known. Kaldi's own `utils/validate_data_dir.sh --no-feats` accepts these directories.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ditar.data.crops import read_wav_scp
from ditar.data.errors import DataError
from ditar.data.tables import read_json_lines, read_table, write_json_lines

Phone = tuple[str, float, float]  # name, start_s, end_s
NOT_IN_TEXT = ("<s>", "</s>", "#0")


@dataclass(frozen=True)
class Utterance:
    """One line of every table. `duration_s` and `phones` are None where the directory doesn't tell."""

    utt: str
    speaker: str
    path: Path
    text: str
    duration_s: float | None = None
    phones: list[Phone] | None = None


def read_data_dir(folder: str | Path) -> list[Utterance]:
    """The utterances of a data directory, in its order. DataError names file and utterance when it is invalid."""
    folder = Path(folder)
    problems = validate_data_dir(folder)
    if problems:
        more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise DataError(f"{folder} is not a valid data directory:\n  " + "\n  ".join(problems[:10]) + more)
    text, speakers = read_table(folder / "text"), read_table(folder / "utt2spk")
    durations = read_table(folder / "utt2dur") if (folder / "utt2dur").is_file() else {}
    phones = {row["utt"]: [tuple(p) for p in row["phones"]] for row in read_json_lines(folder / "phones")}
    return [
        Utterance(
            utt, speakers[utt], path, text[utt], float(durations[utt]) if utt in durations else None, phones.get(utt)
        )
        for utt, path in read_wav_scp(folder)
    ]


def write_data_dir(folder: str | Path, utterances: Iterable[Utterance]) -> None:
    """Write every table, sorted, each beside and renamed. DataError when the utterances cannot make a valid one."""
    folder = Path(folder)
    rows = sorted(utterances, key=lambda u: _c(u.utt))
    _check_writable(rows)
    by_speaker: dict[str, list[str]] = {}
    for row in rows:
        by_speaker.setdefault(row.speaker, []).append(row.utt)
    tables = {
        "wav.scp": [f"{u.utt} {u.path}" for u in rows],
        "text": [f"{u.utt} {u.text}" for u in rows],
        "utt2spk": [f"{u.utt} {u.speaker}" for u in rows],
        "spk2utt": [f"{speaker} {' '.join(by_speaker[speaker])}" for speaker in sorted(by_speaker, key=_c)],
    }
    if all(u.duration_s is not None for u in rows):
        tables["utt2dur"] = [f"{u.utt} {u.duration_s:.4f}" for u in rows]
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in tables.items():
        partial = folder / f".{name}.partial"
        partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        os.replace(partial, folder / name)
    if any(u.phones for u in rows):
        write_json_lines(({"utt": u.utt, "phones": u.phones} for u in rows if u.phones), folder / "phones")


def validate_data_dir(folder: str | Path, audio: bool = False) -> list[str]:
    """What is wrong with a data directory, one sentence each, quoting file, line and value; empty when it is valid.

    `audio` also checks that every audio file exists and is not empty.
    """
    folder = Path(folder)
    problems: list[str] = []
    keys: dict[str, list[str]] = {}
    for name in ("wav.scp", "text", "utt2spk", "spk2utt", "utt2dur", "segments"):
        path = folder / name
        if path.is_file():
            keys[name] = _check_table(path, problems)
        elif name in ("wav.scp", "text", "utt2spk", "spk2utt"):
            problems.append(f"{path} does not exist")
    if "segments" in keys:
        problems.append(f"{folder / 'segments'}: segments are not supported; cut the audio into one file per utterance")
    if problems:
        return problems
    _check_same_utterances(folder, keys, problems)
    _check_speakers(folder, problems)
    for utt, words in read_table(folder / "text").items():
        bad = [word for word in words.split() if word in NOT_IN_TEXT]
        if bad:
            problems.append(f"{folder / 'text'}: {utt}: {bad[0]!r} must not be in a text")
    for utt, seconds in (read_table(folder / "utt2dur") if "utt2dur" in keys else {}).items():
        if not _is_positive(seconds):
            problems.append(f"{folder / 'utt2dur'}: {utt}: {seconds!r} is not a length in seconds")
    _check_phones(folder, set(keys["wav.scp"]), problems)
    if audio:
        for utt, path in read_wav_scp(folder):
            if not path.is_file() or path.stat().st_size == 0:
                problems.append(f"{folder / 'wav.scp'}: {utt}: {path} does not exist or is empty")
    return problems


def _c(name: str) -> bytes:
    """The key of LC_ALL=C: bytes."""
    return name.encode("utf-8")


def _check_table(path: Path, problems: list[str]) -> list[str]:
    """Keys of a table; says what is wrong with its lines and their order."""
    content = path.read_text(encoding="utf-8")
    if not content:
        problems.append(f"{path} is empty")
        return []
    if not content.endswith("\n"):
        problems.append(f"{path}: the last line does not end with a newline")
    keys = []
    for number, line in enumerate(content.splitlines(), 1):
        fields = line.split(maxsplit=1)
        if len(fields) != 2:
            problems.append(f"{path}:{number}: expected '<key> <value>', got {line!r}")
            continue
        keys.append(fields[0])
        if len(keys) > 1 and _c(keys[-2]) >= _c(keys[-1]):
            what = "comes twice" if keys[-2] == keys[-1] else f"stands after {keys[-2]!r}; sort with LC_ALL=C sort"
            problems.append(f"{path}:{number}: {keys[-1]!r} {what}")
    return keys


def _check_same_utterances(folder: Path, keys: dict[str, list[str]], problems: list[str]) -> None:
    expected = set(keys["wav.scp"])
    for name in ("text", "utt2spk", "utt2dur"):
        if name not in keys:
            continue
        for which, utts in (
            ("lacks", expected - set(keys[name])),
            ("has, but not wav.scp,", set(keys[name]) - expected),
        ):
            if utts:
                shown = " ".join(sorted(utts)[:5])
                problems.append(
                    f"{folder / name} {which} {len(utts)} utterances: {shown}; all tables hold the same ones"
                )


def _check_speakers(folder: Path, problems: list[str]) -> None:
    speakers = read_table(folder / "utt2spk")
    for utt, speaker in speakers.items():
        if not utt.startswith(speaker):
            problems.append(f"{folder / 'utt2spk'}: speaker {speaker!r} is not the prefix of utterance {utt!r}")
    order = [_c(speaker) for speaker in speakers.values()]
    if order != sorted(order):
        problems.append(
            f"{folder / 'utt2spk'}: sorted by utterance but not by speaker; give speakers names of one length"
        )
    inverted: dict[str, list[str]] = {}
    for utt, speaker in speakers.items():
        inverted.setdefault(speaker, []).append(utt)
    listed = {speaker: utts.split() for speaker, utts in read_table(folder / "spk2utt").items()}
    for speaker in sorted(inverted.keys() | listed.keys()):
        if inverted.get(speaker) != listed.get(speaker):
            problems.append(f"{folder / 'spk2utt'}: speaker {speaker!r} has other utterances than in utt2spk")


def _check_phones(folder: Path, utterances: set[str], problems: list[str]) -> None:
    for number, row in enumerate(read_json_lines(folder / "phones"), 1):
        where = f"{folder / 'phones'}:{number}"
        if row.get("utt") not in utterances:
            problems.append(f"{where}: utterance {row.get('utt')!r} is not in wav.scp")
            continue
        times = [(start, end) for _, start, end in row["phones"]]
        if any(end < start for start, end in times) or any(b[0] < a[0] for a, b in zip(times, times[1:], strict=False)):
            problems.append(f"{where}: {row['utt']}: the phone times run backwards")


def _is_positive(seconds: str) -> bool:
    try:
        return 0.0 < float(seconds) < float("inf")
    except ValueError:
        return False


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
                raise DataError(f"an utterance's {name} is one word without spaces, got {value!r}")
        if not row.text.strip() or "\n" in row.text:
            raise DataError(f"{row.utt}: the text must be one line that is not empty, got {row.text!r}")
