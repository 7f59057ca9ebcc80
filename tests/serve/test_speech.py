"""POST /v1/audio/speech on a tiny random model, as clients meet it."""

import asyncio
import base64
import copy
import gzip
import io
import json
import re
import socket
import threading
import time
from contextlib import suppress

import httpx2
import numpy as np
import openai
import pytest
import soundfile
import torch
from websockets.sync.client import connect

from ditar import load_pipeline
from ditar.audio.trim import pauses
from ditar.model.adapter import add_adapter, base_fingerprint, save_adapter
from ditar.nn.threads import in_own_thread
from ditar.seeds import piece_seeds
from ditar.serve.bodies import MAX_SEED
from ditar.serve.settings import MAX_CHARACTERS
from ditar.synthesis import spoken
from ditar.synthesis.pieces import pieces_to_speak, silent
from ditar.synthesis.retry import SpeechError
from ditar.synthesis.script import script_to_speak
from ditar.synthesis.voice_names import make_voice, read_voice
from ditar.text.errors import TextError
from ditar.text.lexicon import Lexicon
from ditar.text.pieces import gaps
from ditar.text.script import read_script
from ditar.units import SAMPLE_RATE_HZ
from ditar.vae.streaming import StreamingDecoder
from tests.quiet import quiet_ends
from tests.serve.server import PATIENCE, running
from tests.serve.test_voices import encoded
from tests.tiny import clip, tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline

TEXT = "Good morning to you. It rains, and it rains. Good night!"
FAST = {"steps": 2}


@pytest.fixture(scope="module")
def alone(pipeline):
    """alone(text, seed, **options) -> the audio of one who asks for it alone, from Python."""
    voice = pipeline.create_voice()

    def speak(text, seed, num_inference_steps=2, pieces=None, **options):
        if pieces is None:
            pieces, _ = pieces_to_speak(text, voice, pipeline.text_config, "en-us")
        seeds = [seed] if len(pieces) == 1 else piece_seeds(seed, [piece.text for piece in pieces])
        *before, after = gaps(pieces)
        audio = []
        for number, (piece, of_piece, gap) in enumerate(zip(pieces, seeds, before)):
            audio.append(silent(gap))
            request, between = piece.request(of_piece, **options), (number > 0, number + 1 < len(pieces))
            settings = dict(zip(("continues", "goes_on"), between), num_inference_steps=num_inference_steps)
            with suppress(SpeechError):  # the model never ends by itself
                for chunk in pipeline.stream(request, **settings):
                    audio.append(chunk)
        return np.concatenate([*audio, silent(after)])

    return speak


def samples(data):
    return np.frombuffer(data, "<i2").astype(np.float32) / 32767


def events(response):
    """The JSON of server-sent events."""
    return [json.loads(block.removeprefix("data: ")) for block in response.text.split("\n\n") if block]


def test_the_official_client_gets_a_file(server, alone):
    response = server.openai.audio.speech.create(
        model="tts-1", voice="alloy", input=TEXT, response_format="wav", instructions="Cheerful.",
        extra_body={"seed": 7, **FAST},
    )  # fmt: skip
    audio, rate_hz = soundfile.read(io.BytesIO(response.content), dtype="float32")
    np.testing.assert_allclose(audio, alone(TEXT, 7), atol=2e-4)
    assert rate_hz == SAMPLE_RATE_HZ
    headers = response.response.headers
    assert headers["x-ditar-seed"] == "7" and headers["x-ditar-ignored"] == "instructions"
    assert headers["content-type"] == "audio/wav"


def test_sentences_meet_without_silence_as_from_python(server, alone, monkeypatch):
    monkeypatch.setattr(spoken, "StreamingDecoder", quiet_ends(StreamingDecoder))
    heard, expected = samples(server.speak(input=TEXT, seed=7, **FAST).content), alone(TEXT, 7)
    np.testing.assert_allclose(heard, expected, atol=2e-4)
    between = [(end - begin) / SAMPLE_RATE_HZ for begin, end in pauses(heard, SAMPLE_RATE_HZ)]
    np.testing.assert_allclose(between, [0.51, 0.51], atol=0.03)


