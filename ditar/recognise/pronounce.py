"""Pronunciations for words that a recogniser's dictionary lacks: espeak's IPA, mapped to CMUdict's 39 phones."""

from collections.abc import Iterable

from ditar.recognise.errors import RecogniserError, quote

# Longest match first. Sounds that American English lacks become its nearest phone.
_ARPA = {
    "tʃ": "CH", "dʒ": "JH", "eɪ": "EY", "aɪ": "AY", "aʊ": "AW", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "aɪə": "AY ER",
    "aɪɚ": "AY ER", "ɑːɹ": "AA R", "ɔːɹ": "AO R", "oːɹ": "AO R", "ɛɹ": "EH R", "ɪɹ": "IH R", "ʊɹ": "UH R",
    "iːɹ": "IH R", "əl": "AH L", "ɜːɹ": "ER", "ɚɹ": "ER", "ɜː": "ER", "ɝ": "ER", "ɚ": "ER", "ɑː": "AA", "ɔː": "AO",
    "oː": "OW", "iː": "IY", "uː": "UW", "i": "IY", "ɪ": "IH", "ᵻ": "IH", "ɨ": "IH", "y": "UW", "u": "UW", "ʉ": "UW",
    "ʊ": "UH", "e": "EY", "ø": "ER", "œ": "ER", "ɛ": "EH", "ɜ": "ER", "ə": "AH", "ɐ": "AH", "ʌ": "AH", "a": "AA",
    "æ": "AE", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "o": "OW", "p": "P", "b": "B", "t": "T", "d": "D", "ɾ": "T", "k": "K",
    "ɡ": "G", "g": "G", "q": "K", "c": "K", "ɟ": "G", "f": "F", "v": "V", "β": "V", "θ": "TH", "ð": "DH", "s": "S",
    "z": "Z", "ʃ": "SH", "ʒ": "ZH", "ç": "SH", "x": "K", "χ": "K", "ɣ": "G", "h": "HH", "ɦ": "HH", "m": "M", "n": "N",
    "ŋ": "NG", "ɲ": "N Y", "ɴ": "NG", "l": "L", "ɬ": "L", "ʎ": "L", "ɫ": "L", "r": "R", "ɹ": "R", "ʁ": "R", "ʀ": "R",
    "j": "Y", "ɥ": "Y", "w": "W", "ʍ": "W",
}  # fmt: skip
_LONGEST = max(map(len, _ARPA))
_SYLLABIC = "\u0329"


def arpa_from_ipa(ipa: str) -> list[str]:
    """CMUdict phones of an IPA string; stress, length and marks without an English phone are dropped."""
    phones: list[str] = []
    at = 0
    while at < len(ipa):
        if ipa[at] == _SYLLABIC and phones:  # n̩ is spelt AH N
            phones.insert(len(phones) - 1, "AH")
        for length in range(min(_LONGEST, len(ipa) - at), 0, -1):
            if ipa[at : at + length] in _ARPA:
                phones += _ARPA[ipa[at : at + length]].split()
                break
        else:
            length = 1
        at += length
    return phones


def pronounce(words: Iterable[str]) -> dict[str, str]:
    """CMUdict pronunciations, phones separated by spaces, by word. RecogniserError names words without one."""
    from ditar.text.phonemise import Phonemiser

    phonemiser = Phonemiser("en-us")
    spoken = {word: " ".join(arpa_from_ipa("".join(s for group in phonemiser.words(word) for s in group)))
              for word in words}
    mute = sorted(word for word, phones in spoken.items() if not phones)
    if mute:
        raise RecogniserError(f"no pronunciation for {quote(mute)} in the closed set; rewrite these words")
    return spoken
