"""Recognition by checkpoints of the `transformers` library, Whisper or anything with a CTC head, by a name on the
Hugging Face hub or a folder. Their names in results identify the weights: the commit on the hub, or a fingerprint of
the folder's weights.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ditar.audio.trim import is_silent
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.errors import RecogniserError, import_for_recognition
from ditar.recognise.files import read_waveform
from ditar.recognise.long_audio import split_long

WHISPER_BATCH = 8
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


class CheckpointRecogniser:
    """Greedy recognition with a Whisper or CTC checkpoint, in float32."""

    normaliser = "whisper"

    def __init__(self, name: str, device: str = "cpu", language: str = "en"):
        transformers = import_transformers()
        config = load_part(transformers.AutoConfig, name)
        kinds = config.architectures or []
        self._ctc = any(kind.endswith("ForCTC") for kind in kinds)
        if not self._ctc and config.model_type != "whisper":
            raise RecogniserError(f"{name!r} is {', '.join(kinds) or config.model_type}: recognition needs Whisper or "
                                  "a checkpoint with a CTC head, such as facebook/wav2vec2-base-960h")  # fmt: skip
        kind = transformers.AutoModelForCTC if self._ctc else transformers.AutoModelForSpeechSeq2Seq
        self._processor = load_part(transformers.AutoProcessor, name)
        self._model = load_part(kind, name).eval().to(device)
        self._device = device
        self._options = {}
        if not self._ctc and getattr(self._model.generation_config, "is_multilingual", False):
            self._options = {"language": language, "task": "transcribe"}
        self.name = identify(name, self._model.config)

    @property
    def spelling(self) -> Mapping[str, str] | None:
        """Whisper's table from British to American spelling, if the checkpoint has it."""
        return getattr(self._processor.tokenizer, "english_spelling_normalizer", None)

    def transcribe(self, waveform: np.ndarray) -> str:
        """What is heard in (S,) float at 16 kHz; "" for silence."""
        return self.transcribe_batch([waveform])[0]

    def transcribe_batch(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """What is heard in each (S,) float at 16 kHz; "" for silence, in which Whisper hears "thanks for watching"."""
        pieces = [(row, piece) for row, waveform in enumerate(waveforms) for piece in split_long(waveform)
                  if not is_silent(piece)]  # fmt: skip
        heard = [""] * len(waveforms)
        # Padding changes the output of CTC models with group norm; Whisper pads to its window anyway.
        size = 1 if self._ctc else WHISPER_BATCH
        for start in range(0, len(pieces), size):
            batch = pieces[start : start + size]
            for (row, _), text in zip(batch, self._hear([piece for _, piece in batch])):
                heard[row] = f"{heard[row]} {text.strip()}".strip()
        return heard

    def recognise(
        self, audio: Mapping[str, str | Path], workers: int | None = None, progress: bool = True
    ) -> dict[str, str]:
        """What is heard in each audio file (any rate), by utterance id, in this process whatever `workers` says: torch
        has its own threads."""
        from tqdm import tqdm

        utts, heard = list(audio), {}
        for start in tqdm(range(0, len(utts), WHISPER_BATCH), desc="recognising", unit="batch", disable=not progress):
            batch = utts[start : start + WHISPER_BATCH]
            waveforms = [read_waveform(audio[utt], RECOGNISER_RATE_HZ) for utt in batch]
            heard |= dict(zip(batch, self.transcribe_batch(waveforms)))
        return heard

    def _hear(self, waveforms: list[np.ndarray]) -> list[str]:
        import torch

        with torch.inference_mode():
            if self._ctc:
                inputs = self._processor(waveforms, sampling_rate=RECOGNISER_RATE_HZ, return_tensors="pt")
                tokens = self._model(**inputs.to(self._device)).logits.argmax(-1)  # (B, frames)
            else:
                inputs = self._processor(
                    waveforms, sampling_rate=RECOGNISER_RATE_HZ, return_tensors="pt", return_attention_mask=True
                )
                tokens = self._model.generate(**inputs.to(self._device), do_sample=False, num_beams=1, **self._options)
        return self._processor.batch_decode(tokens, skip_special_tokens=True)


def import_transformers():
    """The package; torchaudio, which it imports, comes through the shim."""
    from ditar.audio.torchaudio_shim import import_torchaudio

    import_torchaudio()
    return import_for_recognition("transformers")


def load_part(kind, name: str):
    """`kind.from_pretrained(name)`; of a model, with the threads that are fastest now (`nn.threads.set_threads`).
    RecogniserError if there is no such checkpoint."""
    try:
        part = kind.from_pretrained(name)
        if hasattr(part, "modules"):
            from ditar.nn.threads import largest_weight, set_threads  # with torch, which came with the model

            set_threads(None, largest_weight(part))
        return part
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise RecogniserError(f"no checkpoint {name!r} for {kind.__name__}: {reason}; give a folder that "
                              "save_pretrained wrote, or a name on the Hugging Face hub and a connection") from None


def identify(name: str, config) -> str:
    """The checkpoint, what identifies its weights, and the library that runs it."""
    library = f"transformers {version('transformers')}"
    if not Path(name).is_dir():
        return f"{name} commit {str(getattr(config, '_commit_hash', None))[:12]}, {library}"
    digest = hashlib.sha256()
    for file in sorted({file for pattern in WEIGHTS for file in Path(name).glob(pattern)}):
        digest.update(file.read_bytes())
    return f"{Path(name).resolve().name} sha256 {digest.hexdigest()[:12]}, {library}"
