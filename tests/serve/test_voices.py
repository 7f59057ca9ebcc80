"""Voices of a server: brought, listed, spoken with and deleted, and what strangers may try."""

import errno
import io
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import httpx2
import numpy as np
import pytest
import soundfile
import torch

from ditar.recognise.choose import make_recogniser
from ditar.serve import voices as module
from ditar.serve.errors import ApiError
from ditar.serve.settings import MAX_UPLOAD_BYTES
from ditar.serve.voices import VoiceShelf
from ditar.storage.weights import write_tensors
from ditar.synthesis import reference
from ditar.synthesis.model_folder import ASSETS
from ditar.synthesis.pieces import pieces_to_speak
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.retry import SpeechError
from ditar.synthesis.voice import SpeakerEmbedding, blend_voices
from ditar.synthesis.voice_file import load_voice, save_voice
from ditar.synthesis.voice_names import make_voice, read_voice
from tests.tiny import clip, tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline

VOICES = "/v1/audio/voices"


def encoded(audio, rate_hz=24_000, **options):
    file = io.BytesIO()
    soundfile.write(file, audio, rate_hz, format=options.pop("format", "FLAC"), **options)
    return file.getvalue()


def bring(server, name="ann", data=None, field="audio_sample", file_name="clip.flac", **fields):
    data = encoded(clip(1.0)) if data is None else data
    return server.http.post(VOICES, data={"name": name, **fields}, files={field: (file_name, data)})


def folder(server):
    return sorted(path.name for path in server.service.settings.voices.iterdir())


def test_a_blend_of_two_voices(server, pipeline):
    name = "heart:0.7+michael:0.3"
    heart, answer = (server.speak(voice=voice, seed=1, steps=2).content for voice in ("heart", name))
    made = np.frombuffer(answer, "<i2") / 32767
    (piece,), _ = pieces_to_speak("It rains.", make_voice(read_voice(name), pipeline), pipeline.text_config, "en-us")
    spoken = []
    with suppress(SpeechError):  # the model never ends by itself
        for chunk in pipeline.stream(piece.request(1), num_inference_steps=2):
            spoken.append(chunk)
    expected = np.concatenate(spoken)
    np.testing.assert_allclose(made[: len(expected)], expected, atol=2e-4)
    assert answer != heart


def test_a_clip_becomes_a_voice_and_goes_again(server, pipeline):
    made = bring(server, transcript="Hello there.", consent="yes")
    assert made.status_code == 200 and made.json()["seconds"] == 1.0
    assert "not known" not in str(made.json()["warnings"])
    assert folder(server) == ["ann.safetensors"]
    kept = load_voice(server.service.settings.voices / "ann.safetensors")
    expected = pipeline.create_voice(clip(1.0), "Hello there.")
    assert kept.text == "Hello there." and kept.symbols == expected.symbols
    assert torch.allclose(kept.latents, expected.latents, atol=1e-2)  # FLAC has 16 bits
    spoken = {name: server.speak(voice=name, seed=1, steps=2).content for name in ("ann", "default")}
    assert spoken["ann"] != spoken["default"]
    assert server.speak(voice={"id": "ann"}, seed=1, steps=2).content == spoken["ann"]
    listed = {voice["id"]: voice for voice in server.http.get(VOICES).json()["data"]}
    assert not listed["ann"]["ships"] and listed["heart"]["ships"] and listed["nova"]["alias_of"] == "heart"
    os.utime(server.service.settings.voices / "ann.safetensors", (1_700_000_000, 1_700_000_000))
    listed = {voice["id"]: voice["created_at"] for voice in server.http.get(VOICES).json()["data"]}
    assert listed["ann"] == 1_700_000_000 < listed["heart"] <= time.time()  # not when the server was started
    assert bring(server).status_code == 409
    assert server.http.delete(f"{VOICES}/ann").json() == {"id": "ann", "object": "audio.voice.deleted", "deleted": True}
    assert folder(server) == [] and server.http.delete(f"{VOICES}/ann").status_code == 404
    assert server.speak(voice="ann").status_code == 422


def test_the_official_client_brings_a_voice(server):
    made = server.openai.audio.voices.create(
        name="ann", audio_sample=("clip.flac", encoded(clip(1.0))), consent="cons_1", type="audio_sample", model="auto"
    )
    assert made.id == "ann" and folder(server) == ["ann.safetensors"]
    assert server.openai.audio.voices.delete("ann").deleted and folder(server) == []


