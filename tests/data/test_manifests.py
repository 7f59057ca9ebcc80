import numpy as np
import pytest
import soundfile

from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, write_data_dir
from ditar.data.manifests import cut_set, write_manifest

lhotse = pytest.importorskip("lhotse")


def make(folder, seconds=0.5, claimed=0.5):
    wave = np.linspace(-0.5, 0.5, round(seconds * 24_000)).astype(np.float32)
    folder.mkdir()
    soundfile.write(folder / "a.wav", wave, 24_000)
    phones = [("hh", 0.05, 0.1), ("ay", 0.1, 0.3)]
    write_data_dir(folder / "data", [Utterance("ann-1", "ann", folder / "a.wav", "Hi.", claimed, phones)])
    return folder / "data"


def test_cuts_hold_what_the_directory_says(tmp_path):
    data = make(tmp_path / "x")
    assert write_manifest(data, tmp_path / "out/cuts.jsonl.gz") == 1
    cut = lhotse.CutSet.from_file(tmp_path / "out/cuts.jsonl.gz")[0]
    assert (cut.id, cut.duration, cut.sampling_rate) == ("ann-1", 0.5, 24_000)
    assert cut.supervisions[0].text == "Hi." and cut.supervisions[0].speaker == "ann"
    assert [(a.symbol, a.start) for a in cut.supervisions[0].alignment["phone"]] == [("hh", 0.05), ("ay", 0.1)]


def test_wrong_lengths_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"0\.500 s.*0\.900 s"):
        cut_set(make(tmp_path / "x", claimed=0.9))
