"""The writing systems of each language: letters of others would be spelt out as 'Chinese letter'."""

import unicodedata

from ditar.text.errors import TextError, name_characters

# First word of the Unicode name of a letter. Languages that are not listed are written in Latin letters.
_SYSTEMS = {
    "am": "ETHIOPIC", "ti": "ETHIOPIC", "ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "sd": "ARABIC", "ug": "ARABIC",
    "ps": "ARABIC", "ku": "LATIN ARABIC", "as": "BENGALI", "bn": "BENGALI", "bpy": "BENGALI", "az": "LATIN CYRILLIC",
    "ba": "CYRILLIC", "be": "CYRILLIC", "bg": "CYRILLIC", "cv": "CYRILLIC", "kk": "CYRILLIC", "ky": "CYRILLIC",
    "mk": "CYRILLIC", "mn": "CYRILLIC", "ru": "CYRILLIC", "sr": "CYRILLIC", "bs": "CYRILLIC", "tt": "CYRILLIC",
    "uk": "CYRILLIC", "uz": "CYRILLIC", "tk": "CYRILLIC", "nog": "CYRILLIC", "crh": "CYRILLIC", "ltg": "CYRILLIC",
    "el": "GREEK", "grc": "GREEK", "gu": "GUJARATI", "he": "HEBREW", "hi": "DEVANAGARI", "mr": "DEVANAGARI",
    "ne": "DEVANAGARI", "kok": "DEVANAGARI", "hy": "ARMENIAN", "hyw": "ARMENIAN", "ja": "CJK HIRAGANA KATAKANA",
    "cmn": "CJK BOPOMOFO", "yue": "CJK", "hak": "CJK", "ka": "GEORGIAN", "kn": "KANNADA", "ko": "HANGUL CJK",
    "ml": "MALAYALAM", "my": "MYANMAR", "or": "ORIYA", "pa": "GURMUKHI", "si": "SINHALA", "ta": "TAMIL", "te": "TELUGU",
    "th": "THAI", "shn": "MYANMAR", "chr": "CHEROKEE", "haw": "", "jbo": "", "lo": "LAO", "vi": "",
}  # fmt: skip
_ANYWHERE = {
    "LATIN",
    "MODIFIER",
    "FEMININE",
    "MASCULINE",
    "COMBINING",
    "FULLWIDTH",
    "DIGIT",
    "MICRO",
    "SUPERSCRIPT",
    "VULGAR",
}


def foreign_letters(text: str, language: str, refuse: bool = True) -> list[str]:
    """The letters of `text` that `language` is not written with. TextError names them: if there are any, or with
    `refuse` False, if they are more than half of the letters."""
    systems = set(_SYSTEMS.get(language.split("-")[0], "").split()) | _ANYWHERE
    foreign = [
        c
        for c in text
        if not c.isascii() and unicodedata.category(c)[0] in "LM" and unicodedata.name(c, "?").split()[0] not in systems
    ]
    if foreign and (refuse or 2 * len(foreign) > sum(c.isalpha() for c in text)):
        raise TextError(
            f"language {language!r} has no pronunciation for {name_characters(foreign)}; choose the language of the "
            "text, or write it in that language's letters"
        )
    return foreign
