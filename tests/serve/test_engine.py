"""The engine on tiny random models: who shares it hears what they would hear alone."""

import queue
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from ditar.seeds import attempt_seed
from ditar.serve import one_by_one
from ditar.serve.batches import UNHEARD_STEPS, Batches
from ditar.serve.engine import SEAT_KEPT_SECONDS, Ended, Engine, QueuedUtterance
from ditar.serve.one_by_one import OneByOne
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.spoken import SpokenRequest
from ditar.vae.streaming import StreamingDecoder
from tests.tiny import clip, tiny_pipeline
from tests.tiny_tokens import tiny_token_pipeline

PATIENCE = 60.0
FAST = {"num_inference_steps": 2}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline()


@pytest.fixture(scope="module")
def voices(pipeline):
    return [pipeline.create_voice(clip(s), t) for s, t in ((1.0, "Hello there."), (0.6, "Yes."), (1.3, None))]


@pytest.fixture
def running():
    """running(speaker, max_rows) -> an engine that is closed behind the test."""
    engines = []

    def run(speaker, max_rows=4):
        engines.append(Engine(speaker, max_rows).start())
        return engines[-1]

    yield run
    for engine in engines:
        engine.close()
        assert not engine.alive


class Listener:
    """What an utterance tells."""

    def __init__(self):
        self.told, self.chunks, self.ended = queue.Queue(), [], None

    def first(self):
        return self.told.get(timeout=PATIENCE)

    def wait(self):
        """All of it."""
        while not isinstance(self.ended, Ended):
            said = self.told.get(timeout=PATIENCE)
            if isinstance(said, Ended):
                self.ended = said
            else:
                self.chunks.append(said)
        return np.concatenate(self.chunks) if self.chunks else np.zeros(0, np.float32)


def ask(engine, request, *, options=FAST, **details):
    listener = Listener()
    utterance = QueuedUtterance(request, dict(options), listener.told.put, **{"max_retries": 0, **details})
    engine.speak(utterance)
    return listener, utterance


def requests_of(voices):
    long = "Good morning, and good night to all of you."
    return [
        (SpeechRequest(long, voices[0], seed=1), FAST),
        (SpeechRequest("It rains.", voices[1], seed=2, temperature=0.5, guidance_scale=1.0), FAST),
        (SpeechRequest(long, voices[2], seed=3, temperature=0.0), {"num_inference_steps": 3}),
        (SpeechRequest("Guten Morgen.", voices[2], seed=4, guidance_scale=3.0, language="de"), FAST),
        (SpeechRequest("Good morning to you.", voices[1], seed=5), FAST | {"guidance_steps": (0.0, 0.5)}),
        (SpeechRequest("Hello.", voices[0], seed=6), FAST | {"solver": "unipc"}),
    ]


def test_whoever_shares_the_engine_hears_what_they_would_hear_alone(pipeline, voices, running):
    engine, asked = running(Batches(pipeline), 3), requests_of(voices)
    listeners = []
    for request, options in asked:
        listeners.append(ask(engine, request, options=options)[0])
        if len(listeners) < 4:  # the next one comes when this one has been heard
            listeners[-1].chunks.append(listeners[-1].first())
    for (request, options), listener in zip(asked, listeners):
        audio = listener.wait()
        (alone,) = pipeline.batch([request], max_retries=0, **options)
        np.testing.assert_allclose(audio, alone.audio, atol=1e-4)
        assert (listener.ended.seed, listener.ended.patches) == (alone.seed, alone.patches)
        assert listener.ended.wrong is not None and listener.ended.wrong in alone.warnings  # it never stops
        assert listener.ended.error is None and len(listener.chunks) > 2
    assert engine.rows == engine.waiting == 0


def test_silent_speech_is_made_again(pipeline, voices, running, monkeypatch):
    (request, _), take, prefill, begun = requests_of(voices)[1], StreamingDecoder.take, pipeline.ditar.prefill, []
    again = replace(request, seed=attempt_seed(request.seed, 1))
    (second,) = pipeline.batch([again], max_retries=0, **FAST)
    monkeypatch.setattr(pipeline.ditar, "prefill", lambda *inputs: begun.append(1) or prefill(*inputs))
    monkeypatch.setattr(StreamingDecoder, "take", lambda *inputs, **how: take(*inputs, **how) * (len(begun) > 1))
    listener, _ = ask(running(Batches(pipeline)), request, max_retries=1)
    np.testing.assert_allclose(listener.wait(), second.audio, atol=1e-4)
    assert (listener.ended.attempts, listener.ended.seed) == (2, again.seed)


