"""The subset of SSML 1.1 (W3C, 2010) that a text may use, with or without `<speak>` around it, rewritten as inline
controls:

    <speak>                              nothing
    <p>, <s>                             a paragraph, a sentence
    <break time="500ms" | strength="...">  [pause:0.5]
    <phoneme alphabet="ipa" ph="...">    [word](/ipa/); alphabet="cmu-arpabet" is read, too
    <sub alias="...">                    the alias
    <say-as interpret-as="...">          characters, digits, telephone, cardinal, ordinal; dates by their format="dmy",
                                         "mdy" or "ymd"; times and amounts of money are read as they are written
    <prosody rate="80% | slow | 1.2">    a private character with the rate from there on; rates inside one another
                                         are multiplied

Every other tag is left to `text.markup`, which names it and does not speak it; so are other attributes of `<prosody>`.
"""

import html
import re
from collections.abc import Callable

from ditar.config.sampling import RANGES
from ditar.text import english_words
from ditar.text.arpabet import to_ipa
from ditar.text.english_letters import spell_letters
from ditar.text.english_numbers import cardinal, digits_one_by_one, ordinal
from ditar.text.errors import TextError
from ditar.text.pronunciation import is_english
from ditar.text.sentences import PARAGRAPH_PAUSE_SECONDS, PAUSE_SECONDS

_TAG = re.compile(
    r"<!--.{0,400}?-->"
    r"|<(?P<element>phoneme|sub|say-as)(?P<of>\s[^<>]{0,600}?)?(?:/>|>(?P<inner>[^<]{0,400})</(?P=element)\s{0,9}>)"
    r"|<(?P<tag>/?(?:speak|p|s|break))(?P<attributes>\s[^<>]{0,600}?)?\s{0,9}/?>"
    r"|<(?P<open>phoneme|say-as)(?:\s[^<>]{0,600})?>",
    re.I | re.S,
)
_ATTRIBUTE = re.compile(r"""([\w:.-]{1,40})\s{0,9}=\s{0,9}(?:"([^"<>]{0,400})"|'([^'<>]{0,400})')""")
_AT_PARAGRAPH = re.compile(r"(?:\s{0,99}\[pause\]){0,9}\s{0,99}\n\n\s{0,99}(?:\[pause\]\s{0,99}){0,9}")
_STRENGTHS = {
    "none": 0.0, "x-weak": PAUSE_SECONDS[","], "weak": PAUSE_SECONDS[";"], "medium": PAUSE_SECONDS["."],
    "strong": PARAGRAPH_PAUSE_SECONDS, "x-strong": 1.2,
}  # fmt: skip
_TIME = re.compile(r"\+?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})m?s", re.I)
LEAST_RATE, MOST_RATE = RANGES["speed"]
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.3, "x-fast": 1.7}
_RATE = re.compile(r"([+-]?)(\d{1,4}(?:\.\d{0,6})?|\.\d{1,6})\s?(%?)")
PROSODY = re.compile(r"<!--.{0,400}?-->|<(?P<end>/?)prosody(?P<of>\s[^<>]{0,600}?)?\s{0,9}(?P<empty>/?)>", re.I | re.S)
_RATE_MARK = "\U0010fffe"  # a user's text has none, see `text.pronunciation`
AT_RATE = re.compile(f"{_RATE_MARK}(?P<rate>[\\d.]+){_RATE_MARK}")
_DATE = re.compile(r"\s*(\d{1,4})([/.\s-])(\d{1,4})\2(\d{1,4})\s*")
_MARKS = {",": "comma", ";": "semicolon", "!": "exclamation mark", "(": "open parenthesis", ")": "close parenthesis",
          "'": "apostrophe", "’": "apostrophe", '"': "quotation mark", "—": "dash", "–": "dash"}  # fmt: skip
_AS_WRITTEN = {"date", "time", "currency", "unit", "fraction", "address", "name", "net"}


def as_inline(text: str, language: str) -> str:
    """`text` with the inline controls that the tags mean; rates: AT_RATE among them. TextError quotes a tag that lacks
    its end or an attribute, or whose value cannot be read."""
    if "<" not in text:
        return text
    text = _with_rates(text)
    inline = _TAG.sub(lambda match: _rewritten(match, language), text)
    return inline if inline == text else _AT_PARAGRAPH.sub("\n\n", inline)


