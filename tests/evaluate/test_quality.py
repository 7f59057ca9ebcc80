import sys
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing.reduction import ForkingPickler  # what brings a function to a worker process

import numpy as np
import pytest
import soundfile

from ditar.evaluate import quality
from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.quality import DNSMOS, UTMOS, DistillMOS
from ditar.recognise.files import read_waveform
from ditar.synthesis.reference import SHIPPED_VOICE
from tests.evaluate.sounds import buzz, hiss, quiet


@pytest.fixture(scope="module")
def distillmos():
    if find_spec("distillmos") is None:
        pytest.skip("distillmos is not installed (pip install '.[eval]')")
    return DistillMOS()


def test_distillmos_hears_distortion(distillmos, capsys):
    clean = read_waveform(SHIPPED_VOICE)
    noisy = clean + hiss(len(clean) / 16_000, 0.05)[: len(clean)]
    good, bad = distillmos.score(clean), distillmos.score(noisy)
    assert set(good) == {"distillmos"} and 1 <= bad["distillmos"] < good["distillmos"] - 0.5 < 4.5
    assert distillmos.score(quiet(1)) == distillmos.score(quiet(0)) == {}
    assert distillmos.name == f"DistillMOS, distillmos {version('distillmos')}"
    DistillMOS()
    assert capsys.readouterr().out == ""  # what it prints would stand in the JSON


@pytest.mark.parametrize("seconds", [3.0, 7.68, 8.9])
def test_distillmos_hears_all_of_it_as_its_package_does(distillmos, seconds, monkeypatch):
    import distillmos as package  # behind the shim
    import torch

    sound = np.resize(read_waveform(SHIPPED_VOICE), round(seconds * 16_000)) + hiss(seconds, 0.003)
    whole = package.ConvTransformerSQAModel().eval()
    with torch.inference_mode():
        expected = float(whole(torch.from_numpy(sound)[None]))
    assert distillmos.score(sound)["distillmos"] == pytest.approx(expected, abs=1e-4)
    monkeypatch.setattr(quality, "DISTILLMOS_BATCH", 2)
    assert distillmos.score(sound)["distillmos"] == pytest.approx(expected, abs=1e-4)


def test_distillmos_of_files(distillmos, tmp_path):
    soundfile.write(tmp_path / "b.wav", read_waveform(SHIPPED_VOICE), 16_000)
    soundfile.write(tmp_path / "a.wav", quiet(1.0), 16_000)
    audio = {"b": tmp_path / "b.wav", "a": tmp_path / "a.wav"}
    found = distillmos.rate(audio, 1, progress=False)
    assert list(found) == ["b", "a"] and found["a"] == {} and found["b"]["distillmos"] > 2
    assert ForkingPickler.loads(ForkingPickler.dumps(distillmos.score))(read_waveform(audio["b"])) == found["b"]


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
    monkeypatch.setitem(sys.modules, "distillmos", None)
    with pytest.raises(EvaluationError, match=r"distillmos is not installed.*pip install '\.\[eval\]'"):
        DistillMOS()
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