def test_what_is_cancelled_ends_within_a_patch(pipeline, voices, running):
    engine = running(Batches(pipeline), 1)
    drawn, begun = [], threading.Event()

    def cancelled_at_the_third(*_):
        drawn.append(1)
        assert begun.wait(60)
        if len(drawn) == 3:
            engine.cancel(second)
            engine.cancel(first)

    hook = pipeline.ditar.stop_head.register_forward_pre_hook(cancelled_at_the_third)
    (spoken, first), (waiting, second) = (ask(engine, requests_of(voices)[0][0]) for _ in range(2))
    begun.set()
    for listener in (spoken, waiting):
        listener.wait()
        assert listener.ended.cancelled
    hook.remove()
    assert len(drawn) == 3 and not waiting.chunks and engine.rows == engine.waiting == 0


def test_one_that_cannot_be_spoken_harms_no_other(pipeline, voices, running):
    engine, (good, _) = running(Batches(pipeline)), requests_of(voices)[0]
    listener, _ = ask(engine, good)
    strange = tiny_pipeline(symbols=("<pad>", "a", "b")).create_voice(clip(1.0), None)
    others = [
        ask(engine, SpeechRequest("Hello.", strange)),
        ask(engine, good, options={"solver": "ddim", "num_inference_steps": 0}),
        ask(engine, good, options={"nonsense": 1}),
    ]
    for other, _ in others:
        other.wait()
        assert other.ended.error is not None and not other.chunks
    assert "vocabulary" in str(others[0][0].ended.error)
    (alone,) = pipeline.batch([good], max_retries=0, **FAST)
    np.testing.assert_allclose(listener.wait(), alone.audio, atol=1e-4)


def test_an_error_of_the_model_ends_its_batch_and_not_the_engine(pipeline, voices, running, monkeypatch):
    engine, (good, _) = running(Batches(pipeline)), requests_of(voices)[0]
    broken, _ = ask(engine, good)
    broken.first()
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.ditar.locdit, "denoise", lambda *_: 1 / 0)
        broken.wait()
    assert isinstance(broken.ended.error, ZeroDivisionError)
    listener, _ = ask(engine, good)
    assert len(listener.wait()) and listener.ended.error is None


def test_a_talk_keeps_its_seat_from_piece_to_piece(pipeline, voices, running):
    engine, request, talk = running(Batches(pipeline), 1), requests_of(voices)[1][0], object()
    done = queue.Queue()

    def tell(name):
        return lambda said: done.put(name) if isinstance(said, Ended) else None

    engine.speak(QueuedUtterance(request, dict(FAST), tell("first"), talk, goes_on=True, max_retries=0))
    engine.speak(QueuedUtterance(request, dict(FAST), tell("other"), max_retries=0))
    assert done.get(timeout=PATIENCE) == "first"
    engine.speak(QueuedUtterance(request, dict(FAST), tell("second"), talk, continues=True, max_retries=0))
    assert [done.get(timeout=PATIENCE) for _ in range(2)] == ["second", "other"]
    # whoever does not come back in time loses it
    engine.speak(QueuedUtterance(request, dict(FAST), tell("first"), talk, goes_on=True, max_retries=0))
    engine.speak(QueuedUtterance(request, dict(FAST), tell("other"), max_retries=0))
    began = time.monotonic()
    assert [done.get(timeout=PATIENCE) for _ in range(2)] == ["first", "other"]
    assert time.monotonic() - began > SEAT_KEPT_SECONDS


def test_no_more_than_its_rows_at_a_time(pipeline, voices, running):
    engine, most = running(Batches(pipeline), 2), []
    hook = pipeline.ditar.lm.transformer.register_forward_hook(lambda m, inputs, o: most.append(len(inputs[0])))
    listeners = [ask(engine, requests_of(voices)[3][0])[0] for _ in range(5)]
    for listener in listeners:
        listener.wait()
    hook.remove()
    assert max(most) == 2


def test_a_closed_engine_tells_whoever_is_left(pipeline, voices):
    engine = Engine(Batches(pipeline), 1).start()
    listeners = [ask(engine, requests_of(voices)[0][0])[0] for _ in range(2)]
    listeners[0].first()
    engine.close()
    for listener in listeners:
        listener.wait()
        assert listener.ended.cancelled
    with pytest.raises(RuntimeError, match="closed"):
        ask(engine, requests_of(voices)[0][0])
    assert "ditar-engine" not in [thread.name for thread in threading.enumerate()]