def test_a_transcript_may_be_heard(server, monkeypatch):
    said = "Hello there."
    monkeypatch.setattr(reference, "make_recogniser", lambda: SimpleNamespace(transcribe=lambda waveform: said))
    made = bring(server, transcript="auto").json()
    assert made["transcript"] == said and f"heard in the clip: '{said}'" in str(made["warnings"])
    assert server.http.delete(f"{VOICES}/ann").status_code == 200
    monkeypatch.setattr(reference, "make_recogniser", lambda: make_recogniser("nobody"))
    refused = bring(server, transcript="auto")
    assert refused.status_code == 422 and "no recogniser is called 'nobody'" in refused.json()["error"]["message"]


def test_a_voice_file_is_kept(server, pipeline, tmp_path):
    voice = pipeline.create_voice(clip(0.8), "Yes.", name="whoever")
    save_voice(voice, tmp_path / "v.safetensors")
    made = bring(server, "bob", (tmp_path / "v.safetensors").read_bytes(), "voice_file")
    assert made.status_code == 200 and made.json()["transcript"] == "Yes."
    assert torch.equal(load_voice(server.service.settings.voices / "bob.safetensors").latents, voice.latents)
    assert server.speak(voice="bob", steps=2).status_code == 200
    assert server.http.delete(f"{VOICES}/bob").status_code == 200 and folder(server) == []


def test_a_voice_is_adapted_to_its_clip(server, pipeline, tmp_path, monkeypatch):
    made = bring(server, transcript="Hello there.", adapt="true").json()
    kept = load_voice(server.service.settings.voices / "ann.safetensors")
    assert made["adapted"] and len(kept.embedding.vectors) == pipeline.ditar.locdit.speaker_size
    assert bring(server, "bob", transcript="Hello there.").json()["adapted"] is False
    for name, clip_of, adapted in (("eve", "heart.flac", True), ("joe", None, False)):
        data = encoded(clip(1.0)) if clip_of is None else (ASSETS / "voices" / clip_of).read_bytes()
        made = bring(server, name, data, transcript="Hello there, and good morning.", adapt="auto").json()
        assert made["adapted"] is adapted and any("is heard and not learnt" in w for w in made["warnings"]) != adapted
        assert server.http.delete(f"{VOICES}/{name}").status_code == 200
    monkeypatch.setattr(module, "is_installed", lambda: False)
    refused = bring(server, "eve", denoise="true")
    assert refused.status_code == 422 and refused.json()["error"]["param"] == "denoise"
    said = [server.speak(voice=name, seed=1, steps=2).content for name in ("ann", "bob")]
    assert said[0] != said[1]
    refused = bring(server, "cat", (tmp_path / "none").name.encode(), "voice_file", adapt="true")
    assert refused.status_code == 422 and refused.json()["error"]["param"] == "adapt"
    assert server.http.get("/v1/models").json()["data"][0]["adapts"] is True
    refused = bring(server, "cat", transcript="Hello there.", adapt="AUTO").json()["error"]
    assert refused["message"] == 'adapt: must be true, false or auto, got "AUTO"' and refused["param"] == "adapt"
    refused = bring(server, "cat", adapt="true")
    assert refused.status_code == 422 and refused.json()["error"]["param"] == "transcript"
    broken = replace(kept, embedding=SpeakerEmbedding(kept.embedding.vectors * float("nan"), kept.embedding.model))
    save_voice(broken, tmp_path / "v.safetensors")
    refused = bring(server, "cat", (tmp_path / "v.safetensors").read_bytes(), "voice_file")
    assert refused.status_code == 422 and "its embedding has numbers up to nan" in refused.json()["error"]["message"]
    other = replace(kept, embedding=SpeakerEmbedding(kept.embedding.vectors, 16 * "0"))
    save_voice(other, tmp_path / "v.safetensors")
    refused = bring(server, "cat", (tmp_path / "v.safetensors").read_bytes(), "voice_file")
    assert refused.status_code == 422 and "was adapted for the model 0000" in refused.json()["error"]["message"]
    assert [server.http.delete(f"{VOICES}/{name}").status_code for name in ("ann", "bob")] == [200, 200]


