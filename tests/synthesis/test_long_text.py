"""Long texts: pieces that fit, pauses, one level, bounded memory, and going on after an interruption."""

import json
import os
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ditar.audio import AudioError
from ditar.audio.trim import trim_silence
from ditar.seeds import piece_seeds
from ditar.storage.lock import InUseError
from ditar.synthesis.finished import FinishedPieces, partial_files
from ditar.synthesis.long_text import speak_text
from ditar.synthesis.pieces import ReadPiece, join, levelled, pieces_to_speak
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.voice import voice_warnings
from ditar.text import Phonemiser, TextError
from ditar.text.sentences import Piece
from tests.speaker import CONFIG, VOICE, Speaker, tone

TEXT = "One sentence. And another, I say! A third? A fourth. Number five."


def speak(speaker, pieces, path, voice=VOICE, **options):
    pieces = [piece if piece.voice is voice else replace(piece, voice=voice) for piece in pieces]
    options = {"seed": 3, "settings": {"steps": 2}, "batch_size": 1, **options}
    return speak_text(speaker, pieces, path, request_options={}, batch_options={}, **options)


@pytest.fixture(scope="module")
def pieces():
    found, warnings = pieces_to_speak(TEXT, VOICE, CONFIG, "en-us")
    assert len(found) == 5 and not warnings
    return found


def test_no_piece_is_longer_than_the_model_was_trained_on():
    text = "word after word goes on and on, " * 3000
    started = time.process_time()
    found, _ = pieces_to_speak(text[:20_000], VOICE, CONFIG, "en-us")
    assert time.process_time() - started < 10
    phonemise, most = Phonemiser(), (CONFIG.trained_seconds - VOICE.seconds) / CONFIG.seconds_per_symbol
    assert max(len(phonemise(p.text)) for p in found[:50]) <= most
    assert "".join("".join(p.text for p in found).split()) == "".join(text[:20_000].split())


def test_a_reference_as_long_as_the_training_examples_still_leaves_room_for_sentences():
    voice = replace(VOICE, seconds=20.0, symbols=("a",) * 400)
    found, _ = pieces_to_speak("The waiter pushed the clock.", voice, CONFIG, "en-us")
    assert len(found) == 1


def test_what_cannot_be_spoken_is_left_out_and_told():
    found, warnings = pieces_to_speak("Hello.\n\n\U0001f600 \U0001f600\n\nBye \U0001f600 now.", VOICE, CONFIG, "en-us")
    assert [p.text for p in found] == ["Hello.", "Bye \U0001f600 now."]
    assert len(warnings) == 1 and "1 part of the text" in warnings[0] and "GRINNING FACE" in warnings[0]
    for text in ("", " \n", "\U0001f600"):
        with pytest.raises(TextError, match="at least one word"):
            pieces_to_speak(text, VOICE, CONFIG, "en-us")


def test_a_long_number_is_read_digit_by_digit_in_however_many_pieces():
    found, _ = pieces_to_speak("1234567890" * 4, VOICE, CONFIG, "en-us")
    assert len(found) > 1 and " ".join(p.text for p in found) == " ".join("1234567890" * 4)


def test_whole_keeps_sentences_together_where_they_fit():
    found, _ = pieces_to_speak("One. Two.", VOICE, CONFIG, "en-us", whole=True)
    assert [p.text for p in found] == ["One. Two."]
    assert len(pieces_to_speak(TEXT * 3, VOICE, CONFIG, "en-us", whole=True)[0]) > 1


def test_the_file_holds_every_sentence_with_its_pause_at_one_level(pieces, tmp_path):
    speaker, shown = Speaker(), []
    result = speak(speaker, pieces, tmp_path / "a.wav", on_progress=lambda p, made: shown.append((p, made)))
    audio, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert [r.text for r in speaker.said] == [p.text for p in pieces] and speaker.batches == 3
    assert [p for some, made in shown if made for p in some] == list(pieces) and len(shown) == 4
    assert [r.seed for r in speaker.said] == piece_seeds(3, [p.text for p in pieces])
    expected = [len(trim_silence(tone(r), 24_000)) for r in speaker.said]
    expected = sum(expected) + round(24_000 * sum(p.pause_seconds for p in pieces[:-1]))
    assert len(audio) == expected and result.seconds == expected / 24_000 and result.resumed == 0
    assert result.warnings[0] == "'One sentence.': warned of One sentence."
    loud = audio[np.abs(audio) > 1e-3]
    assert abs(20 * np.log10(np.sqrt(np.mean(loud**2))) + 23) < 1
    assert os.listdir(tmp_path) == ["a.wav"]


def test_what_is_to_say_of_the_voice_is_said_once(pieces, tmp_path):
    voice = replace(VOICE, symbols=())  # a reference without transcript

    class Warning(Speaker):
        def batch(self, requests, **options):
            outputs = super().batch(requests, **options)
            return [replace(o, warnings=[*o.warnings, *voice_warnings(voice)]) for o in outputs]

    result = speak(Warning(), pieces, tmp_path / "a.wav", voice=voice)
    assert len(result.warnings) == 6 and result.warnings[0] == voice_warnings(voice)[0]


def test_nothing_clicks_where_pieces_meet(pieces):
    speaker = Speaker()
    outputs = speaker.batch(_requests(pieces), batch_size=5)
    audio, _ = join([Piece(p.text, 0.0) for p in pieces], outputs)
    alone = [np.abs(np.diff(levelled(o)[0])).max() for o in outputs]
    assert np.abs(np.diff(audio)).max() < 1.1 * max(alone)
    with pytest.raises(ValueError, match="shorter"):
        join(pieces, outputs[:-1])


