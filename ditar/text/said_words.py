"""Which symbols of a text that was read say which of its words.

espeak reads stretches of words at once: it joins some ("of the" is one), parts others, and says some otherwise than
alone. So the sounds of the text are aligned to those of its words, each read alone: the cheapest way to make one of the
other, where the ends of words and of espeak's groups are symbols, too. Then the words that were said ("five dollars")
are aligned to those that were written ("$5"), by how each of these is said alone. Every sound belongs to one word, in
order; a word that is not said, and is none of a text, is never there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ditar.text.english_numbers import letters_as_written
from ditar.text.errors import TextError
from ditar.text.markup import without_markup
from ditar.text.normalise import PUNCTUATION, normalise
from ditar.text.phonemise import Phonemiser, words_of
from ditar.text.pronunciation import RUN, VOWELS, read_run
from ditar.text.vocabulary import is_letter, is_pause

_END = ""  # of a word, among its sounds
_ONE_MORE, _END_MORE = 2, 1  # the cost of a sound, and of an end, without a counterpart
_OTHER, _OTHER_KIND = 2, 3  # of another sound; of a vowel for a consonant


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word as it is written, with its marks, and its symbols, from the number `first` to before `end`. What stands
    without spaces between is one word, and so are those of which nobody can tell which is which ("$5 million")."""

    text: str
    first: int
    end: int


def said_words(text: str, symbols: Sequence[str], phonemise: Phonemiser) -> list[SaidWord]:
    """The words of a text without pauses, in order, given what it was read as (`ReadText.symbols`). text: with
    pronunciations as private characters."""
    normal = words_of(normalise(text, phonemise.language, []))
    alone = [[s for s in phonemise.alone(word) if is_letter(s)] for word in normal]
    found, places = _with_ends(symbols)
    said: dict[int, list[int]] = {}  # the places of each word's sounds
    for place, word in zip(places, assign(alone, found)):
        if word is not None:
            said.setdefault(word, []).append(place)
    words: list[SaidWord] = []
    lost = ""  # written words whose sounds nobody can tell from those of the next
    for label, of_label in _labels(text, normal, phonemise.language):
        inside = [place for word in of_label for place in said.get(word, ())]
        if inside:
            words.append(SaidWord(f"{lost} {label}".strip(), min(inside), max(inside) + 1))
            lost = ""
        elif words and not lost:
            before = words.pop()
            words.append(SaidWord(f"{before.text} {label}", before.first, before.end))
        else:
            lost = f"{lost} {label}".strip()
    return words


def assign(expected: Sequence[Sequence[str]], found: Sequence[str]) -> list[int | None]:
    """For each of the `found` sounds, with `_END` between groups, the number of the word whose `expected` sounds they
    are most likely, None for an end: by the least edit distance (Levenshtein), ends being sounds of their own kind."""
    wanted = [sound for word in expected for sound in (*word, _END)][:-1]
    costs = [[0]]
    for sound in found:
        costs[0].append(costs[0][-1] + _cost(sound))
    for sound in wanted:
        above, row = costs[-1], [costs[-1][0] + _cost(sound)]
        for column, other in enumerate(found):
            row.append(
                min(above[column] + _change(sound, other), above[column + 1] + _cost(sound), row[-1] + _cost(other))
            )
        costs.append(row)
    number, column, word = len(wanted), len(found), len(expected) - 1
    words: list[int | None] = []
    while column:
        sound, other, here = wanted[number - 1] if number else None, found[column - 1], costs[number][column]
        without = number > 0 and here == costs[number - 1][column] + _cost(sound)
        both = number > 0 and here == costs[number - 1][column - 1] + _change(sound, other)
        if not both and without and sound == _END:  # before sounds too many: they are the earlier word's
            pass
        elif both or number == 0 or here == costs[number][column - 1] + _cost(other):
            words.append(word if other else None)
            column -= 1
            if not both:
                continue
        number, word = number - 1, word - (sound == _END)
    return words[::-1]


def _cost(sound: str) -> int:
    return _ONE_MORE if sound else _END_MORE


def _change(sound: str, other: str) -> int:
    if sound == other:
        return 0
    if not sound or not other:
        return 99 * _OTHER  # a sound is no end
    return _OTHER if (sound in VOWELS) == (other in VOWELS) else _OTHER_KIND


def _with_ends(symbols: Sequence[str]) -> tuple[list[str], list[int]]:
    """The sounds among the symbols, with an end between groups, and the place of each."""
    found, places = [], []
    for place, symbol in enumerate(symbols):
        if is_letter(symbol):
            found.append(symbol)
            places.append(place)
        elif is_pause(symbol) and found and found[-1]:
            found.append(_END)
            places.append(place)
    return found, places


def _labels(text: str, normal: Sequence[str], language: str) -> list[tuple[str, list[int]]]:
    """The written words that say something, each with the numbers of the words that it is said as."""
    tokens = without_markup(text)[0].split()
    shown = [letters_as_written(RUN.sub(lambda match: read_run(match[0])[0], token)) for token in tokens]
    said = [word.casefold() for word in normal]
    if [token.strip(PUNCTUATION).casefold() for token in tokens] == said:  # as nearly always
        return [(label, [number]) for number, label in enumerate(shown)]
    expected = [[word.casefold() for word in _alone(token, language)] for token in tokens]
    kept = [number for number, words in enumerate(expected) if words]
    of_token: dict[int, list[int]] = {number: [] for number in kept}
    for number, token in enumerate(assign([expected[number] for number in kept], said) if kept else ()):
        of_token[kept[token]].append(number)
    labels: list[tuple[str, list[int]]] = []
    of_last: set[str] = set()  # what the last label is said as, alone
    for number, words in of_token.items():
        before, here = ({said[n] for n in some} for some in (labels[-1][1] if labels else (), words))
        own = set(expected[number])
        if (before & own) - of_last - here or (here & of_last) - own - before:  # the order of words has changed
            labels[-1] = (f"{labels[-1][0]} {shown[number]}", [*labels[-1][1], *words])
            of_last |= own
        else:
            labels.append((shown[number], words))
            of_last = own
    return labels


def _alone(token: str, language: str) -> list[str]:
    try:
        return words_of(normalise(token, language, []))
    except TextError:  # nothing of it is said
        return []
