"""Progress of books and lists: true after every batch, by what this run has made, and a line now and then in a log."""

import io
import sys

import pytest

from ditar.cli import printing
from ditar.cli.printing import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that the tests set, for lines and for tqdm's bars."""
    now = [1000.0]
    monkeypatch.setattr(printing.time, "monotonic", lambda: now[0])
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def speak_a_book(clock):
    """1000 characters: 200 were there, 400 came in a batch that took 80 s."""
    with Progress(1000) as progress:
        progress(200, False)
        clock[0] += 80
        progress(400, True)


def test_a_bar_shows_all_of_a_batch_and_the_time_by_what_was_made(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    speak_a_book(clock)
    last = sys.stderr.getvalue().rstrip().split("\r")[-1]
    assert "60%" in last and "600/1000" in last and "01:20<01:20" in last  # 400 took 80 s, and 400 are left


def test_a_log_has_a_line_now_and_then(clock, capsys):
    speak_a_book(clock)
    said = capsys.readouterr().err
    assert said == "ditar: 60 % of 1000 characters are spoken, about 01:20 are left\n"
    with Progress(1000) as progress:
        for _ in range(10):
            clock[0] += 20
            progress(100, True)
    assert capsys.readouterr().err.count("\n") == 5 and "\r" not in said


@pytest.mark.parametrize("terminal", [True, False])
def test_of_a_single_sentence_nothing_is_shown(clock, monkeypatch, terminal):
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    with Progress(None) as progress:
        clock[0] += 100
        progress(100, True)
    assert sys.stderr.getvalue() == ""
