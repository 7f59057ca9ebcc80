"""When words are spoken: exact, in what is returned, however it was cut, joined, streamed and resumed."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from ditar.audio.growing import GrowingWav
from ditar.audio.trim import pauses
from ditar.seeds import piece_seeds
from ditar.synthesis import spoken
from ditar.synthesis.long_text import speak_text, stream_text
from ditar.synthesis.pieces import join, levelled, pieces_to_speak
from ditar.synthesis.pipeline import SpeechRequest
from ditar.synthesis.time_files import time_format, write_times
from ditar.synthesis.timing import Span, Timing, joined, spoken_timing
from ditar.synthesis.utterance_list import SpeechTask, speak_many
from ditar.text.said_words import SaidWord
from ditar.units import HOP_SAMPLES
from ditar.vae.streaming import StreamingDecoder
from tests.quiet import QUIET, quiet_ends
from tests.speaker import CONFIG, VOICE, Speaker
from tests.tiny import tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline

TEXT = "The end of the world, and a rose."
LONG = "One of them. And [pause:0.7] another, I say! A third?"


class TimedSpeaker(Speaker):
    """Says each sentence as one word, which lasts as long as its tone."""

    def batch(self, requests, **options):
        outputs = super().batch(requests, **options)
        for request, output in zip(requests, outputs):
            word = Span(request.text, 2400, len(output.audio) - 2400)
            output.timing = Timing((word,), (word,)) if request.timestamps else None
        return outputs


@pytest.fixture(scope="module")
def reader():
    pipeline = tiny_pipeline(stop_bias=20.0, alignment="monotonic", seconds_per_symbol=0.02)
    torch.nn.init.normal_(pipeline.ditar.reading.head.weight, std=3.0)  # so that sounds are of different lengths
    pipeline.ditar.reading.head.bias.data = torch.tensor([1.0, 0.0, 0.0])
    return pipeline


@pytest.fixture(scope="module")
def pieces():
    return pieces_to_speak(LONG, VOICE, CONFIG, "en-us")[0]


def check(timing, samples):
    for spans in (timing.words, timing.symbols):
        assert spans and all(span.start < span.end for span in spans)
        assert all(a.end <= b.start for a, b in zip(spans, spans[1:]))
        assert spans[0].start >= 0 and spans[-1].end <= samples


def is_where_it_sounds(timing, audio):
    """The words cover what is loud, to a frame of the trimming."""
    loud = np.flatnonzero(np.abs(audio) > 1e-3)
    spoken = np.zeros(len(audio), bool)
    for word in timing.words:
        assert np.abs(audio[word.start : word.end]).max() > 0.05
        spoken[max(0, word.start - 240) : word.end + 240] = True
    return spoken[loud].all() and (~spoken).sum() > 0


def test_times_are_those_of_the_frames():
    symbols, words = list("ðiˈɛː, a."), [SaidWord("The", 0, 5), SaidWord("a.", 7, 8)]
    places = [-1, -1, 0, 0, 1, 3, 3, 6, 6, 7, 8]
    timing = spoken_timing(symbols, words, places)
    assert [(s.text, s.start / HOP_SAMPLES, s.end / HOP_SAMPLES) for s in timing.symbols] == [
        ("ð", 2, 4), ("i", 4, 5), ("ˈɛː", 5, 7), ("a", 9, 10)
    ]  # fmt: skip
    assert [(w.text, w.start_s, w.end_s) for w in timing.words] == [("The", 0.05, 0.175), ("a.", 0.225, 0.25)]


def test_while_it_is_made_only_what_is_over_is_given():
    symbols, words = list("ði a."), [SaidWord("The", 0, 2), SaidWord("a.", 3, 4)]
    places = [-1, 0, 1, 1, 2, 3, 3, 4]
    whole, before = spoken_timing(symbols, words, places), Timing()
    for count in range(len(places) + 1):
        now = spoken_timing(symbols, words, places[:count], final=False)
        assert now.words == whole.words[: len(now.words)] and now.symbols == whole.symbols[: len(now.symbols)]
        assert now.since(before).words == now.words[len(before.words) :]
        before = now
    assert before == whole
    assert [w.text for w in spoken_timing(symbols, words, places[:3]).words] == ["The"]  # cut off there


def test_trimming_and_joining_move_times_exactly():
    one, two = Timing((Span("a", 600, 1200), Span("b", 1200, 3000)), ()), Timing((Span("c", 0, 600),), ())
    assert one.cut(700, 2000) == Timing((Span("a", 0, 500), Span("b", 500, 1300)), ())
    assert one.cut(1190, 9000).words == (Span("b", 10, 1810),)
    assert joined([(one, 0), (two, 5000)]).words[2] == Span("c", 5000, 5600) and joined([(one, 0), (None, 9)]) is None
    assert Timing.from_plain(json.loads(json.dumps(one.plain()))) == one


@pytest.mark.parametrize("speed", [None, 0.5, 1.6])
def test_a_model_that_reads_says_when(reader, speed):
    plain, timed = reader.batch(
        [SpeechRequest(TEXT, seed=1, speed=speed), SpeechRequest(TEXT, seed=1, speed=speed, timestamps=True)]
    )
    assert plain.timing is None and np.array_equal(plain.audio, timed.audio) and timed.stopped
    check(timed.timing, len(timed.audio))
    assert [word.text for word in timed.timing.words] == TEXT.split()
    assert "".join(s.text for s in timed.timing.symbols) == "ðɪˈɛndʌvðəwˈɜːldændɐɹˈoʊz"
    starts = [span.start * (speed or 1.0) / HOP_SAMPLES for span in timed.timing.symbols]
    np.testing.assert_allclose(starts, np.round(starts), atol=1e-2)


def test_a_stream_says_the_same_and_nothing_before_it_is_over(reader):
    (whole,) = reader.batch([SpeechRequest(TEXT, seed=1, timestamps=True)])
    with reader.stream(SpeechRequest(TEXT, seed=1, timestamps=True), chunk_seconds=0.1) as stream:
        assert stream.timing is None
        so_far = [(stream.timing, len(chunk)) for chunk in stream]
    assert stream.timing == whole.timing and len(so_far) > 3
    for timing, _ in so_far:
        assert timing.words == whole.timing.words[: len(timing.words)]
    assert 0 < len(so_far[len(so_far) // 2][0].words) < len(whole.timing.words)


def test_a_model_without_places_refuses():
    with pytest.raises(ValueError, match="timestamps are for models with monotonic alignment"):
        tiny_pipeline()("Hello there.", timestamps=True)
    with pytest.raises(ValueError, match="timestamps are for models with monotonic alignment"):
        tiny_token_pipeline().batch([SpeechRequest("Hello there.", timestamps=True)])


def test_times_of_a_text_in_pieces_are_those_of_the_joined_audio(reader):
    speech = reader("One of the words. [pause:0.7] And another, I say.", seed=1, timestamps=True)
    check(speech.timing, len(speech.audio))
    assert [w.text for w in speech.timing.words] == ["One", "of", "the", "words.", "And", "another,", "I", "say."]
    assert speech.timing.words[4].start - speech.timing.words[3].end >= 0.7 * 24_000


def test_words_are_where_the_sound_is(pieces):
    speaker = TimedSpeaker()
    outputs = speaker.batch([piece.request(n, timestamps=True) for n, piece in enumerate(pieces)], batch_size=5)
    audio, timing = join(pieces, outputs)
    assert len(pieces) == 4 and is_where_it_sounds(timing, audio)
    assert not is_where_it_sounds(timing.shifted(1000), audio)  # the check can fail
    short, of_short = levelled(outputs[0])
    assert len(short) < len(outputs[0].audio) and is_where_it_sounds(of_short, short)


def test_they_are_after_an_interruption_too(pieces, tmp_path):
    def speak(speaker, path, timestamps=True):
        options = {"seed": 3, "settings": {}, "request_options": {}, "batch_options": {}, "batch_size": 1}
        return speak_text(speaker, pieces, path, timestamps=timestamps, **options)

    whole = speak(TimedSpeaker(), tmp_path / "whole.wav")
    with pytest.raises(KeyboardInterrupt):
        speak(TimedSpeaker(interrupt_at=2), tmp_path / "cut.wav")
    rest = TimedSpeaker()
    resumed = speak(rest, tmp_path / "cut.wav")
    assert resumed.resumed == 2 and len(rest.said) == 2 and resumed.timing == whole.timing
    audio, _ = soundfile.read(tmp_path / "cut.wav", dtype="float32")
    assert is_where_it_sounds(resumed.timing, audio) and len(resumed.timing.words) == 4
    with pytest.raises(KeyboardInterrupt):  # without times, what is finished must be made again with them
        speak(TimedSpeaker(interrupt_at=2), tmp_path / "cut.wav", timestamps=False)
    again = speak(TimedSpeaker(), tmp_path / "cut.wav")
    assert again.resumed == 0 and again.timing == whole.timing
    assert speak(TimedSpeaker(), tmp_path / "a.wav", timestamps=False).timing is None


def test_times_in_a_stream_of_pieces_are_those_of_all_of_it(reader, tmp_path):
    some, _ = pieces_to_speak(
        "One of the words. And another, I say.", reader.create_voice(), reader.text_config, "en-us"
    )
    timings, once = [], {"max_retries": 0}
    with GrowingWav(tmp_path / "a.wav", 24_000) as sink:
        stream_text(reader, some, sink, seed=1, request_options={}, stream_options=once, on_timing=timings.append)
    timing = joined([(one, 0) for one in timings])
    check(timing, sink.samples)
    first = reader.batch([some[0].request(_seed(some, 0), timestamps=True)], **once)[0]
    assert timings[0] == first.timing and len(timings) == len(some) == 2
    second = reader.batch([some[1].request(_seed(some, 1), timestamps=True)], **once)[0]
    assert timings[1] == second.timing.shifted(len(first.audio) + round(24_000 * some[0].pause_seconds))


@pytest.mark.parametrize("speed", [1.0, 1.5])
def test_where_pieces_meet_a_stream_has_no_silence_but_the_pause(reader, monkeypatch, tmp_path, speed):
    text = "One of the words. And another, I say. The end of the world, and a rose!"
    pieces, _ = pieces_to_speak(text, reader.create_voice(), reader.text_config, "en-us")
    monkeypatch.setattr(spoken, "StreamingDecoder", quiet_ends(StreamingDecoder))

    def heard(**between):
        with reader.stream(
            pieces[1].request(5, timestamps=True, speed=speed), max_retries=0, chunk_seconds=0.1, **between
        ) as stream:
            told = [(len(chunk), stream.timing) for chunk in stream]
        assert all(samples for samples, _ in told[:-1])
        for played, (_, timing) in zip(itertools.accumulate(samples for samples, _ in told), told):
            said = (*timing.words, *timing.symbols)  # all of it is heard already, and none of it changes later
            assert not between or all(s.end <= played for s in said) and set(said) <= set(heard_at_last(stream))
        assert all(len(later.words) >= len(timing.words) for (_, timing), (_, later) in zip(told, told[1:]))
        return sum(samples for samples, _ in told), stream.timing

    def heard_at_last(stream):
        return *stream.timing.words, *stream.timing.symbols

    whole, timing = heard()
    before, shifted = heard(continues=True)
    after, same = heard(goes_on=True)
    both, trimmed = heard(continues=True, goes_on=True)
    cut = whole - before
    assert abs(cut - QUIET / speed + 720) < 480  # 30 ms are kept
    assert timing.cut(cut, whole) == shifted and timing.cut(0, after) == same and timing.cut(cut, after) == trimmed
    assert whole - after > 1000 and both == before - (whole - after)
    timings, options = [], {"max_retries": 0, "chunk_seconds": 0.1}
    with GrowingWav(tmp_path / "a.wav", 24_000) as sink:
        rest = {"seed": 1, "request_options": {"speed": speed}, "stream_options": options, "on_timing": timings.append}
        stream_text(reader, pieces, sink, **rest)
    audio, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    silences = [(end - begin) / 24_000 for begin, end in pauses(audio, 24_000)]
    np.testing.assert_allclose(silences, [piece.pause_seconds / speed + 0.06 for piece in pieces[:-1]], atol=0.03)
    check(joined([(one, 0) for one in timings]), len(audio))


def test_silence_that_is_asked_for_at_the_end_of_a_stream_is_as_long_as_that(reader, monkeypatch, tmp_path):
    text = "One of the words. And another, I say. [pause:0.7]"
    pieces, _ = pieces_to_speak(text, reader.create_voice(), reader.text_config, "en-us")
    monkeypatch.setattr(spoken, "StreamingDecoder", quiet_ends(StreamingDecoder))
    with GrowingWav(tmp_path / "a.wav", 24_000) as sink:
        stream_text(reader, pieces, sink, seed=1, request_options={}, stream_options={"max_retries": 0})
    audio, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert abs((len(audio) - np.flatnonzero(audio)[-1]) / 24_000 - 0.73) < 0.02


def test_what_is_trimmed_of_an_attempt_that_fails_is_not_of_the_next(reader, monkeypatch):
    kinds = iter([StreamingDecoder, quiet_ends(StreamingDecoder)])

    class Whisper(StreamingDecoder):  # not silent, and nothing that a trimmer lets through
        def take(self, final=False):
            return 2e-3 * torch.cos(torch.arange(len(super().take(final))))

    def decoder(vae, before):
        kind = next(kinds)
        return (Whisper if kind is StreamingDecoder else kind)(vae, before)

    monkeypatch.setattr(spoken, "StreamingDecoder", decoder)
    monkeypatch.setattr(spoken, "problem", lambda *_: "bad" if made.attempts == 1 else None)
    request, between = SpeechRequest(TEXT, seed=1), {"continues": True, "goes_on": True}
    with reader.stream(request, max_retries=1, chunk_seconds=0.1, **between) as made:
        audio = np.concatenate(list(made))
    assert made.attempts == 2 and made.failures == ["bad"]
    kinds = iter([quiet_ends(StreamingDecoder)])
    monkeypatch.setattr(spoken, "problem", lambda *_: None)
    with reader.stream(SpeechRequest(TEXT, seed=made.seed), max_retries=0, chunk_seconds=0.1, **between) as alone:
        np.testing.assert_array_equal(audio, np.concatenate(list(alone)))


def _seed(some, number):
    return piece_seeds(1, [piece.text for piece in some])[number]


def test_lists_have_a_file_beside_each(tmp_path):
    tasks = [SpeechTask(name, text, VOICE, "tone") for name, text in (("a", LONG), ("b", "Two."))]

    def speak(times, tasks=tasks):
        return speak_many(TimedSpeaker(), tasks, tmp_path, settings={}, batch_size=2, times=times)

    assert speak("json").spoken == 2 and speak("json").kept == 2 and speak(None).kept == 2
    found = json.loads((tmp_path / "a.json").read_text())
    assert [word["text"] for word in found["words"]] == ["One of them. And", "another, I say! A third?"]
    assert found["seconds"] == soundfile.info(tmp_path / "a.wav").duration
    (tmp_path / "b.json").unlink()
    assert speak("json").spoken == 1
    assert speak("vtt").spoken == 2 and not (tmp_path / "a.json").exists() and (tmp_path / "a.vtt").exists()
    changed = [replace(tasks[0], text="Other."), tasks[1]]
    assert speak(None, changed).spoken == 1  # no times of another text remain
    assert sorted(path.name for path in tmp_path.glob("?.*")) == ["a.wav", "b.vtt", "b.wav"]


WORDS = (Span("Say", 0, 12_000), Span('"no"', 12_000, 24_000), Span("&", 30_000, 30_600), Span("end.", 31_200, 48_000),
         Span("Then", 60_000, 72_000))  # fmt: skip


def test_the_formats(tmp_path):
    for name in ("a.json", "a.srt", "a.vtt", "a.TextGrid"):
        write_times(tmp_path / name, Timing(WORDS, (Span("ˈɛː", 600, 1200),)), 3.5)
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["words"][1] == {"text": '"no"', "start": 0.5, "end": 1.0} and found["seconds"] == 3.5
    assert found["symbols"] == [{"text": "ˈɛː", "start": 0.025, "end": 0.05}]
    assert (tmp_path / "a.srt").read_text() == (
        '1\n00:00:00,000 --> 00:00:02,000\nSay "no" & end.\n\n2\n00:00:02,500 --> 00:00:03,000\nThen\n\n'
    )
    assert (tmp_path / "a.vtt").read_text() == (
        'WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nSay <00:00:00.500>"no" <00:00:01.250>&amp; <00:00:01.300>end.\n\n'
        "00:00:02.500 --> 00:00:03.000\nThen\n"
    )
    grid = (tmp_path / "a.TextGrid").read_text()
    assert grid.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n') and 'text = """no"""' in grid
    values = [line.split(" = ")[1] for line in grid.splitlines() if line.startswith("            xm")]
    assert values[0] == "0.00000" and values.count("3.50000") == 2 and grid.count(" text = ") == 9 + 3
    starts, ends = values[0::2], values[1::2]
    assert all(a == b for a, b in zip(starts[1:9], ends[:8]))  # no gaps, as Praat wants it
    for name in ("a.txt", "words"):
        with pytest.raises(ValueError, match=r"\.srt, \.vtt"):
            time_format(name)


def test_a_subtitle_has_two_lines_and_seven_seconds_at_most(tmp_path):
    words = tuple(Span("wonderful", n * 12_000, n * 12_000 + 11_000) for n in range(100))
    write_times(tmp_path / "a.srt", Timing(words), 60.0)
    cues = (tmp_path / "a.srt").read_text().strip().split("\n\n")
    assert all(2 <= len(cue.split("\n")) - 1 <= 3 for cue in cues) and 8 < len(cues) < 20
    assert sum(cue.count("wonderful") for cue in cues) == 100