def _rewritten(match: re.Match, language: str) -> str:
    if match["open"]:
        raise TextError(
            f"{match[0]} has no end; write one or more words, without other tags, and </{match['open']}> after it"
        )
    if match["element"]:
        given, inner = _attributes(match["of"]), match["inner"] or ""
        rewrite = {"phoneme": _phoneme, "sub": _sub, "say-as": _say_as}[match["element"].lower()]
        said = rewrite(match, given, inner, language)
        if said == match[0] or match["element"].lower() != "say-as":
            return said  # a pronunciation, or an alias, may be part of a word; numbers and letters are words
        before, after = match.string[: match.start()][-1:], match.string[match.end() :][:7].lower()
        apart = after[:1].isalnum() or (after[:1] == "<" and after != "<say-as")  # which sees to it itself
        return f"{' ' * (before.isalnum() or before == '>')}{said}{' ' * apart}"
    tag = (match["tag"] or "").lower()
    if tag == "break":
        return _break(match[0], _attributes(match["attributes"]))
    return {"p": "\n\n", "/p": "\n\n", "s": "[pause]", "/s": "[pause]", "speak": "", "/speak": ""}.get(tag, match[0])


def _with_rates(text: str) -> str:
    """With a mark wherever the rate changes, in place of `<prosody rate=>` and its end. One without an end is for all
    that follows."""
    open_tags: list[tuple[float, str, str]] = []  # the rate around each, and what becomes of its end: a mark, a tag
    rate = 1.0

    def rewritten(match: re.Match) -> str:
        nonlocal rate
        if match["end"] is None or match["empty"]:  # a comment, or nothing is in it
            return match[0]
        if match["end"]:
            rate, mark, tag = open_tags.pop() if open_tags else (rate, "", match[0])
            return tag + mark
        given = _attributes(match["of"])
        asked, around = given.pop("rate", None), rate
        if asked is None:
            open_tags.append((around, "", "</prosody>"))
            return match[0]
        rate = round(rate * _rate(match[0], asked), 6)
        if not LEAST_RATE <= rate <= MOST_RATE:
            inside = "" if around == 1.0 else f", inside another of {around:g},"
            raise TextError(
                f"{match[0]}{inside} asks for the rate {rate:g}, and from {LEAST_RATE:g} to {MOST_RATE:g} is possible, "
                "50% to 200%; choose one between"
            )
        others = "".join(f' {name}="{html.escape(value)}"' for name, value in given.items())
        start, end = (_rate_mark(rate), _rate_mark(around)) if rate != around else ("", "")
        open_tags.append((around, end, "</prosody>" if others else ""))
        return (f"<prosody{others}>" if others else "") + start

    return PROSODY.sub(rewritten, text)


def _rate(tag: str, asked: str) -> float:
    found = _RATE.fullmatch(asked.strip())
    if asked.strip().lower() in _RATES:
        return _RATES[asked.strip().lower()]
    if found is None or (found[1] and not found[3]):
        raise TextError(f'{tag}: the rate {asked!r} is none of {", ".join(_RATES)}; or write <prosody rate="80%">')
    share = float(found[2]) / (100 if found[3] else 1)
    return {"": share, "+": 1 + share, "-": 1 - share}[found[1]]


def _rate_mark(rate: float) -> str:
    return f"{_RATE_MARK}{rate:.6f}{_RATE_MARK}"


def _phoneme(match: re.Match, given: dict[str, str], word: str, _: str) -> str:
    alphabet, ph = given.get("alphabet", "ipa").lower(), " ".join(given.get("ph", "").split()).strip("/")
    start = match[0].partition(">")[0] + ">"
    if not ph:
        raise TextError(f'{start} does not say how; write <phoneme alphabet="ipa" ph="təˈmɑːtoʊ">')
    if alphabet in ("cmu-arpabet", "cmu", "arpabet"):
        ph = to_ipa(ph, start)
    elif alphabet != "ipa":
        raise TextError(f"{start}: the alphabet {alphabet!r} is not read; write ipa, or cmu-arpabet")
    if "/" in ph:
        raise TextError(f"{start}: '/' is not of the IPA; write one pronunciation")
    word = re.sub(r"[\[\]\s]+", " ", html.unescape(word)).strip()
    return f"[{word or ph}](/{ph}/)"


