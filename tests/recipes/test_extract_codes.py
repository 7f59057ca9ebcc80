"""Extraction of codes: any number of processes gives the same files, what stopped goes on, codecs are told apart."""

import sys

import pytest
import torch

from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass
from ditar.config import to_dict
from ditar.data.codes import CodeStore
from ditar.data.errors import DataError
from ditar.data.latents import read_index
from ditar.vae import SpeechVAE, load_codec
from recipes import extract_codes
from tests.recipes.test_extract_latents import UTTERANCES, contents, data  # noqa: F401
from tests.tiny import tiny_vae

pytest.importorskip("lhotse")
pytest.importorskip("vector_quantize_pytorch")


@pytest.fixture
def extract(data, monkeypatch):  # noqa: F811
    """Runs the program on a codec of 3 x 32 codes."""
    home = data.parent
    vae = tiny_vae()
    codec = SpeechVAE(**{**to_dict(vae.config), "quantiser": {"codebooks": 3, "codebook_size": 32}})
    with torch.no_grad():
        codec(0.1 * torch.randn(2, 24_000), codebook_seed=0)
    codec.save_pretrained(home / "codec")

    def run(out, *options, codec="codec"):
        values = ["--codec", home / codec, "--data", data, "--out", home / out, "--shard-size", 3, *options]
        monkeypatch.setattr(sys, "argv", ["extract_codes", *map(str, values)])
        return extract_codes.main()

    return run


def test_any_number_of_processes_gives_the_same_files(extract, tmp_path, capsys):
    assert extract("one") == 0
    assert extract("two", "--nj", 2) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert extract("one", "--nj", 2) == 0
    assert "one is complete already" in capsys.readouterr().out

    codec = load_codec(tmp_path / "codec")
    store = CodeStore(tmp_path / "one", codec.fingerprint)
    assert {e.utt for e in store.entries} == set(UTTERANCES) and len(store.shards) == 3
    assert (store.codec.codebooks, store.codec.codebook_size, store.codec.frame_rate_hz) == (3, 32, 40)
    for entry in store.entries:
        heard = low_pass(read_audio(tmp_path / f"{entry.utt}.wav"), 8000, 24_000)  # the VAE's bandwidth
        codes = codec.encode(torch.from_numpy(heard)[None])[0]
        assert torch.equal(store.codes(entry.utt), codes) and codes.shape == (3, entry.frames)
        assert entry.symbols == ("ə", ".") and entry.text == f"say {sorted(UTTERANCES).index(entry.utt)}"


def test_what_was_bad_is_repaired_and_the_rest_stays(extract, tmp_path, capsys):
    assert extract("whole") == 0
    victim = tmp_path / f"{read_index(tmp_path / 'whole')[-1].utt}.wav"
    content = victim.read_bytes()
    victim.write_bytes(b"no audio")
    assert extract("out") == 1
    assert f"1 utterances cannot be used; repair them, or leave them out with --skip-bad:\n  {victim.stem}: " in (
        capsys.readouterr().err
    )
    assert extract("left", "--skip-bad") == 0 and victim.stem in (tmp_path / "left/skipped").read_text()
    first = tmp_path / "out/shar/codes.000000.tar"
    written = first.stat().st_mtime_ns
    victim.write_bytes(content)
    assert extract("out") == 0
    assert first.stat().st_mtime_ns == written
    for name in ("index.jsonl", "codec.json", "shar/codes.000002.tar"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_another_codec_makes_other_codes(extract, tmp_path):
    assert extract("out") == 0
    before = CodeStore(tmp_path / "out").codec.codec
    vae = SpeechVAE.from_pretrained(tmp_path / "codec")
    vae.residual_quantiser.vq.layers[0]._codebook.embed.neg_()
    vae.save_pretrained(tmp_path / "codec")
    assert extract("out") == 0
    store = CodeStore(tmp_path / "out")
    assert store.codec.codec == load_codec(tmp_path / "codec").fingerprint != before
    with pytest.raises(DataError, match=f"'{store.codec.codec}', but '{before}' was asked for"):
        CodeStore(tmp_path / "out", before)


def test_what_is_no_codec_is_refused(extract, tmp_path, capsys):
    assert extract("out", codec="vae") == 1
    assert "the quantiser of this VAE is missing; train it" in capsys.readouterr().err
    assert extract("out", "--codebooks", 8) == 1
    assert "has 3 codebooks, but 8 were asked for" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