def test_pauses_ssml_and_pronunciations_sound_as_from_python(server, alone):
    text = "[pause:0.2] Good <break time='100ms'/> morning, [you](/juː/). It rains.[pause:0.5]"
    heard, expected = samples(server.speak(input=text, seed=7, **FAST).content), alone(text, 7)
    np.testing.assert_allclose(heard, expected, atol=2e-4)
    assert not heard[:4800].any() and not heard[-12_000:].any()
    by_lexicon = server.speak(input="The Data here.", lexicon={"data": "D EY1 T AH0"}, seed=7, **FAST)
    assert by_lexicon.content == server.speak(input="The [Data](/dˈeɪtə/) here.", seed=7, **FAST).content


def test_a_server_has_a_lexicon_and_a_request_s_own_comes_first(pipeline, tmp_path, server):
    with running(pipeline, tmp_path, lexicon=Lexicon({"data": "dɑːtə", "rains": "ɹaɪnz"})) as other:
        heard = other.speak(input="Data rains.", lexicon={"data": "deɪtə"}, seed=7, **FAST).content
        of_script = other.speak(input="[a] Data rains.", voices={"a": "default"}, seed=7, **FAST).content
    assert heard == server.speak(input="[Data](/deɪtə/) [rains](/ɹaɪnz/).", seed=7, **FAST).content
    assert of_script == server.speak(input="[Data](/dɑːtə/) [rains](/ɹaɪnz/).", seed=7, **FAST).content


def test_a_script_is_spoken_by_several_voices(server, alone):
    script, names = "[anna] It rains.\n[bob] Where? [pause:0.5]\n[anna] Here.", {"anna": "heart", "bob": "eric"}
    voices = {speaker: server.service.voices.voice(name) for speaker, name in names.items()}
    pieces, _ = script_to_speak(read_script(script), voices, server.service.pipeline.text_config, "en-us")
    expected = alone(script, 7, pieces=pieces)
    heard = samples(server.speak(input=script, voices=names, seed=7, **FAST).content)
    np.testing.assert_allclose(heard, expected, atol=2e-4)
    for body, message in (
        ({"voices": {"anna": "heart"}}, "no voice is given for 'bob'; there are voices for 'anna'"),
        ({"voices": {**names, "bob": "nobody"}}, 'voice "nobody" is not known'),
        ({"voices": names, "input": "Hi."}, "input:1: 'Hi.' has no speaker; begin it with [name]"),
    ):
        refused = server.speak(**{"input": script, **body})
        assert refused.status_code == 422 and message in refused.json()["error"]["message"]


def test_the_official_client_streams(server, alone, tmp_path):
    request = {"model": "gpt-4o-mini-tts", "voice": "nova", "input": TEXT, "response_format": "pcm"}
    with server.openai.audio.speech.with_streaming_response.create(**request, extra_body={"seed": 1, **FAST}) as reply:
        parts = list(reply.iter_bytes(1024))
    heart = server.speak(input=TEXT, voice="heart", seed=1, **FAST)
    assert b"".join(parts) == heart.content and len(parts) > 10
    with server.openai.audio.speech.with_streaming_response.create(**{**request, "response_format": "mp3"}) as reply:
        reply.stream_to_file(tmp_path / "out.mp3")
    assert soundfile.info(tmp_path / "out.mp3").duration > 1


def test_the_official_client_at_eight_times_at_once(pipeline, alone, tmp_path):
    """Rows join and leave, and each hears its own."""
    texts = [TEXT, "It rains.", "Good morning to you all, and good night.", "Yes."] * 2

    async def ask(url):
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", timeout=PATIENCE, max_retries=0) as client:

            async def one(seed, text):
                await asyncio.sleep(0.02 * seed)
                extra = {"seed": seed, "temperature": 0.5 + 0.1 * (seed % 3), "steps": 2 + seed % 2}
                made = await client.audio.speech.create(
                    model="ditar", voice="default", input=text, response_format="pcm", extra_body=extra
                )
                return made.content

            return await asyncio.gather(*(one(seed, text) for seed, text in enumerate(texts)))

    with running(pipeline, tmp_path, max_concurrent=4) as server:
        heard = asyncio.run(ask(server.url))
        server.wait_until_idle()
        assert 'ditar_utterances_total{end="wrong"} 12.0' in server.http.get("/metrics").text
    for seed, (text, data) in enumerate(zip(texts, heard)):
        expected = alone(text, seed, 2 + seed % 2, temperature=0.5 + 0.1 * (seed % 3))
        np.testing.assert_allclose(samples(data), expected, atol=3e-4)


