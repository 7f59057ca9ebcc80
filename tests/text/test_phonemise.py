import ctypes
import errno
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from ditar.text import Phonemiser, TextError, Vocabulary
from ditar.text.phonemise import espeak_language, phonemised_languages, symbols_of
from ditar.text.vocabulary import is_letter


def test_words_stress_and_punctuation():
    phonemise = Phonemiser("en-us")
    assert "".join(phonemise("Hello there, friend!")) == "həlˈoʊ ðˈɛɹ, fɹˈɛnd!"
    assert phonemise.words("Hello, you.") == [list("həlˈoʊ"), [","], list("juː"), ["."]]


def test_quotes_and_brackets_stand_at_their_words():
    assert "".join(Phonemiser()('"No," he (Bob) said...')) == '"nˈoʊ," hiː (bˈɑːb) sˈɛd…'


def test_the_letter_a_is_not_the_article():
    assert "".join(Phonemiser()("the U.S.A. team")) == "ðə jˈuː ˈɛs ˈeɪ tˈiːm"
    assert "".join(Phonemiser()("Vitamin A is good.")) == "vˈaɪɾəmɪn ˈeɪ ɪz ɡˈʊd."
    assert "".join(Phonemiser()("He saw A Tale.")) == "hiː sˈɔː ɐ tˈeɪl."


def test_symbols_are_single_code_points():
    assert symbols_of("ã") == ["a", "\u0303"]
    assert symbols_of("ç") == ["ç"]
    assert all(len(s) == 1 for s in Phonemiser("de")("Ich möchte fünf Brötchen, bitte."))


@pytest.mark.parametrize(("given", "name"), [("en_US", "en-us"), ("fr", "fr-fr"), ("zh", "cmn"), ("DE", "de")])
def test_usual_names_of_languages(given, name):
    assert Phonemiser(given).language == name


def test_an_unknown_language_names_near_ones():
    with pytest.raises(TextError, match=r"'german'.*de \(German\)"):
        Phonemiser("german")
    with pytest.raises(TextError, match="en-us"):
        Phonemiser("qqqqqqq")


def test_every_language_stays_within_the_vocabulary():
    vocabulary = Vocabulary()
    assert len(phonemised_languages()) > 100
    for language in ("en-us", "de", "fr", "es", "cs", "pl", "vi", "da", "nl", "it", "pt"):
        vocabulary.encode(Phonemiser(language)("Radio, telefon 12 und 7?"))
    for language, text in {
        "cmn": "你好，世界。",
        "ja": "ありがとう",
        "ru": "Привет, мир 3",
        "ar": "مرحبا",
        "hi": "नमस्ते",
    }.items():
        vocabulary.encode(Phonemiser(language)(text))


@pytest.mark.parametrize(
    ("language", "figures", "words"),
    [("de", "5,5", "fünf Komma fünf"), ("es", "1.500", "mil quinientos"), ("it", "5,5", "cinque virgola cinque")],
)
def test_marks_inside_a_number_are_not_pauses(language, figures, words):
    phonemise = Phonemiser(language)
    read, said = ([s for s in phonemise(f"{text}.") if is_letter(s) or s in ",."] for text in (figures, words))
    assert read == said


def test_nothing_to_say():
    for text in ("", "😀", "?!"):
        with pytest.raises(TextError):
            Phonemiser()(text)


def test_threads_do_not_mix_languages():
    texts = {"en-us": "Good morning to you all", "de": "Guten Morgen euch allen", "fr": "Bonjour à vous tous"}
    expected = {language: Phonemiser(language)(text) for language, text in texts.items()}
    jobs = list(texts) * 40
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda language: Phonemiser(language)(texts[language]), jobs))
    assert found == [expected[language] for language in jobs]


@pytest.mark.parametrize(("fails", "error"), [
    ("shutil.copy", OSError(errno.ENOSPC, "No space left on device", "/usr/lib/libespeak-ng.so")),
    ("ctypes.cdll.LoadLibrary", None),  # of the copy: as where it may not be run
    ("tempfile.mkdtemp", FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")),
])  # fmt: skip
def test_a_folder_for_temporary_files_that_is_full_or_noexec_is_named(fails, error, tmp_path, monkeypatch):
    """phonemizer copies the library into it and loads the copy."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module, _, name = fails.rpartition(".")
    of = {"shutil": shutil, "ctypes.cdll": ctypes.cdll, "tempfile": tempfile}[module]
    plain = getattr(of, name)

    def failing(*arguments, **options):
        if error is not None:
            raise error
        if str(tmp_path) in str(arguments[0]):
            raise OSError(f"{arguments[0]}: failed to map segment from shared object")
        return plain(*arguments, **options)

    monkeypatch.setattr(of, name, failing)
    phonemised_languages.cache_clear()
    with pytest.raises(OSError, match=f"by way of {tmp_path}, the folder for temporary files .*set TMPDIR to another"):
        espeak_language("en-us")
    monkeypatch.undo()
    phonemised_languages.cache_clear()
    assert espeak_language("en-us") == "en-us"
