"""Latents in, as they are made; audio out, as soon as it is final."""

import torch
from torch import Tensor

from ditar.units import HOP_SAMPLES
from ditar.vae.source import SourceStart
from ditar.vae.speech_vae import SpeechVAE


class StreamingDecoder:
    """Decodes normalised latents (T, C) that arrive in pieces; the audio is that of decoding them all at once, but for
    rounding, which moves the phase of the harmonics a little.

    before (T0, C): latents that precede the first, so that there is no click at the seam; their audio is not returned.
    A sample depends on `context_latents` on both sides, so that audio waits for that many further latents. The layers
    of the backbone go on where they were; only the head, which is cheap, sees what it needs of the frames before again.
    """

    def __init__(self, vae: SpeechVAE, before: Tensor):
        self.vae, self.reach = vae, vae.decoder.context_latents
        self.waiting = before[max(0, len(before) - self.reach) :].to(vae.latent_mean)  # what no layer has seen
        self.state: list[Tensor] | None = None  # of the backbone
        self.features: Tensor | None = None  # (1, L, D), of which `spent` latents are decoded, and stay for the head
        self.spent = len(self.waiting)
        self.arrived = self.spent  # latents since the first frame of the features
        self.start = SourceStart(anchor=self.spent * HOP_SAMPLES)  # the vocoder's source continues at the next sample

    def add(self, latents: Tensor) -> None:
        """Append (T, C)."""
        self.waiting = torch.cat((self.waiting, latents.to(self.waiting)))
        self.arrived += len(latents)

    @property
    def ready(self) -> int:
        """How many latents have final audio, whatever follows."""
        return max(0, self.arrived - self.spent - self.reach)

    def take(self, final: bool = False) -> Tensor:
        """The audio (S,) that is final and not yet returned, float32 on the CPU; `final`: nothing follows, so all."""
        count = self.arrived - self.spent if final else self.ready
        if not count:
            return torch.empty(0)
        decoder = self.vae.decoder
        latents = self.vae.denormalise(self.waiting[None])
        further, self.state = decoder.further_features(latents, self.state, final)
        self.waiting = self.waiting[:0]
        self.features = further if self.features is None else torch.cat((self.features, further), dim=1)
        contrast = self.vae.config.vocos.formant_contrast
        decoded = decoder.decode_features(self.features, self.start, contrast=contrast)
        end = (self.spent + count) * HOP_SAMPLES
        audio = decoded.waveform[0, self.spent * HOP_SAMPLES : end]
        dropped = max(0, self.spent + count - decoder.head_context_latents)
        if decoded.turns is not None and end < decoded.turns.shape[1]:
            self.start = SourceStart(
                self.start.position + dropped * HOP_SAMPLES, end - dropped * HOP_SAMPLES, decoded.turns[0, end].item()
            )
        self.features = self.features[:, dropped * decoder.frames_per_latent :]
        self.spent, self.arrived = self.spent + count - dropped, self.arrived - dropped
        return audio.float().cpu()
