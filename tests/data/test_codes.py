"""Codes on disk, and the codec that they are of."""

import numpy as np
import pytest
import torch

from ditar.data.codes import CodecInfo, CodeStore, read_codec, require_codec, write_codec
from ditar.data.errors import DataError
from ditar.data.shards import Latents, LatentWriter

INFO = CodecInfo("encodec_24khz-75hz-3x4096-0a", 24_000, 320, 3, 4096)


@pytest.fixture
def folder(tmp_path):
    """Two utterances in two shards, with the largest ids of SNAC, which float16 would not hold."""
    pytest.importorskip("lhotse")
    writer = LatentWriter(tmp_path, "codes", np.uint16, INFO.frame_rate_hz)
    writer.begin({}, ["a", "b"])
    for number in range(2):
        codes = 4095 - np.arange(12).reshape(4, 3) - number  # (T, Q)
        writer.write(number, [Latents(f"u{number}", "s", codes, ["ə"], None, "a")], {})
    write_codec(tmp_path, INFO)
    writer.close(2, None, {})
    return tmp_path


def test_codes_come_back_as_they_were(folder):
    store = CodeStore(folder, INFO.codec)
    assert store.codec == INFO and INFO.frame_rate_hz == 75
    store.hold(store.shards[:1])
    for number, entry in enumerate(store.entries):
        codes = store.codes(entry.utt)
        assert codes.shape == (3, 4) and codes.dtype == torch.int64 and entry.frames == 4
        assert torch.equal(codes, (4095 - torch.arange(12).reshape(4, 3) - number).T)


def test_lhotse_reads_them_too(folder):
    lhotse = pytest.importorskip("lhotse")
    cuts = {cut.id: cut for cut in lhotse.CutSet.from_shar(in_dir=folder / "shar")}
    assert cuts["u0"].duration == pytest.approx(4 / 75) and cuts["u0"].codes.frame_shift == pytest.approx(1 / 75)
    values = cuts["u0"].load_codes()
    assert values.dtype == np.uint16 and values[0].tolist() == [4095, 4094, 4093]


def test_another_codec_is_refused_by_both_names(folder):
    other = "encodec_24khz-75hz-3x4096-0b"
    with pytest.raises(DataError, match=f"'{INFO.codec}', but '{other}' was asked for"):
        CodeStore(folder, other)
    with pytest.raises(DataError, match=f"the model .* '{other}', but '{INFO.codec}'"):
        require_codec(other, INFO.codec, "the model exp/lm")
    (folder / "codec.json").write_text('{"codec": "x"}')
    with pytest.raises(DataError, match="codec.json cannot be read"):
        CodeStore(folder)
    (folder / "codec.json").unlink()
    with pytest.raises(DataError, match="extract the codes with recipes/extract_codes.py"):
        read_codec(folder)
