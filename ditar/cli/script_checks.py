"""Quick checks of `ditar synthesize --script`, without torch."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ditar.cli.checks import input_files, lexicon_of, read_text

if TYPE_CHECKING:
    from ditar.synthesis.voice_names import VoiceSource
    from ditar.text.script import Turn


@dataclass(frozen=True)
class Script:
    """A script `name`: its turns, with pronunciations, and the source of each speaker's voice
    (`voice_names.read_voice`)."""

    name: str
    turns: "Sequence[Turn]"
    sources: "dict[str, VoiceSource]"


def check_script(options: argparse.Namespace) -> Script | None:
    """What --script says, or None without it. ValueError: of a line, by number, or of a speaker's voice."""
    from ditar.storage.atomic_write import check_not_input
    from ditar.synthesis.finished import partial_files
    from ditar.synthesis.reference import HEARD
    from ditar.text.errors import TextError
    from ditar.text.frontend import check_text
    from ditar.text.script import read_script, speakers

    given = _script_voices(options.script_voice or ())
    if options.script is None:
        if given:
            raise ValueError("--script-voice is for the speakers of --script; give --voice for one text")
        return None
    if options.voice is not None or options.prompt_audio is not None or options.prompt_text not in (None, HEARD):
        raise ValueError(
            "a script's speakers have voices of their own; give --script-voice NAME=VOICE instead of --voice, "
            "--prompt-audio and --prompt-text"
        )
    name = "standard input" if options.script == "-" else options.script
    turns = read_script(read_text(options.script, "--script"), name)
    names = speakers(turns)
    if unknown := [speaker for speaker in given if speaker not in names]:
        raise ValueError(f"--script-voice {unknown[0]}=...: {name} has no such speaker; it has {', '.join(names)}")
    lexicon = lexicon_of(options)
    voices = {speaker: given.get(speaker, speaker) for speaker in names}
    sources = {speaker: _source(speaker, voice, options) for speaker, voice in voices.items()}
    turns = [turn.pronounced(lexicon, language=options.language) for turn in turns]
    for turn in turns:
        try:
            check_text(turn.text, options.language)
        except TextError as error:
            raise TextError(f"{name}:{turn.number}: {error}") from None
    if options.output != "-":
        files = [input_files(voice, None, None, options.lexicon, options.script) for voice in voices.values()]
        for path in (options.output, *partial_files(options.output)):
            for inputs in files:
                check_not_input(path, "--output", inputs)
    return Script(name, turns, sources)


def _script_voices(given: Sequence[str]) -> dict[str, str]:
    voices: dict[str, str] = {}
    for one in given:
        speaker, equals, voice = one.partition("=")
        speaker = " ".join(speaker.split())
        if not equals or not speaker or not voice:
            raise ValueError(f"--script-voice {one!r} must be NAME=VOICE, such as anna=heart or anna=anna.wav")
        if speaker in voices:
            raise ValueError(f"--script-voice gives {speaker!r} two voices, {voices[speaker]!r}, {voice!r}; keep one")
        voices[speaker] = voice
    return voices


def _source(speaker: str, voice: str, options: argparse.Namespace) -> "VoiceSource":
    from ditar.synthesis.model_folder import voices_of
    from ditar.synthesis.voice_file import VoiceFileError
    from ditar.synthesis.voice_names import read_voice

    try:
        own = voices_of(options.model, options.adapter)
        return read_voice(voice, None, options.prompt_text, options.language, own, denoise=options.denoise)
    except VoiceFileError as error:
        how = f"; or give --script-voice {speaker}=VOICE" if voice == speaker else ""
        raise VoiceFileError(f"the speaker {speaker!r}: {error}{how}") from None
