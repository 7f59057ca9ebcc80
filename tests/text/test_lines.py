"""Lists of utterances: their formats, and what is wrong with them."""

import pytest

from ditar.text.lines import ListError, read_utterances


@pytest.mark.parametrize(
    ("text", "format", "rows"),
    [
        ("u1\tHello there.\n\nu2\tBye,\tnow.\r\n", "tab", [("u1", "Hello there."), ("u2", "Bye,\tnow.")]),
        ("spk1-u1 Hello there.\nspk1-u2  Bye.\n", "kaldi", [("spk1-u1", "Hello there."), ("spk1-u2", "Bye.")]),
        ("Hello there.\n\nWell-known things.\n", "text", [("1", "Hello there."), ("3", "Well-known things.")]),
        ("\n" * 9 + "a b\n", "text", [("10", "a b")]),
        ("utt1 Hello\nutt2\n", "text", [("1", "utt1 Hello"), ("2", "utt2")]),
        ("utt1 Hello\nutt1 Bye\n", "text", [("1", "utt1 Hello"), ("2", "utt1 Bye")]),
        ("utt1 Hello\nWell, hello.\n", "text", [("1", "utt1 Hello"), ("2", "Well, hello.")]),
    ],
)
def test_formats(text, format, rows):
    found = read_utterances(text, "f.txt")
    assert (found.format, found.rows) == (format, rows)
    assert {"tab": "'id<TAB>text'", "kaldi": "Kaldi's", "text": "each spoken whole to "}[format] in found.reading
    assert "--list-format" in found.reading


IDS = ["utt1", "UTT12", "utt-3", "spk_003", "spk1-utt2", "84-121123-0000", "LJ001-0001", "p225_001", "s004",
       "84_121123_000001_000000", "sentence_7"]  # fmt: skip


@pytest.mark.parametrize("utt", IDS)
def test_an_id_is_not_spoken(utt):
    assert read_utterances(f"{utt} Good morning.\n", "f").rows == [(utt, "Good morning.")]


WORDS = ["1984", "COVID-19", "covid19", "MP3", "mp4", "F16", "F-16", "A4", "B12", "G7", "3", "4x4", "chapter1",
         "Apollo11", "agent007", "1984-85", "2001-2002", "01-02-2024", "555-123-0199", "2024-01-02", "24-7",
         "Well-known", "H2O", "R2-D2", "utt", "Boeing-747", "x86", "ipv6", "Windows-95", "20,000", "no.1",
         "3.14", "-5", "--", "catch-22", "C_"]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_no_word_is_lost_on_a_guess(word):
    lines = [f"{word} was a good one.", f"{word} was a good one, too."]
    for text in (lines[:1], lines):
        assert [said for _, said in read_utterances("\n".join(text), "f").rows] == text
    assert read_utterances(lines[0], "f", "kaldi").rows == [(word, "was a good one.")]


def test_a_format_that_is_asked_for():
    assert read_utterances("1984 was good.\nx y", "f", "kaldi").rows == [("1984", "was good."), ("x", "y")]
    assert read_utterances("utt1 Hello.\na\tb", "f", "text").rows == [("1", "utt1 Hello."), ("2", "a b")]
    with pytest.raises(ListError, match="f:2: no tab; write 'id<TAB>text' on every line"):
        read_utterances("a\tb\nutt1 Hello.", "f", "tab")
    with pytest.raises(ListError, match="f:1: 'Hello.' has no text"):
        read_utterances("Hello.", "f", "kaldi")
    with pytest.raises(ListError, match="must be one of auto, tab, kaldi, text, got 'csv'"):
        read_utterances("Hello.", "f", "csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n \n", "f.txt holds no text"),
        ("u1\tHello there.\nname two\tBye.\n", "f.txt:2: 'name two' cannot be the name of a file"),
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
