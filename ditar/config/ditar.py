"""The continuous system: `configs/ditar/*.yaml`."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from ditar.config.ranges import ConfigError, Count, NotNegative, Range, Ranged, Share, Whole
from ditar.config.speech import ExamplesConfig, HelperConfig, TextConfig, check_helpers
from ditar.config.training import OptimiserConfig, RunConfig
from ditar.config.transformer import BlockConfig


@dataclass(frozen=True)
class DiTARModelConfig(TextConfig):
    """Shape of a DiTAR model (arXiv 2502.03930, section 3 and Table 8), and what else its checkpoint holds."""

    encoder: BlockConfig
    lm: BlockConfig
    locdit: BlockConfig
    latent_channels: Count = 64
    patch_frames: Count = 4
    history_patches: Whole = 1
    # Ours, for speed: time enters only the noisy frames, and h and the history do not attend to them, so that their
    # part of the attention is computed once per patch. False is the paper's LocDiT.
    locdit_prefix_cached: bool = False
    # Of the VAE of the training latents, set by training; empty: unknown, as in older models.
    vae_fingerprint: str = ""
    stop_threshold: Share = 0.5
    # How patches find their symbols. `attention`, the paper's, learns it; `monotonic` (ours) is told, see
    # ditar/model/reading.py, and needs the times of symbols in training.
    alignment: Literal["attention", "monotonic"] = "attention"
    tokenizer: str = field(default="", kw_only=True)  # see TextConfig; set by training from a text LM
    # Of a distilled model (recipes/distil.py), the highest guidance scale that LocDiT takes as an input, beside the end
    # of its step; a step is then one evaluation. 0: not distilled.
    distilled_guidance: NotNegative = field(default=0.0, kw_only=True, metadata={"made": True})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tokenizer and self.reads_monotonically:
            raise ConfigError(
                "alignment 'monotonic' needs the times of sounds, and subwords have none; set alignment: attention, or "
                "read phonemes"
            )

    @property
    def reads_monotonically(self) -> bool:
        """See TextConfig."""
        return self.alignment == "monotonic"

    @property
    def is_distilled(self) -> bool:
        """Whether LocDiT jumps from one time to another, guided, in one evaluation."""
        return self.distilled_guidance > 0

    def check_sampling(self, guidance_scale: float, solver: str = "ddim", rise: float = 1.0) -> None:
        """ConfigError: a distilled model was not taught that guidance, or does not go with that solver."""
        if not self.is_distilled:
            return
        if guidance_scale > self.distilled_guidance:
            raise ConfigError(
                f"this distilled model was taught guidance scales from 1 to {self.distilled_guidance:g}, got "
                f"{guidance_scale:g}; give one of those, or use the model that it was distilled from"
            )
        if rise != 1.0:
            raise ConfigError(
                f"a distilled model was taught one guidance scale for all times, got guidance_rise {rise:g}; leave it "
                "out, or use the model that it was distilled from"
            )
        if solver != "ddim":
            raise ConfigError(
                f"a distilled model predicts where a step ends, which solver {solver!r} cannot use; use 'ddim', or the "
                "model that it was distilled from"
            )


@dataclass(frozen=True)
class DiTARLossConfig(HelperConfig):
    """Losses and noise of DiTAR's training (arXiv 2502.03930, section 3). The defaults are the paper's."""

    diffusion_weight: NotNegative = 1.0
    stop_weight: NotNegative = 1.0
    stop_positive_weight: NotNegative = 5.0
    h_dropout: Share = 0.1
    noise_draws: Count = 1
    reading_weight: NotNegative = 0.1  # of the head that moves from symbol to symbol, where the alignment is monotonic
    time_logit_normal: Share = 0.8  # share of logit-normal draws of t, the rest is uniform
    time_end: Share = 0.05  # share of draws with x = 0 at t = 1, where temperature < 1 starts
    lm_noise: NotNegative = 0.0  # std ~ U(0, this) on the patches that the LM reads, normalised latents
    history_noise: NotNegative = 0.0  # the same on LocDiT's history
    history_dropout: Share = 0.0  # probability that the history is replaced by the learned "no history"
    # Share of the rows in which the model reads patches that it made itself, sampled 1 to `own_passes` times over; see
    # ditar/model/own_patches.py.
    own_share: Share = 0.0
    own_passes: Annotated[int, Range(1, 100)] = 2


@dataclass(frozen=True)
class DiTARDataConfig(ExamplesConfig):
    """How utterances become training examples."""

    batch_patches: Count = 1024  # patches in a batch, padding included
    joined_share: Share = 0.6
    crop_frames: Whole = 4  # 0 to crop_frames - 1 leading latents are cut, so that the grid has no favourite phase
    most_per_speaker: Whole = 0  # utterances of a speaker in an epoch, so that speakers are equally frequent; 0: all
    # Of the examples with a reference, the shares in which it is cut anywhere, and in which its transcript is unknown
    # or wrong and marked as such (not in the paper).
    reference_cut: Share = 0.0
    transcript_unknown: Share = 0.0
    transcript_wrong: Share = 0.0
    # And in which it is a poor recording of itself, from latents of `extract_latents.py --poor-recordings`: noise, an
    # echo. What follows it, which is all that is then learnt, stays clean (not in the paper).
    reference_poor: Share = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.transcript_unknown + self.transcript_wrong > 1:
            raise ConfigError(
                "transcript_unknown and transcript_wrong are shares of the same examples and must not exceed 1 "
                f"together, got {self.transcript_unknown} and {self.transcript_wrong}"
            )

    def with_clean_references(self) -> "DiTARDataConfig":
        """The same with references as they were recorded: for what only counts or times the work."""
        return replace(self, reference_poor=0.0)

    def with_whole_references(self) -> "DiTARDataConfig":
        """The same with references as they were recorded, and their words: for validation."""
        shares = ("reference_cut", "transcript_unknown", "transcript_wrong", "reference_poor")
        return replace(self, **dict.fromkeys(shares, 0.0))


@dataclass(frozen=True)
class DiTARConfig(Ranged):
    """A whole configuration file of the continuous system: `configs/ditar/*.yaml`."""

    model: DiTARModelConfig
    loss: DiTARLossConfig
    data: DiTARDataConfig
    optimiser: OptimiserConfig
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_helpers(self.loss, self.model.lm)
