import pytest

from ditar.recognise.words import plain_words


@pytest.mark.parametrize(
    "text, plain",
    [
        ("Mr. O'Neil's well-known CATS!", "mister o'neil's well known cats"),
        ("‘Quoted’ – it’s “fine”…", "quoted it's fine"),
        ("The U.S. at 10% & more", "the us at ten percent and more"),
        ("4x4 by the 3rd", "four x four by the third"),
        ("2.5 of 1,200", "two point five of one thousand two hundred"),
        ("250 in 1984 and 2005", "two hundred fifty in nineteen eighty four and two thousand five"),
        ("🙂 …", ""),
    ],
)
def test_plain_words(text, plain):
    if any(c.isdigit() for c in text):
        pytest.importorskip("num2words", reason="num2words is not installed: digits are read one by one")
    assert plain_words(text) == plain


def test_plain_words_changes_nothing_twice():
    text = plain_words("Dr. Brown's 21 cats, at 5.30 o'clock; the 'best' of them: U.K.'s")
    assert plain_words(text) == text
