"""The voices that a user keeps by name: where a new one goes, and how one is deleted."""

import os
from contextlib import suppress
from pathlib import Path

from ditar.config.ranges import did_you_mean
from ditar.storage.atomic_write import WriteError, check_folder
from ditar.synthesis.voice_file import VoiceFileError
from ditar.synthesis.voice_names import NAME, SHIPPED, VOICE_FILE, NamedVoice, folder_fault, user_folder, voices_in


def path_of_new(name: str) -> Path:
    """Where `ditar voice create` keeps a voice: a file, or of a name one in the user's folder, which need not exist.
    VoiceFileError: nothing can be written there, to be said before seconds of work."""
    if not NAME.fullmatch(name):
        return Path(name)
    folder = user_folder()
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if there.exists() and not there.is_dir():
        raise VoiceFileError(
            f"{there} is not a folder, so that the voice {name!r} cannot be kept in {folder}; move it away, or choose "
            "another place for voices (XDG_DATA_HOME)"
        )
    try:
        check_folder(there)
    except WriteError as error:
        raise VoiceFileError(f"the voice {name!r} cannot be kept: {error} (XDG_DATA_HOME)") from None
    return folder / f"{name}{VOICE_FILE}"


def delete_voice(name: str) -> list[Path]:
    """Delete the voice of the user's folder that a name means; returns the files that are gone. VoiceFileError: there
    is none of this name, it ships, or it cannot be deleted."""
    folder = user_folder()
    known = {}
    for voice in voices_in(folder):
        known.setdefault(voice.name, voice)
    if name in known:
        return remove_voice(known[name])
    if Path(name).name != name or os.path.isfile(name):
        raise VoiceFileError(
            f"{name!r} is no name of a voice in {folder}, and no other files are deleted; give a name, or delete the "
            "file itself with: rm"
        )
    if name in {voice.name for voice in voices_in(SHIPPED)}:
        raise VoiceFileError(f"voice {name!r} ships with the package and cannot be deleted; {_those(name, known)}")
    raise VoiceFileError(f"there is no voice {name!r} to delete; {folder_fault(folder) or _those(name, known)}")


def remove_voice(named: NamedVoice) -> list[Path]:
    """Delete the file of a voice and, of a clip, its transcript, unless another clip has the same; returns the files
    that are gone. VoiceFileError: it cannot be deleted, and is all there."""
    gone = [named.path]
    try:
        named.path.unlink(missing_ok=True)
    except OSError as error:
        raise VoiceFileError(
            f"{named.path} cannot be deleted: {error.strerror}; allow it with: chmod u+wx {named.path.parent}"
        ) from None
    others = [voice for voice in voices_in(named.path.parent) if voice.name == named.name and voice.is_clip]
    if named.is_clip and not others:
        with suppress(OSError):  # most often: it has none
            (transcript := named.path.with_suffix(".txt")).unlink()
            gone.append(transcript)
    return gone


def _those(name: str, known: dict[str, NamedVoice]) -> str:
    hint = did_you_mean(name, known)
    return " ".join(filter(None, (hint, f"those that can be are {', '.join(sorted(known)) or 'none'}")))
