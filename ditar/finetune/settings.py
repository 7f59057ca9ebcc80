"""What a fine-tune is asked for, and the configuration of its training. Nothing here needs torch."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ditar.config import DiTARConfig, DiTARDataConfig, DiTARLossConfig, DiTARModelConfig, OptimiserConfig, RunConfig
from ditar.recognise.choose import AUTO
from ditar.text.vocabulary import UNKNOWN_TRANSCRIPT

SECONDS = 14.0  # of reference and sentence, for models that do not say how long their examples were

# Muon for all weights, as the bases were trained, at a fifth of the rate of their last phase; AdamW for the thin
# matrices of an adapter, which have no spectrum to equalise.
FULL = {"kind": "muon", "learning_rate": 2e-4}
ADAPTER = {"kind": "adamw", "learning_rate": 1e-3}
FALL = 0.1  # of the rate at the end


@dataclass(frozen=True)
class FinetuneSettings:
    """Args:
    data: a folder of recordings, see `recordings`.
    output: gets the model, or the adapter, and the page; and `work` until it is finished.
    model: the base: a folder, a name on the hub, or None for the one that ships.
    lora: rank of an adapter; None: all weights.
    steps, learning_rate: of training; the rate None: by the kind of fine-tune.
    validate_every, patience: steps between two hearings of the held-out sentences, and how many hearings without a
        better one end the training.
    language: of the texts, by espeak-ng's name.
    recogniser: of `recognise.choose`: who hears; "none" for the validation loss instead.
    skip_bad: leave out recordings that cannot be used.
    device, threads, seed: of training; processes: of its preparation.
    """

    data: Path
    output: Path
    model: str | None = None
    lora: int | None = None
    steps: int = 300
    learning_rate: float | None = None
    validate_every: int = 50
    patience: int = 3
    language: str = "en-us"
    recogniser: str = AUTO
    skip_bad: bool = False
    device: str = "auto"
    threads: int | None = None
    seed: int = 0
    processes: int = 1

    def told(self) -> dict[str, Any]:
        """What the result depends on, as plain values: an unfinished fine-tune with other values is not resumed."""
        names = (
            "lora",
            "steps",
            "learning_rate",
            "validate_every",
            "patience",
            "language",
            "recogniser",
            "skip_bad",
            "seed",
        )
        return {name: getattr(self, name) for name in names}


def example_seconds(base: DiTARModelConfig) -> float:
    """How long reference and sentence may be together: as long as the base's examples."""
    return base.trained_seconds or SECONDS


def training_config(
    base: DiTARModelConfig, known: dict[str, Any], longest_s: float, settings: FinetuneSettings
) -> DiTARConfig:
    """The configuration of a fine-tune of a model.

    known: what the data adds to the model's configuration, see `train.speech_system.of_corpus`. longest_s: of a piece.
    """
    kind = FULL if settings.lora is None else ADAPTER
    rate = kind["learning_rate"] if settings.learning_rate is None else settings.learning_rate
    unknown = 0.1 if UNKNOWN_TRANSCRIPT in base.trained_symbols else 0.0
    if unknown:
        known = {**known, "trained_symbols": tuple(sorted({*known["trained_symbols"], UNKNOWN_TRANSCRIPT}))}
    return DiTARConfig(
        model=replace(base, **known),
        loss=DiTARLossConfig(
            stop_weight=0.3,
            reading_weight=0.1,
            noise_draws=2,
            lm_noise=0.3,
            history_noise=0.4,
            history_dropout=0.3,
            helper_until=0.0,
        ),  # fmt: skip
        data=DiTARDataConfig(
            batch_patches=480,
            joined_share=0.914,
            max_seconds=max(example_seconds(base), longest_s),
            reference_cut=0.3,
            transcript_unknown=unknown,
        ),  # fmt: skip
        optimiser=OptimiserConfig(
            steps=settings.steps,
            kind=kind["kind"],
            learning_rate=rate,
            final_learning_rate=FALL * rate,
            warmup_steps=min(20, settings.steps // 4),
        ),  # fmt: skip
        run=RunConfig(
            seed=settings.seed,
            log_every=10,
            validate_every=settings.validate_every,
            sample_every=settings.steps,
            checkpoint_every=settings.validate_every,
        ),  # fmt: skip
    )
