from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from ditar.evaluate import words
from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.words import (
    BARE_NORMALISER,
    NORMALISER,
    SPOKEN_NORMALISER,
    choose_normaliser,
    closed_set_hits,
    repeated_words,
    spoken_words,
    whisper_normaliser,
    word_errors,
)
from ditar.recognise.words import plain_words


def test_word_and_character_errors():
    pytest.importorskip("jiwer", reason="jiwer is not installed (pip install '.[eval]')")
    references = {"b": "One two three.", "a": "the cat sat"}
    errors = word_errors(references, {"a": "the cat", "b": "one too three four"})
    assert [(e.utt, e.words, e.word_errors) for e in errors] == [("a", 3, 1), ("b", 3, 2)]
    assert errors[0].character_errors == len(" sat")
    assert errors[0].wer == pytest.approx(1 / 3)


def test_word_errors_name_what_cannot_be_scored():
    pytest.importorskip("jiwer", reason="jiwer is not installed (pip install '.[eval]')")
    with pytest.raises(EvaluationError, match="no word.*'mute'"):
        word_errors({"mute": "...", "fine": "yes"}, {"mute": "", "fine": "yes"})
    pytest.importorskip("transformers", reason="transformers is not installed (pip install '.[eval]')")
    whisper, _ = whisper_normaliser()
    with pytest.raises(EvaluationError, match="no word.*'mute'"):  # of which it leaves a full stop
        word_errors({"mute": "...!", "fine": "yes"}, {"mute": "", "fine": "yes"}, whisper)
    with pytest.raises(EvaluationError, match="'lost'"):
        word_errors({"lost": "yes"}, {})


@pytest.mark.parametrize(
    "reference, heard, unfinished",
    [
        ("one two three four", "one two three four", False),
        ("one two three four", "one two three", False),  # a recogniser loses a word by itself
        ("one two three four", "one two", True),
        ("one two three four", "one four", False),
        ("one two three four", "one two tree for", False),
        ("one two three four", "", True),
        ("yes", "", True),
    ],
)
def test_an_end_that_was_not_heard(reference, heard, unfinished):
    (found,) = word_errors({"u": reference}, {"u": heard})
    assert found.unfinished == unfinished


@pytest.mark.parametrize(
    "reference, heard, repeated",
    [
        ("the cat sat down", "the cat sat down", ""),
        ("the cat sat down", "the cat the cat sat down", "the cat"),
        ("the cat sat down", "the cat sat down the cat sat", "the cat sat"),
        ("the cat sat down", "the the cat sat down", ""),  # recognisers stutter by themselves
        ("the cat sat down", "the cat sat sat sat down", "sat"),
        ("no no no never", "no no no never", ""),
        ("no no no never", "no no no no never", "no no no"),
        ("go on and on and on", "go on and on and on", ""),
        ("one by one they left", "one by one they left one by", ""),  # comes back once, but only two words
    ],
)
def test_words_that_come_again(reference, heard, repeated):
    assert repeated_words(reference, heard) == repeated


def test_whispers_normaliser_and_its_spelling():
    pytest.importorskip("transformers", reason="transformers is not installed (pip install '.[eval]')")
    plain, name = whisper_normaliser()
    assert plain("Um, Mr. Li's twenty-one colours!") == "mister li is 21 colours" and "no spelling table" in name
    american, named = whisper_normaliser({"colours": "colors"})
    assert american("twenty one colours") == "21 colors" and named != name and "spelling table" in named
    assert word_errors({"u": "21 colours"}, {"u": "twenty one colors"}, american)[0].word_errors == 0
    assert word_errors({"u": "21 colours"}, {"u": "twenty one colors"}, plain)[0].word_errors == 1


def test_the_normaliser_is_the_recognisers_own_unless_it_is_asked_for():
    pytest.importorskip("transformers", reason="transformers is not installed (pip install '.[eval]')")
    sphinx, whisper = (SimpleNamespace(normaliser=name, spelling=None) for name in ("plain", "whisper"))
    assert choose_normaliser(None, sphinx) == choose_normaliser("plain", whisper) == (plain_words, NORMALISER)
    normalise, name = choose_normaliser(None, whisper)
    assert normalise("Um, twenty-one!") == "21" and "Whisper English" in name
    assert choose_normaliser("whisper", sphinx)[1] == name
    own = SimpleNamespace(normaliser="whisper", spelling={"colour": "blue"})
    assert choose_normaliser(None, own)[0]("colour") == "blue"


def test_the_front_end_makes_what_is_written_and_what_is_said_the_same():
    normalise, name = choose_normaliser("spoken", SimpleNamespace(normaliser="plain", spelling=None))
    assert normalise is spoken_words and name == SPOKEN_NORMALISER != NORMALISER
    written = {"a": "It's $5/hr.", "b": "the 1990s on Main St. in the U.S.A.", "c": "105 km & <b>3rd</b>", "d": "Иван"}
    heard = {"a": "it's five dollars an hour", "b": "The nineteen nineties, on main street, in the USA",
             "c": "one hundred and five kilometres and third", "d": "иван"}  # fmt: skip
    assert [row.word_errors for row in word_errors(written, heard, normalise)] == [0, 0, 0, 0]
    assert sum(row.word_errors for row in word_errors(written, heard)) > 5
    assert word_errors({"a": "$5"}, {"a": "six dollars"}, normalise)[0].word_errors == 1


def test_other_languages_are_compared_as_they_are_said():
    ears = SimpleNamespace(normaliser="whisper", spelling=None)
    normalise, name = choose_normaliser(None, ears, "fr-fr")
    assert name == f"{SPOKEN_NORMALISER} fr-fr"
    written = {"a": "M. Roy a 91 ans, n'est-ce pas ?", "b": "Il est 14 h 30.", "c": "Иван"}
    heard = {"a": "Monsieur Roy a quatre-vingt-onze ans n'est ce pas", "b": "il est 14h30", "c": "иван"}
    assert [row.word_errors for row in word_errors(written, heard, normalise)] == [0, 0, 0]
    assert word_errors({"a": "5 €"}, {"a": "six euros"}, normalise)[0].word_errors == 1
    plain, name = choose_normaliser("plain", ears, "de")
    assert plain("Im Jahr 1999, ja!") == "im jahr 1999 ja" and name == BARE_NORMALISER
    with pytest.raises(EvaluationError, match="Whisper's normaliser is for English, and 'de' is spoken"):
        choose_normaliser("whisper", ears, "de")


def test_a_normaliser_that_is_not_there_is_named():
    with pytest.raises(EvaluationError, match="'spokn'.*plain, whisper, spoken"):
        choose_normaliser("spokn", SimpleNamespace(normaliser="plain", spelling=None))


def test_the_table_of_spellings_comes_with_a_package(monkeypatch):
    pytest.importorskip("transformers", reason="transformers is not installed (pip install '.[eval]')")
    whisper = SimpleNamespace(normaliser="whisper", spelling=None)
    if find_spec("whisper_normalizer") is not None:
        normalise, name = choose_normaliser(None, whisper)
        assert normalise("My neighbour's grey colours") == normalise("my neighbor's gray colors")
        assert "spelling table " in name and "no spelling" not in name
    monkeypatch.setattr(words, "find_spec", lambda name: None)
    assert "no spelling table" in choose_normaliser(None, whisper)[1]


def test_closed_set_hits_compare_plain_words():
    hits = closed_set_hits({"a": "It's 5 o'clock.", "b": "No."}, {"a": "it's five o'clock", "b": ""})
    assert hits == {"a": True, "b": False}
