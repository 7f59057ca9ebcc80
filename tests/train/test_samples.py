"""What a model says while it trains: who hears what, and that teacher forcing shows LocDiT its history."""

from dataclasses import replace

import numpy as np
import torch

from ditar.config import SamplingOptions
from ditar.diffusion.scheduler import DiTARScheduler
from ditar.model.ditar import DiTAR
from ditar.synthesis.length import lengths
from ditar.synthesis.voice import Voice
from ditar.train import samples
from ditar.train.ditar_system import DiTARSystem
from ditar.train.listener import Listener, reference_frames, speaker_pairs
from ditar.train.samples import sample_words, teacher_forced_words
from ditar.train.tracker import Tracker
from tests.data.test_batches import SYMBOLS, write_store
from tests.train.test_loop import make_config

TWO_STEPS = SamplingOptions(num_inference_steps=2)


def listener(heard):
    def word_error(waveforms, texts):
        heard.extend(zip(map(len, waveforms), texts))
        return 0.25

    return Listener(lambda latents: torch.zeros(latents.shape[1] * 600), word_error)


def test_teacher_forced_patches_see_the_true_history(tmp_path, monkeypatch):
    store, model, heard, states = write_store(tmp_path), DiTAR(make_config().model).eval(), [], []
    original = samples.PatchSampler.__call__

    def spy(sampler, h, history, exists, spoken):
        states.append((h, history, exists))
        return original(sampler, h, history, exists, spoken)

    monkeypatch.setattr(samples.PatchSampler, "__call__", spy)
    with torch.no_grad():
        assert teacher_forced_words(model, store, listener(heard), TWO_STEPS) == 0.25
    assert len(heard) == len(states) == 4  # one pair for each speaker
    for (h, history, exists), (length, text) in zip(states, heard):
        patches = len(h)
        assert length == patches * 4 * 600 and text == "text"
        assert exists.shape == (patches, 1) and not exists[0] and exists[1:].all()
        frames = history[1:, 0, :, 0].flatten().numpy()  # channel 0 counts frames: patch i sees patch i - 1
        assert np.array_equal(frames, np.arange(len(frames)))


def test_free_running_samples_are_heard_and_counted(tmp_path):
    store, model, heard = write_store(tmp_path), DiTAR(make_config().model).eval(), []
    with torch.no_grad():
        model.stop_head.bias.fill_(-20.0)
        figures = sample_words(model, store, listener(heard), TWO_STEPS, Tracker(tmp_path, active=False), step=1)
    assert figures == {"free_running_wer": 0.25, "stopped": 0.0}
    assert len(heard) == 4 and all(length > 0 for length, _ in heard)


def test_free_running_samples_end_by_the_rules_of_synthesis(tmp_path, monkeypatch):
    """A text without an end gets a full stop; the cap and the least length are those of synthesis.length.lengths."""
    symbols, rows = (*SYMBOLS, "."), []
    model = DiTAR(replace(make_config().model, symbols=symbols, seconds_per_symbol=0.2)).eval()
    store, original = write_store(tmp_path), samples.generate_patches
    spy = lambda model, given, **o: rows.extend(given) or original(model, given, **o)  # noqa: E731
    monkeypatch.setattr(samples, "generate_patches", spy)
    with torch.no_grad():
        model.stop_head.bias.fill_(20.0)  # it stops as soon as it is let
        sample_words(model, store, listener([]), TWO_STEPS, Tracker(tmp_path, active=False), step=1)
    for (reference, target), row in zip(speaker_pairs(store), rows, strict=True):
        texts = [*reference.symbols, ".", " ", *target.symbols, "."]
        assert row.symbol_ids.tolist() == [symbols.index(s) for s in texts]
        seconds = reference_frames(reference) / 40
        voice = Voice("a", row.prompt, tuple(reference.symbols), "", seconds, "", "")
        expected = lengths(len(target.symbols) + 1, voice, 0.2)
        assert (row.min_patches, row.max_patches) == (int(expected.least / 0.1) + 1, int(expected.most / 0.1) + 1)
        assert row.guidance_scale == SamplingOptions.guidance_scale
        assert row.solver.times == DiTARScheduler().solver(2).times


def test_quality_is_asked_of_outputs_and_their_references(tmp_path):
    store, model, asked = write_store(tmp_path), DiTAR(make_config().model).eval(), []

    def quality(spoken, references):
        asked.append((len(spoken), [len(reference) for reference in references]))
        return {"distillmos": 3.0, "similarity": 0.5}

    hears = replace(listener([]), quality=quality)
    with torch.no_grad():
        figures = sample_words(model, store, hears, TWO_STEPS, Tracker(tmp_path, active=False), step=1)
    assert figures.pop("stopped") >= 0
    assert figures == {"free_running_wer": 0.25, "free_running_distillmos": 3.0, "free_running_similarity": 0.5}
    ((count, lengths),) = asked
    assert count == len(lengths) == 4 and all(length and length % 2400 == 0 for length in lengths)  # whole patches


def test_pairs_are_one_a_speaker_of_two_utterances_and_two_texts(tmp_path):
    store = write_store(tmp_path, utterances=36, speakers=12)
    pairs = speaker_pairs(store)
    assert len(pairs) == 8 == len({reference.speaker for reference, _ in pairs})
    assert all(r.speaker == t.speaker and r.utt != t.utt for r, t in pairs)
    chosen = speaker_pairs(store, {"s3", "s11"})
    assert [reference.speaker for reference, _ in chosen] == ["s3", "s11"]
    store.entries = [replace(e, line=e.line.replace(b'"text"}', b'"other"}')) if e.utt.endswith("027") else e
                     for e in store.entries]  # fmt: skip
    ((reference, target),) = speaker_pairs(store, {"s3"})
    assert (reference.utt, target.utt) == ("s3-003", "s3-027")  # between them is one that says the same


def test_without_two_utterances_of_a_speaker_there_is_nothing_to_hear(tmp_path):
    store, heard = write_store(tmp_path, utterances=4, speakers=4), []
    system = DiTARSystem(make_config(), store, store, listener(heard))
    assert system.sample(system.model, 1, Tracker(tmp_path, active=False)) == {} and not heard


def test_a_model_that_reads_is_listened_to(tmp_path):
    """Teacher-forced and free, from symbols with times: each patch is told what it says."""
    config = make_config().model
    model = DiTAR(replace(config, alignment="monotonic")).eval()
    heard = []
    with torch.no_grad():
        assert teacher_forced_words(model, write_store(tmp_path), listener(heard), TWO_STEPS) == 0.25
    assert len(heard) == 4
