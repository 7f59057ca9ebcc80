"""A text as a model reads it, from characters to ids."""

import pytest

from ditar.text import DEFAULT_SYMBOLS, Phonemiser, TextError
from ditar.text.frontend import TextFrontend, check_text
from ditar.text.vocabulary import Vocabulary, ended, keep_trained


def test_it_is_its_steps_one_after_the_other():
    text, trained = "Good morning \U0001f600", tuple(" .ɡʊdmɔːɹnɪŋ")
    frontend, dropped = TextFrontend("en-us", DEFAULT_SYMBOLS, trained), []
    read = frontend.read(text)
    symbols = ended(keep_trained(Phonemiser()(text, dropped), trained, dropped=dropped), trained)
    assert list(read.symbols) == symbols and read.symbols[-1] == "." and read.dropped == tuple(dropped) == ("\U0001f600",)
    assert frontend.ids(read.symbols) == Vocabulary().encode(symbols)
    assert frontend.finish(text, frontend.phonemise(text, [])).symbols == read.symbols


def test_a_model_that_does_not_say_what_it_heard_keeps_all_of_it():
    assert TextFrontend().keep(["q", "ʘ"]) == ["q", "ʘ"]
    with pytest.raises(TextError, match="never heard"):
        TextFrontend(trained=("a", ".")).read("Good morning.")


def test_what_says_nothing_is_found_without_reading_it():
    check_text("Good morning.", "en-us")
    for text, message in (("", "at least one word"), ("\U0001f600", "GRINNING FACE")):
        with pytest.raises(TextError, match=message):
            check_text(text, "en-us")
    with pytest.raises(TextError, match="klingon"):
        check_text("Good morning.", "klingon")


def test_a_language_that_the_model_never_heard_is_refused_and_an_accent_is_not():
    for language in ("en-us", "en-gb", "en"):
        assert TextFrontend(language, trained_languages=("en-us",)).read("Good morning.").symbols
    assert TextFrontend("de", trained_languages=("de", "en-us")).read("Guten Morgen.").symbols
    assert TextFrontend("de").read("Guten Morgen.").symbols  # it is not known what such a model heard
    with pytest.raises(TextError, match="trained on en-us and never heard 'de'; give text and language of its own"):
        TextFrontend("de", trained_languages=("en-us",)).read("Guten Morgen.")