def test_models_that_draw_tokens_speak_one_by_one(running, monkeypatch):
    pipeline = tiny_token_pipeline(end=True)
    voice = pipeline.create_voice(clip(1.0), "Hello there.")
    engine = running(OneByOne(pipeline), 3)
    requests = [SpeechRequest("It rains.", voice, seed=seed) for seed in (1, 2)]
    listeners = [ask(engine, request, options={"top_k": 5})[0] for request in requests]
    for request, listener in zip(requests, listeners):
        (alone,) = pipeline.batch([request], max_retries=0, top_k=5)
        np.testing.assert_allclose(listener.wait(), alone.audio, atol=1e-5)
        assert listener.ended.seed == alone.seed
    monkeypatch.setattr(one_by_one, "StreamTrimmer", lambda rate_hz, *cut: lambda audio, final: audio[: 10 * sum(cut)])
    for cut in ((True, False), (True, True)):
        listener = Listener()
        engine.speak(QueuedUtterance(requests[0], {"top_k": 5}, listener.told.put, cut=cut))
        assert len(listener.wait()) == 10 * sum(cut)
    wrong, _ = ask(engine, requests[0], options={"num_inference_steps": 3})
    wrong.wait()
    assert "draws tokens" in str(wrong.ended.error)


def test_tokens_are_cancelled_within_a_frame(running):
    pipeline = tiny_token_pipeline(end=False)
    request = SpeechRequest("It rains, and it rains.", pipeline.create_voice(clip(1.0), "Hello there."), seed=1)
    engine = running(OneByOne(pipeline), 1)
    listener = Listener()
    utterance = QueuedUtterance(request, {}, listener.told.put)
    steps, original = [], pipeline.token_lm.step

    def step(*arguments, **options):
        steps.append(1)
        if len(steps) == 3:
            engine.cancel(utterance)
        return original(*arguments, **options)

    pipeline.token_lm.step = step
    engine.speak(utterance)
    listener.wait()
    assert listener.ended.cancelled and not listener.chunks and len(steps) <= 4


def test_who_has_heard_nothing_yet_goes_first(pipeline, voices):
    """A step moves the unheard alone, until something has been heard of them or they have had UNHEARD_STEPS in a row."""
    steps = []
    hook = pipeline.ditar.stop_head.register_forward_pre_hook(lambda _, inputs: steps.append(len(inputs[0])))
    batches, ended = Batches(pipeline), []
    batches.end = lambda utterance, end: ended.append((utterance, end))
    long = requests_of(voices)[0][0]
    told = {}
    first, second, third = (
        QueuedUtterance(replace(long, seed=seed), FAST, told.setdefault(seed, []).append, max_retries=0) for seed in (1, 2, 3)
    )
    batches.begin([first, second])
    while not (told[1] and told[2]):
        batches.step()
    assert set(steps) == {2}
    steps.clear()
    batches.begin([third])
    while not told[3]:
        batches.step()
    assert len(steps) <= UNHEARD_STEPS and set(steps) == {1}
    steps.clear()
    batches.step()
    assert steps == [3]  # now they share a batch
    while len(batches):
        batches.step()
    hook.remove()
    for utterance, end in ended:
        (alone,) = pipeline.batch([utterance.request], max_retries=0, **FAST)
        assert end.error is None and end.patches == alone.patches
        np.testing.assert_allclose(np.concatenate(told[utterance.request.seed]), alone.audio, atol=1e-4)


def test_the_unheard_do_not_hold_up_the_others_for_long(pipeline, voices, monkeypatch):
    monkeypatch.setattr(SpokenRequest, "hear", lambda self, patch, stop, ended, places=None: None)
    steps, long = [], requests_of(voices)[0][0]
    batches = Batches(pipeline)
    batches.begin([QueuedUtterance(replace(long, seed=seed), FAST, lambda _: None) for seed in (1, 2)])
    (running,) = batches._running.values()
    running.rows[0].heard = True
    batches._keep(batches._running.popitem()[1])
    hook = pipeline.ditar.stop_head.register_forward_pre_hook(lambda _, inputs: steps.append(len(inputs[0])))
    for _ in range(UNHEARD_STEPS + 1):
        batches.step()
    hook.remove()
    assert len(steps) == UNHEARD_STEPS + 2
