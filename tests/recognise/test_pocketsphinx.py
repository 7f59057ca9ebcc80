import numpy as np
import pytest

from ditar.evaluate.words import closed_set_hits
from ditar.recognise import RECOGNISER_RATE_HZ, RecogniserError
from ditar.recognise import pocketsphinx as module
from ditar.recognise.files import read_waveform
from ditar.recognise.pocketsphinx import Pocketsphinx, recogniser_name

SPOKEN = {
    "a": "The weather will be fine tomorrow.",
    "b": "She bought three apples.",
    "c": "My brother plays the guitar.",
}
DECOYS = ["The whether was fine today.", "He sold two oranges.", "Your sister paints the door."]


@pytest.fixture(scope="module")
def audio(speak):
    return {utt: speak(text) for utt, text in SPOKEN.items()}


@pytest.fixture(scope="module")
def free():
    return Pocketsphinx()


def test_free_recognition_hears_the_words(audio, free):
    heard = free.transcribe(read_waveform(audio["a"], RECOGNISER_RATE_HZ))
    assert heard == "the weather will be fine tomorrow"


def test_nothing_is_heard_in_nothing(free):
    assert free.transcribe(np.zeros(0, dtype=np.float32)) == ""
    assert free.transcribe(np.zeros(RECOGNISER_RATE_HZ, dtype=np.float32)) == ""


def test_order_changes_nothing(audio, free):
    waveforms = [read_waveform(audio[utt], RECOGNISER_RATE_HZ) * gain for utt, gain in (("b", 0.1), ("c", 1.0))]
    there = [free.transcribe(waveform) for waveform in waveforms]
    back = [free.transcribe(waveform) for waveform in waveforms[::-1]]
    assert there == back[::-1]


def test_any_rate_will_do(audio, free, tmp_path):
    from ditar.audio.resample import resample
    from ditar.audio.write import write_audio

    write_audio(tmp_path / "a.wav", resample(read_waveform(audio["a"], 16_000), 16_000, 24_000), 24_000)
    assert free.transcribe(read_waveform(tmp_path / "a.wav", RECOGNISER_RATE_HZ)) == "the weather will be fine tomorrow"


def test_closed_set_chooses_among_sentences(audio):
    chosen = Pocketsphinx([*SPOKEN.values(), *DECOYS]).recognise(audio, workers=1, progress=False)
    assert all(closed_set_hits(SPOKEN, chosen).values()), chosen
    lacking = Pocketsphinx([SPOKEN["b"], *DECOYS])
    without_own = lacking.recognise({"a": audio["a"]}, workers=1, progress=False)
    assert not closed_set_hits({"a": SPOKEN["a"]}, without_own)["a"]


def test_a_closed_set_that_was_pruned_away_is_searched_again(audio):
    waveform = read_waveform(audio["b"], RECOGNISER_RATE_HZ)
    hasty = Pocketsphinx(list(SPOKEN.values()))
    narrow = {"beam": 1e-2, "pbeam": 1e-2, "wbeam": 1e-2}
    hasty._decoder = module._decoder(hasty._sentences, **narrow)
    assert module._decode(hasty._decoder, np.int16(waveform * 32767).tobytes()) not in hasty._sentences
    assert hasty.transcribe(waveform) == "she bought three apples"


def test_closed_set_with_words_that_no_dictionary_has(speak):
    pytest.importorskip("phonemizer", reason="phonemizer is not installed")
    sentence = "Quibbleton met 3 zyxwells."
    audio = {"q": speak("Quibbleton met three zyxwells.")}
    chosen = Pocketsphinx([sentence, *DECOYS]).recognise(audio, workers=1, progress=False)
    assert chosen == {"q": "quibbleton met three zyxwells"}


def test_closed_set_mistakes():
    with pytest.raises(RecogniserError, match="at least two.*'only one'"):
        Pocketsphinx(["Only one.", "only one"])
    with pytest.raises(RecogniserError, match=r"no word.*'\.\.\.'"):
        Pocketsphinx(["Fine.", "..."])


def test_processes_hear_the_same_in_the_order_asked(audio):
    many = {f"{utt}{i}": path for i in range(3) for utt, path in audio.items()}
    recogniser = Pocketsphinx(list(SPOKEN.values()))
    alone = recogniser.recognise(audio, workers=1, progress=False)
    heard = recogniser.recognise(many, workers=2, progress=False)
    assert list(heard) == list(many)
    assert all(heard[utt] == alone[utt[0]] for utt in many)


def test_name_has_a_version():
    assert recogniser_name().startswith("pocketsphinx ") and recogniser_name().endswith("en-us")
