"""Phones of known words: where they are spoken, and texts that are not what is said."""

from pathlib import Path

import numpy as np
import pytest

import ditar
from ditar.audio.read import read_audio
from ditar.recognise.aligner import Aligner, AlignmentError, unlikely  # noqa: E402
from ditar.recognise.errors import RecogniserError

VOICES = Path(ditar.__file__).parent / "assets" / "voices"
TEXT = (VOICES / "heart.txt").read_text().strip()
RATE = 16_000


@pytest.fixture(scope="module")
def aligner():
    return Aligner()


@pytest.fixture(scope="module")
def spoken():
    return read_audio(VOICES / "heart.flac", RATE)


def test_phones_lie_where_they_are_heard(aligner, spoken):
    phones = aligner.align(spoken, TEXT)
    names = [name for name, _, _ in phones if name != "pau"]
    assert " ".join(names).startswith("ih f y uw hh ae v ah m ow m ah n t") and names[-3:] == ["l", "uw", "m"]
    times = [time for _, start, end in phones for time in (start, end)]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= len(spoken) / RATE
    hissing = {"s", "sh", "ch"}
    rate_of = {}  # share of the power above 3 kHz
    for name, start, end in phones:
        cut = spoken[round(start * RATE) : round(end * RATE)]
        power = np.abs(np.fft.rfft(cut)) ** 2
        above = power[np.fft.rfftfreq(len(cut), 1 / RATE) > 3000].sum() / power.sum()
        rate_of.setdefault(name in hissing, []).append(above)
    assert min(rate_of[True]) > 0.3 > np.median(rate_of[False])


def test_other_languages_are_heard_in_the_nearest_english_phones(aligner, spoken):
    # The same sounds, as a German would write them.
    german = "If ju häf ö moment, ei kud schou ju sö gaden. Sö rousis häf dschast bigan tu blum."
    found, english = ([p for p in aligner.align(spoken, *given) if p[0] in "mklf"] for given in ((german, "de"), (TEXT,)))
    assert [name for name, _, _ in found if name != "f"] == [name for name, _, _ in english if name != "f"]
    starts = [[start for name, start, _ in phones if name != "f"] for phones in (found, english)]
    assert np.abs(np.subtract(*starts)).max() < 0.05


def test_what_was_heard_before_hardly_matters(aligner, spoken):
    first = aligner.align(spoken, TEXT)
    with pytest.raises(AlignmentError):
        aligner.align(spoken[:8000], "Something else, and much longer than what is there to be heard.")
    again = aligner.align(spoken, TEXT)
    assert [name for name, _, _ in again] == [name for name, _, _ in first]
    assert max(abs(a[2] - b[2]) for a, b in zip(first, again)) < 0.05


def test_silence_around_moves_the_times(aligner, spoken):
    moved = aligner.align(np.concatenate([np.zeros(RATE // 2), spoken, np.zeros(RATE // 2)]), TEXT)
    starts = [[start for name, start, _ in phones if name != "pau"] for phones in (aligner.align(spoken, TEXT), moved)]
    assert np.abs(np.subtract(*starts) + 0.5).max() < 0.06


def test_another_text_is_refused(aligner, spoken):
    with pytest.raises(AlignmentError):
        aligner.align(spoken, "Nobody had ever seen such an enormous elephant before that afternoon.")
    with pytest.raises(AlignmentError, match="no path|last 0.3 s|lies in pauses"):
        aligner.align(spoken, "The")


def test_numbers_and_words_of_no_dictionary(aligner):
    pytest.importorskip("phonemizer", reason="phonemizer is not installed")
    assert aligner.pronunciation("read") == ["r", "eh", "d"] and aligner.pronunciation("read(2)") == ["r", "iy", "d"]
    assert aligner.pronunciation("quibbleton")[:4] == ["k", "w", "ih", "b"]
    with pytest.raises(RecogniserError, match="no path through 'twenty one quibbletons'"):
        aligner.align(np.zeros(3200, dtype=np.float32), "21 Quibbletons")


@pytest.mark.parametrize(
    "phones, message",
    [
        ([("a", 0.03 * n, 0.03 * n + 0.03) for n in range(30)], "30 ms a phone"),
        ([("a", 0.1 * n, 0.1 * n + (0.03 if n % 2 else 0.1)) for n in range(10)], "50 % of the phones have the least"),
        ([("a", 0.0, 0.5), ("b", 0.5, 1.0)], "100 % of the phones last"),
        ([("a", 0.0, 0.1), ("pau", 0.1, 0.9), ("b", 0.9, 1.0)], "80 % of what is loud lies in pauses"),
        ([("a", 0.1 * n, 0.1 * n + 0.1) for n in range(10)], None),
    ],
)
def test_what_is_unlikely(phones, message):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)
    found = unlikely(phones, noise)
    assert found.startswith(message) if message else found == ""
