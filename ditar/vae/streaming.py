"""Latents in, as they are made; audio out, as soon as it is final."""

import torch
from torch import Tensor

from ditar.units import HOP_SAMPLES
from ditar.vae.source import SourceStart
from ditar.vae.speech_vae import SpeechVAE


class StreamingDecoder:
    """Decodes normalised latents (T, C) that arrive in pieces; the audio equals that of decoding them all at once.

    before (T0, C): latents that precede the first, so that there is no click at the seam; their audio is not returned.
    The vocoder sees `context_latents` on both sides: audio waits for that many further latents, and each piece is
    decoded with that many on both sides. This costs (n + 2 context) / n of the vocoder for pieces of n latents, and
    needs no second implementation of its layers.
    """

    def __init__(self, vae: SpeechVAE, before: Tensor):
        self.vae, self.reach = vae, vae.decoder.context_latents
        self.kept = before[max(0, len(before) - self.reach) :].to(vae.latent_mean)
        self.spent = len(self.kept)  # how many of the kept latents are decoded, and stay as context
        self.start = SourceStart(anchor=self.spent * HOP_SAMPLES)  # the vocoder's source continues at the next sample

    def add(self, latents: Tensor) -> None:
        """Append (T, C)."""
        self.kept = torch.cat((self.kept, latents.to(self.kept)))

    @property
    def ready(self) -> int:
        """How many latents have final audio, whatever follows."""
        return max(0, len(self.kept) - self.spent - self.reach)

    def take(self, final: bool = False) -> Tensor:
        """The audio (S,) that is final and not yet returned, float32 on the CPU; `final`: nothing follows, so all."""
        count = len(self.kept) - self.spent if final else self.ready
        if not count:
            return torch.empty(0)
        decoded = self.vae.decoder(self.vae.denormalise(self.kept[None]), self.start)
        end = (self.spent + count) * HOP_SAMPLES
        audio = decoded.waveform[0, self.spent * HOP_SAMPLES : end]
        dropped = max(0, self.spent + count - self.reach)
        if decoded.turns is not None and end < decoded.turns.shape[1]:
            self.start = SourceStart(
                self.start.position + dropped * HOP_SAMPLES, end - dropped * HOP_SAMPLES, decoded.turns[0, end].item()
            )
        self.kept, self.spent = self.kept[dropped:], self.spent + count - dropped
        return audio.float().cpu()
