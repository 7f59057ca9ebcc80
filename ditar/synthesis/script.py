"""A script of several speakers as pieces, each with its voice: what speaks a long text speaks a script, too."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ditar.config.speech import TextConfig
from ditar.synthesis.pieces import ReadPiece, pieces_to_speak
from ditar.synthesis.voice import Voice, VoiceError
from ditar.text import TextError
from ditar.text.script import Turn, speakers

TURN_PAUSE_SECONDS = 0.5  # between two speakers, unless the script asks for another


def script_to_speak(
    turns: Sequence[Turn],
    voices: Mapping[str, Voice],
    config: TextConfig,
    language: str,
    name: str = "the script",
) -> tuple[list[ReadPiece], list[str]]:
    """The pieces of a script `name` and warnings, as `pieces_to_speak` has them of a text.

    voices: by speaker. TextError names the line of a turn that cannot be spoken; VoiceError: a speaker has no voice.
    """
    check_speakers(turns, voices)
    for speaker, voice in voices.items():
        if not isinstance(voice, Voice):
            raise VoiceError(
                f"the voice of {speaker!r} must be a Voice, which create_voice and load_voice make, got "
                f"{type(voice).__name__}"
            )
    pieces: list[ReadPiece] = []
    warnings: list[str] = []
    for turn in turns:
        try:
            said, told = pieces_to_speak(turn.text, voices[turn.speaker], config, language)
        except TextError as error:
            raise TextError(f"{name}:{turn.number}: {error}") from None
        if not said[-1].asked:
            said[-1] = replace(said[-1], pause_seconds=TURN_PAUSE_SECONDS)
        pieces += said
        warnings += [f"{name}:{turn.number}: {line}" for line in told]
    return pieces, warnings


def check_speakers(turns: Sequence[Turn], voices: Iterable[str]) -> None:
    """VoiceError names the speakers that have no voice."""
    if without := [speaker for speaker in speakers(turns) if speaker not in voices]:
        known = ", ".join(map(repr, voices)) or "nobody"
        raise VoiceError(f"no voice is given for {', '.join(map(repr, without))}; there are voices for {known}")
