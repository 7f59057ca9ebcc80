"""The continuous system: `configs/ditar/*.yaml`."""

from dataclasses import dataclass, field
from typing import Literal

from ditar.config.training import OptimiserConfig, RunConfig
from ditar.config.transformer import BlockConfig


@dataclass(frozen=True)
class DiTARModelConfig:
    """Shape of a DiTAR model (arXiv 2502.03930, section 3 and Table 8). Sizes of what the checkpoint holds."""

    encoder: BlockConfig
    lm: BlockConfig
    locdit: BlockConfig
    latent_channels: int = 64
    patch_frames: int = 4
    history_patches: int = 1
    # Ours, for speed: time enters only the noisy frames and h and the history do not attend to them, so that what these
    # give to attention is computed once per patch. False is the paper's LocDiT.
    locdit_prefix_cached: bool = False
    # Our choice where the paper is silent: RoPE positions of patches start again at 0 behind the text, so that a
    # patch and the phoneme it speaks are near each other whatever the length of the text. `continue` counts on.
    audio_positions: Literal["restart", "continue"] = "restart"
    # IPA symbols in the order of their ids; empty means the project's own vocabulary, and a checkpoint spells it out.
    symbols: tuple[str, ...] = ()
    # Those of them that occurred in training, as training finds them; empty: not known.
    trained_symbols: tuple[str, ...] = ()
    # Longest example in training, in seconds, reference included; 0: not known. Synthesis warns beyond it.
    trained_seconds: float = 0.0
    # Of the VAE whose latents it was trained on, as training finds it; empty: not known, as in older models.
    vae_fingerprint: str = ""
    stop_threshold: float = 0.5
    # Seconds of speech per symbol of text, mean over the training data; the length cap of generation reads it.
    seconds_per_symbol: float = 0.08


@dataclass(frozen=True)
class DiTARLossConfig:
    """Losses and noise of DiTAR's training (arXiv 2502.03930, section 3). The faithful values are the defaults."""

    diffusion_weight: float = 1.0
    stop_weight: float = 1.0
    stop_positive_weight: float = 5.0
    h_dropout: float = 0.1
    noise_draws: int = 1
    time_logit_normal: float = 0.8  # share of logit-normal draws of t, the rest is uniform
    time_end: float = 0.05  # share of draws with x = 0 at t = 1, where temperature < 1 starts
    lm_noise: float = 0.0  # std ~ U(0, this) on the patches that the LM reads, normalised latents
    history_noise: float = 0.0  # the same on LocDiT's history
    history_dropout: float = 0.0  # probability that the history is replaced by the learned "no history"
    # Helpers of small models, off by `helper_until` of the steps and absent from the checkpoint (not in the paper).
    phoneme_weight: float = 0.0
    attention_weight: float = 0.0
    attention_heads: int = 2
    helper_until: float = 0.4


@dataclass(frozen=True)
class DiTARDataConfig:
    """How utterances become training examples."""

    batch_patches: int = 1024  # patches in a batch, padding included
    joined_share: float = 0.6  # examples that join two utterances or more of one voice
    max_seconds: float = 12.0
    first_seconds: float = 3.0  # curriculum: examples up to this long at first ...
    curriculum_until: float = 0.0  # ... rising to max_seconds at this share of the steps; 0 turns it off
    pause_seconds: tuple[float, float] = (0.1, 0.3)
    crop_frames: int = 4  # 0 to crop_frames - 1 leading latents are cut, so that the grid has no favourite phase
    most_per_speaker: int = 0  # utterances of a speaker in an epoch, so that speakers are heard evenly; 0: all
    # Of the examples with a reference, shares in which it is cut anywhere, and in which its transcript is not known or
    # wrong and marked so (not in the paper).
    reference_cut: float = 0.0
    transcript_unknown: float = 0.0
    transcript_wrong: float = 0.0
    shards_in_memory: int = 64  # utterances are mixed within so many shards of latents; as many again are read ahead


@dataclass(frozen=True)
class DiTARConfig:
    """A whole configuration file of the continuous system: `configs/ditar/*.yaml`."""

    model: DiTARModelConfig
    loss: DiTARLossConfig
    data: DiTARDataConfig
    optimiser: OptimiserConfig
    run: RunConfig = field(default_factory=RunConfig)