def _requests(pieces):
    return [SpeechRequest(p.text, VOICE, seed=n) for n, p in enumerate(pieces)]


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_interrupted_it_keeps_what_is_done_and_the_rest_resumes_to_the_same_file(pieces, tmp_path, ending):
    speak(Speaker(), pieces, tmp_path / f"whole.{ending}")
    path = tmp_path / f"cut.{ending}"
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=3), pieces, path)
    wav, note = partial_files(path)
    rows = [json.loads(line) for line in note.read_text().splitlines()]
    assert not path.exists() and [row["text"] for row in rows] == [piece.text for piece in pieces[:4]]
    assert soundfile.info(wav).frames >= rows[-1]["start"] + rows[-1]["samples"] > 0
    with open(wav, "ab") as file:  # what a killed process wrote behind the last note
        file.write(b"xx" * 500)
    rest = Speaker()
    result = speak(rest, pieces, path)
    assert result.resumed == 4 and [r.text for r in rest.said] == ["Number five."]
    assert path.read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()
    assert len(result.warnings) == 5 and not wav.exists() and not note.exists()


def test_stopped_before_anything_is_done_it_leaves_nothing(pieces, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=1), pieces, tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("ditar.synthesis.long_text.levelled", lambda _: (np.full(9, np.nan), None))
    with pytest.raises(AudioError):
        speak(Speaker(), pieces, tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())


OTHER_VOICE = replace(VOICE, text="b")
CHANGES = [{"seed": 4}, {"settings": {"steps": 3}}, {"voice": OTHER_VOICE}]


@pytest.mark.parametrize("change", CHANGES)
def test_other_settings_make_it_anew_and_what_was_finished_is_named_and_kept(pieces, tmp_path, change):
    path, said = tmp_path / "a.wav", []
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=2), pieces, path)
    speaker = Speaker()
    assert speak(speaker, pieces, path, **change, warn=said.extend).resumed == 0 and len(speaker.said) == 5
    (line,) = said
    assert f"2 finished pieces in {partial_files(path)[0]} belong to another text, voice, seed" in line
    rest = Speaker()  # as it was at first: it goes on
    assert speak(rest, pieces, path).resumed == 2 and len(rest.said) == 3
    speak(Speaker(), pieces, tmp_path / "whole.wav")
    assert path.read_bytes() == (tmp_path / "whole.wav").read_bytes()


@pytest.mark.parametrize("text", [TEXT.replace("five", "six"), "Before all. " + TEXT, TEXT.replace("A third? ", "")])
def test_a_text_that_was_edited_keeps_every_sentence_that_is_still_in_it(pieces, tmp_path, text):
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=3), pieces, tmp_path / "a.wav")
    edited, _ = pieces_to_speak(text, VOICE, CONFIG, "en-us")
    rest = Speaker()
    speak(rest, edited, tmp_path / "a.wav")
    finished = {piece.text for piece in pieces[:4]}
    assert [request.text for request in rest.said] == [piece.text for piece in edited if piece.text not in finished]
    speak(Speaker(), edited, tmp_path / "whole.wav")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()


def test_a_sentence_that_comes_twice_is_said_twice():
    assert len(set(piece_seeds(0, ["Yes.", "No.", "Yes."]))) == 3
    assert piece_seeds(0, ["Yes.", "No.", "Yes."])[:2] == piece_seeds(0, ["Yes.", "No."])


def test_two_endings_do_not_share_what_is_finished(pieces, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=2), pieces, tmp_path / "a.wav")
    assert speak(Speaker(), pieces, tmp_path / "a.flac", settings={"steps": 9}).resumed == 0
    assert speak(Speaker(), pieces, tmp_path / "a.wav").resumed == 2


def test_audio_that_no_note_tells_of_is_moved_and_named(pieces, tmp_path):
    wav, note = partial_files(tmp_path / "a.wav")
    note.write_text('{"key": "x"}\n{"done": 2')
    soundfile.write(wav, np.zeros(9), 24_000)
    mine, said = wav.read_bytes(), []
    assert speak(Speaker(), pieces, tmp_path / "a.wav", warn=said.extend).resumed == 0
    assert sorted(os.listdir(tmp_path)) == ["a.wav", "a.wav.partial.1.wav"]
    assert (tmp_path / "a.wav.partial.1.wav").read_bytes() == mine and "a.wav.partial.1.wav now" in said[0]


def test_a_second_program_changes_nothing(pieces, tmp_path):
    with FinishedPieces(tmp_path / "a.wav") as finished:
        finished.add("k", np.ones(9), np.zeros(1), "x", [], None)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(InUseError, match="a.wav.partial.wav is being written"):
            speak(Speaker(), pieces, tmp_path / "a.wav")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_wrong_with_a_piece_is_told(pieces, tmp_path):
    class Endless(Speaker):
        def batch(self, requests, **options):
            return [replace(o, wrong="it did not end" if "third" in r.text else None)
                    for r, o in zip(requests, super().batch(requests, **options))]  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        speak(Endless(interrupt_at=3), pieces, tmp_path / "a.wav")
    assert speak(Endless(), pieces, tmp_path / "a.wav").wrong == ["'A third?': it did not end"]  # of the first run
    assert speak(Endless(), pieces[2:3], tmp_path / "b.wav").wrong == ["it did not end"]


def test_memory_does_not_grow_with_the_text(tmp_path):
    peaks = []
    for count in (30, 300):
        some = [ReadPiece(f"Sentence number {n}.", 0.4, voice=VOICE) for n in range(count)]
        speaker = Speaker()
        speaker.said = Forgetful()
        tracemalloc.start()
        result = speak(speaker, some, tmp_path / "a.flac", batch_size=4)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert result.seconds > 100 and peaks[1] < peaks[0] + 270 * 1000  # what is known of a sentence, not its 31 kB


class Forgetful(list):
    def __iadd__(self, other):
        return self
