"""Token streams as a configuration describes them: their places, their ids, and their relation to codes.

A model's tokens are (B, Q, T) int64, with the kinds of streams concatenated in the order of the configuration.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ditar.baseline.delay import DelayPattern
from ditar.config import BaselineModelConfig, ConfigError, StreamsConfig
from ditar.data.codes import CodecInfo
from ditar.data.errors import DataError

NO_TOKEN = -1  # a cell without embedding and without loss
UNKNOWN = -2  # a cell that is to be generated

AUDIO, TEXT = "audio", "text"  # the streams that the codec decodes, and those that hold words
FIRST_CATEGORY = 4  # of a flat stream, after pad, start, end and a marker


class Streams:
    """All streams of a model. `kinds`: the configuration's; `slices`: the place of each kind among the Q streams;
    `pattern`: their delays, with a leading step, since the LM reads that first.

    ConfigError if the numbers of a configuration are inconsistent.
    """

    def __init__(self, kinds: Iterable[StreamsConfig]):
        self.kinds = tuple(kinds)
        self.slices: dict[str, slice] = {}
        first = 0
        for kind in self.kinds:
            _check_kind(kind, self.slices)
            self.slices[kind.name] = slice(first, first + len(kind.delays))
            first += len(kind.delays)
        self.predicted = tuple(kind for kind in self.kinds if kind.predicted)
        if not self.predicted:
            raise ConfigError("no streams are predicted; set predicted: true on those that the model makes")
        delays = [delay for kind in self.kinds for delay in kind.delays]
        self.pattern = DelayPattern(delays, self.per_stream("empty_id"), leading_step=True)

    def __len__(self) -> int:
        """Q."""
        return len(self.pattern.delays)

    def __getitem__(self, name: str) -> StreamsConfig:
        for kind in self.kinds:
            if kind.name == name:
                return kind
        raise ConfigError(f"no streams are named {name!r}; this model has {', '.join(self.slices)}")

    def per_stream(self, key: str) -> list:
        """A value of each kind, repeated for each of its streams: Q values."""
        return [getattr(kind, key) for kind in self.kinds for _ in kind.delays]

    def stack(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Tokens (B, Q, T) from those of each kind, (B, its streams, T). ValueError: kinds missing, or lengths that
        differ."""
        if set(parts) != set(self.slices):
            names = ", ".join(sorted(parts))
            raise ValueError(f"tokens of {names} for a model with the streams {', '.join(self.slices)}")
        longest = max(parts, key=lambda name: parts[name].shape[-1])
        for name, part in parts.items():
            if part.shape[-1] != parts[longest].shape[-1]:
                raise ValueError(
                    f"streams of unequal length: {name!r} has {part.shape[-1]} frames and {longest!r} "
                    f"{parts[longest].shape[-1]}; fill the shorter with its pad id"
                )
            if part.ndim != 3 or part.shape[1] != len(self[name].delays):
                count = len(self[name].delays)
                raise ValueError(f"{name!r} has {count} streams, (B, {count}, T), got tokens {tuple(part.shape)}")
        return torch.cat([parts[name] for name in self.slices], dim=1)

    def check(self, tokens: Tensor, unknown: bool = False) -> None:
        """ValueError that quotes both if tokens (B, Q, T) are not ids of their streams; NO_TOKEN is allowed, and
        UNKNOWN if `unknown`."""
        if tokens.ndim != 3 or tokens.shape[1] != len(self):
            raise ValueError(f"tokens {tuple(tokens.shape)} for a model of {len(self)} streams; give (B, Q, T)")
        if tokens.is_meta or not tokens.numel():
            return
        for kind in self.kinds:
            low, high = (int(x) for x in tokens[:, self.slices[kind.name]].aminmax())
            if low < (UNKNOWN if unknown else NO_TOKEN) or high >= kind.ids:
                raise ValueError(
                    f"id {high if high >= kind.ids else low} is out of range: the streams {kind.name!r} have ids 0 to "
                    f"{kind.ids - 1}; use the codec that the model was trained with"
                )

    def fill(self, tokens: Tensor, frame_counts: Tensor) -> Tensor:
        """Tokens (B, Q, T) with the empty ids after the first frame_counts (B,) frames of each row."""
        empty = torch.tensor(self.pattern.empty_ids, device=tokens.device)[:, None]
        ended = torch.arange(tokens.shape[2], device=tokens.device) >= frame_counts[:, None, None]
        return torch.where(ended, empty, tokens)

    def from_codes(self, codes: Tensor, name: str = AUDIO) -> Tensor:
        """Codes of a codec, (its streams, T) from 0, to ids; if these streams have an end id, one more frame carries
        it. DataError quotes both if the codes are another codec's."""
        kind = self[name]
        count = len(kind.delays)
        if codes.ndim != 2 or len(codes) != count:
            raise DataError(f"{tuple(codes.shape)} codes for the {count} streams {name!r}; give ({count}, T)")
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < kind.card:
            bad = int(codes.max()) if int(codes.max()) >= kind.card else int(codes.min())
            raise DataError(f"code {bad} is out of range: a codebook of the streams {name!r} has {kind.card} codes")
        ids = codes.long() + kind.first_code
        return ids if kind.end_id is None else torch.cat((ids, ids.new_full((count, 1), kind.end_id)), dim=1)

    def to_codes(self, tokens: Tensor, name: str = AUDIO) -> Tensor:
        """Ids (its streams, T) to codes of the codec, up to the end id; frames with another special id are silent and
        left out."""
        kind = self[name]
        if kind.end_id is not None and (tokens[0] == kind.end_id).any():
            tokens = tokens[:, : int((tokens[0] == kind.end_id).nonzero()[0])]
        codes = tokens - kind.first_code
        return codes[:, ((codes >= 0) & (codes < kind.card)).all(dim=0)]


