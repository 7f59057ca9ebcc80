"""Typed configurations and strict YAML: an unknown key, a missing key or a wrong type is an error that names it.

A configuration file is complete: no includes, no inheritance, and every key spelt out, so that what a run did does not
change with the defaults. `load_config` reads one, `to_dict` is its inverse and goes into every checkpoint as JSON.
"""

import dataclasses
import difflib
import json
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

Config = TypeVar("Config")

# No value is negative and no integer 0, but these: what decibels count, and integers whose 0 has a meaning.
_MAY_BE_NEGATIVE = {"level_db"}
_MAY_BE_ZERO = {"adversarial_from", "crop_frames", "freeze_encoder_from", "history_patches", "seed", "warmup_steps"}
_MAY_BE_ZERO |= {"delays", "empty_id", "end_id", "first_code", "never", "pad_ids"}  # of token streams


class ConfigError(ValueError):
    """A configuration that cannot be used; the message quotes the key, the value and the remedy."""


@dataclass(frozen=True)
class BlockConfig:
    """One stack of transformer blocks: pre-norm RMSNorm, RoPE, attention, feed-forward (arXiv 2502.03930, Table 8)."""

    layers: int
    width: int
    heads: int
    ffn: int
    ffn_kind: Literal["plain", "gated"] = "plain"
    kv_heads: int | None = None  # None: as many as heads


@dataclass(frozen=True)
class DiTARModelConfig:
    """Shape of a DiTAR model (arXiv 2502.03930, section 3 and Table 8). Sizes of what the checkpoint holds."""

    encoder: BlockConfig
    lm: BlockConfig
    locdit: BlockConfig
    latent_channels: int = 64
    patch_frames: int = 4
    history_patches: int = 1
    # Our choice where the paper is silent: RoPE positions of patches start again at 0 behind the text, so that a
    # patch and the phoneme it speaks are near each other whatever the length of the text. `continue` counts on.
    audio_positions: Literal["restart", "continue"] = "restart"
    # IPA symbols in the order of their ids; empty means the project's own vocabulary, and a checkpoint spells it out.
    symbols: tuple[str, ...] = ()
    # Those of them that occurred in training, as training finds them; empty: not known.
    trained_symbols: tuple[str, ...] = ()
    # Longest example in training, in seconds, reference included; 0: not known. Synthesis warns beyond it.
    trained_seconds: float = 0.0
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
    joined_share: float = 0.6  # examples that join two or three utterances of one voice
    max_seconds: float = 12.0
    first_seconds: float = 3.0  # curriculum: examples up to this long at first ...
    curriculum_until: float = 0.0  # ... rising to max_seconds at this share of the steps; 0 turns it off
    pause_seconds: tuple[float, float] = (0.1, 0.3)
    crop_frames: int = 4  # 0 to crop_frames - 1 leading latents are cut, so that the grid has no favourite phase
    shards_in_memory: int = 64  # utterances are mixed within so many shards of latents; as many again are read ahead


@dataclass(frozen=True)
class OptimiserConfig:
    """Optimiser, schedule, averaging, precision: common to all systems."""

    steps: int
    learning_rate: float = 1e-4
    final_learning_rate: float | None = None  # None: constant; a value: cosine down to it
    warmup_steps: int = 0
    kind: Literal["adamw", "muon"] = "adamw"  # muon: Muon for the matrices inside blocks, AdamW for all else
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    accumulation: int = 1
    ema_decay: float = 0.999
    precision: Literal["no", "bf16"] = "bf16"


@dataclass(frozen=True)
class RunConfig:
    """What a run writes, and how often (in steps)."""

    seed: int = 0
    log_every: int = 20
    validate_every: int = 500
    sample_every: int = 1000
    checkpoint_every: int = 500
    keep_checkpoints: int = 2


@dataclass(frozen=True)
class DiTARConfig:
    """A whole configuration file of the continuous system: `configs/ditar/*.yaml`."""

    model: DiTARModelConfig
    loss: DiTARLossConfig
    data: DiTARDataConfig
    optimiser: OptimiserConfig
    run: RunConfig = field(default_factory=RunConfig)


@dataclass(frozen=True)
class SpectralEncoderConfig:
    """ConvNeXt encoder on log-mel frames at 80 Hz, folded in pairs to 40 Hz."""

    mel_bins: int = 100
    width: int = 256
    layers: int = 4
    ffn: int = 448


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
    freeze_encoder_from: int | None = None  # first step that leaves the encoder as it is, so that latents stay valid


