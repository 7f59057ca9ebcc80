"""Does it sound like the reference? Cosine of speaker embeddings, by default Resemblyzer's (GE2E, Wan et al.,
arXiv 1710.10467), whose model comes with its package; `checkpoints.CheckpointEmbedder` has others.

Figures of two embedders do not compare. For Resemblyzer expect about .85 for one voice saying two things, .4 to .65 for
two voices.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ditar.evaluate.inputs import EvaluationError, list_audio, quote, read_judged_audio, read_kaldi_table
from ditar.evaluate.threads import one_thread
from ditar.extras import install_line, missing

EMBEDDER_RATE_HZ = 16_000
SAME_EMBEDDING = 1 - 1e-5  # cosine above which two references are the same clip


@dataclass(frozen=True)
class Likeness:
    """One output and its reference: their cosine, and the speaker whose reference is most like the output."""

    reference: str
    similarity: float
    nearest: str
    identified: bool


def embedder_name() -> str:
    """Name and version, to be reported with every figure."""
    _import_resemblyzer()
    return f"Resemblyzer {version('resemblyzer')}"


class Embedder:
    """Resemblyzer's encoder on the CPU; its own preprocessing cuts silence and sets the level."""

    def __init__(self) -> None:
        self.name = embedder_name()
        self._package = _import_resemblyzer()
        self._encoder = self._package.VoiceEncoder("cpu", verbose=False)

    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """(S,) float at 16 kHz -> (256,) of norm 1; zeros if nothing is voiced, which resembles nobody."""
        if not np.any(waveform):
            return np.zeros(256, dtype=np.float32)
        voiced = self._package.preprocess_wav(waveform)
        if len(voiced) == 0:
            return np.zeros(256, dtype=np.float32)
        return self._encoder.embed_utterance(voiced)


def embed_files(
    audio: Mapping[str, str | Path], progress: bool = True, title: str = "embedding", embedder=None
) -> dict[str, np.ndarray]:
    """Embeddings (D,) of audio files (any rate) by id. A file shared by several ids is embedded once.

    embedder: anything with `embed`, (S,) at 16 kHz -> (D,) of norm 1; by default a new `Embedder`, D = 256.
    """
    from tqdm import tqdm

    embedder = embedder or Embedder()
    by_path: dict[str, np.ndarray] = {}
    with one_thread():
        for path in tqdm(sorted({str(p) for p in audio.values()}), desc=title, unit="clip", disable=not progress):
            by_path[path] = embedder.embed(read_judged_audio(path, EMBEDDER_RATE_HZ))
    return {utt: by_path[str(path)] for utt, path in audio.items()}


def list_references(folder: str | Path, utts: list[str]) -> dict[str, Path]:
    """The reference clip of each utterance.

    A folder with one clip: the same for all. With a file `utt2ref` (lines `utt clip-id`): as it says. Else the clip has
    the utterance's id.
    """
    clips = list_audio(folder)
    if len(clips) == 1:
        return {utt: next(iter(clips.values())) for utt in utts}
    table = Path(folder) / "utt2ref"
    ids = {utt: utt for utt in utts}
    if table.is_file():
        ids = read_kaldi_table(table)
    missing = sorted(utt for utt in utts if ids.get(utt) not in clips)
    if missing:
        raise EvaluationError(
            f"{len(missing)} of {len(utts)} utterances have no reference clip in {str(folder)!r}: {quote(missing)}; "
            "name clips <utt>.wav, or add a file utt2ref with lines `utt clip-id`, or leave one clip for all"
        )
    return {utt: clips[ids[utt]] for utt in utts}


def list_speakers(folder: str | Path, references: Mapping[str, Path]) -> dict[str, str]:
    """The speaker of each utterance's reference: by a Kaldi `utt2spk` of clip ids in the folder, else the clip."""
    names = read_speakers(folder)
    by_path = {path: names.get(clip, clip) for clip, path in list_audio(folder).items()}
    return {utt: by_path[path] for utt, path in references.items()}


def read_speakers(folder: str | Path) -> dict[str, str]:
    """A folder's Kaldi `utt2spk`; empty if it has none, and nobody's voice is known."""
    table = Path(folder) / "utt2spk"
    return read_kaldi_table(table) if table.is_file() else {}


def likeness(
    outputs: Mapping[str, np.ndarray], references: Mapping[str, np.ndarray], speakers: Mapping[str, str]
) -> dict[str, Likeness]:
    """Compare the embedding of each output with its reference and with all references (by utterance, of norm 1).

    An output is identified if the nearest of all references has its own reference's speaker, or is a copy of it. With a
    single speaker that is always so: report the number of speakers with the figure.
    """
    names = sorted(references)
    table = np.stack([references[name] for name in names])  # (references, D)
    result = {}
    for utt in sorted(outputs):
        own = references[utt]
        best = int(np.argmax(table @ outputs[utt]))
        same = speakers[names[best]] == speakers[utt] or table[best] @ own >= SAME_EMBEDDING
        heard = bool(np.any(outputs[utt]))
        nearest = speakers[utt if same else names[best]]
        result[utt] = Likeness(speakers[utt], float(own @ outputs[utt]), nearest, heard and bool(same))
    return result


def _import_resemblyzer():
    """Resemblyzer needs packages that it does not declare, or declares under a name that no longer works."""
    try:
        return importlib.import_module("resemblyzer")
    except ImportError as error:
        if error.name == "resemblyzer" and isinstance(error, ModuleNotFoundError):
            raise EvaluationError(
                f"{missing('resemblyzer', 'eval')} (if its webrtcvad does not compile: "
                "pip install librosa webrtcvad-wheels && pip install --no-deps resemblyzer)"
            ) from None
        raise EvaluationError(f"Resemblyzer cannot be imported ({error}); remedy: {_remedy(error)}") from None


def _remedy(error: ImportError) -> str:
    lacking = error.name or str(error)
    if lacking == "pkg_resources" or "webrtcvad" in lacking:  # webrtcvad 2.0.10 imports what setuptools 81 removed
        return "pip install --force-reinstall --no-deps webrtcvad-wheels (it replaces the old webrtcvad.py)"
    if lacking.startswith("scipy"):
        return "pip install 'scipy<2' (Resemblyzer imports a name that SciPy deprecated)"
    return install_line("eval")
