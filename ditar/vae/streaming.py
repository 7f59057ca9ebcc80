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
        self.vae, decoder = vae, vae.decoder
        self.reach, self.frames = decoder.context_latents, decoder.frames_per_latent
        self.hop = HOP_SAMPLES // self.frames
        self.waiting = before[max(0, len(before) - self.reach) :].to(vae.latent_mean)  # what no layer has seen
        self.within = len(self.waiting) == self.reach  # there may be more before, whose lack no audio shows
        self.state: list[Tensor] | None = None  # of the backbone
        self.features: Tensor | None = None  # (1, L, D), of which `context` precede the next audio
        skipped = decoder.backbone.reach if self.within else 0
        self.context = len(self.waiting) * self.frames - skipped
        self.coming = 0  # latents whose audio is not returned
        # The vocoder's source continues at the next sample.
        self.start = SourceStart(skipped * self.hop, self.context * self.hop)

    def add(self, latents: Tensor) -> None:
        """Append (T, C)."""
        self.waiting = torch.cat((self.waiting, latents.to(self.waiting)))
        self.coming += len(latents)

    @property
    def ready(self) -> int:
        """How many latents have final audio, whatever follows."""
        return max(0, self.coming - self.reach)

    def take(self, final: bool = False) -> Tensor:
        """The audio (S,) that is final and not yet returned, float32 on the CPU; `final`: nothing follows, so all."""
        count = self.coming if final else self.ready
        if not count:
            return torch.empty(0, dtype=torch.float32, device="cpu")
        decoder = self.vae.decoder
        latents = self.vae.denormalise(self.waiting[None])
        further, self.state = decoder.further_features(latents, self.state, self.within, final)
        self.waiting, self.coming = self.waiting[:0], self.coming - count
        self.features = further if self.features is None else torch.cat((self.features, further), dim=1)
        contrast = self.vae.config.vocos.formant_contrast
        decoded = decoder.decode_features(self.features, self.start, contrast=contrast)
        end = self.context + count * self.frames
        audio = decoded.waveform[0, self.context * self.hop : end * self.hop]
        dropped = max(0, end - decoder.head_context_frames)
        self.context = end - dropped
        if decoded.turns is not None and not final:
            turns = decoded.turns[0, end * self.hop].item()
            self.start = SourceStart(self.start.position + dropped * self.hop, self.context * self.hop, turns)
        self.features = self.features[:, dropped:]
        return audio.float().cpu()
