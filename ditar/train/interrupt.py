"""SIGINT and SIGTERM as a request: the current step is finished and a checkpoint written before the program ends."""

import signal
from types import FrameType


class StopSignals:
    """Within `with`, these signals set `received`. A second SIGINT ends the program as usual; SIGTERM never does, since
    it comes several times if a scheduler and a launcher both send it."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.received: str | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopSignals":
        try:
            self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        except ValueError:  # not in the main thread, where signals are handled by others
            self._before = {}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received == "SIGINT" and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number).name
