"""Written forms are read as people read them, kind by kind."""

import pytest

from ditar.text import normalise
from tests.text.readings import readings, said, share, wrong

KINDS = list(dict.fromkeys(row.kind for row in readings()))


def ours(text):
    return normalise(text, dropped=[])


@pytest.mark.parametrize("half", [1, 2, 3, 4])
def test_at_least_97_of_100_are_right_in_each_part(half):
    assert len(readings(half)) >= 100
    assert share(ours, half) >= 0.97


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_a_kind_is_right(kind):
    rows = [row for row in readings() if row.kind == kind]
    assert [(row.written, found, row.right) for row, found in wrong(ours, rows)] == []


def test_no_form_comes_twice():
    written = [row.written for row in readings()]
    assert len(set(written)) == len(written)


def test_the_comparison_sees_what_is_wrong():
    assert said("Five metres, U.S. - eigh B!") == "five meters u s a b"
    assert said("one hundred and five") == said("One hundred five")
    ((row, found),) = wrong(lambda text: "five dollar", [readings()[0]._replace(right=("five dollars",))])
    assert found == "five dollar" and row.right == ("five dollars",)
    ((_, found),) = wrong(lambda text: 1 / 0, readings()[:1])
    assert found.startswith("!")
