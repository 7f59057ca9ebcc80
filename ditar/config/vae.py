"""The VAE and the codec: `configs/vae/*.yaml`."""

from dataclasses import dataclass, field

from ditar.config.training import OptimiserConfig, RunConfig


@dataclass(frozen=True)
class SpectralEncoderConfig:
    """ConvNeXt encoder on log-mel frames at 80 Hz, folded in pairs to 40 Hz."""

    mel_bins: int = 100
    width: int = 256
    layers: int = 4
    ffn: int = 448
    # Std of a white noise, full scale 1, whose power the spectra are given: bands without sound (a 16 kHz recording has
    # nothing above 8 kHz) then look as in any other clip. References have -23 dBFS. 0: none, as in older models.
    noise_floor: float = 0.0


@dataclass(frozen=True)
class OobleckEncoderConfig:
    """The encoder of diffusers' AutoencoderOobleck; `ratios` must multiply to the hop of 600."""

    ratios: tuple[int, ...] = (6, 10, 10)
    channel_multiples: tuple[int, ...] = (1, 2, 4)


@dataclass(frozen=True)
class VocosConfig:
    """Vocos backbone and ISTFT head on latents, hop 300 (two vocoder frames per latent)."""

    width: int = 256
    layers: int = 7
    ffn: int = 768
    n_fft: int = 1200
    hop: int = 300


@dataclass(frozen=True)
class QuantiserConfig:
    """A residual vector quantiser in the place of a SpeechVAE's Gaussian: frames of `codebooks` integers below
    `codebook_size`, codebooks as running averages of what they are given (SoundStream, arXiv 2107.03312, III-C)."""

    codebooks: int = 5
    codebook_size: int = 1024
    decay: float = 0.99  # of the running averages, per training step
    dead_share: float = 0.4  # a code of less than this share of the mean use gives way to a vector of the batch
    kmeans_iterations: int = 10  # on the first batch, which the codebooks start from
    commitment_weight: float = 0.25  # in the loss, where a Gaussian has its KL; summed over codebooks, as DAC's


@dataclass(frozen=True)
class VAEModelConfig:
    """Shape of a SpeechVAE. Exactly one of the two encoders is given."""

    vocos: VocosConfig
    spectral: SpectralEncoderConfig | None = None
    oobleck: OobleckEncoderConfig | None = None
    latent_channels: int = 64
    bandwidth_hz: int = 12_000  # what the training data held; references are low-passed to it
    quantiser: QuantiserConfig | None = None  # codes in the place of Gaussian latents


@dataclass(frozen=True)
class VAELossConfig:
    """Weights of the VAE's losses."""

    mel_weight: float = 15.0
    stft_weight: float = 1.0
    kl_weight: float = 1e-3
    kl_final_weight: float = 5e-3
    latent_noise: float = 0.0
    adversarial_from: int = 0  # first step with discriminators; at or past the last step: never
    adversarial_weight: float = 1.0
    feature_weight: float = 2.0
    multi_resolution_weight: float = 0.1
    multi_period: bool = True
    multi_resolution_channels: int = 32  # width of vocos's multi-resolution discriminator
    multi_period_divisor: int = 1  # HiFi-GAN's multi-period discriminator with its widths divided by this
    adversarial_warmup: int = 0  # first steps of the discriminators in which the generator does not hear them ...
    adversarial_ramp: int = 0  # ... and steps over which their weight then rises
    freeze_encoder_from: int | None = None  # first step that leaves the encoder as it is, so that latents stay valid


@dataclass(frozen=True)
class VAEDataConfig:
    """Random crops of audio."""

    batch: int = 16
    crop_seconds: float = 1.0
    adversarial_batch: int = 4
    adversarial_samples: int = 0  # what discriminators hear of each crop, its middle; 0: all of it
    level_db: tuple[float, float] = (-6.0, 3.0)  # random gain
    speed: tuple[float, float] = (1.0, 1.0)  # random resampling: other pitches and vocal tracts from the same voices
    degraded_share: float = 0.0  # crops that the encoder hears through a codec, a narrow band, a room, ...


@dataclass(frozen=True)
class VAEConfig:
    """A whole configuration file of a VAE: `configs/vae/*.yaml`."""

    model: VAEModelConfig
    loss: VAELossConfig
    data: VAEDataConfig
    optimiser: OptimiserConfig
    run: RunConfig = field(default_factory=RunConfig)
