"""SpeechVAE: 24 kHz speech <-> 40 Hz latents of 64 channels (arXiv 2502.03930, section 4.1)."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import torch

from ditar.config import ConfigError, VAEModelConfig, from_dict, to_dict
from ditar.diffusion.schedule import Generators, draw_noise
from ditar.nn.pretrained import PretrainedModel, without_weights
from ditar.storage.weights import CONFIG, ModelError, read_config, read_weights, write_model
from ditar.units import HOP_SAMPLES
from ditar.vae.encoder import OobleckEncoder, SpectralEncoder
from ditar.vae.posterior import Posterior
from ditar.vae.quantiser import Quantised, ResidualQuantiser
from ditar.vae.source import SourceStart
from ditar.vae.vocoder import Decoded, Vocoder

WEIGHTS = "diffusion_pytorch_model.safetensors"  # the files of a diffusers model, without its import


class SpeechVAE(PretrainedModel):
    """Encoder, Gaussian posterior and Vocos decoder, with the statistics that normalise latents for diffusion. With a
    `quantiser` instead of the Gaussian it is a codec: `quantise` replaces `encode`.

    Arguments are the keys of `ditar.config.VAEModelConfig` as plain values. ValueError: a waveform shorter than one
    latent frame, of another shape or of integers. It computes in float32, which phases need: `double` and `half` are
    for storing it.
    """

    config_class = VAEModelConfig

    def __init__(
        self,
        vocos: dict[str, Any],
        spectral: dict[str, Any] | None = None,
        oobleck: dict[str, Any] | None = None,
        latent_channels: int = 64,
        bandwidth_hz: int = 12_000,
        quantiser: dict[str, Any] | None = None,
    ):
        super().__init__()
        config = from_dict(
            {
                "vocos": dict(vocos),
                "spectral": dict(spectral) if spectral else None,
                "oobleck": dict(oobleck) if oobleck else None,
                "latent_channels": latent_channels,
                "bandwidth_hz": bandwidth_hz,
                "quantiser": None if quantiser is None else dict(quantiser),
            },
            VAEModelConfig,
        )
        self.config = config
        if config.spectral is not None:
            self.encoder = SpectralEncoder(config.spectral, latent_channels)
        else:
            self.encoder = OobleckEncoder(config.oobleck, latent_channels)
        self.decoder = Vocoder(config.vocos, latent_channels)
        # Centre and *total* std sqrt(Var mean + E std^2) of the training data: unused channels stay small.
        self.register_buffer("latent_mean", torch.zeros(latent_channels))
        self.register_buffer("latent_std", torch.ones(latent_channels))
        self.residual_quantiser = ResidualQuantiser(config.quantiser, latent_channels) if config.quantiser else None

    @property
    def measured(self) -> bool:
        """Whether the latents' statistics are known: extraction measures them, not training."""
        return bool((self.latent_mean != 0).any() or (self.latent_std != 1).any())

    @property
    def is_codec(self) -> bool:
        """Whether it makes codes instead of Gaussian latents."""
        return self.residual_quantiser is not None

    def encode(self, waveform: torch.Tensor) -> Posterior:
        """(B, S) at 24 kHz, in [-1, 1] -> posterior (B, S // 600, C); an incomplete frame at the end is cut.
        ConfigError if this is a codec."""
        if self.is_codec:
            q = self.residual_quantiser.config
            raise ConfigError(
                f"this VAE is a codec of {q.codebooks} x {q.codebook_size} codes: it has no latents for a diffusion "
                "model; take its codes (recipes/extract_codes.py), or a VAE without a quantiser"
            )
        return self._encode(waveform)

    def quantise(self, waveform: torch.Tensor) -> Quantised:
        """(B, S) at 24 kHz, in [-1, 1] -> values (B, S // 600, C) and codes (B, Q, S // 600). ConfigError if this is no
        codec."""
        if not self.is_codec:
            raise ConfigError("this VAE has no quantiser, so it makes no codes; train one with configs/vae/rvq.yaml")
        # The other half of the encoder's output, log-variances, is for the Gaussian only.
        return self.residual_quantiser(self._encode(waveform).mean)

    def _encode(self, waveform: torch.Tensor) -> Posterior:
        if waveform.ndim != 2 or not waveform.is_floating_point():
            raise ValueError(
                f"a waveform must be floats in [-1, 1] of the shape (B, S), got {waveform.dtype} "
                f"{tuple(waveform.shape)}; divide 16-bit integers by 32768, and give mono"
            )
        frames = waveform.shape[-1] // HOP_SAMPLES
        if frames == 0:
            raise ValueError(f"{waveform.shape[-1]} samples are less than one latent frame of {HOP_SAMPLES}")
        return self.encoder(waveform[..., : frames * HOP_SAMPLES])

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (B, T, C) as the encoder makes them (not normalised) -> waveform (B, 600 T). ValueError: another
        shape, or no frame."""
        channels = self.config.latent_channels
        if latents.ndim != 3 or latents.shape[2] != channels or not latents.shape[1]:
            raise ValueError(f"latents must be (B, T, {channels}), T at least 1, got {tuple(latents.shape)}")
        return self.decoder(latents, contrast=self.config.vocos.formant_contrast).waveform

    def normalise(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (..., C) -> what DiTAR is trained on."""
        return (latents - self.latent_mean) / self.latent_std

    def denormalise(self, latents: torch.Tensor) -> torch.Tensor:
        """The inverse of `normalise`."""
        return latents * self.latent_std + self.latent_mean

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write config.json and the weights, in `dtype` (None: unchanged), but for statistics and window, which are
        small, and worth float32."""
        parameters = {name for name, _ in self.named_parameters()}
        tensors = {
            name: value.to(dtype) if name in parameters and dtype is not None else value
            for name, value in self.state_dict().items()
        }
        config = {"_class_name": type(self).__name__, **to_dict(self.config)}
        write_model(folder, config, tensors, name=WEIGHTS)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Read what `save_pretrained` or diffusers wrote, as float32 in evaluation mode. ModelError says what is
        wrong."""
        try:
            found = {key: value for key, value in read_config(folder).items() if not key.startswith("_")}
            config = from_dict(found, VAEModelConfig)
            with nullcontext() if config.quantiser else without_weights():  # the quantiser's package draws and computes
                vae = cls(**to_dict(config))
        except ValueError as error:
            raise ModelError(f"{Path(folder) / CONFIG} is not a configuration of a SpeechVAE: {error}") from None
        read_weights(folder, vae, WEIGHTS)
        return vae.eval()

    def forward(
        self,
        waveform: torch.Tensor,
        generator: Generators = None,
        latent_noise: float = 0.0,
        codebook_seed: int | None = None,
        sampled: bool = True,
        pitch_hz: torch.Tensor | None = None,
    ) -> tuple[Decoded, Posterior | Quantised]:
        """Training pass: waveform (B, S) -> (reconstruction (B, S), posterior, or the quantiser's output).

        Args:
            waveform: (B, S) at 24 kHz, in [-1, 1].
            generator: draws the latents and their noise; a sequence has one for each row.
            latent_noise: noise of up to that share of each channel's std is added, one level per row, so that the
                decoder learns to tolerate small errors of the diffusion model. The std is that of the row: no row
                depends on the batch around it.
            codebook_seed: lets the codebooks learn first.
            sampled: False decodes the posterior's mean, which a diffusion model is taught.
            pitch_hz: (B, 2T), for a vocoder with a source: the pitch of every frame (None: as predicted).
        """
        start = SourceStart()
        if self.decoder.has_source:
            places = torch.special.ndtr(draw_noise((len(waveform), 1), generator, like=waveform.new_zeros(0)))
            start = SourceStart(position=(2**31 * places).long()[:, 0])
        if self.is_codec:
            latents = self._encode(waveform).mean
            if codebook_seed is not None:
                self.residual_quantiser.learn(latents, codebook_seed)
            quantised = self.residual_quantiser(latents)
            return self.decoder(quantised.values, start, pitch_hz), quantised
        posterior = self.encode(waveform)
        latents = posterior.sample(generator) if sampled else posterior.mean
        if latent_noise > 0:
            scale = posterior.mean.detach().std(dim=1, keepdim=True)  # (B, 1, C)
            # The normal distribution function of a normal draw is uniform: one kind of draw, keyed in one way.
            level = latent_noise * torch.special.ndtr(draw_noise((len(latents), 1, 1), generator, like=latents))
            noise = draw_noise(latents.shape, generator, like=latents)
            latents = latents + level * scale * noise
        return self.decoder(latents, start, pitch_hz), posterior
