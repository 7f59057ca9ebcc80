"""Word lists of the English rules: data only."""

import re

# A letter's name. espeak reads single capitals by their names except the one that is also an article; of the spellings
# of that one, this is read as the letter everywhere ("ay" is read as "eye").
LETTERS = {letter: letter for letter in "BCDEFGHIJKLMNOPQRSTUVWXYZ"} | {"A": "eigh"}

MONTHS = {
    "Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "May": "May", "Jun": "June", "Jul": "July",
    "Aug": "August", "Sept": "September", "Sep": "September", "Oct": "October", "Nov": "November", "Dec": "December",
}  # fmt: skip
WEEKDAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip

# Words that capitals emphasise, but for those that are acronyms as often (ADD, RIP, SEC); acronyms that are said as a
# word; capitals that make a word but are spelt out.
SHORT_WORDS = set(
    """am an and any are as ask at ate bad be big but by can car cat day did do dog eat end far few for get go got
    had has hat he her hey hi him his hot how if in is it its job let man may me men my new no nor not now of off
    oh old on one or our out own pay put ran red run sad said saw say see set she sit six so ten the to too top
    try two up us use was way we why win yes yet you all boy god sun war who
    age ago air arm awe axe bag bed bee beg bob box bug bus buy cow cry cup cut dad dan dig due ear egg eve eye fan
    fix fly fog fox fun fur gun guy hit hop hug huh ice ill ink jam jar jim joe joy key kid kim lay leg lie lip
    lot low mad max mix mob mom mud mum nap nice odd owe own pan pat paw pie pig pot rat raw rich rid rob rod ron row
    rub rug sam sea sex shy sit sky sue tea ted tie tim tin tip toe tom toy ugh van via von wet wig wow yay yep
    yum zoo
    aah bam bla boo cha ha hee heh ho hoo nom ooh woo yo""".split()
)
WORD_ACRONYMS = set(
    """NASA NATO UNESCO UNICEF AIDS LASER RADAR OPEC FIFA NAFTA SCUBA YOLO ASCII POSIX RAM ROM ZIP COVID SWAT PIN SIM
    LAN WAN GIF""".split()
)
SPELLED = set(
    """AI API USA UK EU US UN ID IT TV PC CD DVD CEO CIA IOU UAE UEFA EMI AOL IRA AAA IEEE ISO IOS IQ IP AC DIY LED GPS
    USB FAQ ATM DNA RNA MRI UCLA USSR USAF EDT EST IPO IDE CPU GPU URL UTC EEG ECG ICU UV UHF HDMI
    HIV ATV SUV EV UFO VIP NCAA ACLU YMCA YWCA IAEA IUCN LGBTQIA IIRC IMHO EMEA NAACP OECD USDA UNHCR FDIC ICAO
    AARP ASCE ASME UAW AFAIK AAAS""".split()
)

# Capitals that are read as other words.
READ_AS = {
    "OK": "okay", "WWI": "World War One", "WWII": "World War Two", "USAID": "U S aid", "JPEG": "J peg",
    "MPEG": "M peg", "HVAC": "H vac",
}  # fmt: skip
# In capitals before IT, which is then the pronoun, as US is at the end of a sentence after a preposition.
BEFORE_PRONOUNS = (
    "DO|DID|DOES|GET|GOT|WANT|NEED|LOVE|LIKE|HATE|MAKE|TAKE|GIVE|STOP|SEE|SAY|SAID|LET|HELP|TELL|LEAVE|BUY|TRY|KNOW"
    "|USE|TRUST|FEEL|KEEP|SHOW|SEND|READ|WATCH|FOLLOW|JOIN|OF|FOR|WITH|ABOUT|IS|WAS"
)

# Words that begin sentences: an abbreviation before one of them has the sentence's full stop.
STARTERS = """a after all also although an and another are as at because before both but by can could despite did do
    does
    during each even every few first for from had has have he her here his how however i i'm i'll i've i'd if in
    instead is it it's its just last later let like many may meanwhile more most much my neither never next no
    nobody nor nothing now of often on once one only or other our over perhaps please several she should since
    so some sometimes soon still such that that's the their then there there's therefore these they this those
    though through thus to today together tomorrow too two under unless until we were what what's when where
    whether which while who why will with without would yes
    yesterday yet you your"""
CAPITALISED_SHORT = "|".join(word.capitalize() for word in STARTERS.split())
_STARTS = rf"(?:{CAPITALISED_SHORT})\b"

