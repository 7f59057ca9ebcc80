"""To whom training listens, and beside which recordings."""

import argparse
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from ditar.data.errors import DataError
from ditar.train.listener import add_listener_arguments, make_listener
from tests.data.test_batches import write_store


def options(*given):
    parser = argparse.ArgumentParser()
    add_listener_arguments(parser)
    return parser.parse_args(list(map(str, given)))


def deaf(name, normaliser, language):
    return SimpleNamespace(word_error=lambda *_: 0.25, quality=lambda *_: {"similarity": 1.0})


def test_whom_to_listen_to(tmp_path):
    store = write_store(tmp_path / "latents")
    (tmp_path / "real").write_text("s3\ns1 with a remark\n\n")
    listener = make_listener(lambda: torch.sum, store, options("--listen-speakers", tmp_path / "real"), deaf)
    pairs = listener.pairs(store)
    assert [(reference.speaker, target.speaker) for reference, target in pairs] == [("s1", "s1"), ("s3", "s3")]
    assert all(reference.utt != target.utt for reference, target in pairs)
    assert len(make_listener(lambda: torch.sum, store, options(), deaf).pairs(store)) == 4
    (tmp_path / "real").write_text("s1\nnobody\n")
    with pytest.raises(DataError, match="real: .*latents has no two utterances of 'nobody'"):
        make_listener(lambda: torch.sum, store, options("--listen-speakers", tmp_path / "real"), deaf)
    for content in (None, "\n"):
        (tmp_path / "real").unlink(missing_ok=True)
        if content:
            (tmp_path / "real").write_text(content)
        with pytest.raises(DataError, match="does not exist|of anybody in it"):
            make_listener(lambda: torch.sum, store, options("--listen-speakers", tmp_path / "real"), deaf)


def test_references_as_they_were_recorded(tmp_path):
    store = write_store(tmp_path / "latents")
    (tmp_path / "data").mkdir()
    soundfile.write(tmp_path / "clip.wav", np.full(3000, 0.1), 24_000)
    utts = [entry.utt for entry in store.entries]
    (tmp_path / "data/wav.scp").write_text("".join(f"{utt} {tmp_path}/clip.wav\n" for utt in sorted(utts)))
    given = options("--listen-recordings", tmp_path / "data")
    listener = make_listener(lambda: lambda latents: torch.zeros(7), store, given, deaf)
    assert len(listener.reference(utts[0], torch.zeros(1, 5, 8))) == 3000
    assert len(make_listener(lambda: lambda _: torch.zeros(7), store, options(), deaf).reference(utts[0], None)) == 7
    (tmp_path / "data/wav.scp").write_text("".join(f"{utt} {tmp_path}/gone.wav\n" for utt in sorted(utts)))
    with pytest.raises(DataError, match="wav.scp: s0-000: .*gone.wav does not exist; correct the path"):
        make_listener(lambda: lambda latents: torch.zeros(7), store, given, deaf)  # not behind hours of training
    (tmp_path / "data/wav.scp").write_text(f"{utts[1]} {tmp_path}/clip.wav\n")
    with pytest.raises(DataError, match="wav.scp lacks 's0-000'.*give the data of the validation set"):
        make_listener(lambda: None, store, given, deaf)
