"""Delay patterns: stream k with delay d puts frame t at step t + d (MusicGen, arXiv 2306.05284, section 2.2).

Letters: B rows, Q streams, T frames before the delay, S steps after it. Two layouts are in use: a leading
step without frames and S = T + max delay + 1 (audiocraft, transformers), and as many steps as frames, with the last d
frames of a stream dropped (moshi, dia: `keep_tail=False`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DelayPattern:
    """Pure functions between frames and steps. `delays` in frames and `empty_ids`: one of each for each stream.

    A cell without a frame has its stream's empty id. `leading_step`: the first step holds no frame at all. `keep_tail`:
    steps follow the last frame until every stream has shown it; False: the steps end with the frames. ValueError quotes
    both numbers if lengths do not fit.
    """

    delays: Sequence[int]
    empty_ids: Sequence[int]
    leading_step: bool = False
    keep_tail: bool = True

    def __post_init__(self):
        object.__setattr__(self, "delays", tuple(int(d) for d in self.delays))
        object.__setattr__(self, "empty_ids", tuple(int(e) for e in self.empty_ids))
        if not self.delays or len(self.delays) != len(self.empty_ids):
            raise ValueError(
                f"a delay pattern has {len(self.delays)} delays and {len(self.empty_ids)} empty ids; give one of each "
                "for each stream"
            )
        if min(self.delays) < 0:
            raise ValueError(f"delays are at least 0 frames, got {list(self.delays)}; delay the other streams instead")

    @property
    def max_delay(self) -> int:
        return max(self.delays)

    def steps(self, frames: int) -> int:
        """S for T frames."""
        return int(self.leading_step) + frames + (self.max_delay if self.keep_tail else 0)

    def frames(self, steps: int) -> int:
        """T for S steps. ValueError if S is too small."""
        least = self.steps(0)
        if steps < least:
            raise ValueError(f"{steps} steps are fewer than the {least} that delays {list(self.delays)} need at least")
        return steps - least

    def apply(self, codes: Tensor) -> Tensor:
        """(B, Q, T) -> (B, Q, S)."""
        self._check(codes)
        rows, _, frames = codes.shape
        delayed = self._empty(codes).expand(rows, -1, self.steps(frames)).clone()
        for stream, first, kept in self._places(frames):
            delayed[:, stream, first : first + kept] = codes[:, stream, :kept]
        return delayed

    def revert(self, delayed: Tensor) -> Tensor:
        """(B, Q, S) -> (B, Q, T); a frame that was dropped comes back as its stream's empty id."""
        self._check(delayed)
        frames = self.frames(delayed.shape[2])
        return self._revert(delayed, self._empty(delayed).expand(len(delayed), -1, frames).clone())

    def revert_logits(self, logits: Tensor) -> Tensor:
        """(B, Q, S, V) -> (B, Q, T, V); a dropped frame has no logits: NaN, which no mean hides."""
        self._check(logits)
        rows, streams, steps, outputs = logits.shape
        return self._revert(logits, logits.new_full((rows, streams, self.frames(steps), outputs), float("nan")))

    def mask(self, frames: int, symmetric: bool = False, device: torch.device | None = None) -> Tensor:
        """(Q, S) bool for T frames: the cells that hold a frame.

        `symmetric`: of those only the steps s with d <= s < steps - d, a stricter mask that is used for Mini-Omni;
        steps are counted after the leading one.
        """
        counts = torch.tensor([frames], device=device)
        return self.masks(counts, self.steps(frames), symmetric)[0]

    def masks(self, frame_counts: Tensor, steps: int, symmetric: bool = False) -> Tensor:
        """(B, Q, steps) bool for rows of different length, (B,): each row's own `mask`, False after its end."""
        device = frame_counts.device
        step = torch.arange(steps, device=device) - int(self.leading_step)
        delays = torch.tensor(self.delays, device=device)[:, None]  # (Q, 1)
        counts = frame_counts[:, None, None]
        mask = (step >= delays) & (step - delays < counts)  # (B, Q, steps)
        row_steps = counts + (self.max_delay if self.keep_tail else 0)
        if not self.keep_tail:
            mask = mask & (step < row_steps)
        return mask & (step < row_steps - delays) if symmetric else mask

    def _places(self, frames: int):
        """For each stream: its number, the step of its first frame, the number of frames kept."""
        for stream, delay in enumerate(self.delays):
            yield stream, int(self.leading_step) + delay, frames if self.keep_tail else max(0, frames - delay)

    def _revert(self, delayed: Tensor, out: Tensor) -> Tensor:
        for stream, first, kept in self._places(out.shape[2]):
            out[:, stream, :kept] = delayed[:, stream, first : first + kept]
        return out

    def _empty(self, like: Tensor) -> Tensor:
        return torch.tensor(self.empty_ids, dtype=like.dtype, device=like.device)[None, :, None]

    def _check(self, x: Tensor) -> None:
        if x.ndim < 3 or x.shape[1] != len(self.delays):
            raise ValueError(
                f"a tensor of shape {tuple(x.shape)} does not have the {len(self.delays)} streams of this pattern in "
                "its second axis; give (B, Q, T) and one delay for each stream"
            )