# Abbreviations, by where they stand; `text.sentences` reads the same lists. Before a name, with a full stop that never
# ends a sentence:
TITLES = {
    "Prof": "Professor", "Gen": "General", "Col": "Colonel", "Capt": "Captain", "Lt": "Lieutenant", "Sgt": "Sergeant",
    "Cpl": "Corporal", "Pvt": "Private", "Maj": "Major", "Adm": "Admiral", "Cmdr": "Commander", "Rev": "Reverend",
    "Hon": "Honourable", "Sen": "Senator", "Gov": "Governor", "Pres": "President", "Rep": "Representative",
    "Msgr": "Monsignor", "Messrs": "Messieurs", "Mme": "Madame", "Mlle": "Mademoiselle", "Fr": "Father", "Ft": "Fort",
    "Supt": "Superintendent", "Insp": "Inspector", "Det": "Detective", "Amb": "Ambassador", "Sec": "Secretary",
    "Atty": "Attorney", "Mx": "Mix",
}  # fmt: skip
FIRST_NAMES = {"Chas": "Charles", "Wm": "William", "Geo": "George", "Jas": "James", "Thos": "Thomas"}
# In capitals, and in either case; the full stop may be the sentence's, too:
WITH_STOP = {
    "Inc": "Incorporated", "Corp": "Corporation", "Co": "Company", "Bros": "Brothers", "Rd": "Road", "Ln": "Lane",
    "Hwy": "Highway", "Pkwy": "Parkway", "Rte": "Route", "Sq": "Square", "Ct": "Court", "Pl": "Place", "Ter": "Terrace",
    "Assn": "Association", "Univ": "University", "Intl": "International", "Natl": "National", "Esq": "Esquire",
}  # fmt: skip
IN_EITHER_CASE = {
    "dept": "department", "approx": "approximately", "govt": "government", "mgmt": "management", "mgr": "manager",
    "asst": "assistant", "misc": "miscellaneous", "min": "minimum", "max": "maximum", "avg": "average",
    "incl": "including",
    "excl": "excluding", "temp": "temperature", "tel": "telephone", "ext": "extension", "attn": "attention",
    "blvd": "boulevard", "ave": "avenue", "bldg": "building", "appt": "appointment", "yrs": "years", "hrs": "hours",
    "mins": "minutes", "secs": "seconds", "lbs": "pounds", "vols": "volumes", "figs": "figures", "eds": "editors",
}  # fmt: skip
# Before a number; the full stop ends a sentence unless a number follows:
BEFORE_FIGURES = {
    "apt": "apartment", "no": "number", "nos": "numbers", "pp": "pages", "p": "page", "pg": "page", "vol": "volume",
    "vols": "volumes",
    "fig": "figure", "figs": "figures", "est": "established", "ch": "chapter", "chap": "chapter", "eq": "equation",
    "eqs": "equations", "art": "article", "bk": "book", "ref": "reference", "pt": "part",
    "c": "circa", "ca": "circa", "rm": "room", "fl": "floor", "ste": "suite", "op": "opus", "ver": "version",
    "sec": "section", "para": "paragraph", "tel": "telephone", "ext": "extension",
}  # fmt: skip
# Of these some are nouns after an article, `Ask the ref. 3 fouls were called.`
NOUNS_TOO = set("ref sec para bk art pt".split())
# Books of the Bible, in capitals before a number:
BOOKS = {
    "Exod": "Exodus", "Lev": "Leviticus", "Deut": "Deuteronomy", "Ps": "Psalm", "Pss": "Psalms", "Prov": "Proverbs",
    "Isa": "Isaiah", "Jer": "Jeremiah", "Ezek": "Ezekiel", "Rom": "Romans", "Cor": "Corinthians",
    "Eph": "Ephesians", "Thess": "Thessalonians", "Heb": "Hebrews",
}  # fmt: skip
# Before a chapter and a verse; some of these are titles or people's names otherwise.
VERSES = BOOKS | {
    "Gen": "Genesis", "Rev": "Revelation", "Gal": "Galatians", "Col": "Colossians", "Tim": "Timothy", "Pet": "Peter",
    "Matt": "Matthew", "Phil": "Philippians",
}  # fmt: skip
# These need their full stop even before a number: without it they are words, names or codes.
_ONLY_WITH_STOP = set("no art sec op fl rm ca est pt ste ref bk".split())


_AFTER_NAME = "|".join(rf"(?<=[a-z\d] [A-ZÀ-Þ][a-z]{{{letters}}}\s)" for letters in range(2, 10))


def _cased(word: str) -> str:
    return f"[{word[0].upper()}{word[0]}]{word[1:]}"


