"""Codes of a codec on disk, as training reads them: the layout of ditar.data.latents, with integers.

    <folder>/shar/codes.000000.tar       codes (T, Q), uint16, in the order of the index
    <folder>/codec.json                  what made them; `codec` is its fingerprint

index.jsonl, the cuts for lhotse and `skipped` are those of latents; there are no statistics.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.storage.atomic_write import write_lines


@dataclass(frozen=True)
class CodecInfo:
    """Where codes come from. `codec` is the fingerprint: equal for two codecs if the same codes mean the same."""

    codec: str
    rate_hz: int
    hop_samples: int  # at rate_hz, for one frame of `codebooks` codes
    codebooks: int
    codebook_size: int

    @property
    def frame_rate_hz(self) -> float:
        """Frames a second."""
        return self.rate_hz / self.hop_samples


def require_codec(found: str, expected: str, where: str) -> None:
    """DataError, quoting both fingerprints, if codes or a model belong to a codec other than the expected one."""
    if found != expected:
        raise DataError(
            f"{where} belongs to the codec {found!r}, but {expected!r} was asked for; extract the codes again with "
            "that codec (recipes/extract_codes.py), or use the model that belongs to these codes"
        )


def write_codec(folder: str | Path, info: CodecInfo) -> None:
    """Written atomically."""
    write_lines(Path(folder) / "codec.json", [json.dumps(asdict(info), indent=2)])


def read_codec(folder: str | Path) -> CodecInfo:
    """What made the codes of a folder. DataError if the file is missing or holds something else."""
    path = Path(folder) / "codec.json"
    try:
        return CodecInfo(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}); extract the codes with recipes/extract_codes.py") from None


class CodeStore(LatentStore):
    """Codes of a folder by utterance; `codec` is what made them. DataError, quoting both, if that is not `expected`, a
    fingerprint. urls, skip_bad: see LatentStore."""

    def __init__(
        self,
        folder: str | Path,
        expected: str | None = None,
        urls: Sequence[str] | None = None,
        skip_bad: bool = False,
    ):
        super().__init__(folder, torch.zeros(()), torch.ones(()), urls, skip_bad)
        self.codec = read_codec(folder)
        if expected is not None:
            require_codec(self.codec.codec, expected, str(folder))

    def codes(self, utt: str) -> torch.Tensor:
        """(Q, T), int64. DataError names a shard that cannot be read."""
        return self.latents(utt).long().T.contiguous()  # through float32, which holds every uint16
