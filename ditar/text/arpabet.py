"""ARPABET, the alphabet of CMU's pronouncing dictionary, as the IPA that espeak-ng writes for American English."""

from ditar.text.errors import TextError

_CONSONANTS = {
    "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j",
    "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_VOWELS = {
    "AA": "ɑː", "AE": "æ", "AH": "ʌ", "AO": "ɔː", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɜː", "EY": "eɪ", "IH": "ɪ",
    "IY": "iː", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "uː",
}  # fmt: skip
_UNSTRESSED = {"AH": "ə", "ER": "ɚ", "IY": "i"}
_MARKS = {"0": "", "1": "ˈ", "2": "ˌ", "": ""}


def to_ipa(text: str, where: str) -> str:
    """`T AH0 M AA1 T OW2` as IPA. TextError, after `where`, names what is no symbol of ARPABET."""
    return "".join(_sound(symbol, where) for symbol in text.split())


def is_arpabet(text: str) -> bool:
    """Whether a pronunciation is written so: in capitals and figures, which the IPA lacks."""
    return text.isascii() and text.upper() == text and any(c.isalpha() for c in text)


def _sound(symbol: str, where: str) -> str:
    name, stress = (symbol[:-1], symbol[-1]) if symbol[-1].isdigit() else (symbol, "")
    if name in _CONSONANTS and not stress:
        return _CONSONANTS[name]
    if name in _VOWELS and stress in _MARKS:
        return _MARKS[stress] + (_UNSTRESSED.get(name, _VOWELS[name]) if stress == "0" else _VOWELS[name])
    raise TextError(f"{where}: {symbol!r} is not of ARPABET; write symbols of CMU's dictionary, T AH0 M AA1 T OW2")
