"""Audio files of a data directory, by their headers, compared with its tables."""

from collections.abc import Iterable
from pathlib import Path

from ditar.audio.cut_off import what_is_missing
from ditar.data.tables import Line, as_number
from ditar.text.lengths import letter_count, pace_fault

LENGTH_WITHIN_S = 0.05  # of a length in a table: programs round to hundredths, and count the start of an MP3


def check_audio_files(path: Path, lines: Iterable[Line], audio: bool, problems: list[str]) -> dict[str, float]:
    """Seconds of every file that can be opened, by its key."""
    found = {}
    for line in lines:
        where, file = f"{path}:{line.number}: {line.key}", line.value
        if file.endswith("|"):
            problems.append(f"{where}: {file!r} is a command and no file; write its output to a file")
        elif file.startswith("~"):
            problems.append(f"{where}: {file!r}: nothing replaces ~ in a table; write the whole path")
        elif audio:
            seconds, wrong = audio_fault(Path(file))
            if wrong:
                problems.append(f"{where}: {file} {wrong}; take the utterance out or repair it")
            else:
                found[line.key] = seconds
    return found


def audio_fault(path: Path) -> tuple[float, str]:
    """(seconds of an audio file by its header, what is wrong with it: "" if nothing is)."""
    import soundfile  # here, so that tables are checked without an audio library

    if not path.is_file():
        return 0.0, "does not exist"
    if path.stat().st_size == 0:
        return 0.0, "is empty"
    try:
        with open(path, "rb") as file:
            missing = what_is_missing(file)
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        return 0.0, f"cannot be read as audio ({getattr(error, 'error_string', str(error)).strip(' .:')})"
    except OSError as error:
        return 0.0, f"cannot be read ({error.strerror or error})"
    if missing:
        return 0.0, f"is cut off ({missing})"
    return info.frames / info.samplerate, "" if info.frames > 0 else "holds no samples"


def check_lengths(
    folder: Path, tables: dict[str, dict[str, Line]], seconds: dict[str, float], problems: list[str]
) -> None:
    """Check that utt2dur and segments agree with the files (their seconds by key), and that texts fit their time."""
    segments, durations, texts = (tables.get(name, {}) for name in ("segments", "utt2dur", "text"))
    lasts = {} if (folder / "segments").is_file() else seconds
    for utt, line in segments.items():
        recording, start, end = (*line.value.split(), "", "")[:3]
        if as_number(end) > seconds.get(recording, float("inf")) + LENGTH_WITHIN_S:
            problems.append(
                f"{folder / 'segments'}:{line.number}: {utt} ends at {end} s, and its recording {recording!r} lasts "
                f"{seconds[recording]:.2f} s; correct the time"
            )
        elif recording in seconds and as_number(end) > as_number(start) >= 0:
            lasts[utt] = as_number(end) - as_number(start)
    for utt, there_s in lasts.items():
        said = durations.get(utt)
        if said is not None and abs(as_number(said.value) - there_s) > LENGTH_WITHIN_S:
            problems.append(
                f"{folder / 'utt2dur'}:{said.number}: {utt}: {said.value} s, and its audio lasts {there_s:.2f} s; "
                "measure it again (Kaldi's utils/data/get_utt2dur.sh)"
            )
        text = texts.get(utt)
        if text is not None and text.value and (fault := pace_fault(letter_count(text.value), there_s, "letters")):
            problems.append(f"{folder / 'text'}:{text.number}: {utt}: {fault}; correct the text or take it out")
