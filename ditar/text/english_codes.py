"""English codes: figures that are no amount and are read one by one or in groups, and letters next to figures."""

import re

from ditar.text.english_numbers import cardinal, digits_one_by_one, spell_letters
from ditar.text.english_units import UNITS
from ditar.text.english_words import STATES, WORD_STATES

_CARD = re.compile(r"(?<![\w-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|3\d{3}([ -])\d{6}\2\d{5})(?![\w-])")
_BOOK = re.compile(r"\b(ISBN|ISSN)((?:-1[03])?:?\s?)(\d[\d -]{6,15}[\dXx])\b")
_SOCIAL = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
_POSTAL = re.compile(r"\b((?:(?:ZIP|Zip|zip)(?: [Cc]ode)?:?|[A-Z]{2}) )(\d{5})(?:-(\d{4}))?\b(?![,.]\d)")
_MANY = re.compile(r" [a-z]{2,20}s\b")
_TOWN = re.compile(r"[A-Z][a-z]{1,15}(,?) $")
_ABROAD = re.compile(r"(?<![\w+])\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){1,6}(?![\w])")
_AREA = re.compile(r"(?<![\w.,-])(?:\(0\d{1,4}\)|0\d{1,4})(?:[ -]\d{3,6}){1,3}(?![\w-]|[.,]\d)")
_AMERICAN = re.compile(
    r"(?<![\w.])(?:(1)[-. ])?(?:\((\d{3})\)[-. ]?\s?|(\d{3})[-. ]\s?)(\d{3})[-. ](\d{4})\b(?![.,]\d)"
)
# No quantity, and not the largest number of 32 bits.
_TOGETHER = re.compile(
    r"(?<![\w.,$€£¥₹#+-])(?<![$€£¥₹=<>≤≥≈] )(?<!\bof )(?<!\babout )(?<!\bover )(?<!\bthan )(?<!\bnearly )"
    r"(?<!\bexactly )(?<!\baround )(?<!\balmost )(?!214748364[78]|429496729[56])([2-9]\d\d)([2-9]\d\d)(\d{4})"
    r"(?![\w%°€-]|[.,:/]\d| ?[$€£]"
    r"| (?!(?:this|always|perhaps|plus|unless|works|rings|does)\b)"
    r"(?:people|men|women|children|won|yen|yuan|rupiah|dong|of|times|[a-z]{3,20}s)\b)"
)
_IN_LETTERS = re.compile(r"\b1-(8\d\d)-(?=[A-Z]{4,8}\b|[A-Z]{3,4}-[A-Z]{3,4}\b)")  # 1-800-FLOWERS
_LOCAL = re.compile(r"(?<![\w-])(\d{3})-(\d{4})(?![\w-])")
_DIALLED = re.compile(r"\b((?i:dial|call|called|calling|dialled|dialed|text)\s)(911|999|112|[3-8]11)(?!\w|[.,]\d)")
_EMERGENCY = re.compile(r"(?<![\w.,$€£-])911(?= (?:calls?|operators?|dispatch\w{0,5}|emergency|call cent\w{2})\b)")
_PAIR = re.compile(r"(?<![\w./-])(9/11|24/7|50[/-]50|24/7/365)(?![\w/-]|[.,]\d)")  # not fractions, dates or ranges
# One comma between two numbers, without a space, after which no list goes on; and thousands that no comma separates.
_DECIMAL_COMMA = re.compile(
    r"(?<![\w.,:/])(?<!\d[ -])(?<!\d, )(0,\d{1,9}|[1-9]\d{0,2},(?:\d{1,2}|\d{4,9}))"
    r"(?!\d|[.,:/]\d|,? (?:and|or|&) \d{1,9}(?![\d,])|, \d)"
)
_LISTED = re.compile(
    r"(?:[A-Z][a-z]{0,12}\.?|\b(?:pages?|pp\.|chapters?|verses?|sections?|lines?|steps?|questions?|items?|rooms?|parts?"
    r"|levels?|grades?|numbers?|nos\.|figs?\.|figures?|tables?|volumes?|vols?\.|exercises?|days?|weeks?)) $"
)
_GROUPS_AND_COMMA = re.compile(r"(?<![\w.,])([1-9]\d{0,2}(?:[. ]\d{3})++),(\d{1,2})(?![\w]|[.,]\d)")
_DOTTED_MILLIONS = re.compile(r"(?<![\w.,-])([1-9]\d{0,2})\.(\d{3})\.(\d{3})(?![\w-]|[.,]\d)")  # an address has four
_LAKHS = re.compile(r"(?<![\w.,])[1-9]\d?(?:,\d{2}(?!\d))++,\d{3}(?![\w,]|\.\d{3})")
_SHARES = re.compile(r"(?<![\w./-])(\d\d)/(\d\d)(?![\w/-]|[.,]\d)")  # 80/20, of 100
_VISION = re.compile(r"(?<![\w./-])20/20(?= (?:vision|hindsight|eyesight)\b)")
_STANDARD = re.compile(r"\b([A-Z])\.(\d{3})(?![\w]|[.,]\d)")  # H.264, X.509
_VERSION = re.compile(
    r"(?:(?<![\w.])|(?<=\b[vV]))(\d{1,9}(?:\.\d{1,9}){2,9})(?:(?!\w|\.\d)|([a-z]{1,5})(?=\d{0,3}(?!\w|\.\d)))"
)
_RATING = re.compile(r"\bpg-?13\b")  # no page
_SYSTEM = re.compile(r"\b(HTTP|OS|PS|AS)/(?=\d)")  # HTTP/2


