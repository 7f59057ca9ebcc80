"""Kaldi data directories as lhotse manifests, for lhotse's bucketing, sharding and its other corpora."""

from pathlib import Path
from typing import TYPE_CHECKING

import soundfile

from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_data_dir
from ditar.data.optional import need_lhotse
from ditar.storage.atomic_write import atomic_write

if TYPE_CHECKING:
    from lhotse import CutSet


def cut_set(folder: str | Path, language: str = "en-us") -> "CutSet":
    """One lhotse cut per utterance of a data directory, with speaker, text and, if known, phones as an alignment.

    Opens the header of every audio file. Raises DataError if the directory is invalid, or if a file cannot be opened or
    does not have the length in utt2dur.
    """
    need_lhotse()
    from lhotse import CutSet

    cuts = CutSet.from_cuts(_cut(utterance, language) for utterance in read_data_dir(folder))
    return cuts.to_eager()


def write_manifest(folder: str | Path, path: str | Path, language: str = "en-us") -> int:
    """Write the cuts of a data directory to `path` (`.jsonl` or `.jsonl.gz`); returns their number."""
    cuts = cut_set(folder, language)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, "".join(path.suffixes[-2:])) as partial:  # lhotse infers the format from the name's end
        cuts.to_file(partial)
    return len(cuts)


def _cut(utterance: Utterance, language: str):
    from lhotse import MonoCut, Recording, SupervisionSegment
    from lhotse.audio import AudioSource
    from lhotse.supervision import AlignmentItem

    try:
        info = soundfile.info(str(utterance.path))
    except (OSError, soundfile.LibsndfileError) as error:
        raise DataError(f"{utterance.utt}: {utterance.path} cannot be read ({error})") from None
    duration_s = info.frames / info.samplerate
    if utterance.duration_s is not None and abs(duration_s - utterance.duration_s) > 0.01:
        raise DataError(
            f"{utterance.utt}: {utterance.path} lasts {duration_s:.3f} s, but utt2dur says {utterance.duration_s:.3f} s"
            "; make the data directory again"
        )
    recording = Recording(
        id=utterance.utt,
        sources=[AudioSource("file", list(range(info.channels)), str(utterance.path))],
        sampling_rate=info.samplerate,
        num_samples=info.frames,
        duration=duration_s,
    )
    alignment = None
    if utterance.phones:
        items = [AlignmentItem(name, start, round(end - start, 6)) for name, start, end in utterance.phones]
        alignment = {"phone": items}
    supervision = SupervisionSegment(
        id=utterance.utt,
        recording_id=utterance.utt,
        start=0.0,
        duration=duration_s,
        text=utterance.text,
        language=language,
        speaker=utterance.speaker,
        alignment=alignment,
    )
    return MonoCut(
        id=utterance.utt, start=0.0, duration=duration_s, channel=0, recording=recording, supervisions=[supervision]
    )
