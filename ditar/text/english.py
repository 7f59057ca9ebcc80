"""English spelling-out: whatever is written with digits, symbols, capitals or abbreviations becomes words.

The rules run from the most specific pattern (an address, a card's number, a date) to the least (a single digit),
because each one consumes what the later ones would misread. Every pattern begins at a boundary and takes runs whole or
within a limit, so that the time is proportional to the length of the text.
"""

import re

from ditar.text.english_codes import figures_as_in_english, join_thousands, part_letters, spell_codes
from ditar.text.english_dates import spell_dates, spell_decades, spell_times
from ditar.text.english_letters import is_shouting, spell_abbreviations, spell_capitals, spell_letter_a
from ditar.text.english_numbers import cardinal, digits_one_by_one, spell_fractions, spell_numbers, spell_ordinals
from ditar.text.english_quantities import spell_arithmetic, spell_money, spell_quantities, spell_ranges
from ditar.text.english_roman import spell_roman
from ditar.text.english_units import PER
from ditar.text.english_words import GREEK, IN_ADDRESSES, SPOKEN_SYMBOLS

_TOP = "com|org|net|edu|gov|io|uk|de|fr|info"
# In small letters only, since `Stop.AI` lacks a space; any, `t.me/a`, before a path.
_SMALL_TOP = "ai|app|au|biz|br|ca|ch|cn|co|cz|dev|dk|es|eu|fi|gg|ie|jp|kr|ly|mil|nl|nz|pl|ru|se|tech|tv|wiki|xyz|za"
_ADDRESS = re.compile(
    r"(?<![\w.+@/-])(?:(?:https?|ftp)://[^\s\"<>()]++|www\.[^\s\"<>()]++|[\w.+-]++@[\w-]++(?:\.[\w-]++)++"
    r"|[\w-]++(?:\.[\w-]++)++(?:/[^\s\"<>()]*+)?"
    r"|(?:[A-Z]:)?/\w[\w.-]*+(?:/[\w.-]++)++/?|(?:~|\.{1,2})/\.?\w[\w.-]*+(?:/[\w.-]++)*+/?"
    r"|(?:[\w-]++/)++[\w-]++(?:\.[\w-]++)++)",
    re.I,
)
_NAME = re.compile(
    rf"[\w-]+(?:\.[\w-]+)*\.(?:(?:{_TOP}|(?-i:{_SMALL_TOP}))(?:/.*)?|(?-i:[a-z]{{2,6}})/.+)"
    r"|(?:[~.]*|[A-Z]:)/.*",
    re.I | re.S,
)
_ENDINGS = (
    "txt|pdf|docx?|xlsx?|pptx?|csv|tsv|json|ya?ml|toml|xml|html?|md|py|js|css|cpp|sh|exe|zip|tar|gz|mp[34]|wav|flac|ogg"
    "|jpe?g|png|gif|svg|webp|ini|cfg|conf|log|dll|java|tsx?|jsx|rb|rs|php|sql|ipynb|bat|iso|dmg|apk|mov|avi|mkv|epub"
    "|tex|srt|vtt"
)
_FILE = re.compile(rf"(?:[\w-]++/)*+(?=[\w-]*[A-Za-z])[\w-]++(?:\.\w++)*?((?:\.(?:{_ENDINGS}))+)", re.I)
# Names that begin with their dot.
_DOT_FIRST = re.compile(rf"(?:^|(?<=[\s(\"']))\.(?=(?:NET|env|git\w*|ssh|\w+rc|{_ENDINGS})\b(?!\.\w))")
_SHARP = re.compile(r"\b([A-G])#(?![\w#])")  # a note, and a language
# Signs of several characters, and of places in menus.
_SIGNS = {"!=": "≠", "<=": "≤", ">=": "≥"}
_COMPOSED = re.compile(r"(?<![-=<>!])(?:[-=]{1,2}>|[<>]=|(?<=\s)!=|(?<=[\w)\]])!=(?=[\w\"'(-]))(?![-=<>])")
_MENU = re.compile(r"\b([A-Za-z]{2,20})((?: > [A-Z][\w'-]{1,20}(?: [\w'-]{1,20}){0,3})+)")
_MENUS = set("File Edit View Insert Format Tools Options Menu Help System Home Settings Preferences Start".split())
_PATH_AND_NAME = re.compile(r"(?<![\w/.'])([ru])/(?=[A-Za-z]\w{2})")  # r/AskReddit, u/name
_TIMES = {*"day night evening morning weekday weekend holiday hour minute second week month quarter year".split()}
_EACH = re.compile(r"(?<![\w/])(\w{1,40})/(day|night|hour|minute|second|week|month|year|hr|wk|yr)\b(?!/|-|\.\w)")
# Before `/second`, `/day` and `/year`, which are parts of lists as well, `first/second`, `title/year`.
_COUNTED = re.compile(
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,6}teen|\w{3,4}ty|hundred|thousand|million"
    r"|billion|half|quarter|time|met(?:re|er)|kilomet(?:re|er)|mile|foot|inch|lit(?:re|er)|gram|byte|bit|frame|cycle"
    r"|(?!his\b|this\b)\w{2,40}[^\W\d_siu]s)",
    re.I,
)
_AFTER_V = re.compile(r"\b([Vv])\.\s?(?=\d)")  # v.2
_AFTER_TITLE = re.compile(r"(?:(?<=\bDr\.)|(?<=\bMr\.)|(?<=\bMs\.)|(?<=\bMrs\.))(?=[A-Z][a-z])")
# A number after an ellipsis or after a full stop without a space: `Wait...5 minutes`, `Jan.5`.
_AFTER_STOP = re.compile(r"(?<=[A-Za-z]{2}\.|\.\.\.)(?=\d)")
_HANDLE = re.compile(r"(?<![\w@])([@#])(?=[A-Za-z_])")


