"""Times of IPA symbols from phone times, given by a synthesiser or a forced aligner.

flite and festival speak American English phones (CMU's ARPAbet in lower case); the text side is espeak's IPA. They
differ in places (reduced vowels, flaps, syllabic consonants), so dynamic programming over phonetic distance aligns
them.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache

from ditar.text.vocabulary import STRESS

Phone = tuple[str, float, float]  # name, start_s, end_s
Times = list[list[float] | None]

SILENCES = {"pau", "sil", "h#", "#", "brth", "ssil", "sp", ""}

# An ARPA phone as IPA letters, in the order of their sounds.
_ARPA = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "b": "b", "ch": "tʃ",
    "d": "d",
    "dh": "ð", "dx": "ɾ", "eh": "ɛ", "el": "əl", "em": "əm", "en": "ən", "er": "ɚ", "ey": "eɪ", "f": "f", "g": "ɡ",
    "hh": "h",
    "hv": "h", "ih": "ɪ", "ix": "ɪ", "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ",
    "nx": "n",
    "ow": "oʊ", "oy": "ɔɪ", "p": "p", "q": "ʔ", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ",
    "uw": "u",
    "ux": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip

# Vowels: height (0 close .. 6 open), backness (0 front .. 2 back), rounding.
_VOWELS = {
    "i": (0, 0, 0), "y": (0, 0, 1), "ɨ": (0, 1, 0), "ᵻ": (1, 1, 0), "ʉ": (0, 1, 1), "ɯ": (0, 2, 0), "u": (0, 2, 1),
    "ɪ": (1, 0.4, 0), "ʏ": (1, 0.4, 1), "ʊ": (1, 1.7, 1), "e": (2, 0, 0), "ø": (2, 0, 1), "ɘ": (2, 1, 0),
    "o": (2, 2, 1),
    "ə": (3, 1, 0), "ɚ": (3.5, 1, 0), "ɝ": (3.5, 1, 0), "ɜ": (3.5, 1, 0), "ɛ": (4, 0, 0), "œ": (4, 0, 1),
    "ʌ": (4, 1.6, 0),
    "ɔ": (4, 2, 1), "æ": (5, 0, 0), "ɐ": (4.2, 1, 0), "a": (6, 0.5, 0), "ɑ": (6, 1.7, 0), "ɒ": (6, 2, 1),
}  # fmt: skip
# Consonants: place (0 lips .. 8 glottis), manner, voicing.
_CONSONANTS = {
    "p": (0, "stop", 0), "b": (0, "stop", 1), "t": (3, "stop", 0), "d": (3, "stop", 1), "ʈ": (4, "stop", 0),
    "ɖ": (4, "stop", 1),
    "k": (6, "stop", 0), "ɡ": (6, "stop", 1), "g": (6, "stop", 1), "q": (7, "stop", 0), "ʔ": (8, "stop", 0),
    "ɾ": (3, "stop", 1),
    "m": (0, "nasal", 1), "n": (3, "nasal", 1), "ɲ": (5, "nasal", 1), "ŋ": (6, "nasal", 1),
    "f": (1, "fricative", 0), "v": (1, "fricative", 1), "θ": (2, "fricative", 0), "ð": (2, "fricative", 1),
    "s": (3, "fricative", 0), "z": (3, "fricative", 1), "ʃ": (4, "fricative", 0), "ʒ": (4, "fricative", 1),
    "ç": (5, "fricative", 0), "x": (6, "fricative", 0), "ɣ": (6, "fricative", 1), "h": (8, "fricative", 0),
    "ɦ": (8, "fricative", 1),
    "w": (6, "glide", 1), "ʍ": (6, "glide", 0), "j": (5, "glide", 1), "ɹ": (4, "liquid", 1), "r": (4, "liquid", 1),
    "l": (3, "liquid", 1), "ɫ": (3, "liquid", 1), "ʎ": (5, "liquid", 1),
    "ʁ": (7, "liquid", 1), "ʀ": (7, "liquid", 1), "ɥ": (5, "glide", 1),
}  # fmt: skip
# Sounds of different classes that may replace each other.
_NEAR = {
    ("ð", "d"): 0.4, ("θ", "t"): 0.4, ("j", "i"): 0.3, ("j", "ɪ"): 0.4, ("w", "u"): 0.3, ("w", "ʊ"): 0.4,
    ("ɹ", "ɚ"): 0.3, ("ɹ", "ɝ"): 0.3, ("ɹ", "ɜ"): 0.5, ("l", "ə"): 0.8, ("t", "ʔ"): 0.2, ("ɾ", "t"): 0.1,
    ("ɾ", "d"): 0.1, ("s", "z"): 0.3, ("ɚ", "ɜ"): 0.1, ("ɚ", "ə"): 0.2, ("ʌ", "ə"): 0.1, ("ʌ", "ɐ"): 0.1,
    ("ə", "ɐ"): 0.1, ("ə", "ᵻ"): 0.1, ("ɪ", "ᵻ"): 0.1, ("ɪ", "ə"): 0.2, ("ɑ", "ɔ"): 0.1, ("ɔ", "o"): 0.2,
    ("ɛ", "ə"): 0.4, ("ɑ", "a"): 0.2, ("ɹ", "ʁ"): 0.1, ("ɹ", "ʀ"): 0.1, ("j", "ɥ"): 0.1, ("y", "u"): 0.2,
    ("ø", "ɜ"): 0.1, ("œ", "ɜ"): 0.1, ("ø", "ɚ"): 0.1, ("œ", "ɚ"): 0.1,
}  # fmt: skip
_SKIP_LETTER = 0.9
_SKIP_PHONE = 0.9
_SKIP_WEAK = 0.5  # a schwa or an r on one side only
_WEAK = set("əɹɚɐᵻ")
_BAND = 16  # letters


def align_symbols(symbols: Sequence[str], phones: Sequence[Phone], duration_s: float | None = None) -> Times:
    """[start_s, end_s] for every symbol of an utterance, or None for a symbol without a time of its own.

    `symbols` are a phonemiser's flat symbols: letters, marks, spaces, punctuation; `phones` are (ARPA name, start_s,
    end_s), silences included. Every letter gets a time: its phone's, or a share of its neighbour's if no phone matches
    it. Stress marks take the time of the next letter, length marks and diacritics that of the previous one; punctuation
    takes the pause at its place (at the end: until `duration_s`), and None without one; spaces are None. Times never
    run backwards. Raises ValueError if an ARPA phone is not known.
    """
    letters = [i for i, symbol in enumerate(symbols) if _is_letter(symbol)]
    stops = _punctuation_before(symbols, letters)
    spoken = _join([symbols[i] for i in letters], stops, phones)
    times: Times = [None] * len(symbols)
    for i, span in zip(letters, spoken, strict=True):
        times[i] = span
    _fill_marks(symbols, times)
    _fill_pauses(symbols, times, duration_s)
    return times


def _is_letter(symbol: str) -> bool:
    return symbol in _VOWELS or symbol in _CONSONANTS or unicodedata.category(symbol[0]) in ("Ll", "Lo", "Lu")


def _punctuation_before(symbols: Sequence[str], letters: list[int]) -> list[bool]:
    """For each letter and for the end: is there punctuation between it and the previous letter?"""
    edges = [-1, *letters, len(symbols)]
    return [
        any(unicodedata.category(s[0])[0] == "P" for s in symbols[low + 1 : high])
        for low, high in zip(edges, edges[1:], strict=False)
    ]


@cache
def _distance(a: str, b: str) -> float:
    if a == b:
        return 0.0
    near = _NEAR.get((a, b), _NEAR.get((b, a)))
    if near is not None:
        return near
    if a in _VOWELS and b in _VOWELS:
        (h1, b1, r1), (h2, b2, r2) = _VOWELS[a], _VOWELS[b]
        return 0.15 + 0.09 * abs(h1 - h2) + 0.15 * abs(b1 - b2) + 0.1 * abs(r1 - r2)
    if a in _CONSONANTS and b in _CONSONANTS:
        (p1, m1, v1), (p2, m2, v2) = _CONSONANTS[a], _CONSONANTS[b]
        return 0.2 + 0.12 * abs(p1 - p2) + 0.5 * (m1 != m2) + 0.15 * (v1 != v2)
    return 2.0 if (a in _VOWELS) != (b in _VOWELS) else 1.0


def _skip(letter: str) -> float:
    return _SKIP_WEAK if letter in _WEAK else _SKIP_LETTER


def _pairs(
    letters: Sequence[str], stops: Sequence[bool], phones: Sequence[Phone]
) -> list[tuple[int | None, list[int]]]:
    """The cheapest path: (phone or None, letters it speaks) from left to right; letters without a phone have None."""
    rows, columns = len(phones), len(letters)
    sounds = [_sounds(name) for name, _, _ in phones]
    infinity = float("inf")
    cost = [[infinity] * (columns + 1) for _ in range(rows + 1)]
    step: list[list[tuple[int, int]]] = [[(0, 0)] * (columns + 1) for _ in range(rows + 1)]
    cost[0][0] = 0.0
    slope = columns / max(1, rows)
    for i in range(rows + 1):
        # Text and audio progress at about the same rate: a band around the diagonal is enough, and four times cheaper.
        for j in range(max(0, int(i * slope) - _BAND), min(columns, int(i * slope) + _BAND) + 1):
            here = cost[i][j]
            if here == infinity:
                continue
            moves = []
            if j < columns:
                moves.append((0, 1, _skip(letters[j])))
            if i < rows:
                moves += _phone_moves(sounds[i], letters, j, stops[j])
            for di, dj, price in moves:
                if here + price < cost[i + di][j + dj]:
                    cost[i + di][j + dj] = here + price
                    step[i + di][j + dj] = (di, dj)
    path: list[tuple[int | None, list[int]]] = []
    i, j = rows, columns
    while i or j:
        di, dj = step[i][j]
        i, j = i - di, j - dj
        path.append((i if di else None, list(range(j, j + dj))))
    return path[::-1]


def _phone_moves(sounds: str, letters: Sequence[str], j: int, stop: bool) -> list[tuple[int, int, float]]:
    """What one phone may do at letter j: be skipped, or speak one, two or three letters."""
    if not sounds:  # a silence; it belongs to punctuation
        return [(1, 0, 0.0 if stop else 0.3)]
    moves = [(1, 0, _SKIP_WEAK if sounds in _WEAK else _SKIP_PHONE)]
    for count in (1, 2, 3):
        spoken = letters[j : j + count]
        if len(spoken) < count:
            break
        if len(sounds) == count:
            price = sum(map(_distance, sounds, spoken))
        elif len(sounds) == 1:  # one phone, two letters: both must be near it
            price = sum(_distance(sounds, letter) for letter in spoken) / count + 0.25 * (count - 1)
        elif count == 1:  # a diphthong or affricate spelt with one letter
            price = min(_distance(sound, spoken[0]) for sound in sounds) + 0.25
        else:  # one letter more than the phone has sounds: aɪɚ, ɑːɹ
            price = sum(map(_distance, sounds, spoken)) + _skip(spoken[-1])
        moves.append((1, count, price))
    return moves


def _sounds(name: str) -> str:
    name = name.lower().rstrip("012")
    if name in SILENCES:
        return ""
    if name not in _ARPA:
        raise ValueError(f"phone {name!r} is not ARPAbet; known are {' '.join(sorted(_ARPA))}")
    return _ARPA[name]


def _join(letters: Sequence[str], stops: Sequence[bool], phones: Sequence[Phone]) -> Times:
    """A time for every letter. Letters of one phone share it evenly; letters without a phone share a neighbour's."""
    groups: list[tuple[list[float], list[int]]] = []
    orphans: list[int] = []
    for i, js in _pairs(letters, stops, phones):
        if i is None:
            orphans += js
        elif js:
            groups.append(([phones[i][1], phones[i][2]], js))
    times: Times = [None] * len(letters)
    if not groups:
        return times
    owner = {j: g for g, (_, js) in enumerate(groups) for j in js}
    for j in orphans:  # join the previous letter, or the first group at the start
        group = owner.get(j - 1, 0)
        owner[j] = group
        groups[group][1].append(j)
    for (start, end), js in groups:
        js.sort()
        width = (end - start) / len(js)
        for place, j in enumerate(js):
            times[j] = [round(start + place * width, 4), round(start + (place + 1) * width, 4)]
    return times


def _fill_marks(symbols: Sequence[str], times: Times) -> None:
    for i, symbol in enumerate(symbols):
        if times[i] is None and i and symbol not in STRESS and _is_mark(symbol):
            times[i] = times[i - 1]
    for i in range(len(symbols) - 2, -1, -1):
        if symbols[i] in STRESS:
            times[i] = times[i + 1]


def _is_mark(symbol: str) -> bool:
    return unicodedata.category(symbol[0]) in ("Mn", "Lm", "Sk", "Nd")


def _fill_pauses(symbols: Sequence[str], times: Times, duration_s: float | None) -> None:
    """Punctuation takes the gap between the letters around it, if there is one."""
    known = [i for i, span in enumerate(times) if span is not None]
    if not known:
        return
    for i, symbol in enumerate(symbols):
        if times[i] is not None or unicodedata.category(symbol[0])[0] != "P":
            continue
        before = [times[k][1] for k in known if k < i]
        after = [times[k][0] for k in known if k > i]
        start = before[-1] if before else 0.0
        end = after[0] if after else duration_s
        if end is not None and end - start > 0.02:
            times[i] = [round(start, 4), round(end, 4)]
