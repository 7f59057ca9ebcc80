"""Lists of utterances: their formats, and what is wrong with them."""

import pytest

from ditar.text.lines import ListError, read_utterances


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("u1\tHello there.\nname two\tBye.\n", None),
        ("u1\tHello there.\n\nu2\tBye,\tnow.\r\n", [("u1", "Hello there."), ("u2", "Bye,\tnow.")]),
        ("spk1-u1 Hello there.\nspk1-u2  Bye.\n", [("spk1-u1", "Hello there."), ("spk1-u2", "Bye.")]),
        ("Hello there.\n\nWell-known things.\n", [("1", "Hello there."), ("3", "Well-known things.")]),
        ("\n" * 9 + "a b\n", [("10", "a b")]),
        ("u1 Hello\nu1b\n", [("1", "u1 Hello"), ("2", "u1b")]),
    ],
)
def test_formats(text, rows):
    if rows is None:
        with pytest.raises(ListError, match="f.txt:2: 'name two' cannot be the name of a file"):
            read_utterances(text, "f.txt")
    else:
        assert read_utterances(text, "f.txt") == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n \n", "f.txt holds no text"),
        ("a\tx\nno tab\n", "f.txt:2: no tab, as line 1 has one"),
        ("a\tx\nb\t \n", "f.txt:2: 'b' has no text"),
        ("a\tx\nb\ty\na\tz\n", "f.txt:3: 'a' is on line 1, too"),
        ("../a\tx\n", "f.txt:1: '../a' cannot be the name of a file"),
        (".a\tx\n", "cannot be the name"),
        ("a" * 201 + "\tx\n", "f.txt:1: the id 'aaaaaaaaaaaaaaaaaaaa'... has more than 200 bytes"),
        ("\u8a9e" * 70 + "\tx\n", "has more than 200 bytes"),  # of three bytes each
    ],
)
def test_lists_that_cannot_be_used(text, message):
    with pytest.raises(ListError, match=message):
        read_utterances(text, "f.txt")