@pytest.mark.parametrize("name", ["mp3", "opus", "flac"])
def test_formats(server, name):
    response = server.speak(response_format=name, seed=3, **FAST)
    whole = samples(server.speak(seed=3, **FAST).content)
    audio, rate_hz = soundfile.read(io.BytesIO(response.content), dtype="float32")
    assert rate_hz == SAMPLE_RATE_HZ and len(whole) <= len(audio) < len(whole) + 3000
    if name == "flac":
        np.testing.assert_allclose(audio, whole, atol=1e-4)


def test_events(server, alone):
    response = server.speak(input=TEXT, seed=7, stream_format="sse", **FAST)
    assert response.headers["content-type"].startswith("text/event-stream")
    *deltas, done = events(response)
    audio = samples(b"".join(base64.b64decode(delta["audio"]) for delta in deltas))
    np.testing.assert_allclose(audio, alone(TEXT, 7), atol=2e-4)
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"} and done["type"] == "speech.audio.done"
    usage = done["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > len(TEXT)
    assert done["seconds"] == pytest.approx(len(audio) / SAMPLE_RATE_HZ, abs=1e-3) and done["seed"] == 7
    assert any("did not end by itself" in line for line in done["warnings"])
    pieces = [piece for delta in deltas for piece in delta.get("pieces", ())]
    assert [piece["text"] for piece in pieces] == ["Good morning to you.", "It rains, and it rains.", "Good night!"]
    starts = [piece["start"] for piece in pieces]
    assert starts[0] == 0 and starts == sorted(starts)
    for start in starts[1:]:  # behind the silence after the sentence before
        at = round(start * SAMPLE_RATE_HZ)
        assert not audio[at - 2400 : at].any() and audio[at : at + 2400].any()


def test_a_seed_is_drawn_and_told(server):
    first, second = (server.speak(**FAST) for _ in range(2))
    assert first.content != second.content
    again = server.speak(seed=int(first.headers["x-ditar-seed"]), **FAST)
    assert np.abs(samples(again.content) - samples(first.content)).max() < 2e-4


def test_what_is_left_out_is_told(server):
    response = server.speak(input="It rains \U0001f600 today.", **FAST)
    assert response.status_code == 200
    assert any("GRINNING FACE" in line for line in json.loads(response.headers["x-ditar-warnings"]))
    many = server.speak(input="It \U0001f600 rains. " * 40, **FAST).headers["x-ditar-warnings"]
    *told, more = json.loads(many)  # whole, though not all go into a header
    assert len(many) <= 2000 and len(told) > 5 and more == f"{40 - len(told)} more: ask for stream_format json"
    done = events(server.speak(input="It rains \U0001f600 today.", stream_format="sse", **FAST))[-1]
    assert any("GRINNING FACE" in line for line in done["warnings"])


LONG = "a " * (MAX_CHARACTERS // 2) + "b"


@pytest.mark.parametrize(
    "body, status, message",
    [
        ({"input": ""}, 422, 'input "" has nothing to say'),
        ({"input": LONG}, 413, f"input has {MAX_CHARACTERS + 1} characters, {MAX_CHARACTERS} is the limit"),
        ({"input": "\U0001f600"}, 422, "GRINNING FACE"),
        ({"input": None}, 422, "input: input should be a valid string, got null"),
        ({"model": "whisper-1"}, 404, 'model "whisper-1" is not served here; there is ditar'),
        ({"voice": "nobody"}, 422, 'voice "nobody" is not known; there are default, eric, heart'),
        ({"voice": "heart:1+nobody:1"}, 422, 'voice "nobody" is not known; there are default, eric, heart'),
        ({"voice": "heart:1+michael:0"}, 422, "the share of 'michael' must be a number above 0, got '0'"),
        ({"voice": "../../../etc/passwd"}, 422, 'voice "../../../etc/passwd" is not known'),
        ({"voice": {"id": "nobody"}}, 422, 'voice "nobody" is not known'),
        ({"response_format": "aac"}, 422, "input should be 'mp3', 'opus', 'flac', 'wav' or 'pcm', got \"aac\""),
        ({"voice": 5}, 422, "voice: input should be a valid string, got 5"),
        ({"voice": {"name": "heart"}}, 422, "voice: input should be a valid string, got {"),
        ({"response_format": "exe"}, 422, 'response_format: input should be .* got "exe"'),
        ({"speed": 3}, 422, "speed: input should be less than or equal to 2, got 3"),
        ({"speed": 0.3}, 422, "speed: input should be greater than or equal to 0.5, got 0.3"),
        ({"temperature": 1.5}, 422, r"temperature must lie in \[0, 1\] .* got 1.5"),
        ({"temperature": 0.5, "steps": 1}, 422, "temperature 0.5 needs at least 2 inference steps"),
        ({"guidance_scale": 0}, 422, "guidance_scale: .* got 0"),
        ({"steps": 1000}, 422, "steps: input should be less than or equal to 64, got 1000"),
        ({"seed": -1}, 422, "seed: .* got -1"),
        ({"seed": MAX_SEED + 1}, 422, "seed: "),
        ({"input": "Hi [pause:soon]"}, 422, "'soon' is no length of a pause; give seconds from 0 to 60"),
        ({"input": "Hi. [pause:60] " * 6}, 422, "input asks for 360 s of pauses, 300 s is the limit"),
        ({"input": "<phoneme ph='a'>x"}, 422, "<phoneme ph='a'> has no end"),
        ({"lexicon": {"data": "D QQ"}}, 422, "lexicon: 'data': 'QQ' is not of ARPABET"),
        ({"lexicon": {"data": 5}}, 422, "lexicon.data: input should be a valid string, got 5"),
        ({"language": "xx-nowhere"}, 422, "language 'xx-nowhere' is not known to espeak-ng"),
        ({"temprature": 1}, 422, 'there is no field "temprature"; there are model, voice, '),
    ],
)
def test_errors_name_the_value_and_the_remedy(server, body, status, message):
    response = server.speak(**body)
    error = response.json()["error"]
    assert response.status_code == status and set(error) == {"message", "type", "param", "code"}
    assert re.search(message, error["message"]), error
    assert error["type"] == "invalid_request_error" and "/ditar/" not in response.text
    assert error["param"].partition(".")[0] in body


def test_bodies_that_are_no_json(server):
    for content in (b"{", b"[]", b"null", b"\xff\xfe", b'{"input": "\\ud800"}', b"1e999", b"[" * 100_000):
        headers = {"content-type": "application/json"}
        response = server.http.post("/v1/audio/speech", content=content, headers=headers)
        assert response.status_code in (400, 422) and response.json()["error"]["message"], content[:20]
    latin = server.http.post("/v1/audio/speech", content='{"input": "Café"}'.encode("latin-1"), headers=headers)
    assert latin.status_code == 400 and "send a JSON object in UTF-8" in latin.json()["error"]["message"]
    for data in (gzip.compress(b'{"input": "Hi."}'), b'{"input": "Hi."}'):
        packed = server.http.post("/v1/audio/speech", content=data, headers={**headers, "content-encoding": "gzip"})
        assert packed.status_code == 415 and 'Content-Encoding "gzip" is not read' in packed.json()["error"]["message"]
    form = server.http.post("/v1/audio/speech", data={"input": "Hi."})
    assert form.status_code == 422
    assert "JSON object with Content-Type: application/json" in form.json()["error"]["message"]
    response = server.http.post("/v1/audio/speech", content=b"x" * 300_000, headers=headers)
    assert response.status_code == 413 and "262144 is the limit" in response.json()["error"]["message"]
    parts = (b"x" * 10_000 for _ in range(30))  # which say nothing of their length
    assert server.http.post("/v1/audio/speech", content=parts, headers=headers).status_code == 413


def test_the_official_client_knows_the_errors(server):
    for error, body in ((openai.UnprocessableEntityError, {"voice": "nobody"}), (openai.NotFoundError, {"model": "x"})):
        with pytest.raises(error, match="nobody|is not served here"):
            server.openai.audio.speech.create(**{"model": "ditar", "voice": "heart", "input": "Hi.", **body})


def test_paths_that_there_are_not(server):
    for method, path, status in (("GET", "/etc/passwd", 404), ("GET", "/v1/audio/speech", 405), ("GET", "/x/", 404)):
        response = server.http.request(method, path)
        assert response.status_code == status and "see /docs" in response.json()["error"]["message"]


def test_every_path_names_all_its_methods(server):
    """In Allow, as HTTP asks of a 405, though the framework has a route for each of them."""
    described = server.http.get("/openapi.json").json()["paths"].items()
    allowed = {path.replace("{name}", "x"): {method.upper() for method in methods} for path, methods in described}
    assert allowed["/v1/audio/voices"] == {"GET", "POST"} and allowed["/v1/audio/voices/x"] == {"DELETE"}
    for path, methods in {**allowed, "/": {"GET"}, "/docs": {"GET"}}.items():
        methods |= {"HEAD"} if "GET" in methods else set()
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - methods:
            reply = server.http.request(method, path)
            assert reply.status_code == 405 and set(reply.headers.get_list("allow", split_commas=True)) == methods, path


@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/v1/models", "/metrics"])
def test_a_head_has_the_headers_of_a_get(server, path):
    head, get = server.http.head(path), server.http.get(path)
    assert head.status_code == get.status_code == 200 and not head.content
    assert head.headers["content-type"] == get.headers["content-type"] and int(head.headers["content-length"]) > 0
    assert server.http.head("/v1/audio/speech").status_code == 405
    assert server.http.get("/health").json() == {"status": "ok"}  # the connection is not out of step


def test_models_health_and_description(server):
    assert server.http.get("/health").json() == {"status": "ok"}
    names = [model.id for model in server.openai.models.list()]
    assert names[0] == "ditar" and "tts-1" in names and server.openai.models.retrieve("tts-1").id == "tts-1"
    described = server.http.get("/openapi.json").json()
    paths = described["paths"]
    assert {"/v1/audio/speech", "/v1/audio/voices", "/v1/models", "/health", "/metrics"} <= set(paths)
    form = described["components"]["schemas"]["ErrorFacts"]["properties"]
    assert form.keys() == server.speak(voice="nobody").json()["error"].keys()
    assert "HTTPValidationError" not in described["components"]["schemas"]  # FastAPI's, which nobody gets here
    text = server.http.get("/metrics").text
    assert 'ditar_http_responses_total{method="GET",path="/health",status="200"}' in text and "ditar_rows 0.0" in text


def with_adapter(folder):
    """A model of `load_pipeline` with an adapter that changes it."""
    base = tiny_pipeline(seconds_per_symbol=0.03)
    base.save_pretrained(folder / "base")
    adapted = copy.deepcopy(base.ditar)
    add_adapter(adapted, 2)
    torch.manual_seed(1)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)
    save_adapter(adapted, folder / "adapter", base_fingerprint(base.ditar))
    return load_pipeline(folder / "base", adapter=folder / "adapter", threads=1)


def test_a_model_of_another_language_is_served_in_it(tmp_path):
    """With the voices that ship, whose words it cannot read."""
    pipeline = tiny_pipeline(seconds_per_symbol=0.03, trained_languages=("fr-fr",))
    with running(pipeline, tmp_path, language="fr-fr") as server:
        for voice in ("default", "heart"):
            assert server.speak(input="Bonjour.", voice=voice, **FAST).status_code == 200
        said = {"name": "ann", "transcript": "Bonjour."}
        kept = server.http.post("/v1/audio/voices", data=said, files={"audio_sample": ("a.wav", encoded(clip(1.0)))})
        assert kept.status_code == 200 and server.speak(input="Bonjour.", voice="ann", **FAST).status_code == 200
        with connect(f"ws://127.0.0.1:{server.port}/v1/audio/stream") as socket:
            socket.send(json.dumps({"type": "text", "text": "Bonjour. "}))
            socket.send(json.dumps({"type": "flush"}))
            assert json.loads(socket.recv(timeout=PATIENCE))["type"] != "error"
        english = server.speak(input="Hello.", language="en-us", **FAST)
        assert server.speak(input="Hello.", language="", **FAST).status_code == 422
    assert english.status_code == 422 and "trained on fr-fr and never heard 'en-us'" in english.text
    voice = pipeline.create_voice()
    assert not voice.text and not voice.symbols and len(voice.latents)
    with pytest.raises(TextError, match="trained on fr-fr and never heard 'en-us'"):
        pipeline.create_voice(clip(1.0), "Hello there.")


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: tiny_pipeline(seconds_per_symbol=0.03, distilled_guidance=4.0),
        with_adapter,
        lambda folder: tiny_token_pipeline(end=True),
    ],
    ids=["distilled", "adapter", "tokens"],
)
def test_every_kind_of_model_is_served(tmp_path, make):
    """It says what the pipeline says alone with the same seed, which need not end by itself."""
    if make is with_adapter:
        pytest.importorskip("peft", reason="needs peft, of the extra `finetune`")
    pipeline = make(tmp_path)
    with running(pipeline, tmp_path) as server:
        answer = server.speak(seed=1, voice="heart")
    assert answer.status_code == 200, answer.text
    voice = make_voice(read_voice("heart"), pipeline)
    (piece,), _ = pieces_to_speak("It rains.", voice, pipeline.text_config, "en-us")
    retries = {"max_retries": 0} if hasattr(pipeline, "ditar") else {}  # tokens are heard when all is finished
    (alone,) = pipeline.batch([piece.request(1)], **retries)
    made = samples(answer.content)
    assert len(made) > 1000
    np.testing.assert_allclose(made, alone.audio[: len(made)], atol=2e-4)