def _sub(match: re.Match, given: dict[str, str], inner: str, _: str) -> str:
    return given["alias"] if given.get("alias", "").strip() else match[0]  # without it, HTML's subscript


def _say_as(match: re.Match, given: dict[str, str], inner: str, language: str) -> str:
    kind, english = given.get("interpret-as", "").strip().lower(), is_english(language)
    if kind in ("characters", "spell-out", "verbatim"):
        name = _characters_of(language)
        return " ".join(map(name, "".join(html.unescape(inner).split())))
    if kind in ("digits", "telephone"):
        groups = re.findall(r"\d+", inner)
        of_group: Callable[[str], str] = digits_one_by_one if english else " ".join
        return ", ".join(map(of_group, groups)) if groups else inner
    number = re.fullmatch(r"\s*(\d{1,15}(?:,\d{3})*)(\.\d+)?\s*", inner)
    if kind in ("cardinal", "number", "ordinal") and english and number and not (kind == "ordinal" and number[2]):
        return ordinal(number[1]) if kind == "ordinal" else cardinal(inner.strip())
    if kind == "date" and (english or _is_french(language)):
        return _date(inner, given.get("format", ""))
    return inner if kind in {*_AS_WRITTEN, "cardinal", "number", "ordinal"} else match[0]


def _characters_of(language: str) -> Callable[[str], str]:
    """What names a character: English and French letters, figures and marks. Those of other languages stay."""
    if _is_french(language):
        from ditar.text.french_words import CHARACTERS, IN_ADDRESSES  # late, as in `text.normalise`

        return lambda character: IN_ADDRESSES.get(character) or CHARACTERS.get(character, character)

    def name(character: str) -> str:
        if not is_english(language):
            return character
        if character.isascii() and character.isalpha():
            return spell_letters(character)
        if character in "0123456789":
            return digits_one_by_one(character)
        return english_words.IN_ADDRESSES.get(character) or _MARKS.get(character, character)

    return name


def _is_french(language: str) -> bool:
    return language.strip().lower().replace("_", "-").split("-")[0] == "fr"


def _date(written: str, order: str) -> str:
    """A date whose numbers have this order, "dmy" or "dd/mm/yyyy", as year-month-day, which is read in every country
    alike; any other as it is written."""
    numbers = _DATE.fullmatch(written)
    order = re.sub(r"[^dmy]|(.)(?=\1)", "", order.lower())
    if numbers is None or sorted(order) != ["d", "m", "y"]:
        return written
    of = dict(zip(order, numbers.group(1, 3, 4)))
    if len(of["y"]) == 2:
        of["y"] = ("19" if of["y"] >= "50" else "20") + of["y"]
    possible = len(of["y"]) == 4 and 1 <= int(of["m"]) <= 12 and 1 <= int(of["d"]) <= 31
    return f"{of['y']}-{of['m']:0>2}-{of['d']:0>2}" if possible else written


def _break(tag: str, given: dict[str, str]) -> str:
    if "time" in given:
        if not _TIME.fullmatch(given["time"].strip()):
            raise TextError(f'{tag}: {given["time"]!r} is no time; write <break time="500ms"/> or <break time="0.5s"/>')
        return f"[pause:{given['time'].strip()}]"
    strength = given.get("strength", "medium").strip().lower()
    if strength not in _STRENGTHS:
        raise TextError(f"{tag}: the strength {strength!r} is none of {', '.join(_STRENGTHS)}; or give a time")
    return "[pause]" if strength == "medium" else f"[pause:{_STRENGTHS[strength]:g}]"


def _attributes(text: str | None) -> dict[str, str]:
    return {name.lower(): html.unescape(a or b) for name, a, b in _ATTRIBUTE.findall(text or "")}
