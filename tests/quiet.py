"""Decoders whose speech is a tone between silences, where the model's own would be noise from its first sample on."""

import numpy as np
import torch

QUIET = 4800  # samples without sound at the start


def quiet_ends(decoder):
    """A subclass of a StreamingDecoder, of `ditar.vae` or of `ditar.onnx`: 0.2 s of silence, a tone, and silence in all
    of the last chunk."""

    class WithQuietEnds(decoder):
        made = 0

        def take(self, final=False):
            audio = super().take(final)
            at = np.arange(self.made, self.made + len(audio))
            self.made += len(audio)
            made = np.where((at < QUIET) | final, 0.0, 0.3 * np.sin(at / 5)).astype(np.float32)
            return torch.from_numpy(made) if isinstance(audio, torch.Tensor) else made

    return WithQuietEnds
