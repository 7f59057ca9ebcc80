"""A pipeline that says nothing but says it at once: a tone whose pitch and length depend on text and seed."""

import numpy as np
import torch

from ditar.config.speech import TextConfig
from ditar.synthesis.request import SpeechOutput
from ditar.synthesis.voice import Voice

VOICE = Voice("tone", torch.zeros(4, 8), ("a",) * 20, "a", 1.0, "vae", "words")
CONFIG = TextConfig(trained_seconds=5.0, seconds_per_symbol=0.06)


class Speaker:
    """`interrupt_at`: the number of the batch that Ctrl-C stops. `said`: the requests of finished batches."""

    text_config = CONFIG

    def __init__(self, interrupt_at=None):
        self.said, self.batches, self.interrupt_at = [], 0, interrupt_at

    def batch(self, requests, *, batch_size, **options):
        assert 0 < len(requests) <= 2 * batch_size
        self.batches += 1
        if self.batches == self.interrupt_at:
            raise KeyboardInterrupt
        self.said += requests
        return [SpeechOutput(tone(r), 24_000, True, 1, 1, r.seed, [f"warned of {r.text}"]) for r in requests]


def tone(request):
    """(S,): silence, a tone, silence."""
    samples = 2400 + 100 * len(request.text)
    wave = 0.1 * np.sin(np.arange(samples) * (0.05 + (request.seed % 97) / 500))
    return np.pad(wave, 2400).astype(np.float32)
