"""One thread that speaks for all clients: who waits, who is spoken, who went away."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from ditar.config.sampling import MAX_RETRIES
from ditar.synthesis.long_text import give_back_memory
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.timing import Timing

# How long the seat of a talk stays free for its next piece. The text of the next piece may arrive late, or its reader
# may be slow: then it waits again, but before those of whom nothing has been spoken yet.
SEAT_KEPT_SECONDS = 0.5
UTTERANCES_UNTIL_MEMORY_GOES_BACK = 64


class EngineClosed(RuntimeError):
    """The engine is closed."""


@dataclass(frozen=True)
class Ended:
    """The end of an utterance: error, what kept it from being spoken (the audio so far is incomplete), or cancelled;
    else wrong: what is wrong with the speech after all attempts, or None. seed, attempts, patches, warnings: as in
    SpeechOutput."""

    error: Exception | None = None
    cancelled: bool = False
    wrong: str | None = None
    seed: int | None = None
    attempts: int = 0
    patches: int = 0
    warnings: Sequence[str] = ()


@dataclass(eq=False)
class QueuedUtterance:
    """One piece of text to be spoken.

    Args:
        request: with known `read` and `voice`.
        options: of the pipeline's call, by name.
        tell: gets float32 chunks (S,) at 24 kHz as they are made, and then one `Ended`; before a chunk, if the request
            asks for it, the `Timing` of what is over since the last one, in samples of the utterance. Called in the
            engine's thread, and must return at once.
        talk: identifies the request that the piece belongs to.
        continues, goes_on: whether the talk had a piece before this one, whose seat it may have, and has one after it
            at once, for which the seat is kept.
        cut: whether silence at the start and at the end goes, see `SpokenRequest`.
        max_retries: see `ContinuousPipeline`.
        cancelled: nobody wants it any more; see `Engine.cancel`.
    """

    request: SpeechRequest
    options: dict[str, Any]
    tell: Callable[[np.ndarray | Timing | Ended], None]
    talk: object = field(default_factory=object)
    continues: bool = False
    goes_on: bool = False
    cut: tuple[bool, bool] = (False, False)
    max_retries: int = MAX_RETRIES
    cancelled: bool = False


class Speaker(Protocol):
    """Makes audio, step by step. `end` is called with each finished utterance and its outcome."""

    end: Callable[[QueuedUtterance, Ended], None]

    def __len__(self) -> int:
        """The number of utterances in progress."""

    @property
    def utterances(self) -> Sequence[QueuedUtterance]:
        """The utterances in progress."""

    def begin(self, utterances: Sequence[QueuedUtterance]) -> None:
        """Add these. One that cannot be spoken ends."""

    def step(self) -> None:
        """Make a patch of each, or do a similarly short piece of work; cancelled ones end."""


class Engine:
    """Utterances wait in a queue, and up to `max_rows` talks are spoken at a time.

    A talk keeps its seat from piece to piece, see SEAT_KEPT_SECONDS. Methods may be called from any thread; all of the
    model's work is done in one, from `start` to `close`. The model is best loaded by `nn.threads.in_own_thread`.
    """

    def __init__(self, speaker: Speaker, max_rows: int):
        if max_rows < 1:
            raise ValueError(f"max_rows must be at least 1, got {max_rows}")
        self._speaker, self.max_rows = speaker, max_rows
        speaker.end = self._ended
        self._waiting: deque[QueuedUtterance] = deque()
        self._kept: dict[object, float] = {}  # seats, by talk, until when
        self._done = 0
        self._closing = False
        self._changed, self._begun = threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="ditar-engine", daemon=True)

    def start(self) -> "Engine":
        self._thread.start()
        self._begun.wait()
        return self

    @property
    def waiting(self) -> int:
        """Utterances of which nothing has been made."""
        return len(self._waiting)

    @property
    def rows(self) -> int:
        """Utterances that are being spoken."""
        return len(self._speaker)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def speak(self, utterance: QueuedUtterance) -> None:
        """Put it in the queue; in front if its talk has been heard before. EngineClosed."""
        with self._changed:
            if self._closing or not self.alive:
                raise EngineClosed("the engine is closed; start the server again")
            if utterance.continues:
                self._waiting.appendleft(utterance)
            else:
                self._waiting.append(utterance)
            self._changed.notify()

    def cancel(self, utterance: QueuedUtterance) -> None:
        """End it, within a patch."""
        utterance.cancelled = True
        with self._changed:
            self._kept.pop(utterance.talk, None)
            self._changed.notify()

    def close(self) -> None:
        """Stop speaking; unfinished utterances end as cancelled. Waits for the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self.alive:
            self._thread.join()

    def _run(self) -> None:
        torch.get_num_threads()  # this thread takes the number that is set now; others have their own from here on
        self._begun.set()
        while True:
            with self._changed:
                while not (self._closing or self._waiting or len(self._speaker)):
                    self._changed.wait()
                if self._closing:
                    break
                taken = self._take()
                if not taken and not len(self._speaker):  # all wait for a seat that is kept for another talk
                    self._changed.wait(SEAT_KEPT_SECONDS / 10)
                    continue
            if taken:
                self._speaker.begin(taken)
            if len(self._speaker):
                self._speaker.step()
        for utterance in self._waiting:
            utterance.tell(Ended(cancelled=True))
        self._waiting.clear()
        for utterance in list(self._speaker.utterances):
            utterance.tell(Ended(cancelled=True))

    def _take(self) -> list[QueuedUtterance]:
        """Those in the queue that get a seat; the cancelled ones end."""
        now, taken, left = time.monotonic(), [], deque()
        self._kept = {talk: until for talk, until in self._kept.items() if until > now}
        for utterance in self._waiting:
            if utterance.cancelled:
                utterance.tell(Ended(cancelled=True))
            elif self._kept.pop(utterance.talk, None) is not None:
                taken.append(utterance)
            elif len(self._speaker) + len(taken) + len(self._kept) < self.max_rows:
                taken.append(utterance)
            else:
                left.append(utterance)
        self._waiting = left
        return taken

    def _ended(self, utterance: QueuedUtterance, ended: Ended) -> None:
        if utterance.goes_on and not utterance.cancelled:
            self._kept[utterance.talk] = time.monotonic() + SEAT_KEPT_SECONDS
        utterance.tell(ended)
        self._done += 1
        if self._done % UTTERANCES_UNTIL_MEMORY_GOES_BACK == 0:
            give_back_memory()
