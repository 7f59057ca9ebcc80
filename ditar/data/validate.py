"""Kaldi's rules for data directories (`utils/validate_data_dir.sh`), each with file, line and remedy.

Kaldi stops at the first fault; here all faults are listed. Our own rules: a speaker's name is the prefix of his
utterances' names, `wav.scp` names files and no commands, `phones` is in order.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from pathlib import Path

from ditar.data.errors import DataError
from ditar.data.tables import Line, as_number, read_lines, read_table
from ditar.data.validate_audio import check_audio_files, check_lengths
from ditar.data.validate_times import check_phones, check_symbol_times

NEEDED = ("wav.scp", "text", "utt2spk", "spk2utt")
OPTIONAL = ("utt2dur", "utt2bandwidth", "segments", "spk2gender")
NOT_IN_TEXT = ("<s>", "</s>", "#0")

_INVERT = "make it again (Kaldi's utils/utt2spk_to_spk2utt.pl)"


def sort_key(name: str) -> bytes:
    """The order of LC_ALL=C: bytes."""
    return name.encode()


def validate_data_dirs(folders: Sequence[str | Path]) -> tuple[list[str], list[str]]:
    """(what is wrong, one line for each good directory: utterances, speakers, hours), audio files included.

    An utterance in two directories is wrong too: it would be training and test data.
    """
    problems, summaries = [], []
    where: dict[str, Path] = {}
    for folder in map(Path, folders):
        found = validate_data_dir(folder, audio=True)
        if not found:
            for line in read_lines(folder / "utt2spk"):
                if line.key in where:
                    found.append(
                        f"{folder / 'utt2spk'}:{line.number}: {line.key!r} is in {where[line.key]} too; splits must "
                        "not overlap: take it out of one"
                    )
                where.setdefault(line.key, folder)
        if not found:
            summaries.append(_summary(folder))
        problems += found
    return problems, summaries


def validate_data_dir(folder: str | Path, audio: bool = False) -> list[str]:
    """The faults of a data directory, one sentence each; empty if it is valid.

    `audio` also opens the header of every audio file, and compares its length with the tables and with the text. The
    readable part of a malformed table is still compared with the others, except where that would only repeat the same
    fault.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return [f"{folder} is not a folder; make the data directory first (stage 0 of the recipe)"]
    problems: list[str] = []
    tables: dict[str, dict[str, Line]] = {}  # those that are not empty
    sound: set[str] = set()  # the well-formed ones
    for name in (*NEEDED, *OPTIONAL):
        if (folder / name).is_file():
            before = len(problems)
            if table := _check_table(folder / name, problems):
                tables[name] = table
            if len(problems) == before:
                sound.add(name)
        elif name in NEEDED:
            problems.append(f"{folder / name} does not exist; every data directory has {' '.join(NEEDED)}")
    files = [line for line in tables.get("wav.scp", {}).values() if line.value]
    unheard: list[str] = []
    seconds = check_audio_files(folder / "wav.scp", files, audio, unheard)
    check_lengths(folder, tables, seconds, unheard)
    if "utt2spk" in tables:
        utterances = tables["utt2spk"]
        for name in ("text", "utt2dur", "segments" if (folder / "segments").is_file() else "wav.scp"):
            if name in tables:
                _check_same(folder, name, tables[name], "utt2spk", utterances, "utterance", problems)
        check_phones(folder / "phones", utterances, problems)
        check_symbol_times(folder / "symbol_times", utterances, problems)
        _check_bandwidths(folder, tables.get("utt2bandwidth", {}), utterances, problems)
    if {"utt2spk", "spk2utt"} <= sound:
        _check_speakers(folder, tables, problems)
    _check_text(folder / "text", tables.get("text", {}).values(), problems)
    _check_durations(folder / "utt2dur", tables.get("utt2dur", {}).values(), problems)
    if "segments" in sound and "wav.scp" in tables:
        _check_segments(folder, tables, problems)
    return problems + unheard


def _check_table(path: Path, problems: list[str]) -> dict[str, Line]:
    """The lines of a table by key; reports faults of its lines and their order."""
    try:
        lines = read_lines(path)
    except DataError as error:
        problems.append(str(error))
        return {}
    content = path.read_bytes()
    if not lines:
        problems.append(f"{path} is empty; make it again, or leave the directory out")
    elif not content.endswith(b"\n"):
        problems.append(f"{path}:{len(lines)}: the last line does not end with a newline; add one")
    if content.startswith(BOM_UTF8):
        problems.append(f"{path}:1: a byte order mark; take it out, e.g. with dos2unix --remove-bom")
    if b"\r" in content:
        number = content.count(b"\n", 0, content.index(b"\r")) + 1
        problems.append(f"{path}:{number}: a carriage return; convert the file with dos2unix")
    table: dict[str, Line] = {}
    before = None
    for line in lines:
        where = f"{path}:{line.number}"
        if not line.value:
            problems.append(f"{where}: expected '<key> <value>', got {line.key!r}; add the value or take the line out")
        elif line.key in table:
            problems.append(f"{where}: {line.key!r} comes twice, first in line {table[line.key].number}; keep one")
        elif before is not None and sort_key(line.key) < sort_key(before):
            problems.append(f"{where}: {line.key!r} comes after {before!r}; sort the file with LC_ALL=C sort")
        if line.key:  # an empty line is not an utterance
            table.setdefault(line.key, line)
        before = line.key
    return table


