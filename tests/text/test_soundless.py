"""Letters that espeak has no sound for."""

import unicodedata

import pytest

from ditar.text import Phonemiser, TextError
from ditar.text.soundless import SoundlessLetters


def said(text, language="en-us", dropped=None):
    return "".join(Phonemiser(language)(text, dropped))


def test_stacked_accents_are_read_as_the_letter_beneath():
    assert said("Nguyễn Thiệu, phở, Đặng") == said("Nguyen Thieu, pho, Dang")
    assert said("ḁ Ⱥbc") == said("a Abc")


def test_accents_that_espeak_reads_stay():
    assert said("naïve café") == "naɪˈiːv kæfˈeɪ"
    assert said("Nguyễn", "vi") != said("Nguyen", "vi")


def test_a_letter_without_sound_and_base_is_named():
    dropped = []
    assert said("so ᴟ it goes", dropped=dropped) == said("so it goes")
    assert dropped == ["ᴟ"]
    with pytest.raises(TextError, match="SIDEWAYS"):
        said("so ᴟ it goes")


def test_no_latin_letter_is_read_as_letter_and_a_code_or_lost_unseen():
    phonemise = Phonemiser("en-us")
    letters = [chr(i) for i in range(0xC0, 0x1F000) if unicodedata.name(chr(i), "").startswith("LATIN")]
    assert len(letters) > 1000
    for first in range(0, len(letters), 50):
        dropped = []
        written = " ".join(letters[first : first + 50])
        assert "lˌɛɾɚ" not in "".join(phonemise("Hi " + written, dropped))
        assert set(dropped) <= {*letters, "ʾ"}  # which is a part of ẚ


def test_each_letter_is_asked_for_once_and_ascii_never():
    asked = []

    def read(text):
        asked.append(text)
        return {"\u1d00": "letter12", "\u2c65": "letter34", "ế": "letter56", "é": "e"}.get(text, "")

    letters = SoundlessLetters(read)
    assert letters.replace("abc") == ("abc", []) and not asked
    assert letters.replace("ếé ế\ua751ˈ") == ("eé e", ["\ua751"]) or letters.replace("ếé") == ("eé", [])
    count = len(asked)
    letters.replace("ếé ế")
    assert len(asked) == count
