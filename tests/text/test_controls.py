"""Pauses, pronunciations and SSML inside a text."""

import pytest

from ditar.text import Phonemiser, TextError
from ditar.text.controls import cut, only_pause, passages, plain_text
from ditar.text.frontend import TextFrontend
from ditar.text.pronunciation import written
from ditar.text.sentences import PAUSE_SECONDS, split_whole


def read(text, language="en-us"):
    """(text, silence after it, whether it was asked for) of every piece, and the silence before the first."""
    pieces = cut(passages(text, language))
    return [(written(p.text), p.pause_seconds, p.asked) for p in pieces], pieces[0].lead_seconds


def symbols(text, language="en-us"):
    return "".join(Phonemiser(language)(passages(text, language)[0].text))


@pytest.mark.parametrize(
    ("text", "pieces", "lead"),
    [
        ("Good. Day", [("Good.", 0.45, False), ("Day", 0.8, False)], None),
        ("Good [pause:0.25] day.", [("Good", 0.25, True), ("day.", 0.8, False)], None),
        ("Good. [Pause: 500ms] Day.[pause:1s]", [("Good.", 0.5, True), ("Day.", 1.0, True)], None),
        ("[pause:1] Good.[pause:2] [pause:0.5]", [("Good.", 2.5, True)], 1.0),
        ("Good [pause] day. [pause]", [("Good", 0.45, False), ("day.", 0.8, False)], None),
        ("Good.[pause:0]Day.", [("Good.", 0.0, True), ("Day.", 0.8, False)], None),
        ("Good. [pause:1]. Day.", [("Good.", 1.0, True), ("Day.", 0.8, False)], None),
        ("Good day. [pause:1] </b>", [("Good day.  </b>", 1.0, True)], None),
        ("Good [pause 0.5] day. [pause=500ms] So [pause = 1 s] on.",
         [("Good", 0.5, True), ("day.", 0.5, True), ("So", 1.0, True), ("on.", 0.8, False)], None),
        ("A [pause 2 minutes], [pause for me]", [("A [pause 2 minutes], [pause for me]", 0.8, False)], None),
        ("[note] a [pausing] man", [("[note] a [pausing] man", 0.8, False)], None),
    ],
)
def test_a_pause_stands_where_it_was_asked_for(text, pieces, lead):
    found, before = read(text)
    assert [(" ".join(t.split()), *rest) for t, *rest in found] == [(" ".join(t.split()), *rest) for t, *rest in pieces]
    assert before == lead


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<speak>Good <break time='250ms'/> day.</speak>", [("Good", 0.25), ("day.", 0.8)]),
        ('Good<break strength="weak"/>day <break/> all', [("Good", 0.3), ("day", 0.45), ("all", 0.8)]),
        ("<p>One.</p><p><s>two</s><s>three</s></p>", [("One.", 0.8), ("two", 0.45), ("three", 0.8)]),
        ('The <sub alias="World &amp; Co">W</sub> H<sub>2</sub>O', [("The World & Co H<sub>2</sub>O", 0.8)]),
        ('<say-as interpret-as="characters">aB1</say-as>', [("eigh B one", 0.8)]),
        (
            'Row<say-as interpret-as="digits">42</say-as><say-as interpret-as="cardinal">42</say-as>b',
            [("Row four two forty two b", 0.8)],
        ),
        ('<say-as interpret-as="cardinal">4</say-as><emphasis>km</emphasis>', [("four <emphasis>km</emphasis>", 0.8)]),
        ('<say-as interpret-as="characters">A.B-C</say-as>', [("eigh dot B dash C", 0.8)]),
        (
            '<say-as interpret-as="characters">a, (b)!</say-as> Go.',
            [("eigh comma open parenthesis B close parenthesis exclamation mark Go.", 0.8)],
        ),
        ('<say-as interpret-as="date" format="dmy">1/2/2020</say-as>', [("2020-02-01", 0.8)]),
        ('<say-as interpret-as="date" format="mdy">01/02/20</say-as>', [("2020-01-02", 0.8)]),
        ('<say-as interpret-as="date" format="dd.mm.yyyy">1.2.1999</say-as>', [("1999-02-01", 0.8)]),
        ('<say-as interpret-as="date" format="mdy">31/12/2020</say-as>', [("31/12/2020", 0.8)]),
        ('<say-as interpret-as="date" format="my">02/2020</say-as>', [("02/2020", 0.8)]),
        ("<say-as interpret-as='date'>01/02/2020</say-as>", [("01/02/2020", 0.8)]),
        ("<say-as interpret-as='telephone'>55-12</say-as>", [("five five, one two", 0.8)]),
        ('<say-as interpret-as="ordinal">3</say-as>', [("third", 0.8)]),
        ('<say-as interpret-as="cardinal">1984</say-as>', [("one thousand nine hundred eighty four", 0.8)]),
        ('<say-as interpret-as="date" format="ymd">2020-01-02</say-as>', [("2020-01-02", 0.8)]),
        ('a <phoneme alphabet="ipa" ph="pɪˈkɑːn">pecan</phoneme>', [("a [pecan](/pɪkˈɑːn/)", 0.8)]),
        ('<phoneme alphabet="cmu-arpabet" ph="P AH0 K AA1 N">pecan</phoneme>', [("[pecan](/pəkˈɑːn/)", 0.8)]),
        ("<!-- <break time='1s'/> -->Hi", [("<!-- <break time='1s'/> -->Hi", 0.8)]),
    ],
)
def test_ssml(text, pieces):
    assert [(t.replace("&amp;", "&"), s) for t, s, _ in read(text)[0]] == pieces


