"""How good would listeners say it sounds? Predictions: DNSMOS offline, UTMOS where its weights are.

DNSMOS (Reddy et al., ICASSP 2021 and 2022) was made for denoised calls and judges noise and distortion, hardly
naturalness; its models lie inside the package `speechmos`. UTMOS (Saeki et al., Interspeech 2022, arXiv 2204.02152)
was made for synthesis. It is read from a TorchScript file, so that no code is fetched: any that takes float waveforms
(B, S) at 16 kHz, with or without the rate behind them, and gives one score each.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ditar.audio.trim import is_silent
from ditar.evaluate.inputs import EvaluationError, need

QUALITY_RATE_HZ = 16_000
SHORTEST_S = 0.1
SUFFIXES = (".jit", ".pt", ".pth", ".ts")


def is_unfit(waveform: np.ndarray) -> bool:
    """Whether (S,) at 16 kHz is silent or too short for a listener to judge."""
    return len(waveform) < SHORTEST_S * QUALITY_RATE_HZ or is_silent(waveform)


class DNSMOS:
    """The P.835 model (signal, background, overall) and the P.808 model of `speechmos`, on the CPU."""

    def __init__(self) -> None:
        need("speechmos"), need("onnxruntime"), need("librosa"), need("requests")  # it imports the others unasked
        package = need("speechmos.dnsmos")
        models = Path(package.__file__).parent / "dnsmos_models"
        paths = [str(models / name) for name in ("sig_bak_ovr.onnx", "model_v8.onnx")]
        self._model = package.DNSMOS(*paths)
        self._model.onnx_sess, self._model.p808_onnx_sess = map(_session, paths)

    @property
    def name(self) -> str:
        """Name and version, to be written beside every figure."""
        return f"DNSMOS P.835 and P.808, speechmos {version('speechmos')}"

    def score(self, waveform: np.ndarray) -> dict[str, float]:
        """(S,) at 16 kHz -> dnsmos_overall, _signal, _background, _p808, of 1 to 5; nothing where there is no sound.

        Less than 9 s are repeated until they fill the model's window, as its authors do.
        """
        if is_unfit(waveform):
            return {}
        found = self._model(np.clip(waveform, -1, 1), QUALITY_RATE_HZ, False)
        names = {"overall": "ovrl_mos", "signal": "sig_mos", "background": "bak_mos", "p808": "p808_mos"}
        return {f"dnsmos_{ours}": float(found[theirs]) for ours, theirs in names.items()}


class UTMOS:
    """A predictor from a TorchScript file, or from a folder that holds one."""

    def __init__(self, path: str | Path, device: str = "cpu") -> None:
        import torch

        self._file, self._device = _script_file(Path(path)), device
        try:
            self._model = torch.jit.load(str(self._file), map_location=device).eval()
        except (RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise EvaluationError(f"{str(self._file)!r} is no TorchScript file ({reason}); export the predictor with "
                                  "torch.jit.script(model).save(FILE)") from None  # fmt: skip
        self._wants_rate = len(self._model.forward.schema.arguments) > 2  # self, waveforms, rate
        self._digest = hashlib.sha256(self._file.read_bytes()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """The file and its SHA-256: these weights have no version of their own."""
        return f"{self._file.name} sha256 {self._digest}"

    def score(self, waveform: np.ndarray) -> dict[str, float]:
        """(S,) at 16 kHz -> utmos, of 1 to 5; nothing where there is no sound. One at a time: padding moves scores."""
        import torch

        if is_unfit(waveform):
            return {}
        samples = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))[None].to(self._device)
        with torch.inference_mode():
            found = self._model(samples, QUALITY_RATE_HZ) if self._wants_rate else self._model(samples)
        if found.numel() != 1:
            raise EvaluationError(f"{str(self._file)!r} gave {tuple(found.shape)} for one waveform, expected one "
                                  "score; export a predictor of whole utterances")  # fmt: skip
        return {"utmos": float(found)}


def _session(path: str):
    """Threads that sleep while they wait: spinning takes the core from whatever else runs."""
    onnxruntime = need("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _script_file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(p for p in path.glob("*") if p.suffix in SUFFIXES) if path.is_dir() else []
    if len(found) != 1:
        what = f"holds {len(found)} files of {', '.join(SUFFIXES)}" if path.is_dir() else "does not exist"
        raise EvaluationError(f"UTMOS: {str(path)!r} {what}; give one TorchScript file")
    return found[0]