def test_a_server_that_learns_no_voices_says_so(server, monkeypatch):
    monkeypatch.setattr(ContinuousPipeline, "adapts_voices", False)
    refused = bring(server, transcript="Hello there.", adapt="true")
    assert refused.status_code == 422 and refused.json()["error"]["param"] == "adapt"
    assert server.http.get("/v1/models").json()["data"][0]["adapts"] is False


@pytest.mark.parametrize("adapt", ["true", "auto"])
def test_speech_is_not_kept_waiting_by_a_voice_that_is_learnt(server, monkeypatch, adapt):
    """And one voice is learnt at a time."""
    learning, over, clean = Event(), Event(), (ASSETS / "voices" / "heart.flac").read_bytes()

    def slow(self, voice, reference, on_step, learnt, sure=False):
        learning.set()
        assert over.wait(60)
        return voice

    monkeypatch.setattr(ContinuousPipeline, "_adapted", slow)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(bring, server, data=clean, transcript="Hello there.", adapt=adapt)
        assert learning.wait(60)
        assert server.speak(steps=2).status_code == 200 and server.http.get(VOICES).status_code == 200
        refused = bring(server, "bob", clean, transcript="Hello there.", adapt=adapt)
        assert refused.status_code == 429 and "another voice is being learnt" in refused.json()["error"]["message"]
        over.set()
        assert made.result().status_code == 200
    assert server.http.delete(f"{VOICES}/ann").status_code == 200


def test_learning_ends_when_its_client_has_gone_or_the_server_closes(server, monkeypatch):
    learning, ended = Event(), []

    def endless(self, voice, reference, on_step, learnt):
        learning.set()
        try:
            while True:
                on_step(0, 60)
                time.sleep(0.01)
        except BaseException as error:
            ended.append(str(error))
            raise

    monkeypatch.setattr(ContinuousPipeline, "_adapted", endless)
    with suppress(httpx2.TimeoutException):
        server.http.post(VOICES, data={"name": "ann", "transcript": "Hello there.", "adapt": "true"},
                         files={"audio_sample": ("clip.flac", encoded(clip(1.0)))}, timeout=1.0)  # fmt: skip
    assert learning.wait(60)
    wait_for(lambda: ended)
    assert "not learnt to its end" in ended[0] and folder(server) == []
    wait_for(lambda: server.service._learning is None)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(bring, server, transcript="Hello there.", adapt="true")
        wait_for(lambda: server.service._learning is not None)
        server.service._learning.set()  # as `close` does
        assert made.result().status_code == 503 and len(ended) == 2


def wait_for(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_file_of_a_blend_is_a_voice(server, pipeline, tmp_path):
    one, two = (pipeline.create_voice(clip(), said, name=said[:2]) for said in ("Hello there.", "Good morning."))
    for voice, status, message in (
        (blend_voices([(one, 0.7), (two, 0.3)], "mix"), 200, ""),
        (blend_voices([(one, 0.7), (replace(two, seconds=61.0), 0.3)], "mix"), 422, "it has 61 s"),
    ):
        save_voice(voice, tmp_path / "mix.safetensors")
        files = {"voice_file": ("mix.safetensors", (tmp_path / "mix.safetensors").read_bytes())}
        made = server.http.post(VOICES, data={"name": "mix"}, files=files)
        assert made.status_code == status and message in made.text
        if status == 200:
            assert server.speak(voice="mix", seed=1).status_code == 200
            again = server.speak(voice="mix:1+heart:1")
            assert again.status_code == 422 and "is a blend already" in again.json()["error"]["message"]
            assert server.http.delete(f"{VOICES}/mix").status_code == 200
    assert folder(server) == []


@pytest.mark.parametrize("more", [{}, {"adapt": "auto"}])
def test_a_clip_without_its_transcript_says_so(server, more):
    assert "is not known" in str(bring(server, "cat", **more).json()["warnings"])
    assert server.http.delete(f"{VOICES}/cat").status_code == 200


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/b", "a\\b", ".hidden", "", "a" * 65, "a.wav", "ä", "a b", "-a", "a\0b", "..", "~a"]
)
def test_no_name_is_a_path(server, name):
    made = bring(server, name)
    assert made.status_code == 422 and made.json()["error"]["message"].startswith("name")
    assert folder(server) == []