@pytest.mark.parametrize(
    ("language", "spelt", "date"),
    [
        ("fr-fr", "A point b virgule tiret C i grec", "2020-02-01"),
        ("fr", "A point b virgule tiret C i grec", "2020-02-01"),
        ("de", "A . b , - C y", "1.2.2020"),
    ],
)
def test_say_as_in_other_languages(language, spelt, date):
    tag = '<say-as interpret-as="characters">A.b,-Cy</say-as>'
    assert passages(tag, language)[0].text == spelt
    tag = '<say-as interpret-as="date" format="dmy">1.2.2020</say-as>'
    assert passages(tag, language)[0].text == date


def test_other_tags_are_named_and_not_spoken():
    (text,), dropped = passages('<prosody pitch="low">Hi</prosody> <say-as interpret-as="x">5</say-as>'), []
    assert "".join(Phonemiser()(text.text, dropped)) == "hˈaɪ fˈaɪv"
    assert dropped == ['<prosody pitch="low">', "</prosody>", '<say-as interpret-as="x">', "</say-as>"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ('Good. <prosody rate="80%">Slow. Too.</prosody> Done.',
         [("Good.", 0.45, 1), ("Slow.", 0.45, 0.8), ("Too.", 0.45, 0.8), ("Done.", 0.8, 1)]),
        ('I say <prosody rate="x-slow">this</prosody>. Then <prosody rate="1.2">that</prosody>, too.',
         [("I say", 0, 1), ("this.", 0.45, 0.5), ("Then", 0, 1), ("that,", 0.15, 1.2), ("too.", 0.8, 1)]),
        ('<speak><p>One.</p><p><prosody rate="slow"><s>Two.</s></prosody></p><p>Three.</p></speak>',
         [("One.", 0.8, 1), ("Two.", 0.8, 0.75), ("Three.", 0.8, 1)]),
        ("<prosody rate='fast'>A. <prosody rate='+10%'>B.</prosody> C.</prosody>",
         [("A.", 0.45, 1.3), ("B.", 0.45, 1.43), ("C.", 0.8, 1.3)]),
        ('<prosody rate="medium">Ah. Oh.</prosody> Eh.', [("Ah.", 0.45, 1), ("Oh.", 0.45, 1), ("Eh.", 0.8, 1)]),
        ('A. <prosody rate="slow">B.</prosody> [pause:2] C', [("A.", 0.45, 1), ("B.", 2, 0.75), ("C", 0.8, 1)]),
        ('A. <prosody rate="slow">b</prosody> [pause] C', [("A.", 0.45, 1), ("b", 0.45, 0.75), ("C", 0.8, 1)]),
        ('<prosody rate="slow" pitch="high">A.</prosody>', [('<prosody pitch="high">A.</prosody>', 0.8, 0.75)]),
        ('<prosody rate="slow">Ah. Oh', [("Ah.", 0.45, 0.75), ("Oh", 0.8, 0.75)]),
        ('A </prosody> <!-- <prosody rate="9"> -->', [('A </prosody> <!-- <prosody rate="9"> -->', 0.8, 1)]),
    ],
)  # fmt: skip
def test_a_rate_is_that_of_its_passage(text, pieces):
    found = cut(passages(text))
    assert [(" ".join(p.text.split()), p.pause_seconds, p.rate) for p in found] == pieces


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<prosody rate="300%">A</prosody>', 'rate="300%"> asks for the rate 3, and from 0.5 to 2 is possible'),
        ('<prosody rate="slow">A <prosody rate="0.5">B', "inside another of 0.75, asks for the rate 0.375"),
        ('<prosody rate="quick">A</prosody>', "the rate 'quick' is none of x-slow, slow"),
        ('<prosody rate="+1">A</prosody>', r"the rate '\+1' is none of"),
    ],
)
def test_a_rate_that_cannot_be_is_quoted(text, message):
    with pytest.raises(TextError, match=message):
        passages(text)


def test_a_pronounced_word_is_said_as_given_and_its_neighbours_as_always():
    plain, given = symbols("I ate a potato, the apple."), symbols("I ate a [tomato](/təˈmɑːtəʊ/), the [apple](/ˈæpl̩/).")
    assert given == plain.replace("pətˈeɪɾoʊ", "təmˈɑːtəʊ").replace("ˈæpəl", "ˈæpl\u0329")
    assert symbols("[Nguyen](/ŋwɪən/)'s [GIF](/dʒɪf/)'s [kiss](/kɪs/)’s") == "ŋwɪənz dʒɪfs kɪsᵻz"
    assert symbols("[x](/t͡ʃ'a:.g/)") == "tʃˈaːɡ" and symbols("[r](/ra/)") == "ɹa" and symbols("[r](/ra/)", "de") == "ra"
    assert symbols("un[x](/ɪks/)able I[V](/viː/)") == "ˈʌn ɪks ˈeɪbəl aɪ viː"
    assert symbols("Dr. [Who](/huː/) paid $5") == "dˈɑːktɚ huː pˈeɪd fˈaɪv dˈɑːlɚz"


