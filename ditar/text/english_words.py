"""Word lists of the English rules: data only."""

# A letter's name. espeak reads single capitals by their names except the one that is also an article; of the
# spellings of that one, this is read as the letter everywhere ("ay" is read as "eye").
LETTERS = {letter: letter for letter in "BCDEFGHIJKLMNOPQRSTUVWXYZ"} | {"A": "eigh"}

MONTHS = {
    "Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "May": "May", "Jun": "June", "Jul": "July",
    "Aug": "August", "Sept": "September", "Sep": "September", "Oct": "October", "Nov": "November", "Dec": "December",
}  # fmt: skip
WEEKDAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip

# Acronyms that people say as a word, and common capitals of letters that make a word but are spelt.
WORD_ACRONYMS = set("NASA NATO UNESCO UNICEF AIDS LASER RADAR OPEC FIFA NAFTA SCUBA YOLO ASCII POSIX RAM ROM".split())
SPELLED = set(
    """AI API USA UK EU US UN ID IT TV PC CD DVD CEO CIA IOU UAE UEFA EMI AOL IRA AAA IEEE ISO IOS IQ IP""".split()
)

# Capitals that are read as other words.
READ_AS = {"OK": "okay", "WWI": "World War One", "WWII": "World War Two"}

# Pattern, words; in order. A full stop that also ends the sentence is lost only where a name must follow.
ABBREVIATIONS = (
    (r"\bSt\.?(?=\s+[A-Z][a-z])(?<!\w\sSt)(?<!\w\sSt\.)", "Saint"),
    (r"(?<=[a-z]\s)St\.?(?=\s+[A-Z][a-z]+'?s? (?:day|church|cathedral|hospital)\b)", "Saint"),
    (r"(?<=\w\s)St\.(?=\s*$|\s*[,;])", "Street"),
    (r"(?<=\w\s)St\.(?=\s+[a-z])", "Street"),
    (r"\bSt\.(?=\s+[A-Z])", "Saint"),
    (r"(?<=[A-Za-z]\s)Dr\.(?=\s*$|\s*,|\s+[a-z])", "Drive"),
    (r"\bDr\.?(?=\s+[A-Z])", "Doctor"),
    (r"\bPh\.?\s?D\b\.?", "P H D"),
    (r"\bMr\b\.?", "Mister"),
    (r"\bMrs\b\.?", "Missus"),
    (r"\bMs\b\.?(?=\s+[A-Z])", "Miz"),
    (r"\bProf\.(?=\s)", "Professor"),
    (r"\bGen\.(?=\s+[A-Z])", "General"),
    (r"\bCol\.(?=\s+[A-Z])", "Colonel"),
    (r"\bCapt\.(?=\s)", "Captain"),
    (r"\bLt\.(?=\s)", "Lieutenant"),
    (r"\bSgt\.(?=\s)", "Sergeant"),
    (r"\bRev\.(?=\s+[A-Z])", "Reverend"),
    (r"\bHon\.(?=\s+[A-Z])", "Honourable"),
    (r"\bSen\.(?=\s+[A-Z])", "Senator"),
    (r"\bGov\.(?=\s+[A-Z])", "Governor"),
    (r"\bMt\.?(?=\s+[A-Z])", "Mount"),
    (r"\bFt\.(?=\s+[A-Z])", "Fort"),
    (r"\bJr\b\.?", "Junior"),
    (r"\bSr\b\.?", "Senior"),
    (r"\bAve\b\.?", "Avenue"),
    (r"\bBlvd\b\.?", "Boulevard"),
    (r"\bRd\.", "Road"),
    (r"\bLn\.", "Lane"),
    (r"\bInc\.", "Incorporated"),
    (r"\bLtd\b\.?", "Limited"),
    (r"\bCorp\.", "Corporation"),
    (r"\bCo\.(?=\s|$)", "Company"),
    (r"\b[Dd]ept\.", "department"),
    (r"\b[Aa]pprox\.", "approximately"),
    (r"\b[Aa]pt\.(?=\s*\d)", "apartment"),
    (r"\b[Nn]os?\.(?=\s*\d)", "number"),
    (r"#(?=\d)", "number "),
    (r"\b[Pp]p\.(?=\s*\d)", "pages"),
    (r"\b[Pp]\.(?=\s*\d)", "page"),
    (r"\b[Vv]ol\.(?=\s*\d)", "volume"),
    (r"\b[Ff]ig\.(?=\s*\d)", "figure"),
    (r"\b[Vv]s\b\.?", "versus"),
    (r"\b[Ee]tc\.(?=\s*$)", "et cetera."),
    (r"\b[Ee]tc\b\.?", "et cetera"),
    (r"\b[Ee]\.\s?g\.,?", "for example,"),
    (r"\b[Ii]\.\s?e\.,?", "that is,"),
    (r"\b[Cc]f\.", "compare"),
    (r"\bw/o\b", "without"),
    (r"\bw/(?=\s)", "with"),
    (r"\b[Tt]el\.(?=\s*[\d+(])", "telephone"),
    (r"\b[Ee]st\.(?=\s*\d)", "established"),
    (r"\bB\.?C\.?(?=[\s,.]|$)", "B C"),
)
# An A behind the one or before the other is the letter: Vitamin A, the A string, from A to Z, A is for apple.
NO_ARTICLE_AFTER = (
    "vitamin|hepatitis|influenza|plan|type|group|grade|class|section|appendix|annex|exhibit|schedule|option|model"
    "|category|series?|team|letter|point|phase|the|an|my|your|our|their|each|every"
)
NO_ARTICLE_BEFORE = "and|or|is|was|are|has|to|for|from|with|by|in"
KINGS = "Henry|Louis|George|Charles|Edward|Richard|James|William|Elizabeth|Philip|John|Paul|Pius|Benedict"
ROMAN_BEFORE = "Chapter|Part|Act|Scene|Volume|Book|World War|Phase|Section|Article|Type|Title"

