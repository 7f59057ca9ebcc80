"""How good would listeners say it sounds? Predictions: DistillMOS and DNSMOS offline, UTMOS if you have its weights.

DistillMOS (Stahl and Gamper, arXiv 2502.05356) was distilled from a judge on XLS-R; its weights come with the package.
DNSMOS (Reddy et al., ICASSP 2021 and 2022) was made for denoised calls and judges noise and distortion, hardly
naturalness; its models come with the package `speechmos`. UTMOS (Saeki et al., Interspeech 2022, arXiv 2204.02152)
was made for synthesis. It is read from a TorchScript file, so that no code is fetched: any that takes float waveforms
(B, S) at 16 kHz, optionally followed by the rate, and returns one score each.
"""

from collections.abc import Mapping
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import numpy as np

from ditar.audio.trim import is_silent
from ditar.evaluate.inputs import EvaluationError, import_for_evaluation
from ditar.evaluate.threads import one_thread
from ditar.recognise.files import map_files
from ditar.storage.digests import digest_file

QUALITY_RATE_HZ = 16_000
SHORTEST_S = 0.1
DISTILLMOS_SAMPLES, DISTILLMOS_HOP = 122_880, 16_000  # its window of 7.68 s, and the largest distance between two
DISTILLMOS_BATCH = 4  # windows at once: an hour as one batch would take a hundred gigabytes
FEWEST = 20  # files per additional process, which imports torch first
SUFFIXES = (".jit", ".pt", ".pth", ".ts")


def is_unfit(waveform: np.ndarray) -> bool:
    """Whether (S,) at 16 kHz is silent or too short for a listener to judge."""
    return len(waveform) < SHORTEST_S * QUALITY_RATE_HZ or is_silent(waveform)


class DistillMOS:
    """The model of the package `distillmos`."""

    def __init__(self, device: str = "cpu") -> None:
        from ditar.audio.torchaudio_shim import import_torchaudio

        import_torchaudio()  # the package imports it
        package = import_for_evaluation("distillmos")
        with redirect_stdout(StringIO()):  # it prints the path of its weights
            model = package.ConvTransformerSQAModel(segmenting_in_forward=False)
        self._model, self._device = model.eval().to(device), device
        self.name = f"DistillMOS, distillmos {version('distillmos')}"

    def __reduce__(self):
        return DistillMOS, (self._device,)

    def rate(
        self, audio: Mapping[str, str | Path], workers: int | None = None, progress: bool = True
    ) -> dict[str, dict[str, float]]:
        """Scores of audio files (any rate) by utterance id: one process a core (see `recognise.files.map_files`), or
        only this one on a GPU."""
        workers = workers if self._device == "cpu" else 1
        return map_files(audio, self.score, workers, progress, "DistillMOS", FEWEST)

    def score(self, waveform: np.ndarray) -> dict[str, float]:
        """(S,) at 16 kHz -> distillmos, from 1 to 5; nothing if there is no sound.

        The mean over windows that cover all of it, at the package's own places; shorter audio is padded with silence.
        """
        import torch

        if is_unfit(waveform):
            return {}
        samples = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))
        samples = torch.nn.functional.pad(samples, (0, max(0, DISTILLMOS_SAMPLES - len(samples))))
        beyond = len(samples) - DISTILLMOS_SAMPLES
        places = [int(share * beyond) for share in np.linspace(0, 1, -(-beyond // DISTILLMOS_HOP) + 1)]
        scores = []
        with torch.inference_mode(), one_thread():
            for first in range(0, len(places), DISTILLMOS_BATCH):
                windows = [samples[at : at + DISTILLMOS_SAMPLES] for at in places[first : first + DISTILLMOS_BATCH]]
                scores += self._model(torch.stack(windows).to(self._device)).flatten().tolist()
        return {"distillmos": float(np.mean(scores))}


class DNSMOS:
    """The P.835 model (signal, background, overall) and the P.808 model of `speechmos`, on the CPU."""

    def __init__(self) -> None:
        (
            import_for_evaluation("speechmos"),
            import_for_evaluation("onnxruntime"),
            import_for_evaluation("librosa"),
            import_for_evaluation("requests"),
        )  # it imports the others without declaring them
        package = import_for_evaluation("speechmos.dnsmos")
        models = Path(package.__file__).parent / "dnsmos_models"
        paths = [str(models / name) for name in ("sig_bak_ovr.onnx", "model_v8.onnx")]
        self._model = package.DNSMOS(*paths)
        self._model.onnx_sess, self._model.p808_onnx_sess = map(_session, paths)

    @property
    def name(self) -> str:
        """Name and version, to be reported with every figure."""
        return f"DNSMOS P.835 and P.808, speechmos {version('speechmos')}"

    def score(self, waveform: np.ndarray) -> dict[str, float]:
        """(S,) at 16 kHz -> dnsmos_overall, _signal, _background, _p808, from 1 to 5; nothing if there is no sound.

        Audio of less than 9 s is repeated to fill the model's window, as its authors do.
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
        self._digest = digest_file(self._file)[:12]

    @property
    def name(self) -> str:
        """The file and its SHA-256: these weights have no version of their own."""
        return f"{self._file.name} sha256 {self._digest}"

    def score(self, waveform: np.ndarray) -> dict[str, float]:
        """(S,) at 16 kHz -> utmos, from 1 to 5; nothing if there is no sound. One at a time: padding changes scores."""
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
    """Threads that sleep while they wait: spinning takes the core from everything else."""
    onnxruntime = import_for_evaluation("onnxruntime")
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
