"""WS /v1/audio/stream on a tiny random model: text as it is written, audio sentence by sentence."""

import json
import time

import numpy as np
import pytest
from websockets.sync.client import connect

from ditar.audio.trim import pauses
from ditar.serve import socket as module
from ditar.synthesis import spoken
from ditar.vae.streaming import StreamingDecoder
from tests.quiet import QUIET, quiet_ends
from tests.serve.server import PATIENCE, running

TEXT = "Good morning to you. It rains, and it rains.\n\nGood night!"
START = {"type": "start", "seed": 7, "steps": 2}


class Client:
    """One connection, and what came over it."""

    def __init__(self, socket):
        self.socket, self.messages, self.audio = socket, [], b""

    def say(self, *messages):
        for message in messages:
            message = {"type": message} if isinstance(message, str) else message
            self.socket.send(json.dumps(message))

    def write(self, text, step=3):
        """As a language model does."""
        for i in range(0, len(text), step):
            self.say({"type": "text", "text": text[i : i + step]})

    def hear(self, *until):
        """Everything up to a message of one of these types, which is returned."""
        while True:
            message = self.socket.recv(timeout=PATIENCE)
            if isinstance(message, bytes):
                self.audio += message
                continue
            self.messages.append(json.loads(message))
            if self.messages[-1]["type"] in until:
                return self.messages[-1]

    def pieces(self):
        return [m["text"] for m in self.messages if m["type"] == "piece"]


@pytest.fixture
def client(server):
    with connect(f"ws://127.0.0.1:{server.port}/v1/audio/stream") as socket:
        yield Client(socket)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_text_in_pieces_sounds_as_it_does_in_one(server, client, step):
    client.say(START)
    client.write(TEXT, step)
    client.say("end")
    done = client.hear("done", "error")
    assert client.pieces() == ["Good morning to you.", "It rains, and it rains.", "Good night!"]
    whole = server.speak(input=TEXT, seed=7, steps=2)
    heard, expected = (np.frombuffer(data, "<i2").astype(np.float32) for data in (client.audio, whole.content))
    assert heard.shape == expected.shape and np.abs(heard - expected).max() <= 8  # of 32767
    assert done["seconds"] == pytest.approx(len(heard) / 24_000, abs=1e-3)
    begun = next(m for m in client.messages if m["type"] == "started")
    assert begun == {"type": "started", "seed": 7, "response_format": "pcm", "sample_rate": 24_000, "ignored": []}


def test_sentences_meet_without_silence_whenever_they_arrive(server, client, monkeypatch):
    """And of the last one the silence at the end is missing, whether `end` comes before it is spoken or after."""
    monkeypatch.setattr(spoken, "StreamingDecoder", quiet_ends(StreamingDecoder))
    text, heard = "Good morning to you. It rains, and it rains.", []
    for at_once in (True, False):
        client.audio = b""
        client.say(START, {"type": "text", "text": text}, *(["end"] if at_once else ["flush"]))
        if not at_once:
            while client.hear("piece")["text"] != "It rains, and it rains.":
                pass
            end = time.monotonic() + PATIENCE
            while server.service.engine.rows or server.service.engine.waiting:
                assert time.monotonic() < end
                time.sleep(0.01)
            client.say("end")
        client.hear("done", "error")
        heard.append(np.frombuffer(client.audio, "<i2").astype(np.float32))
    np.testing.assert_array_equal(*heard)
    (between,) = [(end - begin) / 24_000 for begin, end in pauses(heard[0] / 32_767, 24_000)]
    assert abs(between - 0.51) < 0.03
    whole = np.frombuffer(server.speak(input=text, seed=7, steps=2).content, "<i2").astype(np.float32)
    same = len(heard[0]) - 720  # 30 ms of silence are kept, and fade
    assert 1000 < len(whole) - len(heard[0]) and np.abs(heard[0][:same] - whole[:same]).max() <= 8


