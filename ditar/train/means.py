"""Means of a run's figures over the steps between two lines of its log."""

from collections import Counter
from collections.abc import Mapping
from typing import Any


class StepMeans:
    """Each figure's mean is over the steps that had it: a phase of training may begin between two lines."""

    def __init__(self):
        self._sums: dict[str, float] = {}
        self._counts: Counter[str] = Counter()

    def add(self, figures: Mapping[str, float]) -> None:
        """The figures of one step."""
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._counts.update(figures.keys())

    def take(self) -> dict[str, float]:
        """The means since the last call."""
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, Counter()
        return means

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"sums": self._sums, "counts": self._counts}

    def resume(self, state: Mapping[str, Any], steps: int) -> None:
        """From a checkpoint; steps: since the last line, for older checkpoints, which counted them only."""
        self._sums = dict(state["sums"])
        self._counts = Counter(state.get("counts", dict.fromkeys(self._sums, steps)))