def test_what_a_model_was_fine_tuned_on_is_its_voice(tmp_path):
    pipeline = tiny_pipeline()
    pipeline.own_voices = tmp_path / "model/voices"
    pipeline.own_voices.mkdir(parents=True)
    ann = replace(pipeline.create_voice(clip(), "Hello there.", name="ann"), embedding=None)
    save_voice(ann, pipeline.own_voices / "ann.safetensors")
    (pipeline.own_voices / "default").write_text("ann\n")
    shelf = VoiceShelf(pipeline, tmp_path / "uploaded")
    assert torch.equal(shelf.voice("default").latents, ann.latents)
    (listed,) = [voice for voice in shelf.listed() if voice.name == "ann"]
    assert (listed.text, listed.ships, listed.adapted) == ("Hello there.", True, False)
    for refused in (lambda: shelf.remove("ann"), lambda: shelf.of_clip("ann", encoded(clip()), None, "en-us")):
        with pytest.raises(ApiError, match="comes with the model|a voice that ships"):
            refused()
    assert (pipeline.own_voices / "ann.safetensors").exists()
    adapted = replace(ann, name="bob", embedding=SpeakerEmbedding(torch.zeros(4), "0123456789abcdef"))
    save_voice(adapted, pipeline.own_voices / "bob.safetensors")
    assert [voice.adapted for voice in shelf.listed() if voice.name == "bob"] == [True]
    at_home = VoiceShelf(pipeline, pipeline.own_voices)  # what is uploaded can be deleted
    with pytest.raises(ApiError, match="comes with the model"):
        at_home.remove("ann")  # in which it speaks
    at_home.remove("bob")
    assert not (pipeline.own_voices / "bob.safetensors").exists()
    (pipeline.own_voices / "ann.safetensors").write_bytes(b"damaged")
    with pytest.raises(ApiError, match='voice "default": '):
        VoiceShelf(pipeline, tmp_path / "uploaded").voice("default")


def test_a_transcript_does_not_tell_which_files_there_are(tmp_path):
    (tmp_path / "notes.txt").write_text("Hello.")
    shelf, told = VoiceShelf(tiny_pipeline(), tmp_path / "voices"), []
    for name in ("notes.txt", "none.txt"):
        with suppress(ApiError):
            told.append(shelf.of_clip("bob", encoded(clip()), str(tmp_path / name), "en-us").text)
    assert len(told) in (0, 2)


@pytest.mark.parametrize("name", ["heart", "default", "alloy"])
def test_voices_that_ship_stay(server, name):
    assert bring(server, name).status_code == 409
    removed = server.http.delete(f"{VOICES}/{name}")
    assert removed.status_code == 403 and "comes with the model" in removed.json()["error"]["message"]
    assert server.http.delete(f"{VOICES}/..%2f..%2fetc").status_code == 404


@pytest.mark.parametrize("file_name", ["../../../../tmp/evil.flac", "/etc/passwd", "x.safetensors"])
def test_the_clients_file_name_is_nothing(server, file_name):
    assert bring(server, "dan", file_name=file_name).status_code == 200
    assert folder(server) == ["dan.safetensors"]
    server.http.delete(f"{VOICES}/dan")


