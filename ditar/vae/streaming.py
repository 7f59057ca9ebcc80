"""Latents in, as they are made; audio out, as soon as it is certain."""

import torch
from torch import Tensor

from ditar.units import HOP_SAMPLES
from ditar.vae.speech_vae import SpeechVAE


class StreamingDecoder:
    """Decodes normalised latents (T, C) that come piece by piece; the audio is that of decoding them all at once.

    before (T0, C): latents that stand before the first, so that there is no click at the seam; their audio is not
    given out. The vocoder sees `context_latents` to both sides: audio waits for so many latents behind it, and each
    piece is decoded with so many on both sides of it again. That costs (n + 2 context) / n of the vocoder for pieces of
    n latents, and no second implementation of its layers.
    """

    def __init__(self, vae: SpeechVAE, before: Tensor):
        self.vae, self.reach = vae, vae.decoder.context_latents
        self.kept = before[max(0, len(before) - self.reach) :].to(vae.latent_mean)
        self.spent = len(self.kept)  # how many of the kept latents are out, and stay as context

    def add(self, latents: Tensor) -> None:
        """Take (T, C) more."""
        self.kept = torch.cat((self.kept, latents.to(self.kept)))

    @property
    def ready(self) -> int:
        """How many latents' audio is certain, whatever follows."""
        return max(0, len(self.kept) - self.spent - self.reach)

    def take(self, final: bool = False) -> Tensor:
        """The audio (S,) that is certain and not out yet, float32 on the CPU; `final`: nothing follows, so all."""
        count = len(self.kept) - self.spent if final else self.ready
        if not count:
            return torch.empty(0)
        audio = self.vae.decode(self.vae.denormalise(self.kept[None]))[0]
        audio = audio[self.spent * HOP_SAMPLES : (self.spent + count) * HOP_SAMPLES]
        dropped = max(0, self.spent + count - self.reach)
        self.kept, self.spent = self.kept[dropped:], self.spent + count - dropped
        return audio.float().cpu()