def test_pauses_are_as_fast_as_the_speech(server, client, monkeypatch):
    """Over a socket, and whole."""
    monkeypatch.setattr(spoken, "StreamingDecoder", quiet_ends(StreamingDecoder))
    text, silences = "Good morning to you. It rains, and it rains.", []
    for speed in (1.0, 1.5):
        client.audio = b""
        client.say({**START, "speed": speed}, {"type": "text", "text": text}, "end")
        client.hear("done", "error")
        whole = server.speak(input=text, seed=7, steps=2, speed=speed).content
        for data in (client.audio, whole):
            heard = np.frombuffer(data, "<i2").astype(np.float32)[: len(client.audio) // 2] / 32_767
            silences.append([(end - begin) / 24_000 for begin, end in pauses(heard, 24_000)][0])
    assert silences == pytest.approx([0.51, 0.51, 0.45 / 1.5 + 0.06, 0.45 / 1.5 + 0.06], abs=0.04)


def test_pauses_that_come_alone_are_kept(server, client, monkeypatch):
    """Before all, between sentences, and after all; a sentence that was flushed has its own pause."""
    monkeypatch.setattr(spoken, "StreamingDecoder", quiet_ends(StreamingDecoder))
    client.say(START)
    for text in ("[pause:1]", "Good morning to you.", "<break time='0.5s'/> [pause:0.5]", "It rains, and it rains", "Yes."):
        client.say({"type": "text", "text": text}, "flush")
    client.say({"type": "text", "text": "[pause:0.7]"}, {"type": "text", "text": "[pause:99]"}, "flush", "end")
    done = client.hear("done", "error")
    assert client.pieces() == ["Good morning to you.", "It rains, and it rains", "Yes."]
    assert "a pause of 99 s is too long" in str(done["warnings"]) and "nothing to say" not in str(done)
    heard = np.frombuffer(client.audio, "<i2") / 32_767
    between = [(end - begin) / 24_000 for begin, end in pauses(heard, 24_000)]
    np.testing.assert_allclose(between, [1.06, 0.51], atol=0.03)
    (sound,) = np.nonzero(heard)
    assert 24_000 + QUIET - 10 < sound[0] < 24_000 + QUIET + 250


def test_pauses_that_come_alone_add_up_to_what_one_may_be(client):
    client.say(START)
    for _ in range(3):
        client.say({"type": "text", "text": "[pause:25]"}, "flush")
    client.say({"type": "text", "text": "Yes."}, "end")
    done = client.hear("done", "error")
    assert "a pause of 75 s is too long" in str(done["warnings"]) and 50 < done["seconds"] < 60


@pytest.mark.parametrize("step", [1, 1000])
def test_pauses_are_those_of_the_whole_text(server, client, step):
    text = "Good morning. <break time='1s'/> It rains. Good night! [pause:0.5]"
    lexicon = {"rains": "ɹeɪnz"}
    client.say({**START, "lexicon": lexicon})
    client.write(text, step)
    client.say("end")
    client.hear("done", "error")
    assert client.pieces() == ["Good morning.", "It [rains](/ɹeɪnz/).", "Good night!"]
    whole = server.speak(input=text, lexicon=lexicon, seed=7, steps=2).content
    heard, expected = (np.frombuffer(data, "<i2").astype(np.float32) for data in (client.audio, whole))
    assert heard.shape == expected.shape and np.abs(heard - expected).max() <= 8 and not heard[-12_000:].any()


def test_a_sentence_is_heard_before_the_next_is_written(client):
    client.say(START)
    client.write("Good morning to you. ")
    client.say({"type": "text", "text": "And "})
    assert client.hear("piece")["text"] == "Good morning to you."
    while not client.audio:
        client.audio += client.socket.recv(timeout=PATIENCE)
    client.say({"type": "text", "text": "good night"}, "flush")  # what has no end yet, too
    assert client.hear("piece")["text"] == "And good night"
    client.say("end")
    assert client.hear("done")


@pytest.fixture
def drawn_after_cancel(server, pipeline, monkeypatch):
    """A list with an entry for each patch that is drawn after the engine was told to cancel."""
    cancel, told, drawn = server.service.engine.cancel, [], []
    monkeypatch.setattr(server.service.engine, "cancel", lambda utterance: told.append(1) or cancel(utterance))
    hook = pipeline.ditar.stop_head.register_forward_pre_hook(lambda *_: drawn.append(1) if told else None)
    yield drawn
    hook.remove()
    assert told


def test_cancel_ends_the_work_within_a_patch(server, client, drawn_after_cancel):
    client.say({**START, "steps": 16, "seed": 1})
    client.write(f"{TEXT} " * 5, 100)
    client.hear("piece")
    client.say("cancel")
    assert client.hear("cancelled", "done")["type"] == "cancelled"
    server.wait_until_idle()
    assert server.service.engine.rows == 0 and len(drawn_after_cancel) <= 1
    drawn_after_cancel.clear()
    client.audio = b""
    client.say(START, {"type": "text", "text": "It rains."}, "end")  # the next one on the same line
    assert client.hear("done", "error")["type"] == "done" and client.audio


def test_a_client_that_goes_away_ends_its_work(server, client, drawn_after_cancel):
    client.say({**START, "steps": 16})
    client.write(f"{TEXT} " * 8, 100)
    client.hear("piece")
    client.socket.close()
    server.wait_until_idle()
    assert len(drawn_after_cancel) <= 1


def test_without_start_all_is_as_it_is_where_nobody_says(client):
    client.say({"type": "text", "text": "Yes."}, "end")
    assert client.hear("done", "error")["type"] == "done"
    assert [m["type"] for m in client.messages][:2] == ["started", "piece"]


@pytest.mark.parametrize(
    "messages, message",
    [
        (["{"], "the body is not JSON"),
        (["[]"], "got"),
        (['{"type": "sing"}'], "'start', 'text', 'flush', 'end', 'cancel'"),
        (['{"type": "text"}'], "text is missing"),
        (['{"type": "text", "text": 5}'], "got 5"),
        (['{"type": "text", "text": "Hi.", "voice": "heart"}'], 'no field "voice"; there are type, text'),
        (['{"type": "start", "speed": 3, "seed": -1}'], "got -1"),
        (['{"type": "start", "voice": "nobody"}'], 'voice "nobody" is not known'),
        (['{"type": "start", "response_format": "aac"}'], "'wav' or 'pcm', got \"aac\""),
        (['{"type": "start"}', '{"type": "start"}'], "a talk is under way"),
        (['{"type": "start"}', '{"type": "end"}', '{"type": "text", "text": "Hi."}'], "cannot follow end|done"),
        ([b"\0\1"], "got a binary one"),
    ],
)
def test_messages_that_are_none_are_told_and_end_the_talk(client, messages, message):
    for one in messages:
        client.socket.send(one)
    told = client.hear("error", "done")
    said = told["error"]["message"] if told["type"] == "error" else "done"
    assert any(part in said for part in message.split("|")), said
    client.say("cancel", START, {"type": "text", "text": "It rains."}, "end")
    client.hear("cancelled")
    assert client.hear("done", "error")["type"] == "done"  # the line is as good as before


def test_what_belongs_to_a_talk_that_failed_is_not_spoken(client):
    client.say({"type": "start", "voice": "nobody"}, {"type": "text", "text": "Hello. Hello."}, "end")
    assert client.hear("error", "done")["type"] == "error"
    client.say(START, {"type": "text", "text": "It rains."}, "end")
    client.hear("done")
    assert client.pieces() == ["It rains."]


def test_a_sentence_that_cannot_be_spoken_is_left_out(client):
    client.say(START, {"type": "text", "text": "It rains. \U0001f600! It rains."}, "end")
    done = client.hear("done", "error")
    assert client.pieces()[-1] == "It rains." and any("GRINNING" in line for line in done["warnings"])


def test_text_has_its_limits(server, client, monkeypatch):
    monkeypatch.setattr(module, "MAX_SENTENCE_CHARACTERS", 30)
    monkeypatch.setattr(module, "MAX_WAITING_CHARACTERS", 2000)
    client.say(START)
    client.write("and on and on and on and on and on and on ")  # never ends, and is spoken all the same
    assert client.hear("piece")["text"].startswith("and on")
    client.say({"type": "text", "text": "x " * 1001})
    assert "2000 is the limit" in client.hear("error")["error"]["message"]


def test_a_full_server_refuses(pipeline, tmp_path):
    with running(pipeline, tmp_path, max_concurrent=1, max_queue=0) as server:
        url = f"ws://127.0.0.1:{server.port}/v1/audio/stream"
        with connect(url) as first, connect(url) as second:
            first, second = Client(first), Client(second)
            first.say(START)
            first.hear("started")
            second.say(START)
            assert second.hear("error")["error"]["code"] == "queue_full"
            first.say("cancel")
            first.hear("cancelled")
            second.say("cancel", START, {"type": "text", "text": "It rains."}, "end")
            assert second.hear("done")


def test_a_server_that_goes_down_says_what_it_has_accepted(pipeline, tmp_path):
    with running(pipeline, tmp_path) as server:
        with connect(f"ws://127.0.0.1:{server.port}/v1/audio/stream") as socket:
            client = Client(socket)
            client.say(START, {"type": "text", "text": "It rains. Good night. "})
            client.hear("piece")
            server.loop.call_soon_threadsafe(server.service.draining.set)  # as SIGTERM does
            assert client.hear("done", "error")["type"] == "done"
            client.say(START)
            assert "shutting down" in client.hear("error")["error"]["message"]
        assert server.http.get("/health").status_code == 503
        refused = server.speak()
        assert refused.status_code == 503 and refused.headers["retry-after"]

