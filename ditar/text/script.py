"""A script of several speakers: `[anna] Good morning.`, one line or more for each turn."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ditar.text.controls import PAUSE
from ditar.text.errors import TextError
from ditar.text.lexicon import Lexicon

# Not the pronunciation of a word at the start of a line, nor a pause.
_SPEAKER = re.compile(r"\s*\[(?P<name>[^\[\]\n:<>]{1,64})\](?!\()(?P<text>.*)")

_NAMED = re.compile(r"\s*([^\W\d][\w .'-]{0,30}):\s")  # `Anna: Hello.`, a speaker in another form


@dataclass(frozen=True)
class Turn:
    """What a speaker says until the next one does; number: of its first line."""

    speaker: str
    text: str
    number: int

    def pronounced(self, *lexicons: Lexicon, language: str) -> "Turn":
        """With pronunciations in its text."""
        text = self.text
        for lexicon in lexicons:
            text = lexicon.apply(text, language)
        return replace(self, text=text)


def read_script(text: str, name: str = "the script") -> list[Turn]:
    """The turns of a script `name`. A line without a speaker goes on with the previous line's. TextError names a line
    before the first speaker, a turn without words, and a script without any turn."""
    turns: list[Turn] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):  # a byte order mark
        line = line.rstrip("\r")
        found = _SPEAKER.fullmatch(line)
        if found and not PAUSE.match(line.lstrip()):
            if not found["name"].strip():
                raise TextError(f"{name}:{number}: the speaker has no name; write [name] text")
            turns.append(Turn(" ".join(found["name"].split()), found["text"].strip(), number))
        elif turns:
            before = turns[-1]
            turns[-1] = replace(before, text=f"{before.text}\n{line}")
        elif line.strip():
            named = _NAMED.match(line)
            how = f"write [{named[1]}] and what is said" if named else "begin it with [name]"
            raise TextError(f"{name}:{number}: {line.strip()[:40]!r} has no speaker; {how}")
    if not turns:
        raise TextError(f"{name} holds no turn; write lines such as: [anna] Good morning.")
    turns = [replace(turn, text=turn.text.strip()) for turn in turns]
    for turn in turns:
        if not turn.text:
            raise TextError(f"{name}:{turn.number}: [{turn.speaker}] says nothing; write words after it, or remove it")
    return turns


def script_warning(text: str) -> str | None:
    """What a user should know who has a script read as a text: that the names are spoken. None: it is no script, for a
    line of it has no name, or there is only one."""
    lines = [line for line in text.split("\n") if line.strip()]
    found = [_SPEAKER.fullmatch(line) for line in lines]
    if len(lines) < 2 or not all(found) or any(PAUSE.match(line.lstrip()) for line in lines):
        return None
    return (
        f"the text looks like a script of several speakers, but is read as one text, with their names, {lines[0][:40]!r} "
        "first; to have it read as a script, give it as --script or with voices="
    )


def speakers(turns: Sequence[Turn]) -> list[str]:
    """The names in a script, in the order in which they speak first."""
    return list(dict.fromkeys(turn.speaker for turn in turns))