@dataclass(frozen=True)
class VAEDataConfig:
    """Random crops of audio."""

    batch: int = 16
    crop_seconds: float = 1.0
    adversarial_batch: int = 4
    level_db: tuple[float, float] = (-6.0, 3.0)  # random gain
    speed: tuple[float, float] = (1.0, 1.0)  # random resampling: other pitches and vocal tracts from the same voices


@dataclass(frozen=True)
class VAEConfig:
    """A whole configuration file of a VAE: `configs/vae/*.yaml`."""

    model: VAEModelConfig
    loss: VAELossConfig
    data: VAEDataConfig
    optimiser: OptimiserConfig
    run: RunConfig = field(default_factory=RunConfig)


@dataclass(frozen=True)
class SamplingConfig:
    """How a token is drawn from its logits. Temperature 0 or top_k 1: the most likely one. None: no limit."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None


@dataclass(frozen=True)
class StreamsConfig:
    """Token streams of one kind, one for each delay: the codebooks of a codec, or a stream of text.

    Each stream has its own embeddings, of the ids 0 to `ids` - 1, and its own outputs, the ids 0 to `outputs` - 1. The
    codes of a codec (or words of a tokeniser) 0 to `card` - 1 are the ids from `first_code` on; the others are special.
    """

    name: str
    card: int
    ids: int
    outputs: int
    delays: tuple[int, ...]  # in frames
    empty_id: int  # stands where the delay leaves no frame
    weights: tuple[float, ...]  # of each stream in the loss, relative to the others of this kind
    first_code: int = 0
    end_id: int | None = None  # the last frame of these streams; None: they end when the others do
    pad_ids: tuple[int, ...] = ()  # frames without content; the first stands behind the end of streams that end early
    pad_weight: float = 1.0  # in the loss
    never: tuple[int, ...] = ()  # of the outputs, what must never be predicted
    predicted: bool = True  # False: read only, another speaker's
    sampling: SamplingConfig = field(default_factory=SamplingConfig)


@dataclass(frozen=True)
class BaselineModelConfig:
    """Shape of a delayed multi-stream token LM. Sizes of what the checkpoint holds.

    `text` says how text reaches it: phonemes before the audio (`prefix`), cross-attention to a frozen T5 encoder
    (`cross`), a stream named "text" (`stream`), or a token of a category among the audio's (`category`).
    """

    lm: BlockConfig
    streams: tuple[StreamsConfig, ...]
    codec: str  # the kind of codec that makes the codes of the streams named "audio" ...
    frame_rate_hz: float  # ... and how many frames of them a second has
    text: Literal["prefix", "cross", "stream", "category"]
    # Over the streams of one step: the LM predicts the first kind of streams, this the others, one after the other.
    depth: BlockConfig | None = None
    tied: bool = False  # the LM's outputs are its embeddings
    audio_positions: Literal["restart", "continue"] = "restart"  # see DiTARModelConfig
    text_encoder: str = ""  # a T5 by name or folder, for `cross`, and the width of what it gives
    text_width: int | None = None
    categories: tuple[str, ...] = ()  # for `category`, in the order of their ids
    guidance_scale: float = 1.0  # by default in generation; 1 = off
    codec_fingerprint: str = ""  # of the codec that it was trained with, as training finds it; empty: not known
    symbols: tuple[str, ...] = ()  # for `prefix`; this and the next three as in DiTARModelConfig
    trained_symbols: tuple[str, ...] = ()
    trained_seconds: float = 0.0
    seconds_per_symbol: float = 0.08


@dataclass(frozen=True)
class BaselineLossConfig:
    """Which cells carry the loss, and how often the text is left out. Weights of streams and pads: StreamsConfig."""

    condition_dropout: float = 0.0
    keep_tail: bool = True  # False: as many steps as frames; the last frames of delayed streams drop out
    mask: Literal["staircase", "symmetric"] = "staircase"


@dataclass(frozen=True)
class BaselineDataConfig:
    """How utterances become training examples."""

    batch_frames: int = 4096  # frames in a batch, padding included
    joined_share: float = 0.0  # examples that join two or three utterances of one voice
    max_seconds: float = 12.0
    first_seconds: float = 3.0  # curriculum, as in DiTARDataConfig
    curriculum_until: float = 0.0
    pause_seconds: tuple[float, float] = (0.1, 0.3)
    shards_in_memory: int = 64


@dataclass(frozen=True)
class BaselineRunConfig(RunConfig):
    """What a run writes, and when it stops early."""

    patience: int | None = 3  # validations without improvement; None: all steps are trained


@dataclass(frozen=True)
class BaselineConfig:
    """A whole configuration file of the discrete baseline: `configs/baseline/*.yaml`."""

    model: BaselineModelConfig
    loss: BaselineLossConfig
    data: BaselineDataConfig
    optimiser: OptimiserConfig
    run: BaselineRunConfig = field(default_factory=BaselineRunConfig)


def load_config(path: str | Path, kind: type[Config]) -> Config:
    """Read a complete YAML file into the configuration class `kind`. ConfigError names file, key, value and remedy."""
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"configuration file {str(path)!r} does not exist")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    try:
        return from_dict(data, kind, complete=True)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def from_dict(data: Any, kind: type[Config], where: str = "", complete: bool = False) -> Config:
    """Build the configuration class `kind` from plain dictionaries; the inverse of `to_dict`.

    `complete`: every key must be there. Without it, a key that is missing has its default: a checkpoint may be older
    than the key.
    """
    if not isinstance(data, dict):
        raise ConfigError(f"{where or 'the configuration'} must be a mapping of {kind.__name__}'s keys, got {data!r}")
    known = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise ConfigError(f"unknown key {_join(where, key)!r}; {hint}")
    values = {}
    for name, spec in known.items():
        if name in data:
            values[name] = _convert(data[name], hints[name], _join(where, name), complete)
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise ConfigError(f"missing key {_join(where, name)!r} ({_name(hints[name])})")
        elif complete:
            # JSON is YAML
            default = "" if spec.default is dataclasses.MISSING else f", by default {json.dumps(spec.default)}"
            raise ConfigError(
                f"missing key {_join(where, name)!r} ({_name(hints[name])}); a file spells every key out: add it{default}"
            )
    return kind(**values)


def to_dict(config: Any) -> dict[str, Any]:
    """Plain dictionaries, lists, strings and numbers, ready for JSON or YAML."""

    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value

    return plain(dataclasses.asdict(config))


def _join(where: str, key: Any) -> str:
    return f"{where}.{key}" if where else str(key)


def _name(hint: Any) -> str:
    return getattr(hint, "__name__", None) if isinstance(hint, type) else str(hint)


def _convert(value: Any, hint: Any, where: str, complete: bool) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        hint = next(a for a in arguments if a is not type(None))
        return _convert(value, hint, where, complete)
    if dataclasses.is_dataclass(hint):
        return from_dict(value, hint, where, complete)
    if origin is Literal:
        if value not in arguments:
            message = f"{where} must be one of {', '.join(map(repr, arguments))}, got {value!r}"
            # YAML 1.1 reads a bare no, off, yes or on as a truth value.
            bare = [a for a in arguments if isinstance(value, bool) and yaml.safe_load(a) is value]
            raise ConfigError(message + (f"; YAML reads a bare {bare[0]} so: quote it, '{bare[0]}'" if bare else ""))
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where} must be a list, got {value!r}")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) != len(value):
            raise ConfigError(f"{where} must be a list of {len(kinds)} values, got {value!r}")
        pairs = enumerate(zip(value, kinds))
        return tuple(_convert(v, k, f"{where}[{i}]", complete) for i, (v, k) in pairs)
    if hint is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)  # YAML 1.1 reads 1e-4 as a string
        except ValueError:
            raise ConfigError(f"{where} must be float, got {value!r}") from None
        return _in_range(number, where)
    if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
        return _in_range(value, where) if hint is int else value
    raise ConfigError(f"{where} must be {_name(hint)}, got {value!r}")


def _in_range(value: float, where: str) -> float:
    name = where.rpartition(".")[2].partition("[")[0]
    if not value >= 0 and name not in _MAY_BE_NEGATIVE:  # NaN too
        raise ConfigError(f"{where} must be at least 0, got {value!r}")
    if value == 0 and isinstance(value, int) and name not in _MAY_BE_ZERO:
        raise ConfigError(f"{where} must be at least 1, got {value!r}")
    return value
