import pytest

from ditar.data.align import align_symbols

# flite's phones of "Hello there, you." with 50 ms of silence before and a pause at the comma.
PHONES = [
    ("pau", 0.0, 0.05), ("hh", 0.05, 0.14), ("ax", 0.14, 0.19), ("l", 0.19, 0.3), ("ow", 0.3, 0.41), ("dh", 0.41, 0.46),
    ("eh", 0.46, 0.55), ("r", 0.55, 0.7), ("pau", 0.7, 0.9), ("y", 0.9, 0.95), ("uw", 0.95, 1.1),
]  # fmt: skip
SYMBOLS = list("həlˈoʊ ðˈɛɹ, juː.")


def test_letters_take_their_phones_times():
    times = dict(zip(range(len(SYMBOLS)), align_symbols(SYMBOLS, PHONES, duration_s=1.25), strict=True))
    assert times[SYMBOLS.index("h")] == [0.05, 0.14]
    assert times[SYMBOLS.index("o")] == [0.3, 0.355] and times[SYMBOLS.index("ʊ")] == [0.355, 0.41]
    assert times[SYMBOLS.index("ɹ")] == [0.55, 0.7]


def test_marks_spaces_and_punctuation():
    times = align_symbols(SYMBOLS, PHONES, duration_s=1.25)
    assert times[SYMBOLS.index("ˈ")] == [0.3, 0.355]  # of the letter after it
    assert times[SYMBOLS.index("ː")] == [0.95, 1.1]  # of the letter before it
    assert times[SYMBOLS.index(",")] == [0.7, 0.9]
    assert times[SYMBOLS.index(" ")] is None
    assert times[-1] == [1.1, 1.25]
    assert align_symbols(SYMBOLS, PHONES)[-1] is None


def test_times_are_monotonic_and_letters_complete():
    symbols = list("ɪt ɪz vˈɛɹi vˈʌlɡɚ tə tˈɔːk lˈaɪk ɐ dˈɛntɪst.")
    names = "ih t ih z v eh r iy v ah l g er t ax t ao k l ay k ax d eh n t ax s t".split()
    phones = [(name, i * 0.1, (i + 1) * 0.1) for i, name in enumerate(names)]
    times = align_symbols(symbols, phones)
    known = [span for span in times if span]
    assert all(a[0] <= b[0] and a[0] <= a[1] for a, b in zip(known, known[1:], strict=False))
    assert all(t is not None for s, t in zip(symbols, times, strict=True) if s not in " .")


def test_missing_and_extra_phones():
    shorter = [p for p in PHONES if p[0] != "ax"]
    times = align_symbols(SYMBOLS, shorter)
    assert times[1] is not None and times[0][0] <= times[1][0] <= times[2][0]
    longer = [*PHONES[:5], ("t", 0.41, 0.41), *PHONES[5:]]
    assert align_symbols(SYMBOLS, longer)[SYMBOLS.index("ɹ")] == [0.55, 0.7]


def test_unknown_phones_are_named():
    with pytest.raises(ValueError, match="'xx'"):
        align_symbols(SYMBOLS, [("xx", 0.0, 0.1)])
