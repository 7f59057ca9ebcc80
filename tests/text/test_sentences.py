"""Long texts to pieces: what stays together, what is cut, and that nothing is lost."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ditar.text import normalise
from ditar.text.english_words import BEFORE_FIGURES, BOOKS, FIRST_NAMES, IN_EITHER_CASE, TITLES, WITH_STOP
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
    "He said . . . nothing.| Then . . .| Nothing.",
    "« Oui ! » dit-il.| « Quoi ? »| Il a dit : « Viens ! ».| « Il est là. »| Elle partit.",
    '" Oui ! " dit-il.| Quoi ? !| Non ! ! "',
    "MM. Dupont et Martin, Pr. Curie et Mme. Durand, J.-J. Rousseau, etc.| Ils partent.",
    "Il y a env. 30 chats au chap. 2, éd. 3, réf. 123, av. Foch, bd. Voltaire.| En 50 av. J.-C. César vint.",
    "L'art. 5 du code.| C'est un ex. : ceci.| Voilà l'art.| Picasso peint.",
    "Live in Apt. 5B.| Pay Rs. 500.| Take Hwy. 101 to Bldg. 4, Ste. 500.| See Vol. II, Ch. IV, Vol. I, and 1 Cor. 13.",
    "See the art.| Look at the ref.| Read it.| This part is 5 pg.| No.| I did not.| Nine is no.| Ten is.",
    "I said no.| A 5-year-old came.| See Art. L. 121-1 and Art. B5.",
    "Sacramento, CA.| The sun rose.| Built ca. 1500.",
    "ask mr. jones and dr. smith.| i live in the u.s. and it is fine at 10 a.m. to talk",
    "he lives in the u.s.| it is fine.| she does not",
    "It ended.[1]| Next.[2][3]| Then it went on.[^4]| So.【1†source】| The end.",
    "Before|\n### Step 2|\nDo that.|\n# Step 3|\n\n**Bold heading**|\nText with **bold**\nwords",
    "Title\n=====|\nText = text",
    "'Really . . . ?' she said.| He paid .5 of it, . . . . .| The rest . . .| The end.",
    f"Thanks, bye.|\n{'-' * 58}\nOn Monday we met. {'-' * 58}",
    "Later, Matt.| 5 minutes later, Phil.| 20 people came.| See Matt. 5:3 and Phil. 2:3.",
    "Ask the ref.| 3 fouls were called.| Wait a sec.| V is here.| See sec. V and ref. 3.",
    "It is old (est. Edward III), est. MCMXC.| It is.",
    "Code|\n# This is a longer\n# note.| It goes\n# on.|\n#\n# And\n# on.| Then",
    "# One|\nText|\n# Two|\n## Three|\nText",
    "I saw Max.| He left.",
    "<p>It cost $5.</p>| <b>Then</b> he left.| <b>He</b> died.</b>",
]


@pytest.mark.parametrize("marked", TEXTS)
def test_sentences(marked):
    expected = [s.strip() for s in marked.split("|")]
    assert [p.text for p in split_text(marked.replace("|", ""))] == expected


def test_rows_of_a_table_and_the_line_below_a_title():
    table = "All:\n| Name | Age |\n|---|:-:|\n| Bob | 5 |\n| Ann | 6 |\nThat is\nall."
    pieces = ["All:", "| Name | Age |\n|---|:-:|", "| Bob | 5 |", "| Ann | 6 |", "That is\nall."]
    assert [p.text for p in split_text(table)] == pieces


# Forms of which no rule of the other kind says that they must be whole.
SHORT = [
    *(f"{short}. Nelson" for short in (*TITLES, *FIRST_NAMES)),
    *(f"{short.capitalize()}. 5" for short in BEFORE_FIGURES),
    *(f"{short}. 5" for short in (*BEFORE_FIGURES, *BOOKS, *WITH_STOP, *IN_EITHER_CASE)),
    *(f"{short}. Nelson" for short in (*WITH_STOP, *IN_EITHER_CASE)),
    *("Mr. Bob", "Mrs. Bob", "Ms. Bob", "Dr. Bob", "Mt. Bob", "St. Bob", "e.g. Bob", "i.e. Bob", "vs. Bob", "viz. Bob"),
]


@pytest.mark.parametrize("short", SHORT)
def test_what_is_spoken_as_a_longer_word_is_not_cut_from_its_name_or_number(short):
    assert len(split_text(f"He saw {short} there.")) == 1
    number = normalise("5")
    assert re.search(rf"saw [a-z ,]+ (?:{number}|Nelson|Bob) there", normalise(f"He saw {short} there."), re.I)


@pytest.mark.parametrize("short", sorted({*WITH_STOP, *IN_EITHER_CASE} - {"approx"}))
def test_what_is_short_may_end_a_sentence(short):
    assert len(split_text(f"He saw the {short}. The rest left.")) == 2


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


@pytest.mark.parametrize(
    "text",
    [
        *("word ", "one, two ", "x", "a. b ", " ", "\n \n", ".", "(", "-", ".).).", "...\n", ". ", "? ! ", " »", "[1]"),
        *("|", "|\n", "\n|-", "\n# ", "#", "**", "**a", "\n=", "_", "【"),
    ],
)
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
