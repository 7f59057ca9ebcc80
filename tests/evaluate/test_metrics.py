import pytest

from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.metrics import DESCRIPTIONS, GROUPS, METRICS, NEEDS, WORST_BY, choose_groups


def test_by_default_everything_that_has_what_it_needs():
    assert choose_groups(None, []) == ["distillmos", "outputs", "prosody"]
    assert choose_groups(None, NEEDS.values()) == [name for name in GROUPS if name != "dnsmos"]
    assert choose_groups(["dnsmos"], []) == ["dnsmos"]  # slow, so on request
    assert choose_groups(["prosody", "words"], ["TEXT"]) == ["words", "prosody"]


@pytest.mark.parametrize(
    "asked, message",
    [
        (["words"], "'words' needs TEXT"),
        (["outputs", "mcd"], "no metric is called 'mcd'; choose from words, closed_set"),
        (["utmos"], "'utmos' needs --utmos"),
        ([], "choose from words"),
    ],
)
def test_choices_that_cannot_be(asked, message):
    with pytest.raises(EvaluationError, match=message):
        choose_groups(asked, [])


def test_every_group_is_described_and_every_name_is_one_metric():
    assert DESCRIPTIONS.keys() == GROUPS.keys() and NEEDS.keys() <= GROUPS.keys()
    assert len(METRICS) == sum(map(len, GROUPS.values()))
    assert all(METRICS[name].better for name in WORST_BY)


def test_figures_of_a_row_and_how_they_are_shown():
    row = {"word_errors": 1, "words": 4, "hit": True, "similarity": 0.51234, "mcd_db": None}
    assert METRICS["wer"].counted(row) == (1.0, 4.0) and METRICS["wer"].value(row) == 0.25
    assert METRICS["closed_set"].value(row) == 1.0
    assert METRICS["wer"].pool([row, row | {"word_errors": 2, "words": 26}]) == 0.1  # pooled over words
    assert METRICS["mcd_db"].counted(row) is None is METRICS["utmos"].value(row)
    assert METRICS["wer"].show(0.25) == "25.0 %" and METRICS["similarity"].show(0.51234) == "0.512"
    figure = {"value": 6.0412, "low": 5.74, "high": 6.4}
    assert METRICS["mcd_db"].show_interval(figure) == "6.04 dB (5.74 to 6.40)"
    assert METRICS["mcd_db"].show_interval(figure | {"utterances": 9}, 9) == "6.04 dB (5.74 to 6.40)"
    assert METRICS["mcd_db"].show_interval(figure | {"utterances": 8}, 9) == "6.04 dB (5.74 to 6.40; 8 utterances)"
    alone = {"value": 6.04, "low": None, "high": None, "utterances": 1}
    assert METRICS["mcd_db"].show_interval(alone, 1) == "6.04 dB (1 utterance)"
