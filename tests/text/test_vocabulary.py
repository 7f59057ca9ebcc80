import pytest

from ditar.text import DEFAULT_SYMBOLS, TextError, Vocabulary
from ditar.text.vocabulary import ended, keep_trained


def test_round_trip_and_padding():
    vocabulary = Vocabulary()
    symbols = list("həlˈoʊ, ðˈɛɹ!")
    ids = vocabulary.encode(symbols)
    assert min(ids) > 0 and max(ids) < len(vocabulary)
    assert vocabulary.decode([*ids, 0, 0]) == symbols


def test_symbols_are_ids_in_order_and_single():
    assert len(set(DEFAULT_SYMBOLS)) == len(DEFAULT_SYMBOLS) == len(Vocabulary())
    assert all(len(symbol) == 1 for symbol in DEFAULT_SYMBOLS)
    assert Vocabulary().encode([DEFAULT_SYMBOLS[7]]) == [7]
    assert Vocabulary(()).symbols == DEFAULT_SYMBOLS


def test_padding_is_no_symbol():
    assert DEFAULT_SYMBOLS[0] not in Vocabulary()
    with pytest.raises(TextError):
        Vocabulary().encode([DEFAULT_SYMBOLS[0]])


def test_unknown_symbols_are_named():
    with pytest.raises(TextError, match="SNOWMAN"):
        Vocabulary().encode(["a", "☃"])
    with pytest.raises(ValueError, match="999999"):
        Vocabulary().decode([999_999])


def test_each_symbol_once():
    with pytest.raises(ValueError, match="b"):
        Vocabulary(["_", "a", "b", "b"])


def test_of_what_a_model_never_heard_marks_are_left_out_and_sounds_are_named():
    assert keep_trained("a—b", ("a", "b")) == ["a", "b"]
    assert keep_trained("ˈaː.", ("a", "ˈ", ".")) == ["ˈ", "a", "."]
    assert keep_trained("aø—", ()) == ["a", "ø", "—"]  # not known what it heard
    with pytest.raises(TextError, match="never heard.*ø"):
        keep_trained("aø", ("a",))


def test_few_sounds_that_a_model_never_heard_may_be_left_out():
    trained, dropped = list("abcdefghij "), []
    assert "".join(keep_trained("abcde fghijæ", trained, dropped=dropped)) == "abcde fghij"
    assert dropped == ["æ"]
    with pytest.raises(TextError, match="never heard"):
        keep_trained("aæ", trained, dropped=[])


@pytest.mark.parametrize(
    ("symbols", "found"),
    [
        ("a", "a."),
        ("a.", "a."),
        ("a,", "a."),
        ("a, ", "a."),
        ('a."', 'a."'),
        ('a"', 'a."'),
        ("a?!", "a?!"),
        ("a. b", "a. b."),
        ("ɛl#", "ɛl#."),  # a sound of Icelandic, which Unicode calls punctuation
    ],
)
def test_a_sentence_has_an_end(symbols, found):
    assert "".join(ended(symbols, ())) == found
    assert "".join(ended(symbols, "abɛl#")) == symbols, "a model that never heard a full stop"
