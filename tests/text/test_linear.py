"""Reading takes time in proportion to the text: twice the text must not take four times as long."""

import time

import pytest

from ditar.text import TextError, normalise
from ditar.text.controls import passages, plain_text
from ditar.text.lexicon import Lexicon
from ditar.text.sentences import split_whole

CHARACTERS = 2_000
REPEATED = [
    "1,000,000,", "1", "1.", "1,", "1-", "1/", "1:", "1 000 ", "a.", "A.", "A", "a@", "a-", "-", "(", "<", "<b ", "<b>",
    "&a",
    "*", "* a", "`", "[a](", "$", "$5-", "I ", "I, ", "II and ", "X", "St. ", "5 ft. ", "e.g. ", '5"', "H2", "²", "½",
    "①", "\n* ",
    "Jan 5 ", "+1 ", "01 234 ", "http://a", "a.b/", "5h ", "the 20s ", "5*3", "a/b ", "Elizabeth I ", "AB&", "--",
    "1_000",
    "5'", "John F. ", "12-12-", "1,5 ", "1.000.", "1,00,", "kr ", "50kr", "777s", "a 7s", "Aa 7s ", "1h30", "A/",
    "a.txt", "a.txt.",
    "1/1", "km/", "_", "a_", "a_b@", "|", "|a", "|a|\n", "\n|", "/a", "a/", "~/a", "[1]", "[a][", ".[1]", "【", "->",
    " > A", "A > ", "<3 ", ":) ", "-_", ".NET ", "A/B", "AB/", "e.e.", "a.", "1kg-", "1%-", "1.5-", "5 May-", "May-",
    "May 5-",
    "1980s-", "2023/", "1/day ", "$E", "$a$", "$5-million ", "1-800-", "2125551234", "Vol. ", "Vol. I-", "pp. xi-",
    "5'x", "5+ ", "Ps. ", "U", " ", "\n", " \n", "AM ", "DO ", "8/10 ", "1.5/", "Dr.", "<sup>", "– ", "4-in-",
    "1/2-", "[ab][1]", "HTTP/", "1.1.1a", " Dr.", ":) A ", ".\n .\n", " !=",
]  # fmt: skip


CONTROLS = [
    "[pause:0]", "[pause:0] ♜", "[pause", "[", "](/", "[a](/a/)", "[a](/a", "<p>", "<p> ", "<s></s>", "<phoneme ",
    "<!--", "<sub alias='", "<sub alias='a'>", ". ", "? ", " »", ".»", "[1]", ".[1]", "|", "|\n", "\n|", "\n|-", "\n#",
    "\n# ",
    "**", "\n**", "\n=", "=", "_", "I.", "p. ", "p. I", " ", "\n", "a@", "data", "data ", "<b ",
    "#\n", "# a\n", "\n # a", ". - ", "(est. ", "the ref. ",
    "[pause ", "[pause 1", "](a", "\u00ad", "a\u0301", "’", "data\n",
]  # fmt: skip
LEXICON = Lexicon({"data": "a", "data data": "b"})


def controlled(text):
    text = f"<p>word [pause] {text} word</p>"
    LEXICON.apply(text), split_whole(text), plain_text(text)
    passages(text)


def seconds(work, text):
    started = time.process_time()
    try:
        work(text)
    except TextError:
        pass
    return time.process_time() - started


def normalised(text):
    normalise(f"word {text} word", dropped=[])


@pytest.mark.parametrize(
    ("work", "unit"),
    [(normalised, unit) for unit in REPEATED] + [(controlled, unit) for unit in CONTROLS],
    ids=lambda of: repr(of) if isinstance(of, str) else of.__name__,
)
def test_four_times_the_text_takes_about_four_times_as_long(work, unit):
    seconds(work, f"{unit} warm")
    for _ in range(3):  # another program takes the caches now and then
        short, long = (seconds(work, unit * (size // len(unit))) for size in (CHARACTERS, 4 * CHARACTERS))
        if long < 8 * short + 0.02:  # 16 times were a square
            return
    pytest.fail(f"{short:.4f} s and {long:.4f} s")
