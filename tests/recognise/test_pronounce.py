import pytest

from ditar.recognise import RecogniserError
from ditar.recognise.pronounce import arpa_from_ipa, pronounce


@pytest.mark.parametrize(
    "ipa, phones",
    [
        ("tʃˈɜːtʃ", "CH ER CH"),  # church
        ("θˈɔːɹoʊ", "TH AO R OW"),
        ("bˈɜːθdeɪ", "B ER TH D EY"),
        ("dʒˈʌdʒ", "JH AH JH"),
        ("ˈæpəlz", "AE P AH L Z"),
        ("bˈʌʔn̩", "B AH AH N"),
        ("ˈɜːɹi", "ER IY"),
        ("ˈ…", ""),
    ],
)
def test_arpa_from_ipa(ipa, phones):
    assert " ".join(arpa_from_ipa(ipa)) == phones


def test_unknown_words_are_pronounced_by_espeak():
    pytest.importorskip("phonemizer", reason="phonemizer is not installed")
    assert pronounce(["quibbleton"])["quibbleton"].startswith("K W IH B")
    # agrees with CMUdict where both know a word
    assert pronounce(["kitchen", "doctor"]) == {"kitchen": "K IH CH AH N", "doctor": "D AA K T ER"}


def test_words_without_sound_are_named(monkeypatch):
    pytest.importorskip("phonemizer", reason="phonemizer is not installed")
    monkeypatch.setattr("ditar.recognise.pronounce.arpa_from_ipa", lambda ipa: [])
    with pytest.raises(RecogniserError, match="no pronunciation for 'hush'"):
        pronounce(["hush"])