IN_ADDRESSES = {
    "@": "at", ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "~": "tilde", "+": "plus",
}  # fmt: skip

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "¢": ("cent", "cents", "", ""),
}

UNITS = {
    "km/h": ("kilometre per hour", "kilometres per hour"), "mph": ("mile per hour", "miles per hour"),
    "m/s": ("metre per second", "metres per second"), "km": ("kilometre", "kilometres"), "m": ("metre", "metres"),
    "cm": ("centimetre", "centimetres"), "mm": ("millimetre", "millimetres"), "µm": ("micrometre", "micrometres"),
    "nm": ("nanometre", "nanometres"), "mi": ("mile", "miles"), "ft": ("foot", "feet"), "yd": ("yard", "yards"),
    "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"), "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "l": ("litre", "litres"), "L": ("litre", "litres"),
    "ml": ("millilitre", "millilitres"), "mL": ("millilitre", "millilitres"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "Hz": ("hertz", "hertz"),
    "kB": ("kilobyte", "kilobytes"),
    "KB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"), "kW": ("kilowatt", "kilowatts"), "W": ("watt", "watts"), "V": ("volt", "volts"),
    "ms": ("millisecond", "milliseconds"), "s": ("second", "seconds"), "min": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "dB": ("decibel", "decibels"),
    "sq ft": ("square foot", "square feet"),
    "km²": ("square kilometre", "square kilometres"), "m²": ("square metre", "square metres"),
    "m³": ("cubic metre", "cubic metres"), "x": ("times", "times"),
}  # fmt: skip

SPOKEN_SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "%": "percent", "@": "at", "#": "hash", "*": "star", "/": "slash",
    "\\": "backslash", "°": "degrees", "×": "times", "÷": "divided by", "±": "plus or minus", "<": "less than",
    ">": "greater than", "≤": "at most", "≥": "at least", "≠": "is not equal to", "≈": "about", "~": "about",
    "^": "to the power of", "|": "bar", "©": "copyright", "®": "registered", "™": "trademark", "$": "dollar",
    "€": "euro",
    "£": "pound", "¥": "yen", "¢": "cent", "§": "section", "¶": "paragraph", "²": "squared", "³": "cubed", "µ": "micro",
    "π": "pi", "∞": "infinity", "√": "the square root of", "→": "to",
}  # fmt: skip
