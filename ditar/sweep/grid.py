"""The grid of a sweep: the values of each sampling setting, and the seeds."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ditar.config import ConfigError, SamplingOptions, load_config
from ditar.sweep import SweepError

LABELS = {
    "temperature": "temperature",
    "guidance_scale": "guidance scale",
    "steps": "steps (NFE)",
    "solver": "solver",
    "time_grid": "time grid",
    "top_k": "top-k",
}
_PREFIXES = {"temperature": "t", "guidance_scale": "g", "steps": "n", "top_k": "k"}


@dataclass(frozen=True)
class Grid:
    """Axes of DiTAR's sampling, a tuple of values each; `seed` repeats every point. A grid file lists all of them."""

    temperature: tuple[float, ...] = (SamplingOptions.temperature,)
    guidance_scale: tuple[float, ...] = (SamplingOptions.guidance_scale,)
    steps: tuple[int, ...] = (SamplingOptions.num_inference_steps,)
    solver: tuple[str, ...] = (SamplingOptions.solver,)
    time_grid: tuple[str, ...] = (SamplingOptions.time_grid,)
    seed: tuple[int, ...] = (0, 1, 2)

    # Points that differ in these cannot share a batch; the pipeline's names for them. The others may differ by row.
    PER_BATCH: ClassVar[dict[str, str]] = {
        "steps": "num_inference_steps", "solver": "solver", "time_grid": "time_grid"
    }  # fmt: skip
    MODEL: ClassVar[str] = "ditar"  # the pipeline's component that samples with these

    @staticmethod
    def check_point(settings: dict[str, Any]) -> None:
        """ValueError if no solver can do that."""
        SamplingOptions(**{{"steps": "num_inference_steps"}.get(axis, axis): v for axis, v in settings.items()})

    @classmethod
    def of(cls, pipeline: Any, asked: Mapping[str, Sequence | None] | None = None) -> "Grid":
        """One point: how a model samples by default; as far as all solvers that are `asked` for can do that, see
        `SamplingOptions.override`."""
        own, solvers = pipeline.sampling, (asked or {}).get("solver") or ()
        if others := [solver for solver in solvers if solver != SamplingOptions.solver]:
            mixed = len(others) < len(solvers)  # a temperature that ddim's points should have is to be asked for then
            own = own.override(**{"time_grid": SamplingOptions.time_grid} if mixed else {"solver": others[0]})
        return cls(
            (own.temperature,), (own.guidance_scale,), (own.num_inference_steps,), (own.solver,), (own.time_grid,)
        )


@dataclass(frozen=True)
class TokenGrid:
    """Axes of the discrete baseline's sampling; a grid file with the key `top_k` is one."""

    temperature: tuple[float, ...] = (1.0,)
    top_k: tuple[int, ...] = (50,)
    guidance_scale: tuple[float, ...] = (1.0,)
    seed: tuple[int, ...] = (0, 1, 2)

    PER_BATCH: ClassVar[dict[str, str]] = {"top_k": "top_k"}
    MODEL: ClassVar[str] = "token_lm"

    @classmethod
    def of(cls, pipeline: Any, asked: Mapping[str, Sequence | None] | None = None) -> "TokenGrid":
        """One point: how a model samples by default."""
        own = pipeline.decoding_options()
        sampling = own.sampling["audio"]
        most = pipeline.token_lm.streams["audio"].outputs  # a model without a limit draws from all of them
        return cls((sampling.temperature,), (sampling.top_k or most,), (own.guidance_scale,))

    @staticmethod
    def check_point(settings: dict[str, Any]) -> None:
        """ValueError if tokens cannot be drawn like that."""
        if not (settings["temperature"] >= 0 and math.isfinite(settings["temperature"])):
            raise ValueError(f"temperature must be a number from 0 up, got {settings['temperature']}")
        if settings["top_k"] < 1:
            raise ValueError(f"top_k must be at least 1 (the most likely token only), got {settings['top_k']}")
        scale = settings["guidance_scale"]
        if not (scale >= 1 and math.isfinite(scale)):
            raise ValueError(f"guidance_scale must be a number from 1 up (1 turns guidance off), got {scale}")


@dataclass(frozen=True)
class Point:
    """One point of a grid, without its seeds: settings by name, in the order of the grid's axes."""

    settings: tuple[tuple[str, Any], ...]
    seeds: tuple[int, ...]

    def __getitem__(self, axis: str) -> Any:
        return dict(self.settings)[axis]

    @property
    def name(self) -> str:
        """Of its folder, such as `t0.5_g2_n10_ddim_uniform`."""
        return "_".join(f"{_PREFIXES.get(axis, '')}{plain(value)}" for axis, value in self.settings)


def axes(grid: Grid | TokenGrid) -> dict[str, tuple]:
    """Values by axis, without the seeds."""
    return {f.name: getattr(grid, f.name) for f in dataclasses.fields(grid) if f.name != "seed"}


def varying(grid: Grid | TokenGrid) -> list[str]:
    """Axes with more than one value."""
    return [axis for axis, values in axes(grid).items() if len(values) > 1]


def points(grid: Grid | TokenGrid) -> list[Point]:
    """Every point, in the order of the axes. Temperature 0 is deterministic: such points have the first seed only."""
    names = list(axes(grid))
    made = []
    for values in itertools.product(*axes(grid).values()):
        settings = dict(zip(names, values))
        seeds = grid.seed[:1] if settings["temperature"] == 0 else grid.seed
        made.append(Point(tuple(settings.items()), seeds))
    return made


def read_grid(path: str | Path) -> Grid | TokenGrid:
    """A YAML file with every axis of `Grid`, or of `TokenGrid`. ConfigError names file, key, value and remedy."""
    import yaml

    try:
        is_tokens = "top_k" in (yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError):
        is_tokens = False  # load_config says what is wrong
    return load_config(path, TokenGrid if is_tokens else Grid)


def check_grid(grid: Grid | TokenGrid) -> None:
    """SweepError for an axis without values, a value that comes twice, or a point that no sampler can do: checks the
    whole grid before anything is synthesised."""
    for axis, values in {**axes(grid), "seed": grid.seed}.items():
        if not values:
            raise SweepError(f"the grid's axis {axis} has no value; give at least one")
        twice = sorted({plain(v) for v in values if values.count(v) > 1})
        if twice:
            raise SweepError(f"the grid's axis {axis} has {', '.join(twice)} more than once; keep one")
    if not all(isinstance(seed, int) and 0 <= seed < 2**63 for seed in grid.seed):
        raise SweepError(f"seeds must be whole numbers from 0 to 2^63 - 1, got {grid.seed}")
    every, bad = points(grid), []
    for point in every:
        try:
            grid.check_point(dict(point.settings))
        except ValueError as error:
            bad.append(f"{point.name}: {error}")
    if bad:
        raise SweepError(f"{len(bad)} of {len(every)} points of the grid cannot be sampled; the first is {bad[0]}")


def override(grid: Grid | TokenGrid, values: dict[str, list | None]) -> Grid | TokenGrid:
    """The grid with other values on some axes (None: unchanged). ConfigError if it has no such axis."""
    given = {axis: tuple(v) for axis, v in values.items() if v is not None}
    known = {*axes(grid), "seed"}
    for axis in given:
        if axis not in known:
            raise ConfigError(f"this grid has no axis {axis!r}; it has {', '.join(sorted(known))}")
    return dataclasses.replace(grid, **given)


def plain(value: Any) -> str:
    """A value as people write it: 2 for 2.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