def _check_kind(kind: StreamsConfig, before: Mapping[str, slice]) -> None:
    name, count = kind.name, len(kind.delays)
    if name in before or not name.isidentifier():
        raise ConfigError(f"streams need different names of letters, got {[*before, name]}")
    if not count or len(kind.weights) != count:
        raise ConfigError(f"streams {name!r} have {count} delays and {len(kind.weights)} weights; give one per stream")
    if kind.outputs > kind.ids or kind.first_code + kind.card > kind.outputs:
        raise ConfigError(
            f"streams {name!r}: codes {kind.first_code} to {kind.first_code + kind.card - 1} must lie in the "
            f"{kind.outputs} outputs and these in the {kind.ids} ids"
        )
    for key in ("empty_id", "pad_ids"):
        value = getattr(kind, key)
        for number in value if isinstance(value, tuple) else (value,):
            if number >= kind.ids:
                raise ConfigError(f"streams {name!r}: {key} {number} is not one of the ids 0 to {kind.ids - 1}")
    for number in (*kind.never, *(() if kind.end_id is None else (kind.end_id,))):
        if number >= kind.outputs:
            raise ConfigError(f"streams {name!r}: id {number} is not one of the outputs 0 to {kind.outputs - 1}")
    if kind.end_id is not None and kind.delays[0] != min(kind.delays):
        raise ConfigError(
            f"streams {name!r} end with the first, so its delay {kind.delays[0]} must not be more than "
            f"{min(kind.delays)}"
        )


def category_row(streams: Streams, codes: Tensor, category: int) -> Tensor:
    """SamOut's flat sequence after the start token (the leading step): codes (T,), category, end -> (1, T + 2).

    Its ids: pad 0, start 1, end 2, a marker for audio 3, the categories, the codes from `first_code` on.
    """
    kind = streams[AUDIO]
    ids = streams.from_codes(codes[None])
    return torch.cat((ids[:, :-1], ids.new_tensor([[category_id(kind, category)]]), ids[:, -1:]), dim=1)


def category_id(kind: StreamsConfig, category: int) -> int:
    """Id of the category with this number. ValueError quotes both if there are fewer."""
    count = kind.first_code - FIRST_CATEGORY
    if not 0 <= category < count:
        raise ValueError(f"category {category} of {count}; give 0 to {count - 1}")
    return FIRST_CATEGORY + category


def check_codec(config: BaselineModelConfig, info: CodecInfo) -> None:
    """DataError that quotes both if a model belongs to a codec other than this one."""
    kind = Streams(config.streams)[AUDIO]
    mine, theirs = (
        f"{name} ({codebooks} codebooks of {card} at {rate:g} Hz)"
        for name, codebooks, card, rate in (
            (config.codec_fingerprint or config.codec, len(kind.delays), kind.card, config.frame_rate_hz),
            (info.codec, info.codebooks, info.codebook_size, info.frame_rate_hz),
        )
    )
    # A fingerprint begins with the codec's kind.
    same = info.codec == config.codec_fingerprint if config.codec_fingerprint else info.codec.startswith(config.codec)
    shape = (info.codebooks, info.codebook_size, info.frame_rate_hz)
    if not same or shape != (len(kind.delays), kind.card, config.frame_rate_hz):
        raise DataError(f"the model speaks {mine} and this codec is {theirs}; take the codec of the model")
