"""How much do repeated runs of the same sentences differ in voice? The spread of speaker embeddings, and a picture.

Spread of an utterance: 1 - cosine, averaged over all pairs of its runs; 0 if every run has the same voice (at
temperature 0, say). The picture is the paper's (DiTAR, arXiv 2502.03930, appendix): embeddings on their first two
principal components.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ditar.evaluate.inputs import EvaluationError, import_for_evaluation, quote
from ditar.storage.atomic_write import atomic_write

MOST_NAMED = 10  # groups in a legend; more than that have one colour each and no names


def voice_spread(embeddings: np.ndarray) -> float | None:
    """Mean of 1 - cosine over the pairs of (runs, D), each of norm 1; runs without a voice (zeros) are left out. None
    if fewer than two are left."""
    voiced = embeddings[np.any(embeddings != 0, axis=1)].astype(np.float64)
    if len(voiced) < 2:
        return None
    cosines = voiced @ voiced.T
    return float(1 - cosines[np.triu_indices(len(voiced), 1)].mean())


def plot_spread(
    groups: Mapping[str, np.ndarray], path: str | Path, references: Mapping[str, np.ndarray] | None = None,
    title: str = "", group_of: str = "",
) -> None:  # fmt: skip
    """Write a PNG of embeddings {group: (runs, D)} on the principal components of all, a colour for each group.

    Embeddings without a voice (zeros) are left out. references: {group: (D,)}, drawn as a star of the group's colour;
    they take no part in the components. group_of: what the legend's names are ("temperature", say). EvaluationError if
    fewer than two embeddings have a voice.
    """
    voiced = {name: heard for name, rows in groups.items() if len(heard := rows[np.any(rows != 0, axis=1)])}
    points = [row for rows in voiced.values() for row in rows]
    if len(points) < 2:
        raise EvaluationError(f"no picture of diversity: only {len(points)} outputs of {quote(groups)} have a voice")
    import_for_evaluation("matplotlib")
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    components = voice_components(np.array(points))
    shares = np.nan_to_num(components.explained_variance_ratio_)  # identical points have no variance
    figure = Figure(figsize=(7, 5.5), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    named = len(voiced) <= MOST_NAMED
    colours = colormaps["tab10"] if named else colormaps["turbo"].resampled(len(voiced))
    references = {name: one for name, one in (references or {}).items() if name in voiced and np.any(one)}
    for number, (name, rows) in enumerate(voiced.items()):
        places = components.transform(rows)  # (runs, 2)
        axes.scatter(*places.T, s=24, color=colours(number), alpha=0.8, linewidths=0, label=name if named else None)
        if name in references:
            star = components.transform(references[name][None])
            axes.scatter(*star.T, s=170, marker="*", facecolors="none", edgecolors=colours(number), linewidths=1.2)
    axes.set_xlabel(f"first component ({100 * shares[0]:.0f} % of the variance)")
    axes.set_ylabel(f"second component ({100 * shares[1]:.0f} %)")
    axes.set_title(title + ("; stars: references" if references else ""), fontsize=10)
    axes.set_aspect("equal", adjustable="datalim")  # distances mean the same in both directions
    axes.grid(alpha=0.25)
    if named:
        axes.legend(title=group_of or None, fontsize=8, loc="best")
    with atomic_write(path) as partial:
        FigureCanvasAgg(figure).print_png(partial)


def voice_components(points: np.ndarray):
    """The first two principal components of speaker embeddings (N, D), N at least 2, as scikit-learn's PCA."""
    import_for_evaluation("sklearn")
    from sklearn.decomposition import PCA

    with np.errstate(invalid="ignore"):  # it divides by the variance, which identical points do not have
        return PCA(2, svd_solver="full").fit(points)


def runs_by_utterance(runs: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """[{utt: (D,)} of each run] -> {utt: (runs, D)}."""
    return {utt: np.stack([run[utt] for run in runs]) for utt in sorted(runs[0])}


def check_runs(folders: Sequence[str | Path], audio: Sequence[Mapping[str, Path]]) -> None:
    """Every run must hold the utterances of the first. EvaluationError quotes who lacks what."""
    for folder, other in zip(folders[1:], audio[1:]):
        odd = sorted(audio[0].keys() ^ other.keys())
        if odd:
            raise EvaluationError(f"runs differ in their utterances: only one of {str(folders[0])!r} and "
                                  f"{str(folder)!r} has {quote(odd)}; repeat the same sentences")  # fmt: skip
