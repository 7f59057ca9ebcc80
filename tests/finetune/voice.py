"""Recordings of a made-up voice whose times are known, and a tiny model that reads monotonically."""

import numpy as np
import soundfile

from ditar.data.kaldi import Utterance, write_data_dir
from ditar.text.frontend import TextFrontend
from ditar.vae.fingerprint import vae_fingerprint
from tests.tiny import tiny_pipeline, tiny_vae

TEXTS = ("Good morning.", "It rains.", "Come in.", "Who is it?", "Not today.", "Well then.", "All of it.", "See you.")


def babble(seconds, seed=0):
    """(S,) at 24 kHz: noise whose loudness varies as that of speech does."""
    random = np.random.default_rng(seed)
    at = np.arange(round(seconds * 24_000))
    return (0.2 * random.standard_normal(len(at)) * (0.02 + np.sin(at / 2400 + seed) ** 4)).astype(np.float32)


def write_voice(folder, texts=TEXTS, speaker="ann"):
    """A Kaldi data directory, each sound of a sentence as long as the others."""
    folder.mkdir(parents=True)
    rows = []
    for number, text in enumerate(texts):
        symbols = TextFrontend().phonemise(text)
        seconds = 0.2 + 0.1 * len(symbols)
        times = [[round(0.1 * place, 2), round(0.1 * place + 0.1, 2)] for place in range(len(symbols))]
        path = folder / f"{number}.wav"
        soundfile.write(path, babble(seconds, number), 24_000)
        rows.append(Utterance(f"{speaker}-{number}", speaker, path, text, seconds, symbol_times=(symbols, times)))
    write_data_dir(folder, rows)
    return folder


def write_base(folder, **config):
    """A model that reads monotonically and ends soon."""
    known = {"alignment": "monotonic", "trained_seconds": 4.0, "vae_fingerprint": vae_fingerprint(tiny_vae()), **config}
    tiny_pipeline(stop_bias=2.0, **known).save_pretrained(folder)
    return folder
