"""Scripts of several speakers."""

import pytest

from ditar.text import TextError
from ditar.text.frontend import TextFrontend
from ditar.text.pieces import read_pieces
from ditar.text.script import Turn, read_script, script_warning, speakers


def test_turns_of_one_line_or_more():
    text = (
        "[anna] Good morning.\r\n\n[bob  b.]  Hi!\nIt rains.\n\n[pause:1]\n[tomato](/təmˈɑːtəʊ/) soup?\n"
        "[pause]\n[anna]\n(softly) Yes. [bob] no\n"
    )
    turns = read_script(text)
    assert turns == [
        Turn("anna", "Good morning.", 1),
        Turn("bob b.", "Hi!\nIt rains.\n\n[pause:1]\n[tomato](/təmˈɑːtəʊ/) soup?\n[pause]", 3),
        Turn("anna", "(softly) Yes. [bob] no", 9),
    ]
    assert speakers(turns) == ["anna", "bob b."]


def test_a_byte_order_mark_and_pauses_are_no_speakers():
    text = "\ufeff[anna] Good.\n[pause 0.5]\n[pause=1s]\n[ pause ]\n[pauline] Hi.\n[pause 2 x] Well."
    assert [(turn.speaker, turn.text) for turn in read_script(text)] == [
        ("anna", "Good.\n[pause 0.5]\n[pause=1s]\n[ pause ]"),
        ("pauline", "Hi."),
        ("pause 2 x", "Well."),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "play.txt holds no turn; write lines such as: \\[anna\\] Good"),
        ("\nHello.\n[a] Hi.", "play.txt:2: 'Hello.' has no speaker; begin it with \\[name\\]"),
        ("Anna: Hello.\n", "play.txt:1: 'Anna: Hello.' has no speaker; write \\[Anna\\] and what is said"),
        ("[pause:1]\n[a] Hi.", "play.txt:1: '\\[pause:1\\]' has no speaker"),
        ("[a] Hi.\n[b]\n[a] Bye.", "play.txt:2: \\[b\\] says nothing; write words after it"),
        ("[ ] Hi.", "play.txt:1: the speaker has no name"),
    ],
)
def test_lines_that_are_none_are_named_by_number(text, message):
    with pytest.raises(TextError, match=message):
        read_script(text, "play.txt")


@pytest.mark.parametrize(("text", "told"), [
    ("[heart] Hi.\n\n[michael] Ho.\n", True), ("[heart] Hi.", False), ("[heart] Hi.\nHo.", False),
    ("[pause:0.5] Hi.\n[pause:1] Ho.", False), ("[Hi](/haɪ/).\n[Ho](/hoʊ/).", False),
])  # fmt: skip
def test_a_script_that_is_read_as_a_text_is_told(text, told):
    """Its names would be spoken without a word."""
    assert bool(script_warning(text)) == told
    _, warnings = read_pieces(TextFrontend(), text, 500)
    assert [warning for warning in warnings if "looks like a script" in warning] == [script_warning(text)] * told