def _abbreviations() -> dict[str, tuple[tuple[re.Pattern, str, bool], ...]]:
    found: dict[str, list[tuple[re.Pattern, str, bool]]] = {}
    for word, pattern, words in (
        ("St", r"(?<![\w.])St\.?(?=\s[A-Z][a-z])(?<![A-Za-z]\sSt)(?<![A-Za-z]\sSt\.)", "Saint"),
        ("St", r"(?<=[a-z]\s)St\.?(?=\s[A-Z][a-z]+'?s? (?:[Dd]ay|[Cc]hurch|[Cc]athedral|[Hh]ospital)\b)", "Saint"),
        ("St", rf"(?<=\w\s)St\.(?=\s*$|\s*[,;)]|\s[a-z]|\s{_STARTS})", "Street"),
        ("St", r"(?<=[a-z]{2}\s)St(?=\s*$|,|\s(?:and|at|is|in|to|near)\b)(?![-\w])", "Street"),
        ("St", r"St\.(?=\s+[A-Z])", "Saint"),
        ("Dr", r"(?<=[A-Za-z]\s)Dr\.(?=\s*$|\s*[,;)]|\s[a-z])", "Drive"),
        ("Dr", rf"(?:{_AFTER_NAME})Dr\.(?=\s(?:The|He|She|It|They|We|I|There|This|That|His|Her)\b)", "Drive"),
        ("Dr", r"Dr\.?(?=\s+[A-Z])|dr\.(?=\s+[a-z])", "Doctor"),
        ("Ph", r"Ph\.?\s?D\b\.?", "P H D"),
        ("PhD", r"PhD\b\.?", "P H D"),
        ("Mr", r"Mr\b\.?|mr\b\.?+(?!\w)", "Mister"),
        ("Mrs", r"Mrs\b\.?|mrs\b\.?+(?!\w)", "Missus"),
        ("Ms", r"Ms\b\.?(?=\s+[A-Z])|ms\.(?=\s+[a-z])", "Miz"),
        ("Mt", r"Mt\.?(?=\s+[A-Z])", "Mount"),
        ("Jr", r"Jr\b\.?", "Junior"),
        ("Sr", r"Sr\b\.?", "Senior"),
        ("Ave", r"Ave\b\.?", "Avenue"),
        ("Blvd", r"Blvd\b\.?", "Boulevard"),
        ("Ltd", r"Ltd\b\.?", "Limited"),
        *((short, rf"{short}\.(?=\s+[A-Z])", words) for short, words in TITLES.items()),
        *((short, rf"{short}\.(?=[\s,;:)]|$)", words) for short, words in (WITH_STOP | FIRST_NAMES).items()),
        *(
            (short, rf"{_cased(short)}\.?(?=\s?[\d+(])(?![A-Za-z])", words)
            for short, words in BEFORE_FIGURES.items()
            if len(short) > 1 and short not in _ONLY_WITH_STOP
        ),
        *((short, rf"{_cased(short)}\.(?=\s{{0,2}}[\d+(])", words) for short, words in BEFORE_FIGURES.items()),
        *((short, rf"{short}\.(?=\s\d)", words) for short, words in BOOKS.items()),
        # With a capital it is a name before others and at the end.
        ("Max", r"Max\.(?=\s[\da-z])|max\.(?=[\s,;:)]|$)", "maximum"),
        *(
            (short, rf"{_cased(short)}\.(?=[\s,;:)]|$)", words)
            for short, words in IN_EITHER_CASE.items()
            if short != "max"
        ),
        ("#", r"#(?=\d)", "number "),
        ("vs", r"[Vv]s\b\.?", "versus"),
        ("et", r"et\sal\b\.?", "et al"),
        ("etc", r"[Ee]tc\b\.?", "et cetera"),
        ("e", r"[Ee]\.\s?g\.,?", "for example,"),
        ("i", r"[Ii]\.\s?e\.,?", "that is,"),
        ("cf", r"[Cc]f\.", "compare"),
        ("viz", r"viz\.", "namely"),
        ("w", r"w/o\b", "without"),
        ("w", r"w/(?=\s|[a-z])", "with "),
        ("b", r"b/c\b", "because"),
        ("c", r"c/o\b", "care of"),
        ("BCE", r"BCE\.?(?=[\s,.;)]|$)", "B C E"),
        ("BC", r"BC\.?(?=[\s,.;)]|$)", "B C"),
        ("B", r"B\.C\.E\.?(?=[\s,.;)]|$)", "B C E"),
        ("B", r"B\.C\.?(?=[\s,.;)]|$)", "B C"),
    ):
        found.setdefault(word.lower(), []).append((re.compile(pattern), words, "[A-Z]" in pattern))
    return {word: tuple(rules) for word, rules in found.items()}


