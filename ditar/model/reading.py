"""Monotonic reading: which symbol each latent frame speaks, decided frame by frame (ours, not the paper's).

A small decoder-only model learns last of all which symbol to speak when. Here it is told: its LM reads, with every
patch, the symbol that it has come to, a small head on h says for each frame of the next patch whether that symbol goes
on, and LocDiT reads the symbol of each frame that it makes. Symbols are spoken in their order, and none is left out, so
that nothing can be skipped or repeated; h is left with voice and prosody. Feeding the aligned phonemes back is VALL-E
R's idea (arXiv 2406.07855); durations by the probability of going on, with their median at synthesis, are those of
neural HMMs (arXiv 2108.13320).

A *place* is the number of a symbol in its row, -1 before the first. Frames are at sounds (letters), or, where there is
silence, at the last space or mark before the next sound; stress and length marks have no frames of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.nn.alignment import NO_TARGET
from ditar.nn.linear import Linear
from ditar.nn.precision import widened
from ditar.text.vocabulary import is_letter, is_pause

WINDOW = range(-2, 4)  # symbols around the spoken one that are read with it
MOST_HELD = 48  # frames at one symbol that are told apart
SYMBOL_WIDTH, HEAD_WIDTH = 64, 256
_OF_ROWS = ("symbol_ids", "place", "held", "going", "places", "spoken")
STAY, NEXT_SOUND, PAUSE = range(3)  # what the head chooses from
MOST_TAIL_FRAMES = 20  # of silence after the last symbol; then the speech is over whatever the stop head says


@dataclass(frozen=True)
class Moves:
    """Where a row may go from place p, in column p + 1, (B, L + 1) each: the next sound, or L if there is none; the
    pause before that (or at the end), or -1 if nothing there can be one."""

    sound: Tensor
    pause: Tensor


class Taught(NamedTuple):
    """What is read in training: by the LM with each patch, (B, N, width of the LM), by LocDiT with each frame, (B, N,
    P, its width), and the window before each frame, (B, N, P, width), for the head."""

    for_lm: Tensor
    for_locdit: Tensor
    windows: Tensor


@dataclass(frozen=True)
class ReadingState:
    """How far the rows have read: after the frames of the patch that is made next.

    symbol_ids (B, L), moves; place, held (B,): the symbol and the frames spent on it before this one; going (B,): the
    probability that it lasted so long. places (B, P): of the frames of the next patch; spoken (B, P, width of LocDiT):
    what they say.
    """

    symbol_ids: Tensor
    moves: Moves
    place: Tensor
    held: Tensor
    going: Tensor
    places: Tensor
    spoken: Tensor

    @property
    def finished(self) -> Tensor:
        """(B,) bool: nothing is left to say."""
        column = self.place[:, None] + 1
        left = self.moves.sound.gather(1, column) < self.symbol_ids.shape[1]
        return ~(left | (self.moves.pause.gather(1, column) >= 0))[:, 0]

    @property
    def over(self) -> Tensor:
        """(B,) bool: finished, and silent for so long that the speech has ended."""
        return self.finished & (self.held >= MOST_TAIL_FRAMES)

    def select(self, rows: Sequence[int]) -> "ReadingState":
        """The state of some of the rows."""
        rows = list(rows)
        moves = Moves(self.moves.sound[rows], self.moves.pause[rows])
        return ReadingState(moves=moves, **{name: getattr(self, name)[rows] for name in _OF_ROWS})

    def join(self, other: "ReadingState") -> "ReadingState":
        """The state of these rows, then of the other's."""
        longest = max(self.symbol_ids.shape[1], other.symbol_ids.shape[1])
        one, two = self._padded(longest), other._padded(longest)
        moves = Moves(*(torch.cat(pair) for pair in zip(vars(one.moves).values(), vars(two.moves).values())))
        tensors = {name: torch.cat((getattr(one, name), getattr(two, name))) for name in _OF_ROWS}
        return ReadingState(moves=moves, **tensors)

    def _padded(self, longest: int) -> "ReadingState":
        old, more = self.symbol_ids.shape[1], longest - self.symbol_ids.shape[1]
        sound = F.pad(torch.where(self.moves.sound == old, longest, self.moves.sound), (0, more), value=longest)
        moves = Moves(sound, F.pad(self.moves.pause, (0, more), value=-1))
        return replace(self, symbol_ids=F.pad(self.symbol_ids, (0, more)), moves=moves)


