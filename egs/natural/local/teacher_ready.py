"""A part of the teacher's corpus that was made before: DIR/utts.jsonl and DIR/audio/<voice>/<utt>.opus.

A line of utts.jsonl has utt, voice, text, symbols, times (of each symbol, [start_s, end_s] or null, by the teacher's
durations), speed, timbre ([[voice, weight], ...]) and prosody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import teacher_voices
from clips import trim, write_clip
from kokoro import RATE_HZ, on_time
from teacher_texts import sentences

from ditar.audio.errors import AudioError
from ditar.audio.read import read_audio

AUDIO_ENDINGS = (".opus", ".flac", ".wav")


def read_ready(folder: Path) -> list[dict]:
    """The lines of a ready corpus. FileNotFoundError and ValueError say what is missing or wrong."""
    path = folder / "utts.jsonl"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; --ready takes a folder with utts.jsonl and audio/<voice>/")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            row["pair"] = frozenset(name for name, _ in row["timbre"])
            if len(row["symbols"]) != len(row["times"]):
                raise ValueError(f"{len(row['symbols'])} symbols and {len(row['times'])} times")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}:{number} is no utterance of a ready corpus ({error!r}); take it out") from None
        rows.append(row)
    return rows


def usable(row: dict, held_out: set[str]) -> bool:
    """Whether an utterance may be trained on: no test voice takes part in it, and its sentence is in no test."""
    test = set(teacher_voices.TEST)
    return test.isdisjoint({*row["pair"], row["prosody"], row["voice"]}) and sentences.key(row["text"]) not in held_out


def take_over(folder: Path, rows: list[dict], out: Path) -> Iterator[dict]:
    """Each clip of `rows`, decoded and cut, as a WAV file of ours; yields the record of each; one that is damaged is
    `failed`. FileNotFoundError if a clip is missing."""
    for index, row in enumerate(rows):
        stem = folder / "audio" / row["voice"] / row["utt"]
        source = next((p for end in AUDIO_ENDINGS if (p := Path(f"{stem}{end}")).is_file()), None)
        if source is None:
            raise FileNotFoundError(
                f"{stem} has none of the endings {' '.join(AUDIO_ENDINGS)}; fetch it, or take its line out"
            )
        record = {"utt": row["utt"], "part": "ready", "index": index, "text": row["text"]}
        try:
            waveform = read_audio(source, RATE_HZ)
        except AudioError as error:
            yield record | {"failed": str(error)}
            continue
        waveform, times = trim(waveform, RATE_HZ, on_time(row["times"]))
        write_clip(out / "wav" / row["voice"] / f"{row['utt']}.wav", waveform, RATE_HZ)
        yield record | {
            "speaker": row["voice"], "duration_s": round(len(waveform) / RATE_HZ, 4), "symbols": row["symbols"],
            "times": times, "speed": row["speed"], "timbre": row["timbre"], "prosody": row["prosody"],
        }  # fmt: skip


def check_readable(folder: Path, records: list[dict]) -> None:
    """Print which clips could not be read. ValueError if they are over a tenth: then it is not the clips."""
    bad = [record for record in records if "failed" in record]
    if not bad:
        return
    shown = "\n  ".join(f"{record['utt']}: {record['failed']}" for record in bad[:5])
    if len(bad) > len(records) / 10:
        raise ValueError(
            f"{len(bad)} of {len(records)} clips of {folder} cannot be read; see whether the folder is whole and whether "
            f"libsndfile knows their format, then run the same command again:\n  {shown}"
        )
    print(f"{folder}: {len(bad)} clips cannot be read and are left out, until a further run can read them:\n  {shown}")