def _check_same(
    folder: Path, name: str, table: dict, other_name: str, other: dict, what: str, problems: list[str]
) -> None:
    """Reports keys that only one of both tables has."""
    for one, mine, two, theirs in ((name, table, other_name, other), (other_name, other, name, table)):
        extra = [line for key, line in mine.items() if key not in theirs]
        if extra:
            more = f" (and {len(extra) - 1} more)" if len(extra) > 1 else ""
            problems.append(
                f"{folder / one}:{extra[0].number}: {what} {extra[0].key!r}{more} is not in {folder / two}; all tables "
                "hold the same ones: add it there, or take it out here (Kaldi's utils/fix_data_dir.sh)"
            )


def _check_speakers(folder: Path, tables: dict[str, dict[str, Line]], problems: list[str]) -> None:
    path = folder / "utt2spk"
    inverse: dict[str, list[str]] = {}
    before = None
    for line in tables["utt2spk"].values():
        where, speaker = f"{path}:{line.number}", line.value
        if len(speaker.split()) != 1:
            problems.append(f"{where}: expected '<utterance> <speaker>', got {line.value!r} as speaker; use one word")
        if not line.key.startswith(speaker):
            problems.append(
                f"{where}: speaker {speaker!r} is not the prefix of {line.key!r}; name it {speaker}-{line.key}"
            )
        elif before is not None and sort_key(speaker) < sort_key(before):
            problems.append(
                f"{where}: sorted by utterance, but speaker {speaker!r} comes after {before!r}; give all speakers "
                "names of one length"
            )
        inverse.setdefault(speaker, []).append(line.key)
        before = speaker
    table = tables["spk2utt"]
    for speaker, utterances in inverse.items():
        if speaker not in table:
            number = tables["utt2spk"][utterances[0]].number
            problems.append(f"{path}:{number}: speaker {speaker!r} is not in {folder / 'spk2utt'}; {_INVERT}")
    for speaker, line in table.items():
        listed, expected = line.value.split(), inverse.get(speaker, [])
        if listed != expected:
            extra, lacking = set(listed) - set(expected), set(expected) - set(listed)
            what = f"lists {min(extra)!r}" if extra else f"lacks {min(lacking)!r}" if lacking else "has another order"
            problems.append(
                f"{folder / 'spk2utt'}:{line.number}: speaker {speaker!r} {what}, unlike utt2spk; {_INVERT}"
            )
    if "spk2gender" in tables:
        _check_same(folder, "spk2gender", tables["spk2gender"], "spk2utt", table, "speaker", problems)
        for line in tables["spk2gender"].values():
            if line.value not in ("", "m", "f"):
                problems.append(
                    f"{folder / 'spk2gender'}:{line.number}: {line.key}: expected m or f, got {line.value!r}"
                )


def _check_text(path: Path, lines: Iterable[Line], problems: list[str]) -> None:
    for line in lines:
        where = f"{path}:{line.number}: {line.key}"
        words = line.value.split()
        problems += [f"{where}: {word!r} must not be in a text; take it out" for word in NOT_IN_TEXT if word in words]
        odd = sorted({f"U+{ord(c):04X}" for c in line.value if c.isspace() and c not in " \t"})
        if odd:
            problems.append(f"{where}: white space {' '.join(odd)}; write plain spaces")


def _check_durations(path: Path, lines: Iterable[Line], problems: list[str]) -> None:
    for line in lines:
        if line.value and not 0.0 < as_number(line.value) < float("inf"):
            problems.append(
                f"{path}:{line.number}: {line.key}: {line.value!r} is not a length in seconds; measure it again "
                "(Kaldi's utils/data/get_utt2dur.sh)"
            )


def _check_bandwidths(folder: Path, table: dict[str, Line], utterances: dict[str, Line], problems: list[str]) -> None:
    """Unlike the other tables this one lists some utterances only: the others have the whole band."""
    for line in table.values():
        where = f"{folder / 'utt2bandwidth'}:{line.number}: {line.key}"
        if line.key not in utterances:
            problems.append(f"{where} is not in utt2spk; take the line out")
        if line.value and not 0.0 < as_number(line.value) < float("inf"):
            problems.append(f"{where}: {line.value!r} is not a frequency in Hz; write half the rate of the recording")


def _check_segments(folder: Path, tables: dict[str, dict[str, Line]], problems: list[str]) -> None:
    path = folder / "segments"
    used: dict[str, Line] = {}
    for line in tables["segments"].values():
        recording, *times = line.value.split()
        start, end = map(as_number, times) if len(times) == 2 else (float("nan"), float("nan"))
        if not 0.0 <= start < end < float("inf"):
            problems.append(
                f"{path}:{line.number}: expected '<utterance> <recording> <start> <end>' in seconds, start before end, "
                f"got {line.key + ' ' + line.value!r}; correct the times"
            )
        used.setdefault(recording, Line(line.number, recording))
    _check_same(folder, "segments", used, "wav.scp", tables["wav.scp"], "recording", problems)


def _summary(folder: Path) -> str:
    speakers = read_table(folder / "utt2spk").values()
    counts = {"utterance": len(speakers), "speaker": len(set(speakers))}
    line = f"{folder}: " + ", ".join(f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items())
    if (folder / "utt2dur").is_file():
        line += f", {sum(map(float, read_table(folder / 'utt2dur').values())) / 3600:.2f} h"
    if (folder / "segments").is_file():
        line += "; segments: cut it into files before training (Kaldi's utils/data/extract_wav_segments_data_dir.sh)"
    return line