def wrong_files(pipeline, tmp_path):
    """(field, bytes, part of the message)"""
    voice = pipeline.create_voice(clip(0.8), "Yes.")
    save_voice(voice, tmp_path / "good.safetensors")
    good = (tmp_path / "good.safetensors").read_bytes()

    def with_latents(latents, **changes):
        metadata = {"format": "ditar-voice", "version": "1", "seconds": "0.8", "name": "x", "text": "Yes."}
        metadata |= {"vae": voice.vae, "vocabulary": voice.vocabulary, "symbols": json.dumps(["a"]), **changes}
        write_tensors(tmp_path / "x.safetensors", {"latents": latents}, metadata)
        return (tmp_path / "x.safetensors").read_bytes()

    silent_hours = encoded(np.zeros((48_000 * 59, 8), np.int16), 48_000)
    assert len(silent_hours) < 10**6
    yield from [
        ("audio_sample", b"", "cannot be read as audio"),
        ("audio_sample", b"not audio" * 100, "cannot be read as audio"),
        ("audio_sample", encoded(clip(1.0))[:300], ""),
        ("audio_sample", encoded(np.zeros(24_000)), "is silent"),
        ("audio_sample", encoded(clip(0.2)), "0.20 s of speech"),
        ("audio_sample", encoded(clip(61.0)), "61.0 s long, the limit is 60 s"),
        ("audio_sample", silent_hours, "samples in 8 channels at 48000 Hz"),
        ("audio_sample", encoded(np.full(24_000, np.nan), format="WAV", subtype="FLOAT"), "not numbers"),
        ("audio_sample", good, "cannot be read as audio"),
        ("voice_file", good[:200], "not a voice"),
        ("voice_file", b"\x80\x04\x95" + b"cos\nsystem\n(S'id'\ntR.", "not a voice"),
        ("voice_file", (2**62).to_bytes(8, "little") + b"{}", "not a voice"),
        ("voice_file", with_latents(torch.zeros(8, 9)), "its latents have the shape (8, 9)"),
        ("voice_file", with_latents(torch.zeros(0, 8)), "its latents have the shape (0, 8)"),
        ("voice_file", with_latents(torch.full((8, 8), torch.nan)), "have numbers up to nan"),
        ("voice_file", with_latents(torch.zeros(8, 8, dtype=torch.int64)), "in int64"),
        ("voice_file", with_latents(torch.zeros(7, 8)), "patch"),
        ("voice_file", with_latents(torch.zeros(8, 8), vae="other"), "VAE other"),
        ("voice_file", with_latents(torch.zeros(8, 8), seconds="1e9"), "1e+09 s"),
        ("voice_file", with_latents(torch.zeros(8, 8), symbols="[[["), "broken"),
        ("voice_file", with_latents(torch.zeros(8, 8), format="other"), "holds no voice"),
    ]


def test_files_that_are_no_voice(server, pipeline, tmp_path):
    for field, data, message in wrong_files(pipeline, tmp_path):
        made = bring(server, "eve", data, field)
        said = made.json()["error"]["message"]
        long = "s long, the limit" in said or "samples in 8 channels" in said
        assert made.status_code == (413 if long else 422), (field, data[:20], made.text)
        assert made.json()["error"]["param"] == field and "--" not in said
        assert message in said and str(server.service.settings.voices) not in said and "Traceback" not in said, said
        assert folder(server) == []