def test_what_is_written_reads_the_same_again():
    text = "A [tomato](/təmˈɑːtəʊ/) [pause:0.5] and ç [Façade](/fəsˈɑːd/)."
    (first, *_), _ = read(text)
    assert first[0] == "A [tomato](/təmˈɑːtəʊ/)"
    assert TextFrontend().read(first[0]).symbols == TextFrontend().read("A [tomato](/təˈmɑːtəʊ/)").symbols


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hi [pause:soon]", r"\[pause:soon\]: 'soon' is no length.*from 0 to 60.*\[pause:0.5\]"),
        ("Hi [pause:]", "'' is no length"),
        ("Hi [pause=soon]", "'soon' is no length"),
        ("Hi [pause 61]", "61 s is too long"),
        ("Hi [pause:-1]", "'-1' is no length"),
        ("Hi [pause:61]", "61 s is too long; at most 60 s"),
        ("Hi [pause:40][pause:40]", "80 s is too long"),
        ("[pause:1][pause:2]", r"the text '\[pause:1\]\[pause:2\]' has nothing to say but pauses"),
        ("[x](/Q!/)", r"\[x\]\(/Q!/\): 'Q' \(U\+0051.*'!'.*not of the IPA"),
        ("[x](/ˈ/)", "has no sound"),
        ("[x](//)", "has no sound"),
        (f"[x](/{'a' * 101}/)", "101 symbols, at most 100"),
        ("<phoneme ph='a'>x", "<phoneme ph='a'> has no end"),
        ("<phoneme>x</phoneme>", "<phoneme> does not say how"),
        ("<phoneme alphabet='x-sampa' ph='a'>x</phoneme>", "'x-sampa' is not read"),
        ("<phoneme alphabet='cmu-arpabet' ph='AA1 Q'>x</phoneme>", "'Q' is not of ARPABET"),
        ("<break time='long'/> x", "'long' is no time"),
        ("<break strength='huge'/> x", "'huge' is none of none, x-weak"),
        ("<say-as interpret-as='date'>x <b>y</b></say-as>", "has no end"),
    ],
)
def test_what_cannot_be_read_is_quoted_with_the_remedy(text, message):
    with pytest.raises(TextError, match=message):
        passages(text)


def test_sounds_that_the_model_never_learnt_are_named():
    frontend = TextFrontend("en-us", trained=tuple("hˈaɪ. "))
    with pytest.raises(TextError, match=r"\[Bach\]\(/bax/\): the model never learnt 'b'.*'x'.*it knows the sounds a h"):
        frontend.read("Hi [Bach](/bax/).")
    with pytest.raises(TextError, match="asks for a pause.*call the pipeline"):
        frontend.read("Hi. [pause:1] Hi.")
    with pytest.raises(TextError, match="asks for a rate.*call the pipeline"):
        TextFrontend("en-us").read('<prosody rate="slow">Hi.</prosody>')


def test_private_characters_of_a_user_are_no_pronunciation():
    dropped = []
    assert "".join(Phonemiser()(passages("Hi <b> \U000f0061")[0].text, dropped)) == "hˈaɪ"
    assert dropped == ["<b>", "\ue000"]


def test_the_words_that_a_listener_should_hear():
    assert plain_text("A [tomato](/təˈmɑːtəʊ/)'s [pause:1] end.") == "A tomato's end."
    assert plain_text('<prosody rate="slow">One</prosody> two.') == "One two."
    assert plain_text("<speak>One<break time='1s'/> [two]</speak>") == "One [two]"


def test_a_stream_waits_for_the_end_of_a_control():
    for unfinished in ("Hi. I say [x](/a. B", "Hi. I <sub alias='A. B", "Hi. I <sub alias='x'>Dr. A. B"):
        whole, _, rest = split_whole(unfinished + " and so on")
        assert whole.strip() in ("Hi.", "") and whole + rest == unfinished + " and so on"
    assert split_whole("I <sub alias='x'>A</sub> say. No")[0] == "I <sub alias='x'>A</sub> say. "


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("[pause:2]", 2.0),
        (" [pause:0.5] . [pause:250ms]\n", 0.75),
        ("<break time='1s'/>[pause]", 1.0),
        ("[pause]", PAUSE_SECONDS["."]),
        ("Hi. [pause:2]", None),
        ("...", None),
        ("", None),
    ],
)
def test_a_text_of_nothing_but_pauses(text, seconds):
    assert only_pause(text) == seconds


def test_a_pause_alone_has_the_limits_of_others():
    with pytest.raises(TextError, match="a pause of 61 s is too long"):
        only_pause("[pause:1][pause:60]")
    with pytest.raises(TextError, match="'soon' is no length of a pause"):
        only_pause("[pause:soon]")