def spell_codes(text: str) -> str:
    """Cards, books, social security, postal codes, telephones, `24/7`, versions: before other rules read their
    parts."""
    text = _CARD.sub(_one_by_one, text)
    text = _BOOK.sub(lambda m: f"{m[1]}{m[2]} {_one_by_one(m[3])}", text)
    text = _SOCIAL.sub(_one_by_one, text)
    text = _POSTAL.sub(_postal, text)
    text = _ABROAD.sub(_abroad, text)
    text = _AREA.sub(lambda m: _one_by_one(m[0]) if 9 <= len(re.sub(r"\D", "", m[0])) <= 11 else m[0], text)
    text = _AMERICAN.sub(lambda m: ", ".join(digits_one_by_one(group) for group in m.groups() if group), text)
    text = _TOGETHER.sub(lambda m: ", ".join(map(digits_one_by_one, m.groups())), text)
    text = _IN_LETTERS.sub(lambda m: f"one, {cardinal(m[1]) if m[1] == '800' else digits_one_by_one(m[1])}, ", text)
    text = _LOCAL.sub(_one_by_one, text)
    text = _DIALLED.sub(lambda m: m[1] + digits_one_by_one(m[2]), text)
    text = _EMERGENCY.sub("nine one one", text)
    text = _PAIR.sub(lambda m: " ".join(map(cardinal, re.split("[/-]", m[1]))), text)
    text = _SHARES.sub(lambda m: " ".join(map(cardinal, m.groups())) if int(m[1]) + int(m[2]) == 100 else m[0], text)
    text = _VISION.sub("twenty twenty", text)
    text = _STANDARD.sub(lambda m: f"{spell_letters(m[1])} {digits_one_by_one(m[2])}", text)
    text = _RATING.sub("PG 13", text)
    text = _SYSTEM.sub(lambda m: f"{spell_letters(m[1])} ", text)
    return _VERSION.sub(_version, text)


