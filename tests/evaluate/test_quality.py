import sys

import numpy as np
import pytest
import soundfile

from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.quality import DNSMOS, UTMOS
from tests.evaluate.sounds import buzz, hiss, quiet


def test_dnsmos_hears_noise(speak):
    for package in ("speechmos", "onnxruntime", "librosa", "requests"):
        pytest.importorskip(package, reason=f"{package} is not installed (pip install '.[eval]')")
    rater = DNSMOS()
    clean, _ = soundfile.read(speak("We walked along the river until it got dark.", "slt"), dtype="float32")
    noisy = clean + hiss(len(clean) / 16_000, 0.1)[: len(clean)]
    good, bad = rater.score(clean), rater.score(4 * noisy)  # above full scale it is clipped, which the package refuses
    assert set(good) == {"dnsmos_overall", "dnsmos_signal", "dnsmos_background", "dnsmos_p808"}
    assert good["dnsmos_background"] > bad["dnsmos_background"] + 1
    assert good["dnsmos_overall"] > bad["dnsmos_overall"] + 0.5
    assert all(1 <= value <= 5 for value in good.values())
    assert rater.score(quiet(1)) == rater.score(quiet(0)) == {}  # on nothing the package would never end
    assert "speechmos 0" in rater.name


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "speechmos", None)
    with pytest.raises(EvaluationError, match=r"speechmos is not installed.*pip install '\.\[eval\]'"):
        DNSMOS()


@pytest.fixture
def predictor(tmp_path):
    """Writes a TorchScript file that scores a waveform by its level; `rate` adds the argument that some have."""
    import torch

    class Plain(torch.nn.Module):
        def forward(self, wave: torch.Tensor) -> torch.Tensor:
            return 1 + 10 * wave.abs().mean(-1)

    class WithRate(torch.nn.Module):
        def forward(self, wave: torch.Tensor, rate: int) -> torch.Tensor:
            return wave.abs().mean(-1, keepdim=True) * 0 + rate / 8000

    class Frames(torch.nn.Module):
        def forward(self, wave: torch.Tensor) -> torch.Tensor:
            return wave

    def write(name, kind):
        torch.jit.script({"plain": Plain, "rate": WithRate, "frames": Frames}[kind]()).save(str(tmp_path / name))
        return tmp_path / name

    return write


def test_utmos_from_a_file_or_its_folder(predictor, tmp_path):
    file = predictor("utmos.jit", "plain")
    rater, sound = UTMOS(file), buzz(0.5)
    assert rater.score(sound)["utmos"] == pytest.approx(1 + 10 * np.abs(sound).mean(), rel=1e-5)
    assert UTMOS(tmp_path).score(sound) == rater.score(sound)
    assert rater.score(quiet(1)) == {} == rater.score(buzz(0.05))
    assert rater.name.startswith("utmos.jit sha256 ")
    predictor("other.pt", "rate")
    assert UTMOS(tmp_path / "other.pt").score(sound) == {"utmos": 2.0}
    with pytest.raises(EvaluationError, match="holds 2 files.*give one"):
        UTMOS(tmp_path)


def test_utmos_mistakes(predictor, tmp_path):
    with pytest.raises(EvaluationError, match="nowhere' does not exist"):
        UTMOS(tmp_path / "nowhere")
    (tmp_path / "state.pt").write_bytes(b"not a script")
    with pytest.raises(EvaluationError, match=r"state\.pt' is no TorchScript file"):
        UTMOS(tmp_path / "state.pt")
    with pytest.raises(EvaluationError, match=r"gave \(1, 8000\) for one waveform"):
        UTMOS(predictor("frames.jit", "frames")).score(buzz(0.5))
