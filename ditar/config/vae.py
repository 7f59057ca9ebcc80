"""The VAE and the codec: `configs/vae/*.yaml`."""

import math
from dataclasses import dataclass, field
from typing import Annotated

from ditar.config.ranges import (
    Ascending, ConfigError, Count, Decay, Decibels, NotNegative, Positive, Range, Ranged, Share, Whole,
)  # fmt: skip
from ditar.config.training import OptimiserConfig, RunConfig
from ditar.units import HOP_SAMPLES, LATENT_RATE_HZ

LEAST_CROP_FRAMES = 2  # latents: fewer are shorter than half of the longest window of the losses
LEAST_HEARD = 2048  # samples: the longest window of the discriminators


@dataclass(frozen=True)
class SpectralEncoderConfig(Ranged):
    """ConvNeXt encoder on log-mel frames at 80 Hz, folded in pairs to 40 Hz."""

    mel_bins: Count = 100
    width: Count = 256
    layers: Count = 4
    ffn: Count = 448
    # Std of a white noise, full scale 1, whose power is added to the spectra: bands without sound (a 16 kHz recording
    # has nothing above 8 kHz) then look the same in all clips. References have -23 dBFS. 0: none, as in older models.
    noise_floor: Annotated[float, Range(0, 0.01, below=True)] = 0.0


@dataclass(frozen=True)
class OobleckEncoderConfig(Ranged):
    """The encoder of diffusers' AutoencoderOobleck; `ratios` must multiply to the hop of 600."""

    ratios: tuple[Count, ...] = (6, 10, 10)
    channel_multiples: tuple[Count, ...] = (1, 2, 4)

    def __post_init__(self) -> None:
        super().__post_init__()
        if math.prod(self.ratios) != HOP_SAMPLES or any(ratio % 2 for ratio in self.ratios):
            raise ConfigError(
                f"ratios must be even and multiply to {HOP_SAMPLES} (24 kHz / 40 Hz; odd strides lose samples), got "
                f"{list(self.ratios)}"
            )
        if len(self.channel_multiples) != len(self.ratios):
            raise ConfigError(
                f"channel_multiples must be one for each of ratios, got {list(self.channel_multiples)} for "
                f"{list(self.ratios)}"
            )


@dataclass(frozen=True)
class VocosConfig(Ranged):
    """Vocos backbone and ISTFT head on latents, hop 300 (two vocoder frames per latent)."""

    width: Count = 256
    layers: Count = 7
    ffn: Count = 768
    n_fft: Count = 1200
    hop: Count = 300
    source_filter: bool = False  # the head filters harmonics of the pitch and noise, instead of making spectra itself
    # By what share formants stand out more than it predicts, see ditar/vae/formants.py; not in training. 0: not at all,
    # as in older models.
    formant_contrast: Share = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        beyond = self.n_fft - self.hop
        if HOP_SAMPLES % self.hop or beyond <= 0 or beyond % 2:
            raise ConfigError(
                f"hop must divide {HOP_SAMPLES}, and n_fft be larger by an even number, got {self.hop} and {self.n_fft}"
            )


@dataclass(frozen=True)
class QuantiserConfig(Ranged):
    """A residual vector quantiser instead of a SpeechVAE's Gaussian: frames of `codebooks` integers below
    `codebook_size`, codebooks as running averages of their inputs (SoundStream, arXiv 2107.03312, III-C)."""

    codebooks: Count = 5
    codebook_size: Count = 1024
    decay: Decay = 0.99  # of the running averages, per training step
    dead_share: Share = 0.4  # a code with less than this share of the mean use is replaced by a vector of the batch
    kmeans_iterations: Count = 10  # on the first batch, from which the codebooks start
    commitment_weight: NotNegative = 0.25  # in the loss, like a Gaussian's KL; summed over codebooks, as DAC's