def _postal(match: re.Match) -> str:
    """A postal code, and the state before it after a town's name."""
    state, string = match[1][:-1], match.string
    town = _TOWN.search(string[max(0, match.start() - 20) : match.start()])
    # `IN 20000 cases`
    if not town and state in WORD_STATES and (match[2].endswith("000") or _MANY.match(string, match.end())):
        return match[0]
    if town and (town[1] or state in STATES) or match[2][0] == "0":
        state = STATES.get(state) or WORD_STATES.get(state, state)
    return f"{state} {_one_by_one(match[2])}" + (f", {_one_by_one(match[3])}" if match[3] else "")


def figures_as_in_english(text: str) -> str:
    """`1,5`, `1.234,56`, `1.000.000` and `1,00,000` to `1.5`, `1234.56`, `1,000,000` and `100,000`."""

    def decimal(match: re.Match) -> str:
        before = match.string[max(0, match.start() - 16) : match.start()]
        pair = before.endswith("(") and match.string.startswith(")", match.end())  # a point in a plane
        return match[0] if pair or _LISTED.search(before) else match[0].replace(",", ".")

    text = _GROUPS_AND_COMMA.sub(lambda m: f"{re.sub('[. ]', '', m[1])}.{m[2]}", text)
    text = _DOTTED_MILLIONS.sub(r"\1,\2,\3", text)
    text = _LAKHS.sub(lambda m: f"{int(m[0].replace(',', '')):,}", text)
    return _DECIMAL_COMMA.sub(decimal, text)


def _version(match: re.Match) -> str:
    groups, letters = match[1].split("."), match[2]
    date = len(groups) == 3 and (len(groups[0]) == 4 or len(groups[2]) == 4)  # 2023.11.30, 31.12.1999
    after_v = " " * (match.string[match.start() - 1 : match.start()] in ("v", "V"))
    if date:
        return match[0]
    # 3.11.0b1, 0.9.8zh, 2.0.0beta
    after = f" {spell_letters(letters) if len(letters) < 3 else letters} " if letters else ""
    return after_v + " point ".join(map(cardinal, groups)) + after


def _one_by_one(written: re.Match | str) -> str:
    """Every figure, with a comma between groups."""
    groups = re.findall(r"\d+|[Xx]$", written if isinstance(written, str) else written[0])
    return ", ".join("X" if group in "Xx" else digits_one_by_one(group) for group in groups)


def _abroad(match: re.Match) -> str:
    return f"plus {_one_by_one(match)}" if 7 <= len(re.sub(r"\D", "", match[0])) <= 15 else match[0]


def join_thousands(text: str) -> str:
    """`1 000 000` and `1_000` to `1,000,000`."""
    # The figures before a space are not examined twice: the run is taken whole or not at all.
    spaced = r"(?<![\w.,+-])(?<!\d )([1-9]\d{0,2})((?:[ _]\d{3}(?!\d))++)(?! \d)(?![-/:]\d)(?!'?s\b)"
    return re.sub(spaced, lambda m: m[1] + re.sub("[ _]", ",", m[2]), text)


def part_letters(text: str) -> str:
    """A space between letters and figures: `MP3`, `R2D2`, `2FA`, `v1.2`; letters are named, words are not."""
    text = re.sub(r"\b([A-Z]{2,4})v(?=\d)", lambda m: f"{spell_letters(m[1])} V ", text)  # IPv6
    text = re.sub(r"\b([A-Z]{1,4})-?(?=\d)", lambda m: f"{spell_letters(m[1])} ", text)
    # Letters that are not a word before a power: mc².
    text = re.sub(r"\b([b-df-hj-np-tv-xz]{2,3})(?=[²³^])", lambda m: m[0] if m[0] in UNITS else " ".join(m[0]), text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z]?\d)(?<![^\W\d]\d[a-z])", " ", text)
    text = re.sub(r"(?<=\d)([A-Z]{1,3})(?=\d)", lambda m: f" {spell_letters(m[1])} ", text)
    return re.sub(r"(?<=\d)(?=[^\W\d_])(?!(?:st|nd|rd|th|s)\b)", " ", text)
