"""Times of words from the server of a model that reads monotonically; the same in every form."""

import base64
import json

import numpy as np
import pytest
import torch
from websockets.sync.client import connect

from ditar.seeds import piece_seeds
from ditar.synthesis.pieces import pieces_to_speak
from ditar.synthesis.time_files import plain_spans
from ditar.synthesis.timing import joined
from ditar.text.pieces import gaps
from tests.serve.browser import browser
from tests.serve.server import running
from tests.serve.test_socket import Client
from tests.tiny import tiny_pipeline

TEXT = "Good morning to you. It rains, [pause:0.5] and it rains of the day."
ASKED = {"input": TEXT, "seed": 7, "steps": 2, "timestamps": True}
WORDS = ["Good", "morning", "to", "you.", "It", "rains,", "and", "it", "rains", "of", "the", "day."]


@pytest.fixture(scope="module")
def reader():
    pipeline = tiny_pipeline(stop_bias=20.0, alignment="monotonic", seconds_per_symbol=0.01)
    torch.nn.init.normal_(pipeline.ditar.reading.head.weight, std=3.0)
    pipeline.ditar.reading.head.bias.data = torch.tensor([1.0, 0.0, 0.0])
    return pipeline


@pytest.fixture(scope="module")
def reading(reader, tmp_path_factory):
    with running(reader, tmp_path_factory.mktemp("voices"), max_concurrent=3, max_queue=3) as found:
        yield found
        found.wait_until_idle()


@pytest.fixture(scope="module")
def alone(reader):
    """The timing that Python says, and the samples of all."""
    pieces, _ = pieces_to_speak(TEXT, reader.create_voice(), reader.text_config, "en-us")
    parts, at = [], 0
    for piece, seed, gap in zip(pieces, piece_seeds(7, [piece.text for piece in pieces]), gaps(pieces)):
        at += gap
        with reader.stream(piece.request(seed, timestamps=True), num_inference_steps=2) as stream:
            samples = sum(map(len, stream))
        parts.append((stream.timing, at))
        at += samples
    return joined(parts), at


def test_events_say_what_is_over_by_then(reading, alone):
    reply = reading.speak(**ASKED, stream_format="sse")
    *deltas, done = [json.loads(line[6:]) for line in reply.text.split("\n\n") if line]
    timing, samples = alone
    assert done["type"] == "speech.audio.done" and done["seconds"] == pytest.approx(samples / 24_000, abs=1e-4)
    for name, spans in vars(timing).items():
        assert [span for delta in deltas for span in delta.get(name, ())] == plain_spans(spans)
    assert [word.text for word in timing.words] == WORDS
    assert sum("words" in delta and bool(delta["words"]) for delta in deltas) > 3  # and not all at the end
    audio = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert audio == reading.speak(input=TEXT, seed=7, steps=2).content


def test_one_object_has_it_all(reading, alone):
    said = reading.speak(**ASKED, stream_format="json").json()
    assert said["words"] == plain_spans(alone[0].words) and said["symbols"] == plain_spans(alone[0].symbols)
    audio = np.frombuffer(base64.b64decode(said["audio"]), "<i2")
    assert len(audio) == alone[1] and said["seed"] == 7
    first, pause = said["words"][0], (said["words"][5]["end"], said["words"][6]["start"])
    assert np.abs(audio[round(first["start"] * 24_000) : round(first["end"] * 24_000)]).max() > 0
    assert pause[1] - pause[0] >= 0.5
    assert "words" not in reading.speak(input=TEXT, stream_format="json", steps=2).json()


def test_the_websocket_says_the_same(reading, alone):
    with connect(f"ws://127.0.0.1:{reading.port}/v1/audio/stream") as socket:
        client = Client(socket)
        client.say({"type": "start", **{name: ASKED[name] for name in ("seed", "steps", "timestamps")}})
        client.say({"type": "text", "text": TEXT}, "end")
        client.hear("done", "error")
    said = [word for message in client.messages if message["type"] == "words" for word in message["words"]]
    assert said == plain_spans(alone[0].words)


def test_the_page_highlights_each_word_while_it_is_spoken(reading, tmp_path):
    with browser(reading.url, tmp_path) as page:
        page.until("document.querySelector('select').options.length > 3 && timed")
        text = "Well \u2014 [Data](/d\u02c8e\u026at\u0259/) <b>rains</b> of the day, $5 million in all."
        page.run(f"document.querySelector('#text').value = {json.dumps(text)}, field(forms[0], 'seed').value = 1")
        page.run("field(forms[0], 'steps').value = 2, speak()")
        page.until("takes.length === 1 && takes[0].done")
        shown = page.run("stop(), takes[0].words.map(word => [word.node.textContent, word.start, word.end])")
        assert [word for word, *_ in shown] == text.replace("[Data](/d\u02c8e\u026at\u0259/)", "Data").split()
        said = reading.speak(**{**ASKED, "input": text, "seed": 1}, stream_format="json").json()["words"]
        labels = ["Well", "Data", "rains", "of", "the", "day,", "$5 million", "in", "all."]
        assert [word["text"] for word in said] == labels
        at = {word: (start, end) for word, start, end in shown}
        assert at["\u2014"] == (None, None) and at["$5"] == at["million"]  # Infinity, as JSON has it: never
        for word in said:
            first = word["text"].split()[0].replace("rains", "<b>rains</b>")
            assert at[first] == (word["start"], word["end"])
            page.run(f"takes[0].show({(word['start'] + word['end']) / 2})")
            now = page.run("[...document.querySelectorAll('.now')].map(node => node.textContent).join(' ')")
            assert now == word["text"].replace("rains", "<b>rains</b>")
        page.picture(tmp_path / "page.png")


def test_a_rate_that_does_not_go_with_the_speed_is_refused(reading):
    said = {"input": 'One. <prosody rate="x-fast">Two.</prosody>', "steps": 2}
    assert reading.speak(**said).status_code == 200
    refused = reading.speak(**said, speed=1.5)
    assert refused.status_code == 422 and "makes 2.55, and from 0.5 to 2" in refused.json()["error"]["message"]


def test_a_file_has_no_place_for_them(reading):
    refused = reading.speak(**ASKED)
    assert refused.status_code == 422 and 'give stream_format "sse" or "json"' in refused.json()["error"]["message"]
    assert reading.http.get("/v1/models").json()["data"][0]["timestamps"] is True


def test_a_model_without_places_refuses(server):
    refused = server.speak(**ASKED, stream_format="sse")
    assert refused.status_code == 422 and "monotonic alignment" in refused.json()["error"]["message"]
    (model, *_) = server.http.get("/v1/models").json()["data"]
    assert model["timestamps"] is False and (model["languages"], model["language"]) == ([], "en-us")
    assert "words" not in server.speak(input="It rains.", stream_format="sse", steps=2).text
