"""Which sounds say which words."""

import pytest

from ditar.text.frontend import TextFrontend
from ditar.text.said_words import assign
from ditar.text.vocabulary import is_letter


def said(text, language="en-us", **config):
    frontend = TextFrontend(language, **config)
    read = frontend.with_words(frontend.read(text))
    return [(word.text, "".join(read.symbols[word.first : word.end])) for word in read.words]


def labels(text, language="en-us"):
    return [label for label, _ in said(text, language)]


@pytest.mark.parametrize("text", [
    "The end of the world, as it was in a book.", "It is not a lot of it, at all!", "\"What's that?\" (he said)",
    "In a well-known town, for the first time to be in it.", "Rock 'n' roll, I/O and 100% of AC/DC.",
    "Dr. Smith's team was at 221B Baker St. & co. at 3:45 p.m. on May 3rd, 2024.", "He paid €20.50 for it.",
])  # fmt: skip
def test_every_word_is_there_as_it_is_written(text):
    assert labels(text) == text.split()


def test_words_that_espeak_joins_are_told_apart():
    found = said("of the town, it was a day")
    assert [sounds for _, sounds in found] == ["ʌv", "ðə", "tˈaʊn", "ɪt", "wʌz", "ɐ", "dˈeɪ"]


def test_what_is_said_in_many_words_is_one_as_it_is_written():
    assert said("In 1999, yes")[1] == ("1999,", "nˈaɪntiːn nˈaɪnti nˈaɪn")
    assert said("Im Jahr 1999.", "de")[2][0] == "1999."


def test_letters_are_as_they_are_written():
    """espeak reads A as the article, and so it is spelt otherwise for it; nobody wrote that."""
    assert labels("Row <say-as interpret-as='characters'>a1b</say-as> now.") == ["Row", "A", "one", "B", "now."]


def test_what_is_said_in_another_order_is_one():
    assert labels("He paid $5 million, and left.") == ["He", "paid", "$5 million,", "and", "left."]


def test_no_word_is_invented_for_what_nobody_says():
    assert labels("Hello — <b>world</b> **now**!") == ["Hello", "world", "now!"]
    frontend = TextFrontend("en-us")
    read = frontend.finish("Hi 😀 there", frontend.phonemise("Hi 😀 there", []))
    assert [word.text for word in frontend.with_words(read).words] == ["Hi", "there"]


def test_a_pronounced_word_is_as_it_is_written():
    found = said("I like [New York](/nuː jɔːk/) and [tomato](/təˈmɑːtəʊ/)'s.")
    assert found[2] == ("New York", "nuː jɔːk") and found[4] == ("tomato's.", "təmˈɑːtəʊz")


def test_marks_that_the_model_never_learnt_change_nothing():
    text = "The end of the world, as it was."
    known = tuple(TextFrontend("en-us").read(text).symbols)
    some = tuple(symbol for symbol in dict.fromkeys(("_", *known)) if symbol != ",")
    assert labels(text) == [label for label, _ in said(text, symbols=some, trained=some[1:])]


def test_every_sound_belongs_to_one_word_in_order():
    frontend = TextFrontend("en-us")
    read = frontend.with_words(frontend.read("One of the words that is to be said in the end of it all, not a lot."))
    ends = [(word.first, word.end) for word in read.words]
    assert all(a < b for a, b in ends) and all(b <= c for (_, b), (c, _) in zip(ends, ends[1:]))
    inside = {place for a, b in ends for place in range(a, b)}
    assert all(place in inside for place, symbol in enumerate(read.symbols) if is_letter(symbol))


def test_assign_is_the_cheapest_way():
    assert assign(["ab", "cd"], ["a", "b", "", "c", "d"]) == [0, 0, None, 1, 1]
    assert assign(["ab", "cd"], ["a", "b", "c", "d"]) == [0, 0, 1, 1]
    assert assign(["ab", "cd"], ["b", "", "x", "d", "d"]) == [0, None, 1, 1, 1]
    assert assign(["ab", "", "cd"], ["a", "b", "", "c"]) == [0, 0, None, 2]
