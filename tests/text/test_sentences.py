"""Long texts to pieces: what stays together, what is cut, and that nothing is lost."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ditar.text.sentences import PARAGRAPH_PAUSE_SECONDS, PAUSE_SECONDS, split_text

# Sentences, split at |.
TEXTS = [
    "Dr. Smith met Mrs. Jones at 3 p.m. on Main St. near the bank.| They talked, e.g. about cats, i.e. pets, etc."
    "| So it rained.",
    "The U.S. Senate met.| She moved to the U.S. in May.| He came from the U.K.| She did not.",
    "He came from the U.S.| It was late.",
    "J. R. R. Tolkien and George W. Bush never met.| So it goes.",
    "Take vitamin C.| It helps.",
    "It cost 3.14 dollars, or 1,000.50 in 1999.| Version 2.0.1 came later.| See No. 5 and Fig. 2 on p. 12.| I said no.|"
    " Then I left.",
    '"Stop!" he cried.| "Why?" she asked.| "Because I say so."| He left.',
    "“Is it?”| ‘It is.’| (It was.)| Then ... nothing.",
    "Well... I think so.| He stopped...| The rest is silence.| What?!| Yes!!",
    "Visit https://www.example.com/a.b?c=d.e or mail bob.smith@mail.org.| Then wait.",
    "Shopping:|\n- Milk.| And eggs|\n- Bread|\n1. First, open it.|\n2. Close it.|\n(a) Or not.",
    "Chapter One|\n\nIt was late,\nvery late.|\n\n\n  The end",
    "i came home.| then i slept",
    "今天很好。|我们走吧！|好。",
    "Er kam am 3. Mai um 8 Uhr.| Danach ging er z.B. nach Hause.",
    "Smith et al. Found it in the Acme Inc. Building.| We did not.",
    "He works at Acme Inc.| The firm is old.",
    "Is it 5 p.m.?| No, it is 6 a.m. Tuesday.",
    "John F. Kennedy met Samuel L. Jackson.| They left.",
    "It weighs 5 lbs. of salt.| He is 5 ft. 3 in. tall.| He came in.| 5 left.| Add 5 oz. Gouda.",
    "Wait 5 hrs.| The rest follows.",
    "24 hrs. later he came.",
    "See 5 St. John St.| The end.",
    "<p>It cost $5.</p>| <b>Then</b> he left.| <b>He</b> died.</b>",
]


@pytest.mark.parametrize("marked", TEXTS)
def test_sentences(marked):
    expected = [s.strip() for s in marked.split("|")]
    assert [p.text for p in split_text(marked.replace("|", ""))] == expected


def test_pauses_follow_the_punctuation():
    pieces = split_text('One. Two? "Three!" Four... Five\n\nSix, seven; eight', lambda t: len(t) < 14)
    pauses = [p.pause_seconds for p in pieces]
    assert [p.text for p in pieces] == ["One.", "Two?", '"Three!"', "Four...", "Five", "Six, seven;", "eight"]
    full = PAUSE_SECONDS["."]
    assert pauses == [full, full, full, PAUSE_SECONDS["…"], PARAGRAPH_PAUSE_SECONDS, PAUSE_SECONDS[";"], 0.8]


def test_the_best_mark_near_the_middle_is_where_a_long_sentence_is_cut():
    text = "He went out into the rain, and she, who had waited, stayed; nobody knew why it had to be that way at all"
    assert [p.text[-1] for p in split_text(text, lambda t: len(t) < 70)] == [";", "l"]
    assert [p.text[-1] for p in split_text(text.replace(";", ","), lambda t: len(t) < 70)] == [",", "l"]
    bare = split_text(text.replace(";", "").replace(",", ""), lambda t: len(t) < 70)
    assert len(bare) == 2 and bare[0].pause_seconds == 0


@pytest.mark.parametrize("text", ["word ", "one, two ", "x", "a. b ", " ", "\n \n", ".", "(", "-", ".).).", "...\n"])
def test_a_hundred_thousand_characters_without_a_sentence_take_seconds_at_most(text):
    text *= 100_000 // len(text)
    started = time.process_time()
    pieces = split_text(text, lambda t: len(t) <= 120)
    assert time.process_time() - started < 3
    assert all(len(p.text) <= 120 for p in pieces)
    assert "".join("".join(p.text for p in pieces).split()) == "".join(text.split())


CHARACTERS = st.sampled_from(list("aAbI1. .!?…\n\n ,;:—-\"'“”()[]*0é\u0301。你\u2028😀"))
WORDS = st.sampled_from(
    "Dr. e.g. U.S. J. Tolkien 3.14 1,000 \"No.\" \n\n1. \n- well... I i said; http://a.b/c. (yes) .".split(" ")
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CHARACTERS, max_size=80).map("".join) | st.lists(WORDS, max_size=30).map(" ".join), st.integers(1, 40))
def test_nothing_is_lost_the_order_is_kept_and_no_piece_is_too_long(text, limit):
    pieces = split_text(text, lambda t: len(t) <= limit)
    place = 0
    for piece in pieces:
        assert piece.text == piece.text.strip() and 0 < len(piece.text) <= limit and piece.pause_seconds >= 0
        found = text.index(piece.text, place)
        assert not text[place:found].strip()
        place = found + len(piece.text)
    assert not text[place:].strip()
