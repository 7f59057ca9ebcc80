import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ditar.text import TextError, normalise

SPOKEN = [
    ("It cost $3.50, not £20 or €5m.",
     "It cost three dollars and fifty cents, not twenty pounds or five million euros."),
    ("$1, $0.99 and 5¢", "one dollar, ninety nine cents and five cents"),
    ("The 1st, 2nd and 23rd of 1,234,567.", "The first, second and twenty third of one million two hundred thirty four "
     "thousand five hundred sixty seven."),
    ("In 1984 and 2008, 50% of 3.14.",
     "In nineteen eighty four and two thousand eight, fifty percent of three point one four."),
    ("1905, 2019", "nineteen oh five, twenty nineteen"),
    ("On May 3, 2024 at 9:30 pm.", "On May third, twenty twenty four at nine thirty P M."),
    ("2024-05-03", "May third, twenty twenty four"),
    ("3 March 1999", "the third of March, nineteen ninety nine"),
    ("14:05 and 10:00", "fourteen oh five and ten o'clock"),
    ("the 1990s and the '80s", "the nineteen nineties and the eighties"),
    ("10-20 people; 1914-1918", "ten to twenty people; nineteen fourteen to nineteen eighteen"),
    ("-5 degrees, 20°C, 10 km/h, 5kg",
     "minus five degrees, twenty degrees Celsius, ten kilometres per hour, five kilograms"),
    ("2 1/2 cups and 1/4 more", "two and a half cups and one quarter more"),
    ("Call 555-1234.", "Call five five five, one two three four."),
    ("Version 2.0.1", "Version two point zero point one"),
    ("007", "zero zero seven"),
    ("Dr. Smith lives at 42 Main St. near St. Mary's church.",
     "Doctor Smith lives at forty two Main Street near Saint Mary's church."),
    ("Mr. and Mrs. Jones, e.g. on Fri., Jan. 5th, etc.",
     "Mister and Missus Jones, for example, on Friday, January fifth, et cetera."),
    ("No. 5 is #1", "number five is number one"),
    ("Chapter IV, Henry VIII", "Chapter four, Henry the eighth"),
    ("Visit https://www.example.com/a-b or mail bob.smith@mail.org.",
     "Visit W W W dot example dot com slash a dash b or mail bob dot smith at mail dot org."),
    ("HELLO WORLD THIS IS LOUD", "hello world this is loud"),
    ("The FBI and NASA met in the U.S.A.", "The F B I and Nasa met in the U S eigh."),
    ("WHO said IT?", "who said it?"),
    ("He left the US for IT work, OK?", "He left the U S for I T work, okay?"),
    ("He is at 6'2\", J. K. Rowling -- from 9am-5pm",
     "He is at six foot two, J K Rowling — from nine eigh M to five P M"),
    ("A & B = C + D", "eigh and B equals C plus D"),
    ("10^-3 m, 2^-x, x=-5 (-5)",
     "ten to the power of minus three metres, two to the power of minus x, x equals minus five (minus five)"),
    ("5-10, Boeing-747 and 555-1234",
     "five to ten, Boeing-seven hundred forty seven and five five five, one two three four"),
    ("Vitamin A is good, Plan A failed, go from A to B.",
     "Vitamin eigh is good, Plan eigh failed, go from eigh to B."),
    ("An A student of the A string in A minor", "An eigh student of the eigh string in eigh minor"),
    ("He saw A Tale of Two Cities.", "He saw A Tale of Two Cities."),
    ('A dog ran. "A dog?" I never saw\nA poem.', 'A dog ran. "A dog?" I never saw A poem.'),
    ("A to-do list, a minor A for-profit", "A to-do list, a minor A for-profit"),
    ("THIS IS A TEST", "this is A test"),
    ("A. B. Smith", "eigh B Smith"),
    ("\u201cIt\u2019s fine\u201d \u2014 really\u2026", '"It\'s fine" \u2014 really...'),
    ("well-known\u200b and/or  new", "well-known and or new"),
    ("Stop[1] {now}", "Stop(one) (now)"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "spoken"), SPOKEN, ids=lambda text: text[:24])
def test_spells_out(written, spoken):
    assert normalise(written) == spoken


def test_british_dates_have_the_day_first():
    assert normalise("5/3/2024", "en-gb") == "March fifth, twenty twenty four"
    assert normalise("5/3/2024", "en-us") == "May third, twenty twenty four"


def test_other_languages_keep_their_numbers_for_espeak():
    assert normalise("Es kostet 25 %.", "de") == "Es kostet 25 %."


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("😀", "GRINNING FACE"),
        ("...!?", "FULL STOP"),
        ("I ♜ you", "BLACK CHESS ROOK"),
        ("你好", "U\\+4F60"),
        ("hi 😀 there", "U\\+1F600"),
        ("bell\x07", "U\\+0007"),
    ],
)
def test_what_cannot_be_spoken_is_named(text, named):
    with pytest.raises(TextError, match=named):
        normalise(text)


def test_only_strings():
    with pytest.raises(TextError, match="NoneType"):
        normalise(None)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=40))
def test_leaves_nothing_that_is_not_words(text):
    try:
        spoken = normalise(text)
    except TextError as error:
        assert str(error)
        return
    assert not re.search(r"[\d$%&+=@#*/\\<>|^~\[\]{}_]", re.sub("[¹²³¼½¾ªº]", "", spoken)), spoken


@settings(max_examples=60, deadline=None)
@given(st.from_regex(r"([$£]?[0-9]{1,7}([.,:/-][0-9]{1,4}){0,2}(st|th|%|km|s|am|:00)? ?){1,4}", fullmatch=True))
def test_any_number_becomes_words(text):
    assert not re.search(r"\d", normalise(text))


def test_what_cannot_be_spoken_is_left_out_and_listed_where_that_is_asked_for():
    dropped = []
    assert normalise("Hi \U0001f600 there, ♜ Иван!", dropped=dropped) == "Hi there,!"
    assert dropped == ["\U0001f600", "♜", *"Иван"]
    for text in ("\U0001f600\U0001f680", "Привет, Ann!"):
        with pytest.raises(TextError):
            normalise(text, dropped=[])