@dataclass(frozen=True)
class VAEModelConfig(Ranged):
    """Shape of a SpeechVAE. Exactly one of the two encoders is given."""

    vocos: VocosConfig
    spectral: SpectralEncoderConfig | None = None
    oobleck: OobleckEncoderConfig | None = None
    latent_channels: Count = 64
    bandwidth_hz: Annotated[int, Range(1, 12_000)] = 12_000  # of the training data; references are low-passed to it
    quantiser: QuantiserConfig | None = None  # codes instead of Gaussian latents

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.spectral is None) == (self.oobleck is None):
            raise ConfigError("spectral and oobleck are encoders: exactly one must be given, the other be null")


@dataclass(frozen=True)
class VAELossConfig(Ranged):
    """Weights of the VAE's losses."""

    mel_weight: NotNegative = 15.0
    stft_weight: NotNegative = 1.0
    pitch_weight: NotNegative = 0.0  # of the pitch that a source-filter head predicts
    kl_weight: NotNegative = 1e-3
    kl_final_weight: NotNegative = 5e-3
    latent_noise: NotNegative = 0.0
    adversarial_from: Whole = 0  # first step with discriminators; at or past the last step: never
    adversarial_weight: NotNegative = 1.0
    feature_weight: NotNegative = 2.0
    multi_resolution_weight: NotNegative = 0.1
    multi_period: bool = True
    multi_resolution_channels: Count = 32  # width of vocos's multi-resolution discriminator
    multi_period_divisor: Annotated[int, Range(1, 32)] = 1  # divides the widths of HiFi-GAN's multi-period discriminator
    log_spectrum_channels: Whole = 0  # width of the discriminator of logarithmic spectra; 0: there is none
    discriminator_learning_rate: Positive | None = None  # always the same; None: the generator's
    adversarial_warmup: Whole = 0  # first steps of the discriminators that do not affect the generator ...
    adversarial_ramp: Whole = 0  # ... and steps over which their weight then rises
    freeze_encoder_from: Whole | None = None  # first step that does not change the encoder, so that latents stay valid


@dataclass(frozen=True)
class VAEDataConfig(Ranged):
    """Random crops of audio."""

    batch: Count = 16
    crop_seconds: Positive = 1.0  # a multiple of 0.025, a latent frame
    adversarial_batch: Count = 4
    adversarial_samples: Whole = 0  # the middle of each crop that discriminators hear; 0: all of it
    level_db: Annotated[tuple[Decibels, Decibels], Ascending()] = (-6.0, 3.0)  # random gain
    # Random resampling: other pitches and vocal tracts from the same voices.
    speed: Annotated[tuple[Positive, Positive], Ascending()] = (1.0, 1.0)
    degraded_share: Share = 0.0  # crops that the encoder hears through a codec, a narrow band, a room, ...

    def __post_init__(self) -> None:
        super().__post_init__()
        frames = self.crop_seconds * LATENT_RATE_HZ
        if abs(frames - round(frames)) > 1e-6 or frames < LEAST_CROP_FRAMES:
            least = LEAST_CROP_FRAMES / LATENT_RATE_HZ
            raise ConfigError(
                f"crop_seconds must be a multiple of {1 / LATENT_RATE_HZ:g} (a latent frame) from {least:g} on, got "
                f"{self.crop_seconds}"
            )
        if 0 < self.adversarial_samples < LEAST_HEARD:
            raise ConfigError(
                f"adversarial_samples must be 0 (all of a crop) or at least {LEAST_HEARD}, the longest window of the "
                f"discriminators, got {self.adversarial_samples}"
            )


@dataclass(frozen=True)
class VAEConfig(Ranged):
    """A whole configuration file of a VAE: `configs/vae/*.yaml`."""

    model: VAEModelConfig
    loss: VAELossConfig
    data: VAEDataConfig
    optimiser: OptimiserConfig
    run: RunConfig = field(default_factory=RunConfig)