def spell_english(text: str, language: str = "en-us") -> str:
    """`text` with every number, date, time, amount, address, abbreviation, symbol and acronym as words."""
    shouting = is_shouting(text)
    text = _ADDRESS.sub(_address, text)
    text = _COMPOSED.sub(lambda m: _SIGNS.get(m[0], "→"), text)
    text = _MENU.sub(_menu, text)
    text = text.replace("_", " ")  # of what is no address
    text = _DOT_FIRST.sub("dot ", text)
    text = _AFTER_STOP.sub(" ", text)
    text = _AFTER_TITLE.sub(" ", text)
    text = _AFTER_V.sub(r"\1 ", text)
    text = figures_as_in_english(text)
    text = spell_codes(text)
    text = join_thousands(text)
    text = spell_dates(text, month_first=language in {"en", "en-us", "en-us-nyc"})
    text = spell_times(text)
    text = spell_arithmetic(text)
    text = spell_money(text)
    text = spell_decades(text)
    text = spell_quantities(text)
    text = spell_ordinals(text)
    text = spell_roman(text, shouting)
    text = spell_letter_a(text)
    text = part_letters(text)
    text = spell_capitals(text, shouting)
    text = spell_abbreviations(text)
    text = spell_ranges(text)
    text = spell_fractions(text)
    text = spell_numbers(text)
    return _symbols(text)


def _address(match: re.Match) -> str:
    """URLs, e-mail addresses and names of files: at, dot, slash; the scheme and a final slash are not read."""
    address = re.sub(r"^(?:https?|ftp)://", "", match[0], flags=re.I)
    bare = address.rstrip(".,!?;:)")
    tail = address[len(bare) :]
    if file := _FILE.fullmatch(bare):
        bare = bare[: file.start(1)] + file[1].upper()  # read as capitals are: T X T, but json
    elif "@" not in bare and address == match[0] and bare[:4].lower() != "www." and not _NAME.fullmatch(bare):
        return match[0]
    words = re.sub(r"\bwww\b", "W W W", bare.rstrip("/"), flags=re.I)
    for symbol, word in IN_ADDRESSES.items():
        words = words.replace(symbol, f" {word} ")
    words = re.sub(r"\d+", lambda m: f" {digits_one_by_one(m[0]) if len(m[0]) > 2 else cardinal(m[0])} ", words)
    return re.sub(r" +", " ", words).strip() + tail


def _symbols(text: str) -> str:
    text = re.sub(r"\s&\s", " and ", text)
    text = _PATH_AND_NAME.sub(r"\1 slash ", text)
    text = _EACH.sub(_each, text)
    text = re.sub(r"\b(and|either)\s?/\s?or\b", r"\1 or", text)
    text = re.sub(r"\b([Ss])/he\b", r"\1he or he", text)
    text = re.sub(r"(?<=[A-Za-z])/(?=[A-Za-z])", " or ", text)
    text = re.sub(r"--+", " — ", text)
    text = _SHARP.sub(r"\1 sharp", text)
    text = _HANDLE.sub(lambda m: "at " if m[1] == "@" else "hashtag ", text)
    # A Greek letter on its own; in Greek words they are letters that have no sound in English.
    text = re.sub(
        r"(?<![^\W\d_a-zA-Z])[Α-Ωα-ω](?![^\W\d_a-zA-Z])", lambda m: f" {GREEK.get(m[0].lower(), m[0])} ", text
    )
    text = text.translate(_SPOKEN)
    return re.sub(r"(?<=\s)-+(?=\s)|^-+\s", "—", text)


def _menu(match: re.Match) -> str:
    """`Settings > General > About` is a way, `Messi > Ronaldo` an opinion."""
    is_way = match[1] in _MENUS or match[2].count(" > ") > 1
    return match[0].replace(" > ", ", ") if is_way else match[0]


def _each(match: re.Match) -> str:
    """`2 pills/day`; `day/night` and `week/month` are two things."""
    before, unit = match.groups()
    listed = unit in ("second", "day", "year") and not _COUNTED.fullmatch(before)
    return match[0] if listed or before.lower() in _TIMES else f"{before} per {PER[unit]}"


_SPOKEN = str.maketrans({symbol: f" {word} " for symbol, word in SPOKEN_SYMBOLS.items()})
