"""Recognisers and speaker embedders of the `transformers` library, by a name on the Hugging Face hub or a folder.

Whisper and anything with a CTC head recognise; anything with an x-vector head (WavLM or wav2vec 2.0 for speaker
verification, such as microsoft/wavlm-base-plus-sv) embeds. Names of checkpoints in results carry what pins them: the
commit on the hub, or a fingerprint of the folder's weights.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ditar.audio.trim import is_silent
from ditar.evaluate.inputs import EvaluationError, need, read_waveform

CHECKPOINT_RATE_HZ = 16_000
WINDOW_S = 30.0  # what Whisper hears at once; CTC models get the same pieces, which bounds their memory
CUT_WITHIN_S = 5.0  # a longer waveform is cut where these last seconds of a window are quietest
SHORTEST_S = 1.0  # less is repeated until it fills this, which the convolutions of x-vector heads need
WHISPER_BATCH = 8
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


class CheckpointRecogniser:
    """Greedy recognition with a Whisper or CTC checkpoint, in float32."""

    def __init__(self, name: str, device: str = "cpu", language: str = "en"):
        transformers = _transformers()
        config = _load(transformers.AutoConfig, name)
        kinds = config.architectures or []
        self._ctc = any(kind.endswith("ForCTC") for kind in kinds)
        if not self._ctc and config.model_type != "whisper":
            raise EvaluationError(f"{name!r} is {', '.join(kinds) or config.model_type}: recognition needs Whisper or "
                                  "a checkpoint with a CTC head, such as facebook/wav2vec2-base-960h")  # fmt: skip
        kind = transformers.AutoModelForCTC if self._ctc else transformers.AutoModelForSpeechSeq2Seq
        self._processor = _load(transformers.AutoProcessor, name)
        self._model = _load(kind, name).eval().to(device)
        self._device = device
        self._options = {}
        if not self._ctc and getattr(self._model.generation_config, "is_multilingual", False):
            self._options = {"language": language, "task": "transcribe"}
        self.name = _identify(name, self._model.config)

    @property
    def spelling(self) -> Mapping[str, str] | None:
        """Whisper's table from British to American spelling, where the checkpoint has it."""
        return getattr(self._processor.tokenizer, "english_spelling_normalizer", None)

    def transcribe(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """What is heard in each (S,) float at 16 kHz; "" for silence, in which Whisper hears thanks for watching."""
        pieces = [(row, piece) for row, waveform in enumerate(waveforms) for piece in split_long(waveform)
                  if not is_silent(piece)]  # fmt: skip
        heard = [""] * len(waveforms)
        # Padding changes what CTC models with group norm hear; Whisper pads to its window anyway.
        size = 1 if self._ctc else WHISPER_BATCH
        for start in range(0, len(pieces), size):
            batch = pieces[start : start + size]
            for (row, _), text in zip(batch, self._hear([piece for _, piece in batch])):
                heard[row] = f"{heard[row]} {text.strip()}".strip()
        return heard

    def recognise(self, audio: Mapping[str, str | Path], progress: bool = True) -> dict[str, str]:
        """What is heard in each audio file (any rate), by utterance id."""
        from tqdm import tqdm

        utts, heard = list(audio), {}
        for start in tqdm(range(0, len(utts), WHISPER_BATCH), desc="recognising", unit="batch", disable=not progress):
            batch = utts[start : start + WHISPER_BATCH]
            waveforms = [read_waveform(audio[utt], CHECKPOINT_RATE_HZ) for utt in batch]
            heard |= dict(zip(batch, self.transcribe(waveforms)))
        return heard

    def _hear(self, waveforms: list[np.ndarray]) -> list[str]:
        import torch

        with torch.inference_mode():
            if self._ctc:
                inputs = self._processor(waveforms, sampling_rate=CHECKPOINT_RATE_HZ, return_tensors="pt")
                tokens = self._model(**inputs.to(self._device)).logits.argmax(-1)  # (B, frames)
            else:
                inputs = self._processor(
                    waveforms, sampling_rate=CHECKPOINT_RATE_HZ, return_tensors="pt", return_attention_mask=True
                )
                tokens = self._model.generate(**inputs.to(self._device), do_sample=False, num_beams=1, **self._options)
        return self._processor.batch_decode(tokens, skip_special_tokens=True)


class CheckpointEmbedder:
    """Speaker embeddings by a checkpoint with an x-vector head."""

    def __init__(self, name: str, device: str = "cpu"):
        transformers = _transformers()
        config = _load(transformers.AutoConfig, name)
        if not any(kind.endswith("ForXVector") for kind in config.architectures or []):
            kinds = ", ".join(config.architectures or [config.model_type])
            raise EvaluationError(f"{name!r} is {kinds}: speaker similarity needs an x-vector head, such as "
                                  "microsoft/wavlm-base-plus-sv")  # fmt: skip
        self._extractor = _load(transformers.AutoFeatureExtractor, name)
        self._model = _load(transformers.AutoModelForAudioXVector, name).eval().to(device)
        self._device = device
        self.name = _identify(name, self._model.config)

    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """(S,) float at 16 kHz -> (D,) of norm 1; zeros for silence, which is like nobody."""
        import torch

        if is_silent(waveform):
            return np.zeros(self._model.config.xvector_output_dim, dtype=np.float32)
        shortest = int(SHORTEST_S * CHECKPOINT_RATE_HZ)
        if len(waveform) < shortest:
            waveform = np.resize(waveform, shortest)
        inputs = self._extractor(waveform, sampling_rate=CHECKPOINT_RATE_HZ, return_tensors="pt")
        with torch.inference_mode():
            embedding = self._model(**inputs.to(self._device)).embeddings[0].float().cpu().numpy()
        return embedding / max(float(np.linalg.norm(embedding)), 1e-12)


def split_long(waveform: np.ndarray) -> list[np.ndarray]:
    """(S,) at 16 kHz -> pieces of at most 30 s, cut where the last 5 s of each are quietest."""
    window, tail = int(WINDOW_S * CHECKPOINT_RATE_HZ), int(CUT_WITHIN_S * CHECKPOINT_RATE_HZ)
    frame = CHECKPOINT_RATE_HZ // 10
    pieces = []
    while len(waveform) > window:
        end = waveform[window - tail : window]
        power = np.square(end[: len(end) // frame * frame]).reshape(-1, frame).mean(1)
        cut = window - tail + int(power.argmin()) * frame + frame // 2
        pieces.append(waveform[:cut])
        waveform = waveform[cut:]
    return [*pieces, waveform]


def _transformers():
    from ditar.audio.torchaudio_shim import import_torchaudio

    import_torchaudio()  # transformers imports it too
    return need("transformers")


def _load(kind, name: str):
    try:
        return kind.from_pretrained(name)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise EvaluationError(f"no checkpoint {name!r} for {kind.__name__}: {reason}; give a folder that "
                              "save_pretrained wrote, or a name on the Hugging Face hub and a connection") from None


def _identify(name: str, config) -> str:
    """The checkpoint, what pins it, and the library that runs it."""
    library = f"transformers {version('transformers')}"
    if not Path(name).is_dir():
        return f"{name} commit {str(getattr(config, '_commit_hash', None))[:12]}, {library}"
    digest = hashlib.sha256()
    for file in sorted({file for pattern in WEIGHTS for file in Path(name).glob(pattern)}):
        digest.update(file.read_bytes())
    return f"{Path(name).resolve().name} sha256 {digest.hexdigest()[:12]}, {library}"
