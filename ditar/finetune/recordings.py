"""A folder of recordings, with or without texts, in one of four layouts -> utterances.

    wav.scp ...           a Kaldi data directory; without `text`, what is said is unknown
    utterances.tsv        a table with a folder of audio, see `ditar.data.corpora`
    metadata.csv, wavs/   LJ Speech's: lines `name|text` or `name|text|text as it is read`
    NAME.wav, NAME.txt    audio files, each with its text beside it or, if nobody knows what is said, without

The last two hold one voice.
"""

from collections import Counter
from pathlib import Path

from ditar.data.corpora import ENDINGS, read_corpora
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_audio_dir, read_data_dir
from ditar.data.tables import read_languages
from ditar.storage.inputs import decode_text, read_input
from ditar.text.phonemise import espeak_language

VOICE = "voice"  # the speaker of a folder that names none


def read_recordings(folder: Path, language: str) -> list[Utterance]:
    """The recordings of a folder in a fixed order; `text` is empty where nobody knows what is said. DataError: no such
    folder, no recordings, or texts of another language than `language` by what the folder notes."""
    if not folder.is_dir():
        raise DataError(f"{str(folder)!r} is not a folder; give one with recordings of the voice, and their texts")
    _check_languages(folder, espeak_language(language))
    if (folder / "utterances.tsv").is_file():
        found = [Utterance(clip.utt, clip.speaker or VOICE, clip.path, clip.text) for clip in read_corpora([folder])]
    elif (folder / "wav.scp").is_file():
        found = read_data_dir(folder) if (folder / "text").is_file() else read_audio_dir(folder)
    elif (folder / "metadata.csv").is_file():
        found = _read_metadata(folder)
    else:
        found = _read_files(folder)
    twice = [name for name, count in Counter(row.utt for row in found).items() if count > 1]
    if twice:
        raise DataError(f"{folder} has {twice[0]!r} more than once; give every recording a name of its own")
    return sorted(found, key=lambda row: row.utt)


def _check_languages(folder: Path, language: str) -> None:
    noted = read_languages(folder)
    if len(noted) > 1:
        raise DataError(
            f"{folder / 'language'} names {len(noted)} languages, {', '.join(noted)}; fine-tune on one at a time: put "
            "the recordings of each into a folder of its own"
        )
    if noted and noted != (language,):
        raise DataError(
            f"{folder / 'language'} says {noted[0]!r} and --language {language!r}; give --language {noted[0]}"
        )


def _read_metadata(folder: Path) -> list[Utterance]:
    rows = []
    for number, line in enumerate(decode_text(read_input(folder / "metadata.csv")).splitlines(), 1):
        if not line.strip():
            continue
        name, *texts = [cell.strip() for cell in line.split("|")]
        if not texts:
            raise DataError(f"{folder / 'metadata.csv'}:{number}: expected 'name|text', got {line[:60]!r}")
        places = [place / f"{Path(name).stem}{end}" for place in (folder / "wavs", folder) for end in ENDINGS]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise DataError(
                f"{folder / 'metadata.csv'}:{number}: neither {folder / 'wavs'} nor {folder} has audio of {name!r} "
                f"({' '.join(ENDINGS)}); remove the line"
            )
        rows.append(Utterance(_plain(path.stem), VOICE, path, texts[-1] or texts[0]))
    if not rows:
        raise DataError(f"{folder / 'metadata.csv'} is empty; write a line 'name|text' for each recording")
    return rows


def _read_files(folder: Path) -> list[Utterance]:
    rows = []
    for path in folder.iterdir():
        if path.suffix.lower() in ENDINGS:
            beside = path.with_suffix(".txt")
            try:
                text = " ".join(decode_text(read_input(beside)).split()) if beside.is_file() else ""
            except ValueError as error:
                raise DataError(f"{beside} {error}") from None
            rows.append(Utterance(_plain(path.stem), VOICE, path, text))
    if not rows:
        inside = [one.name for one in folder.iterdir() if one.is_dir()]
        hint = f"; it holds the folders {', '.join(sorted(inside)[:3])}: give one of them" if inside else ""
        raise DataError(f"{folder} holds no recordings ({' '.join(ENDINGS)}) and no wav.scp, utterances.tsv or "
                        f"metadata.csv{hint}")  # fmt: skip
    return rows


def _plain(name: str) -> str:
    """A name without white space, as names of utterances are."""
    return "_".join(name.split())
