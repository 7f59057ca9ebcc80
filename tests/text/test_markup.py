"""Markup is left out and named, never spoken."""

import pytest

from ditar.text import TextError, normalise
from ditar.text.errors import dropped_warning
from ditar.text.markup import without_markup

# What is written, what is left of it, and what was left out.
MARKED = [
    ('Wait <break time="1s"/> here.', "Wait   here.", ['<break time="1s"/>']),
    ("<b>H</b>ello<br>you", "Hello you", ["<b>", "</b>", "<br>"]),
    ("<speak><w role='x'>Hi</w></speak>", " Hi ", ["<speak>", "<w role='x'>", "</w>", "</speak>"]),
    ("<!-- a note -->Hi<?xml version='1.0'?>", " Hi ", ["<!-- a note -->", "<?xml version='1.0'?>"]),
    ("a **bold** and *soft* word", "a bold and soft word", ["**", "*"]),
    ("**one *two* three**", "one two three", ["*", "**"]),
    ("# Title\n\n* item\n> quoted", " Title\n\n item\n quoted", ["#", "*", ">"]),
    ("~~no~~ `code`", "no code", ["~~", "`"]),
    ("see [this](http://a.com/b)", "see this", ["(http://a.com/b)"]),
    ("\x1b[1;31mred\x1b[0m (1m)", "red (1m)", ["\x1b[1;31m", "\x1b[0m"]),
    ("Price*, **open", "Price, open", ["*", "**"]),
    ("| Name | Age |\n|---|:-:|\n| Bob | 5 |", "Name, Age\n\nBob, 5", ["|", "|", "|"]),
    ("- [ ] todo\n- [x] done [x]", " todo\n done [x]", ["- [ ]", "- [x]"]),
    ("Title\n=====\na = b", "Title\n\na = b", ["====="]),
    ("So.[1] Then,[2][3] so[^4] 【1†a.pdf】on", "So. Then, so on", ["[1]", "[2][3]", "[^4]", "【1†a.pdf】"]),
    ('[the docs][1], [a](https://x/a_(b)), [c](http://d.e "f")', "the docs, a, c",
     ["[1]", "(https://x/a_(b))", '(http://d.e "f")']),
    ("at <https://x.com/a>, John <john@x.com>", "at  https://x.com/a , John  john@x.com ", []),
    ("on [the list][12].", "on the list.", ["[12]"]),
    ("Hi :)\nYou :o)", "Hi .\nYou ", [":)", ":o)"]),
    ("so.\n .\n You", "so.\n You", []),
    ("$E=mc^2$ and $x$", "E=mc^2 and x", []),
    ("Hi :) there ;-). ^_^ xD", "Hi  there .  ", [":)", ";-)", "^_^", "xD"]),
    ("love you <3\n<3 it", "love you \n it", ["<3", "<3"]),
    ("x<sup>2</sup>, a<sup>b</sup>", "x², ab", ["<sup>", "</sup>"]),
    ("Tom &amp; Jerry &#38; &quot;me&quot;", 'Tom & Jerry & "me"', []),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "plain", "marks"), MARKED, ids=[m[0][:20] for m in MARKED])
def test_marks_are_left_out_and_listed(marked, plain, marks):
    assert without_markup(marked) == (plain, marks)


@pytest.mark.parametrize(
    "text",
    [
        *("a < b and c > d", "5*3*2", "2**8", "x<y", "3 < 5 > 2", "AT&T; R&D", "f(x) * g", "#1 and C#", "5 <3 or x <3"),
        *("a :b", "a[0] or f(x)[1]", "Stop[1]", "|x| or a|b|c", "$5 and $6, $5-$10", "US$5 or A$6", "$AAPL and $TSLA"),
        *("a == b", "(as follows :)x", "if x <3 then", "3 :4", "[x] or [b c]", "[A][B]"),
        *("List[int][0] or dict[key][0]", "items[name][value]", "[in][out]", "[Yes][No][Cancel]", "[Ctrl][C]"),
        *("[1, 2][0]", "[10, 20][1]", "details\n .\n You", "a .\nb"),
    ],
)
def test_arithmetic_is_no_markup(text):
    assert without_markup(text) == (text, [])


def test_a_warning_names_the_marks():
    dropped = []
    assert normalise('<b>Hi</b> ♜ <break time="1s"/> you', dropped=dropped) == "Hi you"
    warning = dropped_warning(dropped)
    assert "4 marks or characters or sounds left out" in warning
    assert "'<b>'" in warning and "BLACK CHESS ROOK" in warning and "break time" in warning


def test_markup_is_no_reason_to_refuse_a_text_unless_it_is_all_of_it():
    assert normalise("<b>Hi</b>") == "Hi"
    with pytest.raises(TextError, match="nothing to say"):
        normalise("<b></b>", dropped=[])
