"""The discrete baseline: `configs/baseline/*.yaml`."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from ditar.config.ranges import Count, NotNegative, Positive, Range, Ranged, Share, Whole
from ditar.config.speech import ExamplesConfig, HelperConfig, TextConfig, check_helpers
from ditar.config.training import OptimiserConfig, RunConfig
from ditar.config.transformer import BlockConfig


@dataclass(frozen=True)
class SamplingConfig(Ranged):
    """How a token is drawn from its logits. Temperature 0 or top_k 1: the most likely one. None: no limit."""

    temperature: NotNegative = 1.0
    top_k: Count | None = None
    top_p: Annotated[float, Range(0, 1, above=True)] | None = None


@dataclass(frozen=True)
class StreamsConfig(Ranged):
    """Token streams of one kind, one for each delay: the codebooks of a codec, or a stream of text.

    Each stream has its own embeddings, of the ids 0 to `ids` - 1, and its own outputs, the ids 0 to `outputs` - 1. The
    codes of a codec (or words of a tokeniser) 0 to `card` - 1 are the ids from `first_code` on; the others are special.
    """

    name: str
    card: Count
    ids: Count
    outputs: Count
    delays: tuple[Whole, ...]  # in frames
    empty_id: Whole  # where the delay leaves no frame
    weights: tuple[NotNegative, ...]  # of each stream in the loss, relative to the others of this kind
    first_code: Whole = 0
    end_id: Whole | None = None  # the last frame of these streams; None: they end when the others do
    pad_ids: tuple[Whole, ...] = ()  # frames without content; the first follows the end of streams that end early
    pad_weight: NotNegative = 1.0  # in the loss
    never: tuple[Whole, ...] = ()  # outputs that must never be predicted
    predicted: bool = True  # False: input only, another speaker's
    sampling: SamplingConfig = field(default_factory=SamplingConfig)


@dataclass(frozen=True)
class BaselineModelConfig(TextConfig):
    """Shape of a delayed multi-stream token LM, and what else its checkpoint holds.

    `text` says how text reaches it: phonemes before the audio (`prefix`), cross-attention to a frozen T5 encoder
    (`cross`), a stream named "text" (`stream`), or a token of a category among the audio's (`category`).
    """

    lm: BlockConfig
    streams: tuple[StreamsConfig, ...]
    codec: str  # the kind of codec that makes the codes of the streams named "audio" ...
    frame_rate_hz: Positive  # ... and the number of their frames in a second
    text: Literal["prefix", "cross", "stream", "category"]
    # Over the streams of one step: the LM predicts the first kind of streams, this the others, in order.
    depth: BlockConfig | None = None
    tied: bool = False  # the LM's outputs are its embeddings
    text_encoder: str = ""  # a T5 by name or folder, for `cross`, and the width of its output
    text_width: Count | None = None
    categories: tuple[str, ...] = ()  # for `category`, in the order of their ids
    guidance_scale: Annotated[float, Range(1)] = 1.0  # the default of generation; 1 = off
    codec_fingerprint: str = ""  # of the codec of the training data, set by training; empty: unknown


@dataclass(frozen=True)
class BaselineLossConfig(HelperConfig):
    """Which cells carry the loss, and how often the text is left out. Weights of streams and pads: StreamsConfig."""

    condition_dropout: Share = 0.0
    keep_tail: bool = True  # False: as many steps as frames; the last frames of delayed streams drop out
    mask: Literal["staircase", "symmetric"] = "staircase"
    token_noise: Share = 0.0  # share ~ U(0, this) of the codes that the LM reads is drawn anew, row by row


@dataclass(frozen=True)
class BaselineDataConfig(ExamplesConfig):
    """How utterances become training examples."""

    batch_frames: Count = 4096  # frames in a batch, padding included


@dataclass(frozen=True)
class BaselineRunConfig(RunConfig):
    """What a run writes, and when it stops early."""

    patience: Count | None = 3  # validations without improvement; None: all steps are trained


@dataclass(frozen=True)
class BaselineConfig(Ranged):
    """A whole configuration file of the discrete baseline: `configs/baseline/*.yaml`."""

    model: BaselineModelConfig
    loss: BaselineLossConfig
    data: BaselineDataConfig
    optimiser: OptimiserConfig
    run: BaselineRunConfig = field(default_factory=BaselineRunConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_helpers(self.loss, self.model.lm)
