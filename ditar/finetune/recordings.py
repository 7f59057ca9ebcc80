"""A folder of recordings, with or without texts, in one of four layouts -> utterances.

    wav.scp ...           a Kaldi data directory; without `text`, what is said is unknown
    utterances.tsv        a table with a folder of audio, see `ditar.data.corpora`
    metadata.csv, wavs/   LJ Speech's: lines `name|text` or `name|text|text as it is read`
    NAME.wav, NAME.txt    audio files, each with its text beside it or, if nobody knows what is said, without

The last two hold one voice.
"""

from collections import Counter
from pathlib import Path

from ditar.audio import containers
from ditar.data.corpora import ENDINGS as OF_CORPORA
from ditar.data.corpora import read_corpora
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, read_audio_dir, read_data_dir
from ditar.data.tables import read_languages
from ditar.storage.inputs import decode_text, read_input
from ditar.text.phonemise import espeak_language

ENDINGS = (*OF_CORPORA, *(containers.ENDINGS if containers.is_installed() else ()))
OTHER_AUDIO = tuple(  # not read, though recordings
    ending for ending in (*containers.ENDINGS, ".aac", ".wma", ".amr", ".aiff", ".aif") if ending not in ENDINGS
)
VOICE = "voice"  # the speaker of a folder that names none


def read_recordings(folder: Path, language: str, left_out: list[str] | None = None) -> list[Utterance]:
    """The recordings of a folder in a fixed order; `text` is empty where nobody knows what is said. left_out: gets why
    some cannot be read. DataError: no such folder, no recordings, texts of another language than `language` by what the
    folder notes or, where `left_out` is None, some that cannot be read."""
    if not folder.is_dir():
        raise DataError(f"{str(folder)!r} is not a folder; give one with recordings of the voice, and their texts")
    bad: list[str] = []
    _check_languages(folder, espeak_language(language))
    if (folder / "utterances.tsv").is_file():
        found = [Utterance(clip.utt, clip.speaker or VOICE, clip.path, clip.text) for clip in read_corpora([folder])]
    elif (folder / "wav.scp").is_file():
        found = read_data_dir(folder) if (folder / "text").is_file() else read_audio_dir(folder)
    elif (folder / "metadata.csv").is_file():
        found, bad = _read_metadata(folder)
    else:
        found, bad = _read_files(folder)
    if bad and (left_out is None or not found):
        raise DataError(f"{len(bad)} of {len(bad) + len(found)} recordings cannot be read:" + "".join(_listed(bad)))
    if left_out is not None:
        left_out += bad
    twice = [name for name, count in Counter(row.utt for row in found).items() if count > 1]
    if twice:
        raise DataError(f"{folder} has {twice[0]!r} more than once; give every recording a name of its own")
    return sorted(found, key=lambda row: row.utt)


def unread(folder: Path) -> list[str]:
    """What a folder of audio files holds that `read_recordings` takes no notice of, in words."""
    if any((folder / name).is_file() for name in ("utterances.tsv", "wav.scp", "metadata.csv")):
        return []
    inside = sorted(folder.iterdir())
    known = {path.stem for path in inside if path.suffix.lower() in ENDINGS}
    deeper = [path.name for path in inside if path.is_dir() and any(_is_audio(one) for one in path.rglob("*"))]
    other = [path.name for path in inside if path.suffix.lower() in OTHER_AUDIO]
    alone = [path.name for path in inside if path.suffix.lower() == ".txt" and path.stem not in known]
    what = {
        "folders with recordings, which are not looked into; put all recordings into one folder": deeper,
        "recordings in a format that is not read; convert them, for example with ffmpeg -i NAME.m4a NAME.wav": other,
        "texts without a recording of the same name": alone,
    }
    return [f"{folder} holds {len(names)} {why}: {', '.join(names[:3])}" for why, names in what.items() if names]


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in (*ENDINGS, *OTHER_AUDIO)


def _listed(lines: list[str], most: int = 10) -> list[str]:
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return [f"\n  {line}" for line in (*lines[:most], *more)]


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


def _read_metadata(folder: Path) -> tuple[list[Utterance], list[str]]:
    """The recordings, and what is wrong with other lines."""
    rows, bad = [], []
    for number, line in enumerate(decode_text(read_input(folder / "metadata.csv")).splitlines(), 1):
        if not line.strip():
            continue
        name, *texts = [cell.strip() for cell in line.split("|")]
        if not texts:
            bad.append(f"{folder / 'metadata.csv'}:{number}: expected 'name|text', got {line[:60]!r}")
            continue
        places = [place / f"{Path(name).stem}{end}" for place in (folder / "wavs", folder) for end in ENDINGS]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            bad.append(
                f"{folder / 'metadata.csv'}:{number}: neither {folder / 'wavs'} nor {folder} has audio of {name!r} "
                f"({' '.join(ENDINGS)}); remove the line"
            )
            continue
        rows.append(Utterance(_plain(path.stem), VOICE, path, texts[-1] or texts[0]))
    if not rows and not bad:
        raise DataError(f"{folder / 'metadata.csv'} is empty; write a line 'name|text' for each recording")
    return rows, bad


def _read_files(folder: Path) -> tuple[list[Utterance], list[str]]:
    """The recordings, and what is wrong with the texts of others."""
    rows, bad = [], []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in ENDINGS:
            beside = path.with_suffix(".txt")
            try:
                text = " ".join(decode_text(read_input(beside)).split()) if beside.is_file() else ""
            except ValueError as error:
                bad.append(f"{beside} {error}")
                continue
            rows.append(Utterance(_plain(path.stem), VOICE, path, text))
    if not rows and not bad:
        inside = [one.name for one in folder.iterdir() if one.is_dir()]
        hint = f"; it holds the folders {', '.join(sorted(inside)[:3])}: give one of them" if inside else ""
        raise DataError(f"{folder} holds no recordings ({' '.join(ENDINGS)}) and no wav.scp, utterances.tsv or "
                        f"metadata.csv{hint}")  # fmt: skip
    return rows, bad


def _plain(name: str) -> str:
    """A name without white space, as names of utterances are."""
    return "_".join(name.split())