class Reading(nn.Module):
    """What LM and LocDiT read of the spoken symbol, and the head that moves on. `symbols`: the model's vocabulary."""

    def __init__(self, symbols: Sequence[str], patch_frames: int, lm_width: int, locdit_width: int):
        super().__init__()
        self.symbols = nn.Embedding(len(symbols), SYMBOL_WIDTH, padding_idx=0)
        self.held = nn.Embedding(MOST_HELD + 1, SYMBOL_WIDTH)
        width = SYMBOL_WIDTH * (len(WINDOW) + 1)
        self.to_lm = Linear(width, lm_width, bias=True)
        self.unread = nn.Parameter(torch.zeros(lm_width))  # with patches of a reference, whose times nobody knows
        self.to_locdit = Linear(width, locdit_width)  # 0 stays 0, for guidance
        self.head_window, self.head_h = Linear(width, HEAD_WIDTH, bias=True), Linear(lm_width, HEAD_WIDTH)
        self.head_frame = nn.Embedding(patch_frames, HEAD_WIDTH)
        self.head = nn.Linear(HEAD_WIDTH, 3)
        self._is_sound, self._is_pause = ([test(symbol) for symbol in symbols] for test in (is_letter, is_pause))

    def moves(self, symbol_ids: Tensor) -> Moves:
        """Of rows (B, L) padded with 0."""
        length = symbol_ids.shape[1]
        at = torch.arange(length, device=symbol_ids.device)
        is_sound, is_pause = (torch.tensor(x, device=at.device)[symbol_ids] for x in (self._is_sound, self._is_pause))
        sounds = torch.where(is_sound, at, length)
        following = sounds.flip(1).cummin(1).values.flip(1)  # the first sound from each place on
        sound = F.pad(following, (0, 1), value=length)  # (B, L + 1)
        pauses = torch.where(is_pause, at, -1).cummax(1).values  # the last pause up to each place
        pause = F.pad(pauses, (1, 0), value=-1).gather(1, sound)  # the last one before that sound
        return Moves(sound, torch.where(pause > torch.arange(-1, length, device=at.device), pause, -1))

    def window(self, symbol_ids: Tensor, places: Tensor, held: Tensor) -> Tensor:
        """Embeddings of the symbols around `places` and of the frames spent there: (B, L), (B, T), (B, T) -> (B, T,
        width)."""
        padded = F.pad(symbol_ids, (1 - WINDOW.start, WINDOW.stop - 1))  # column place + 1 + (offset - first offset)
        around = places[..., None] + 1 + torch.arange(len(WINDOW), device=places.device)  # (B, T, W)
        ids = padded.gather(1, around.clamp(0, padded.shape[1] - 1).flatten(1)).view_as(around)
        return torch.cat((self.symbols(ids).flatten(2), self.held(held.clamp(max=MOST_HELD).round().long())), dim=-1)

    def teach(self, symbol_ids: Tensor, alignment: Tensor) -> Taught:
        """Rows (B, L), and the place of each frame (B, N, P), NO_TARGET where it is unknown."""
        frames = alignment.flatten(1)  # (B, T)
        before = F.pad(frames[:, :-1], (1, 0), value=-1)  # what has been come to when a frame is decided upon
        before[:, 0] = torch.where(frames[:, 0] == NO_TARGET, NO_TARGET, -1)
        at = torch.arange(frames.shape[1], device=frames.device)
        since = torch.where((frames != before) | (before == NO_TARGET), at, 0).cummax(1).values
        windows = self.window(symbol_ids, frames.clamp(min=-1), at - since + (frames == -1))  # (B, T, width)
        first = self.window(symbol_ids, before[:, :1].clamp(min=-1), torch.zeros_like(before[:, :1]))
        earlier = torch.cat((first, windows[:, :-1]), dim=1).unflatten(1, alignment.shape[1:])
        known = before.unflatten(1, alignment.shape[1:])[:, :, 0] != NO_TARGET  # (B, N)
        to_lm = torch.where(known[..., None], self.to_lm(earlier[:, :, 0]), self.unread.to(earlier.dtype))
        return Taught(to_lm, self.to_locdit(windows.unflatten(1, alignment.shape[1:])), earlier)

    def targets(self, symbol_ids: Tensor, alignment: Tensor) -> Tensor:
        """What the head should choose at each frame, (B, N, P), NO_TARGET where the alignment is unknown or a symbol
        has no frame."""
        frames = alignment.flatten(1)
        before = F.pad(frames[:, :-1], (1, 0), value=-1)
        moves, column = self.moves(symbol_ids), (before + 1).clamp(0, symbol_ids.shape[1])
        choices = torch.full_like(frames, NO_TARGET)
        choices[frames == moves.pause.gather(1, column)] = PAUSE
        choices[frames == moves.sound.gather(1, column)] = NEXT_SOUND
        choices[frames == before] = STAY
        choices[(frames == NO_TARGET) | (before == NO_TARGET)] = NO_TARGET
        return choices.view_as(alignment)

    def choose(self, of_h: Tensor, windows: Tensor, frames: Tensor) -> Tensor:
        """Logits (..., 3), given head_h of h (..., HEAD_WIDTH), windows (..., width) before frames (...) of their
        patch."""
        hidden = self.head_window(windows) + of_h + self.head_frame(frames)
        return self.head(F.silu(hidden))

    def loss(self, h: Tensor, symbol_ids: Tensor, alignment: Tensor, windows: Tensor) -> Tensor:
        """Sum of the head's cross-entropies over the frames of (B, N, P); h (B, N, width), windows: see `Taught`."""
        targets = self.targets(symbol_ids, alignment)
        frames = torch.arange(alignment.shape[2], device=h.device).expand_as(alignment)
        known = targets != NO_TARGET
        of_h = self.head_h(h)[:, :, None].expand(*frames.shape, -1)
        logits = self.choose(of_h[known], windows[known], frames[known])
        return F.cross_entropy(widened(logits), targets[known], reduction="sum")

    def start(self, symbol_ids: Sequence[Tensor], first: Sequence[int]) -> ReadingState:
        """Before the symbols `first` of rows (L,)."""
        ids = nn.utils.rnn.pad_sequence(list(symbol_ids), batch_first=True)
        place = torch.tensor(first, device=ids.device) - 1
        none = self.to_locdit.weight.new_zeros(len(ids), 0, self.to_locdit.out_features)
        held, going = torch.zeros(len(ids), device=ids.device), torch.ones(len(ids), device=ids.device)
        return ReadingState(ids, self.moves(ids), place, held, going, place[:, None][:, :0], none)

    def for_lm(self, state: ReadingState) -> Tensor:
        """What the LM reads with the next patch's predecessor, (B, width of the LM)."""
        return self.to_lm(self._window(state))

    def read(self, h: Tensor, state: ReadingState) -> ReadingState:
        """The state after the frames of the next patch, given its h (B, width of the LM): a symbol lasts until it is
        more likely over than not."""
        of_h, window, column = self.head_h(h), self._window(state), state.place[:, None] + 1
        windows, places = [], []
        for frame in range(self.head_frame.num_embeddings):
            at = torch.full_like(state.place, frame)
            stay, sound, pause = self.choose(of_h, window, at).float().softmax(-1).unbind(-1)
            to_sound, to_pause = (m.gather(1, column)[:, 0] for m in (state.moves.sound, state.moves.pause))
            sound = sound * (to_sound < state.symbol_ids.shape[1])
            pause = pause * (to_pause >= 0)
            going = state.going * (stay / (stay + sound + pause))
            # Nothing lasts longer than what training tells apart: neither a drawl nor a pause can go on for ever.
            moved = (going < 0.5) | ((state.held >= MOST_HELD) & (sound + pause > 0))
            to = torch.where(pause > sound, to_pause, to_sound)
            state = replace(
                state,
                place=torch.where(moved, to, state.place),
                held=torch.where(moved, 0.0, state.held + 1.0),
                going=torch.where(moved, 1.0, going),
            )
            window, column = self._window(state), state.place[:, None] + 1
            windows.append(window)
            places.append(state.place)
        return replace(state, places=torch.stack(places, 1), spoken=self.to_locdit(torch.stack(windows, 1)))

    def _window(self, state: ReadingState) -> Tensor:
        return self.window(state.symbol_ids, state.place[:, None], state.held[:, None])[:, 0]
