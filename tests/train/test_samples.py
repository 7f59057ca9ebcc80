"""What a model says while it trains: who hears what, and that teacher forcing shows LocDiT its history."""

import numpy as np
import torch

from ditar.diffusion.ddim import DDIM
from ditar.model.ditar import DiTAR
from ditar.train import samples
from ditar.train.ditar_system import DiTARSystem
from ditar.train.listener import Listener
from ditar.train.samples import sample_words, teacher_forced_words
from ditar.train.tracker import Tracker
from tests.data.test_batches import write_store
from tests.train.test_loop import make_config


def listener(heard):
    def word_error(waveforms, texts):
        heard.extend(zip(map(len, waveforms), texts))
        return 0.25

    return Listener(lambda latents: torch.zeros(latents.shape[1] * 600), word_error)


def test_teacher_forced_patches_see_the_true_history(tmp_path, monkeypatch):
    store, model, heard, states = write_store(tmp_path), DiTAR(make_config().model).eval(), [], []
    original = samples.PatchSampler.__call__

    def spy(sampler, h, history, exists):
        states.append((h, history, exists))
        return original(sampler, h, history, exists)

    monkeypatch.setattr(samples.PatchSampler, "__call__", spy)
    with torch.no_grad():
        assert teacher_forced_words(model, store, listener(heard), DDIM(2)) == 0.25
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
        figures = sample_words(model, store, listener(heard), DDIM(2), Tracker(tmp_path, active=False), step=1)
    assert figures == {"free_running_wer": 0.25, "stopped": 0.0}
    assert len(heard) == 4 and all(length > 0 for length, _ in heard)


def test_without_two_utterances_of_a_speaker_there_is_nothing_to_hear(tmp_path):
    store, heard = write_store(tmp_path, utterances=4, speakers=4), []
    system = DiTARSystem(make_config(), store, store, listener(heard))
    assert system.sample(system.model, 1, Tracker(tmp_path, active=False)) == {} and not heard