def test_what_a_killed_server_left_behind_goes(pipeline, tmp_path):
    """But not what another one may be writing now, nor voices."""
    names = [".a.safetensors.7.partial", ".b.upload.safetensors.partial", "c.safetensors", ".d.safetensors.8.partial"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    for name in names[:3]:
        os.utime(tmp_path / name, (0, 0))
    VoiceShelf(pipeline, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(names[2:])


def test_forms_that_are_none(server):
    good = ("clip.flac", encoded(clip(1.0)))
    neither = server.http.post(VOICES, data={"name": "x"})
    assert neither.status_code == 422 and "voice_file, got neither" in neither.json()["error"]["message"]
    text = server.http.post(VOICES, data={"name": "x", "audio_sample": "abc"})
    assert text.status_code == 422 and "curl -F audio_sample=@FILE" in text.json()["error"]["message"]
    for field, value in (("language", "xx-nowhere"), ("transcript", "Too much is said in it. " * 20)):
        refused = bring(server, "x", **{"transcript": "Hello.", field: value})
        assert refused.status_code == 422 and refused.json()["error"]["param"] == field
    both = server.http.post(VOICES, data={"name": "x"}, files={"audio_sample": good, "voice_file": good})
    assert both.status_code == 422 and "got both" in both.json()["error"]["message"]
    filed = server.http.post(VOICES, data={"name": "x"}, files={"audio_sample": good, "transcript": ("a.txt", b"Hi.")})
    assert filed.status_code == 422 and filed.json()["error"]["param"] == "transcript"
    assert "got the file \"a.txt\"; send what is in it: curl -F 'transcript=<FILE'" in filed.json()["error"]["message"]
    misspelt = bring(server, "x", transcipt="Hello.")  # and the voice would be worse without a word
    assert misspelt.status_code == 422 and misspelt.json()["error"]["param"] == "transcipt"
    assert 'no field "transcipt"; there are name, audio_sample, transcript' in misspelt.json()["error"]["message"]
    missing = server.http.post(VOICES, files={"audio_sample": good})
    assert missing.status_code == 422 and "name is missing" in missing.json()["error"]["message"]
    headers = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"", b"--x", b"--x\r\n\r\n\r\n--y--", b"\0" * 1000):
        made = server.http.post(VOICES, content=content, headers=headers)
        assert made.status_code in (400, 422) and made.json()["error"]["message"]
    no_boundary = server.http.post(VOICES, content=b"x", headers={"content-type": "multipart/form-data"})
    assert no_boundary.status_code == 400 and "send one as curl -F makes it" in no_boundary.json()["error"]["message"]
    large = server.http.post(VOICES, content=b"x" * (MAX_UPLOAD_BYTES + 1), headers=headers)
    assert large.status_code == 413 and f"{MAX_UPLOAD_BYTES} is the limit" in large.json()["error"]["message"]
    assert folder(server) == []


def test_a_folder_has_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_VOICES", 1)
    shelf = VoiceShelf(tiny_pipeline(), tmp_path / "made" / "when needed")
    assert len(shelf.listed()) > 3 and not (tmp_path / "made").exists()
    shelf.keep("a", shelf.of_clip("a", encoded(clip(1.0)), "Yes.", "en-us"))
    with pytest.raises(ApiError, match="1 voices, which is the limit"):
        shelf.of_clip("b", encoded(clip(1.0)), "Yes.", "en-us")


def test_clips_of_the_folder_are_in_the_servers_language(tmp_path, pipeline):
    soundfile.write(tmp_path / "fay.wav", clip(1.0), 24_000)
    (tmp_path / "fay.txt").write_text("Bonjour.")
    symbols = [VoiceShelf(pipeline, tmp_path, language).voice("fay").symbols for language in ("en-us", "fr-fr")]
    assert symbols[0] != symbols[1] == pipeline.create_voice(clip(1.0), "Bonjour.", language="fr-fr").symbols
    assert VoiceShelf(pipeline, tmp_path, "fr-fr").voice("heart").symbols == VoiceShelf(pipeline).voice("heart").symbols


def test_models_of_tokens_have_no_blends(tmp_path):
    shelf = VoiceShelf(tiny_token_pipeline(), tmp_path)
    with pytest.raises(ApiError, match="'heart:0.7.eric:0.3' is a blend, which models of tokens do not speak"):
        shelf.voice("heart:0.7+eric:0.3")


def test_a_voice_that_cannot_be_deleted_says_why_and_not_where(tmp_path, pipeline, monkeypatch):
    place = tmp_path / "a; b"
    place.mkdir()
    soundfile.write(place / "fay.wav", clip(1.0), 24_000)

    def refuses(path, **how):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuses)
    with pytest.raises(ApiError) as error:
        VoiceShelf(pipeline, place).remove("fay")
    assert (error.value.status, str(error.value)) == (507, "fay.wav cannot be deleted: Permission denied")


def test_clips_and_files_of_the_folder(tmp_path, pipeline):
    """What a user puts there: a clip with its transcript, a voice of another model, what is none."""
    soundfile.write(tmp_path / "fay.wav", clip(1.0), 24_000)
    (tmp_path / "fay.txt").write_text("Hello there.\n")
    other = tiny_pipeline(symbols=("<pad>", "a", "b"))
    save_voice(other.create_voice(clip(1.0)), tmp_path / "gus.safetensors")
    (tmp_path / "hal.safetensors").write_bytes(b"nothing")
    shelf = VoiceShelf(pipeline, tmp_path)
    listed = {voice.name: voice for voice in shelf.listed()}
    assert listed["fay"].text == "Hello there." and listed["gus"].text is None
    first = shelf.voice("fay")
    assert shelf.voice("fay") is first and first.text == "Hello there."
    (tmp_path / "fay.txt").write_text("Good morning.\n")  # what it really says
    assert shelf.voice("fay").text == "Good morning."
    soundfile.write(tmp_path / "fay.wav", clip(0.6), 24_000)
    assert shelf.voice("fay").seconds == pytest.approx(0.6)
    for name, message in (("gus", "vocabulary"), ("hal", "hal.safetensors .* is not a voice")):
        with pytest.raises(ApiError, match=message) as error:
            shelf.voice(name)
        assert str(tmp_path) not in str(error.value)
    shelf.remove("fay")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gus.safetensors", "hal.safetensors"]
