"""Speaker embedders of the `transformers` library, by a name on the Hugging Face hub or a folder: anything with an
x-vector head (WavLM or wav2vec 2.0 for speaker verification, such as microsoft/wavlm-base-plus-sv). Their names in
results identify the weights, as those of `ditar.recognise.checkpoint` do.
"""

import numpy as np

from ditar.audio.trim import is_silent
from ditar.evaluate.inputs import EvaluationError
from ditar.evaluate.similarity import EMBEDDER_RATE_HZ
from ditar.recognise.checkpoint import identify, import_transformers, load_part

SHORTEST_S = 1.0  # anything shorter is repeated to this length, which the convolutions of x-vector heads need


class CheckpointEmbedder:
    """Speaker embeddings by a checkpoint with an x-vector head."""

    def __init__(self, name: str, device: str = "cpu"):
        transformers = import_transformers()
        config = load_part(transformers.AutoConfig, name)
        if not any(kind.endswith("ForXVector") for kind in config.architectures or []):
            kinds = ", ".join(config.architectures or [config.model_type])
            raise EvaluationError(f"{name!r} is {kinds}: speaker similarity needs an x-vector head, such as "
                                  "microsoft/wavlm-base-plus-sv")  # fmt: skip
        self._extractor = load_part(transformers.AutoFeatureExtractor, name)
        self._model = load_part(transformers.AutoModelForAudioXVector, name).eval().to(device)
        self._device = device
        self.name = identify(name, self._model.config)

    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """(S,) float at 16 kHz -> (D,) of norm 1; zeros for silence, which resembles nobody."""
        import torch

        if is_silent(waveform):
            return np.zeros(self._model.config.xvector_output_dim, dtype=np.float32)
        shortest = int(SHORTEST_S * EMBEDDER_RATE_HZ)
        if len(waveform) < shortest:
            waveform = np.resize(waveform, shortest)
        inputs = self._extractor(waveform, sampling_rate=EMBEDDER_RATE_HZ, return_tensors="pt")
        with torch.inference_mode():
            embedding = self._model(**inputs.to(self._device)).embeddings[0].float().cpu().numpy()
        return embedding / max(float(np.linalg.norm(embedding)), 1e-12)