# By the word, in small letters, at which each of its patterns begins: the words to say, and whether a name must follow:
# only then is a full stop that may also end the sentence dropped.
ABBREVIATIONS = _abbreviations()
# An A after the first or before the second kind is the letter: Vitamin A, the A string, from A to Z, A is for apple.
NO_ARTICLE_AFTER = (
    "vitamin|hepatitis|influenza|plan|type|group|grade|class|section|appendix|annex|exhibit|schedule|option|model"
    "|category|series?|team|letter|point|phase|the|an|my|your|our|their|each|every"
)
NO_ARTICLE_BEFORE = "and|or|is|was|are|has|to|for|from|with|by|in"
KINGS = (
    "Henry|Louis|George|Charles|Edward|Richard|James|William|Elizabeth|Philip|John|Paul|Pius|Benedict|Mary|Catherine"
    "|Nicholas|Alexander|Peter|Frederick|Napoleon|Ferdinand|Francis|Leo|Gregory|Innocent|Clement|Urban|Boniface|Otto"
    "|Ramesses|Ramses|Ptolemy|Darius|Xerxes|Cleopatra|Wilhelm|Friedrich|Leopold|Albert|Christian|Gustav|Carl|Harald|Olav"
    "|Haakon|Alfonso|Juan|Carlos|Felipe|Umberto|Rudolf|Maximilian|Joseph|Sixtus|Julius|Constantine|Justinian|Theodosius"
    "|Amenhotep|Thutmose|Selim|Mehmed|Suleiman|Murad|Margaret|Anne|Beatrix|Juliana|Baldwin|Robert|David|Kenneth"
    "|Sigismund|Stephen|Matthias|Ladislaus|Casimir|Victor|Vittorio|Pedro|Philippe|Charlemagne|Isabella|Ivan|Wenceslaus"
    "|Haile|Mohammed|Hussein|Abdullah|Frederik|Thomas|Samuel|Walter|Arthur|Franklin"
)
ROMAN_BEFORE = (
    "Chapter|Part|Act|Scene|Volume|Vol\\.|Book|World War|Phase|Section|Article|Type|Title|Level|Grade|Class|Group|Stage"
    "|Step|Episode|Psalm|Canto|Appendix|Figure|Table|Item|Question|Round|Tier|Mark|Apollo|Division|Category|Page|Verse"
)
IN_ADDRESSES = {
    "@": "at", ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "~": "tilde", "+": "plus",
}  # fmt: skip

SPOKEN_SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "%": "percent", "@": "at", "#": "hash", "*": "star", "/": "slash",
    "\\": "backslash", "°": "degrees", "×": "times", "÷": "divided by", "±": "plus or minus", "<": "less than",
    ">": "greater than", "≤": "at most", "≥": "at least", "≠": "is not equal to", "≈": "about", "~": "about",
    "^": "to the power of", "|": "bar", "©": "copyright", "®": "registered", "™": "trademark", "℠": "service mark",
    "$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "¢": "cent", "₹": "rupee", "₩": "won", "₽": "ruble",
    "₿": "bitcoin", "§": "section", "¶": "paragraph", "²": "squared", "³": "cubed", "¹": "one", "µ": "micro",
    "∞": "infinity", "√": "the square root of", "∛": "the cube root of", "→": "to", "←": "from", "↑": "up", "↓": "down",
    "⇒": "implies", "↔": "to and from", "∑": "the sum of", "∏": "the product of", "∫": "the integral of",
    "∂": "partial", "∆": "delta", "∇": "nabla", "∈": "in", "∉": "not in", "⊂": "is a subset of", "∪": "union",
    "∩": "intersection", "∅": "the empty set", "∀": "for all", "∃": "there exists", "∴": "therefore", "∵": "because",
    "≡": "is equivalent to", "≅": "is congruent to", "∝": "is proportional to", "⊥": "is perpendicular to",
    "∥": "is parallel to",
    "∠": "angle", "¬": "not", "∧": "and", "∨": "or", "‰": "per mille", "♯": "sharp", "♭": "flat",
    "✓": "check", "✔": "check",
}  # fmt: skip
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho", "ς": "sigma",
    "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
# After a town's name. Some are words as well, and stay unchanged, except before a postal code.
WORD_STATES = {
    "OK": "Oklahoma", "HI": "Hawaii", "ME": "Maine", "IN": "Indiana", "OR": "Oregon", "OH": "Ohio",
}  # fmt: skip
STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "ID": "Idaho", "IL": "Illinois",
    "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "MD": "Maryland", "MA": "Massachusetts",
    "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska",
    "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York",
    "NC": "North Carolina", "ND": "North Dakota", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina",
    "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia",
    "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "D C",
}  # fmt: skip