def test_a_full_server_refuses_and_says_when_to_come_back(server):
    """Three are spoken, three wait."""
    slow = {"input": TEXT, "steps": 16, "response_format": "pcm"}
    with httpx2.Client(base_url=server.url, timeout=PATIENCE) as client:
        replies = []
        requests = [client.build_request("POST", "/v1/audio/speech", json=slow) for _ in range(6)]
        threads = [threading.Thread(target=lambda r=r: replies.append(client.send(r).status_code)) for r in requests]
        for thread in threads:
            thread.start()
        end = time.monotonic() + PATIENCE
        while server.service.talks < 6 and time.monotonic() < end:
            time.sleep(0.005)
        assert server.service.engine.rows <= 3
        refused = server.speak()
        assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["error"]["type"] == "rate_limit_error"
        for thread in threads:
            thread.join(PATIENCE)
    assert replies == [200] * 6


@pytest.mark.parametrize("read", [0, 1, 20_000])
def test_a_client_that_goes_away_ends_its_work(server, read):
    """While it waits, and while it hears."""
    server.wait_until_idle()
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        body = json.dumps({"input": f"{TEXT} " * 8, "steps": 16, "response_format": "pcm"}).encode()
        client.sendall(
            b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        end = time.monotonic() + PATIENCE
        while not server.service.engine.rows and time.monotonic() < end:
            time.sleep(0.005)
        while read > 0:
            read -= len(client.recv(min(read, 4096)))
    began = time.monotonic()
    server.wait_until_idle()
    assert time.monotonic() - began < 10  # all of it would take minutes


def test_what_fails_on_its_way_is_not_taken_for_the_whole(server, monkeypatch):
    take, calls = StreamingDecoder.take, []

    def fail_late(decoder, final=False):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("a secret at /home/secret.py")
        return take(decoder, final)

    monkeypatch.setattr(StreamingDecoder, "take", fail_late)
    with pytest.raises(httpx2.TransportError):
        server.speak(input=TEXT, **FAST)
    calls.clear()
    *_, last = events(server.speak(input=TEXT, stream_format="sse", **FAST))
    assert last["type"] == "error" and last["error"]["type"] == "server_error" and "secret" not in json.dumps(last)
    calls.clear()
    whole = server.speak(input=TEXT, stream_format="json", **FAST)
    assert whole.status_code == 500 and whole.json()["error"]["type"] == "server_error" and "secret" not in whole.text
    calls.extend([1, 1, 1])
    early = server.speak(input=TEXT, **FAST)
    assert early.status_code == 500 and "secret" not in early.text and "Traceback" not in early.text
    monkeypatch.undo()
    assert server.speak(**FAST).status_code == 200

def test_only_the_engine_has_more_threads_than_one(tmp_path):
    """A thread that computes beside it, or has computed before, would bring its own, and make all of them slow."""
    pipeline, before, seen = tiny_pipeline(seconds_per_symbol=0.03), torch.get_num_threads(), []
    hook = pipeline.ditar.stop_head.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    try:
        in_own_thread(lambda: torch.set_num_threads(2))
        with running(pipeline, tmp_path) as server:
            assert server.speak(seed=1, voice="heart", steps=2).status_code == 200
            prepared = asyncio.run_coroutine_threadsafe(server.service.prepare(torch.get_num_threads), server.loop)
            assert prepared.result(60) == 1
            assert server.speak(seed=2, voice="heart", steps=2).status_code == 200
    finally:
        hook.remove()
        torch.set_num_threads(before)
    assert seen and set(seen) == {2}
