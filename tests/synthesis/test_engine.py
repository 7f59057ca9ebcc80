"""Batches and streams of the pipeline on tiny random models: the same speech as one call each."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from ditar.synthesis import pipeline as module
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.retry import SpeechError
from ditar.synthesis.voice import VoiceError
from ditar.vae.streaming import StreamingDecoder
from tests.tiny import clip, tiny_pipeline

FAST = {"num_inference_steps": 2, "max_retries": 0}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline()


@pytest.fixture(scope="module")
def voices(pipeline):
    return [pipeline.create_voice(clip(s), t) for s, t in ((1.0, "Hello there."), (0.6, "Yes."), (1.3, None))]


@pytest.fixture(scope="module")
def requests(voices):
    return [
        SpeechRequest("Good morning.", voices[0], seed=1),
        SpeechRequest("It rains.", voices[1], seed=2, temperature=0.5, guidance_scale=1.0),
        SpeechRequest("Good morning, and good night to all of you.", voices[0], seed=3, temperature=0.0),
        SpeechRequest("Guten Morgen.", voices[2], seed=4, guidance_scale=3.0, language="de"),
    ]


def call(pipeline, request, **options):
    fields = {name: getattr(request, name) for name in ("voice", "seed", "temperature", "guidance_scale", "language")}
    return pipeline(request.text, **fields, **(FAST | options))


def test_a_batch_is_its_rows_alone_in_their_order(pipeline, requests):
    together = pipeline.batch(requests, **FAST, batch_size=3)
    for made, request in zip(together, requests, strict=True):
        alone = call(pipeline, request)
        assert (made.seed, made.patches, made.stopped, made.warnings) == (
            request.seed,
            alone.patches,
            alone.stopped,
            alone.warnings,
        )
        np.testing.assert_allclose(made.audio, alone.audio, atol=1e-4)
    assert pipeline.batch([], **FAST) == []


def test_rows_that_fail_go_again_with_their_own_seeds(pipeline, requests):
    together = pipeline.batch(requests[:3], **(FAST | {"max_retries": 1}))
    assert [made.attempts for made in together] == [2, 2, 1]  # temperature 0 has nothing else to try
    for made, request in zip(together, requests):
        alone = call(pipeline, request, max_retries=1)
        assert made.seed == alone.seed and made.failures == alone.failures
        np.testing.assert_allclose(made.audio, alone.audio, atol=1e-4)


def test_out_of_memory_halves_the_batch(pipeline, requests, monkeypatch):
    sizes, generate = [], module.generate_patches

    def small_machine(model, rows, **rest):
        sizes.append(len(rows))
        if len(rows) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 999 bytes")
        return generate(model, rows, **rest)

    expected = pipeline.batch(requests, **FAST)
    monkeypatch.setattr(module, "generate_patches", small_machine)
    made = pipeline.batch(requests, **FAST)
    assert sizes == [4, 2, 1, 1, 1, 1]
    for a, b in zip(made, expected, strict=True):
        np.testing.assert_allclose(a.audio, b.audio, atol=1e-4)
    monkeypatch.setattr(module, "generate_patches", lambda *_, **__: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(MemoryError):
        pipeline.batch(requests, **FAST)
    failing = RuntimeError("something else")
    monkeypatch.setattr(module, "generate_patches", lambda *_, **__: (_ for _ in ()).throw(failing))
    with pytest.raises(RuntimeError, match="something else"):
        pipeline.batch(requests, **FAST)


def heard(stream):
    """All chunks, whatever comes behind them."""
    chunks = []
    try:
        for chunk in stream:
            chunks.append(chunk)
    except SpeechError as error:
        return chunks, str(error)
    return chunks, None


@pytest.mark.parametrize("first, size", [(0.0, 0.0), (0.0, 0.4), (0.1, 0.1), (0.33, 0.07), (60.0, 60.0)])
def test_a_stream_is_the_offline_audio_for_every_chunking(pipeline, requests, first, size):
    for request in requests[:2]:
        offline = call(pipeline, request)
        stream = pipeline.stream(request, **FAST, first_chunk_seconds=first, chunk_seconds=size)
        chunks, error = heard(stream)
        assert all(c.dtype == np.float32 and len(c) for c in chunks)
        np.testing.assert_allclose(np.concatenate(chunks), offline.audio, atol=1e-4)
        assert "did not end by itself" in error and stream.patches == offline.patches
        frames = [len(c) // 600 for c in chunks]
        if first == 60.0:
            assert len(chunks) == 1
        else:  # a patch is 4 latents, and so many more must be there as the vocoder sees ahead
            reach = pipeline.vae.decoder.context_latents
            assert frames[0] == max(1, 4 * -(-(max(1, round(first * 40)) + reach) // 4) - reach)
            assert all(count >= max(1, round(size * 40)) for count in frames[1:-1])


def test_a_stream_counts_what_the_first_audio_waited_for(pipeline, requests):
    stream = pipeline.stream(replace(requests[0], voice=None), **FAST)
    next(stream)
    first = stream.first_audio
    parts = [first.reference_s, first.text_s, first.prefill_s, first.patches_s, first.vocoder_s]
    assert all(part > 0 for part in parts) and first.total_s == pytest.approx(sum(parts))
    next(stream)
    assert first.total_s == pytest.approx(sum(parts))
    stream.close()


def test_a_reader_that_goes_away_ends_the_work(pipeline, requests):
    reads = []
    hook = pipeline.ditar.lm.transformer.register_forward_hook(lambda *_: reads.append(1))
    with pipeline.stream(requests[0], **FAST) as stream:
        next(stream)
        before = len(reads)
    assert list(stream) == [] and len(reads) == before
    hook.remove()
    assert not torch.is_inference_mode_enabled()


def test_another_thread_closes_a_stream_within_a_patch(pipeline, requests):
    """While a reader waits for a chunk: all of the speech is to be one."""
    stream = pipeline.stream(requests[0], **FAST, first_chunk_seconds=3600.0)
    heard, made, at_close = [], threading.Event(), []
    hear = stream._spoken.hear
    stream._spoken.hear = lambda *step: made.set() or hear(*step)
    reader = threading.Thread(target=lambda: heard.extend(stream))
    reader.start()
    assert made.wait(60)
    stream.close()
    at_close.append(stream.patches)
    reader.join(60)
    assert not reader.is_alive() and heard == [] and stream.patches <= at_close[0] + 1
    assert list(stream) == []
    stream.close()  # once more


def test_a_stream_that_fails_before_anything_was_heard_goes_again(requests):
    short = tiny_pipeline(stop_bias=20.0)  # ends as soon as it may, at 0.3 of what is expected
    request = replace(requests[0], voice=short.create_voice(clip(), "Hello there."))
    stream = short.stream(request, num_inference_steps=2, max_retries=2, first_chunk_seconds=1.0)
    chunks, error = heard(stream)
    assert len(chunks) == 1 and stream.attempts == 3 and len(stream.failures) == 2
    assert "ended after" in error and "after 3 attempts" in error and stream.stopped
    offline = call(short, request, max_retries=2)
    assert stream.seed == offline.seed and offline.attempts == 3
    np.testing.assert_allclose(chunks[0], offline.audio, atol=1e-4)


def test_a_stream_that_fails_when_it_was_heard_says_so(pipeline, requests):
    stream = pipeline.stream(requests[0], num_inference_steps=2, max_retries=2)
    chunks, error = heard(stream)
    assert len(chunks) > 1 and stream.attempts == 1
    assert "did not end by itself" in error


def test_nothing_leaves_while_all_is_silent(pipeline, requests, monkeypatch):
    take = StreamingDecoder.take
    monkeypatch.setattr(StreamingDecoder, "take", lambda *inputs, **how: 0 * take(*inputs, **how))
    stream = pipeline.stream(requests[0], num_inference_steps=2, max_retries=1)
    chunks, error = heard(stream)
    assert stream.attempts == 2 and stream.failures == ["the output is silent"] and "silent, after 2" in error
    assert len(chunks) == 1 and stream.patches * 2400 == len(chunks[0])


def test_bad_requests_are_refused_at_the_call(pipeline, requests, voices):
    with pytest.raises(ValueError, match="chunk_seconds must be a number from 0 to 3600, got -1.0"):
        pipeline.stream(requests[0], chunk_seconds=-1.0)
    with pytest.raises(ValueError, match="batch_size must be a whole number from 1 to 1000, got 0"):
        pipeline.batch(requests, batch_size=0)
    with pytest.raises(ValueError, match="give a voice, or prompt_audio"):
        pipeline("Good morning.", clip(), "Hello there.", voice=voices[0])
    other = replace(voices[0], name="anna", vae="0123")
    for refused in (lambda: pipeline.stream(replace(requests[0], voice=other)), lambda: pipeline("Hi.", voice=other)):
        with pytest.raises(VoiceError, match="voice 'anna' was made with the VAE 0123 and this model has"):
            refused()


def test_a_voice_without_a_transcript_speaks_and_says_so(pipeline, voices):
    assert voices[2].symbols == () and voices[2].text == ""
    made = pipeline("Good morning.", voice=voices[2], **FAST, seed=1)
    assert any("is not known" in warning for warning in made.warnings)


def test_a_long_reference_without_a_transcript_is_cut_and_says_so(pipeline):
    voice = pipeline.create_voice(np.concatenate([clip(8.0), np.zeros(9600, np.float32), clip(12.0)]))
    assert 7.9 < voice.seconds < 8.1 and "holds 20.4 s of speech, and only the first 8.0 s" in voice.warnings[0]
    assert voice.warnings[0] in pipeline("Good morning.", voice=voice, **FAST, seed=1).warnings


def test_a_voice_is_the_reference_read_once(pipeline, voices):
    voice = voices[0]
    assert voice.latents.dtype == torch.float32 and len(voice.latents) % 4 == 0 and voice.name == "reference"
    assert voice.text == "Hello there." and 0.9 < voice.seconds < 1.1
    by_voice = pipeline("Good morning.", voice=voice, **FAST, seed=1)
    by_clip = pipeline("Good morning.", clip(), "Hello there.", **FAST, seed=1)
    assert np.array_equal(by_voice.audio, by_clip.audio)
    assert pipeline.create_voice().name == "eric"


def test_what_is_compiled_says_the_same(requests):
    pipeline = tiny_pipeline(locdit_prefix_cached=True)
    plain = call(pipeline, requests[0])
    assert pipeline.compile(backend="eager") > 0
    np.testing.assert_allclose(call(pipeline, requests[0]).audio, plain.audio, atol=1e-4)
