"""A user's pronunciations of words."""

import pytest

from ditar.text import Phonemiser, TextError
from ditar.text.controls import passages
from ditar.text.lexicon import Lexicon, as_lexicon, read_lexicon


@pytest.fixture
def lexicon(tmp_path):
    def write(text):
        (tmp_path / "lexicon.tsv").write_text(text, encoding="utf-8")
        return read_lexicon(tmp_path / "lexicon.tsv")

    return write


def test_words_get_their_pronunciations_in_ipa_or_arpabet(lexicon):
    found = lexicon("# mine\ntomato\ttəˈmɑːtəʊ\n\ndata\t/ˈdɑːtə/\r\npecan\tP AH0 K AA1 N\n;;; end\n")
    assert len(found) == 3
    given = "".join(Phonemiser()(passages(found.apply("Tomato data, a pecan's."))[0].text))
    assert given == "təmˈɑːtəʊ dˈɑːtə, ɐ pəkˈɑːnz."


@pytest.mark.parametrize(
    ("text", "applied"),
    [
        ("GIF gif Gif GIFs agif GIF's", "[GIF](/dʒɪf/) gif Gif GIFs agif [GIF](/dʒɪf/)'s"),  # with capitals: as written
        ("Data data-DATA", "[Data](/dɑːtə/) [data](/dɑːtə/)-[DATA](/dɑːtə/)"),
        ("New York, new york; New Yorker", "[New York](/nʊ jɔːk/), new york; [New](/njuː/) Yorker"),
        ("C++ and C", "[C++](/siː/) and C"),
        ("Polish polish", "[Polish](/poʊlɪʃ/) [polish](/pɑːlɪʃ/)"),
        ("see http://data.org/data me.data@data.org", "see http://data.org/data me.data@data.org"),
        ("[data](/deɪtə/) <b data='data'>data</b>", "[data](/deɪtə/) <b data='data'>[data](/dɑːtə/)</b>"),
        ("<sub alias='data'>data</sub> [pause:1]", "<sub alias='data'>data</sub> [pause:1]"),
        ("<!-- data --> [data]", "<!-- data --> [[data](/dɑːtə/)]"),
    ],
)
def test_which_words_are_meant(text, applied):
    words = {"GIF": "dʒɪf", "data": "dɑːtə", "New York": "nʊ jɔːk", "New": "njuː", "C++": "siː"}
    assert Lexicon({**words, "Polish": "poʊlɪʃ", "polish": "pɑːlɪʃ"}).apply(text) == applied


@pytest.mark.parametrize(
    ("text", "applied"),
    [
        ("o'clock o’clock O’Brien, O'Brien’s", "[o'clock](/ə/) [o’clock](/ə/) [O’Brien](/oʊ/), [O'Brien](/oʊ/)’s"),
        ("cafe\u0301 café CAFÉ, cafe\u0301s cafe", "[cafe\u0301](/kæ/) [café](/kæ/) [CAFÉ](/kæ/), cafe\u0301s cafe"),
        ("naive na\u00adive, na\u00adives", "[naive](/naɪ/) [na\u00adive](/naɪ/), na\u00adives"),
        ("New\nYork, New \t York, New\u00a0York", "[New York](/nʊ/), [New York](/nʊ/), [New York](/nʊ/)"),
        ("New\n\nYork and New, York", "New\n\nYork and New, York"),
        ("a\n\nnaive’s\u200b\n naive", "a\n\n[naive](/naɪ/)’s\u200b\n [naive](/naɪ/)"),
        ("[naive](https://naive.org) naive", "[[naive](/naɪ/)](https://naive.org) [naive](/naɪ/)"),
        ("[x](/naive/y) [x](/naɪv/) [x](naive b)", "[x](/naive/y) [x](/naɪv/) [x]([naive](/naɪ/) b)"),
    ],
)
def test_a_word_is_found_however_it_is_typed(text, applied):
    words = {"o'clock": "ə", "O’Brien": "oʊ", "cafe\u0301": "kæ", "naive": "naɪ", "New  York": "nʊ"}
    assert Lexicon(words).apply(text) == applied


def test_the_text_of_a_link_is_pronounced():
    applied = Lexicon({"tomato": "tə"}).apply("A [tomato](https://a.org/tomato) is.")
    assert "".join(Phonemiser()(passages(applied)[0].text, [])) == "ɐ tə ɪz."


def test_a_line_may_be_for_one_language(lexicon):
    found = lexicon("chat\tʃa\tfr\nchat\ttʃæt\ten\nrad\tʁaːt\tde\nchat\ttʃat\ten-gb\n")
    applied = [found.apply("chat rad", language) for language in ("fr", "en-us", "en-gb", "de")]
    assert applied == ["[chat](/ʃa/) rad", "[chat](/tʃæt/) rad", "[chat](/tʃat/) rad", "chat [rad](/ʁaːt/)"]
    assert lexicon("data\tD EY1 T AH0\n").apply("data", "de") == "data"  # ARPABET is English


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tomato", r"lexicon.tsv:2: write word<TAB>pronunciation, with tabs between them, got 'tomato'"),
        ("tomato T AH0", "with tabs between them, got 'tomato T AH0'"),
        ("tomato\t", "write word<TAB>pronunciation"),
        ("a\tb\ten\tc", r"got 'a \| b \| en \| c'"),
        ("tomato\tτ!", r"lexicon.tsv:2: 'τ' \(U\+03C4 .*'!'.* not of the IPA; write sounds such as"),
        ("tomato\tT AH0 QQ", "lexicon.tsv:2: 'QQ' is not of ARPABET"),
        ("tomato\tT AH3", "'AH3' is not of ARPABET"),
        ("tomato\ta/b", "write one pronunciation"),
        ("tomato\tˈ", "no sound"),
        ("tomato\ta\tklingon", "'klingon' is not known"),
        ("Tomate\tT AH0\tde", "is for English, and not for 'de'"),
        ("<b>\ta", "'<b>' is no word"),
        ("a\tɛ", "lexicon.tsv:2: 'a' is on line 1, too"),
    ],
)
def test_bad_lines_are_named_by_number_with_the_remedy(lexicon, line, message):
    with pytest.raises(TextError, match=message):
        lexicon(f"a\tæ\n{line}\n")


def test_all_bad_lines_are_named_at_once_but_not_thousands(lexicon):
    with pytest.raises(TextError, match=r"tsv:1: .*tsv:10: .*and 2 more lines") as error:
        lexicon("bad\n" * 12)
    assert "tsv:11" not in str(error.value)
    for text in ("", "# nothing\n"):
        with pytest.raises(TextError, match="holds no pronunciation"):
            lexicon(text)


def test_what_is_no_lexicon(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff\xff")
    with pytest.raises(TextError, match=r"not UTF-8 text \(byte 0\)"):
        as_lexicon(tmp_path / "a")
    with pytest.raises(TextError, match=r"the lexicon /.*/none does not exist; give a file of lines"):
        as_lexicon(str(tmp_path / "none"))
    with pytest.raises(TextError, match=r"the lexicon /.* cannot be read \(this is a folder, not a file\); give"):
        as_lexicon(tmp_path)
    for given, message in (([1], "must be a mapping"), ({"a": 1}, "must be strings"), ({"a": "7!"}, "'a': '!'")):
        with pytest.raises(TextError, match=message):
            as_lexicon(given)
    assert as_lexicon(None).apply("a") == "a"
