"""What both speaking systems have in common: `configs/ditar/*.yaml` and `configs/baseline/*.yaml`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ditar.config.ranges import Ascending, ConfigError, Count, NotNegative, Positive, Range, Ranged, Share
from ditar.config.transformer import BlockConfig


@dataclass(frozen=True, kw_only=True)
class TextConfig(Ranged):
    """How a model reads text, and what its checkpoint knows about the texts of its training."""

    # Our choice where the paper is silent: RoPE positions of patches start again at 0 after the text, so that a patch
    # and the phoneme it speaks are close to each other whatever the length of the text. `continue` counts on.
    audio_positions: Literal["restart", "continue"] = "restart"
    # IPA symbols in the order of their ids; empty means the project's own vocabulary, and a checkpoint spells it out.
    symbols: tuple[str, ...] = ()
    # Those that occurred in training, set by training; empty: unknown.
    trained_symbols: tuple[str, ...] = ()
    # espeak-ng's names of the languages of its training, set by training; empty: unknown. Synthesis refuses others.
    trained_languages: tuple[str, ...] = ()
    # Longest training example in seconds, reference included; 0: unknown. Synthesis warns beyond it.
    trained_seconds: NotNegative = 0.0
    # Seconds of speech per symbol of text, mean over the training data; the length cap of generation reads it.
    seconds_per_symbol: Positive = 0.08
    # Of models that may read subwords, the content of the tokenizer.json that makes them; empty: phonemes.
    tokenizer: ClassVar[str] = ""

    @property
    def reads_monotonically(self) -> bool:
        """Whether the model says itself which symbol each of its frames speaks, so that it knows when each
        word is spoken. Everything that asks for this asks here."""
        return False


@dataclass(frozen=True, kw_only=True)
class HelperConfig(Ranged):
    """Losses that help small models, off by `helper_until` of the steps and absent from the checkpoint (not in the
    paper); for a text before the audio."""

    phoneme_weight: NotNegative = 0.0
    attention_weight: NotNegative = 0.0
    attention_heads: Count = 2
    helper_until: Share = 0.4


def check_helpers(loss: HelperConfig, lm: BlockConfig) -> None:
    """ConfigError: more heads are to be helped than the LM has."""
    if loss.attention_weight > 0 and loss.attention_heads > lm.heads:
        raise ConfigError(
            f"loss.attention_heads must not be above model.lm.heads, {lm.heads}, got {loss.attention_heads}"
        )


@dataclass(frozen=True, kw_only=True)
class ExamplesConfig(Ranged):
    """How utterances become training examples."""

    joined_share: Share = 0.0  # of examples, that join two utterances or more of one voice
    max_seconds: Positive = 12.0
    first_seconds: Positive = 3.0  # curriculum: examples up to this long at first ...
    curriculum_until: Share = 0.0  # ... rising to max_seconds at this share of the steps; 0 turns it off
    pause_seconds: Annotated[tuple[NotNegative, NotNegative], Ascending()] = (0.1, 0.3)
    shards_in_memory: Count = 64  # utterances are mixed within this many shards; as many again are read ahead
    # Of a corpus that no rank should read whole: the most ranks that the shards can be dealt to, each of which is then
    # read by one of them (and mixed within shards_in_memory / readers). Batches depend on it, and not on the ranks.
    readers: Annotated[int, Range(1, 65_536)] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.curriculum_until > 0 and self.first_seconds > self.max_seconds:
            raise ConfigError(
                f"first_seconds must not be above max_seconds, {self.max_seconds}, got {self.first_seconds}"
            )
        if self.joined_share > 0 and self.pause_seconds[0] >= self.max_seconds:
            raise ConfigError(
                f"pause_seconds must begin below max_seconds, {self.max_seconds}, or nothing can be joined, got "
                f"{list(self.pause_seconds)}"
            )
