"""The outputs of a sweep: which there are, their names, which of them share a batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ditar.seeds import repeat_seed
from ditar.sweep.grid import Grid, Point, TokenGrid, points
from ditar.sweep.pairs import Pair

WAVS = "wav"


@dataclass(frozen=True)
class Item:
    """One output of a sweep: a pair, spoken with a grid point's settings and one seed."""

    point: Point
    seed: int
    pair: Pair

    @property
    def name(self) -> str:
        """Its audio is `wav/<name>.wav` in the sweep's folder."""
        return f"{self.point.name}/{self.seed}/{self.pair.name}"

    @property
    def noise_seed(self) -> int:
        """The pipeline's seed: different noise for each sentence, but the same at every grid point, so that points are
        compared on the same draws."""
        return repeat_seed(self.seed, self.pair.name)


def items(grid: Grid | TokenGrid, pairs: Sequence[Pair]) -> list[Item]:
    """All outputs of a grid."""
    return [Item(point, seed, pair) for point in points(grid) for seed in point.seeds for pair in pairs]


def wav_path(out: Path, item: Item) -> Path:
    """The path of an output."""
    return out / WAVS / f"{item.name}.wav"


def batches(todo: Sequence[Item], per_batch: Iterable[str], batch_size: int) -> list[list[Item]]:
    """Outputs that may share a batch, batched across points, seeds and pairs; texts of similar length together, since a
    batch takes as long as its longest row."""
    per_batch, groups = list(per_batch), {}
    for item in todo:
        groups.setdefault(tuple(item.point[axis] for axis in per_batch), []).append(item)
    made = []
    for group in groups.values():
        group = sorted(group, key=lambda item: -len(item.pair.text))
        made += [group[i : i + batch_size] for i in range(0, len(group), batch_size)]
    return made
