"""What will be said, and how."""

import pytest

from ditar.text import Phonemiser, TextError, normalise
from ditar.text.dry_run import dry_run


def test_sentences_as_written_said_and_phonemised():
    first, second = dry_run("Dr. Li paid $5. <b>Then</b> he left ♜ it.")
    assert (first.written, first.said) == ("Dr. Li paid $5.", normalise("Dr. Li paid $5."))
    assert first.symbols == "".join(Phonemiser()("Dr. Li paid $5.")) and not first.left_out and first.pause_seconds > 0
    assert second.said == "Then he left it." and second.left_out == ("<b>", "</b>", "♜")


def test_what_cannot_be_said_is_refused_by_sentence():
    good, bad = dry_run("Hello.\n\n😀")
    assert good.said == "Hello." and not good.refused
    assert "GRINNING FACE" in bad.refused and not bad.said
    for text in ("😀", "", "  "):
        with pytest.raises(TextError):
            list(dry_run(text))
