import numpy as np
import pytest

from ditar.evaluate.diversity import check_runs, plot_spread, runs_by_utterance, voice_spread
from ditar.evaluate.inputs import EvaluationError


def unit(*angles):
    return np.array([[np.cos(a), np.sin(a), 0.0] for a in angles])


def test_voice_spread():
    assert voice_spread(unit(0.3, 0.3, 0.3)) == pytest.approx(0, abs=1e-12)
    assert voice_spread(unit(0, np.pi / 2)) == pytest.approx(1)
    assert voice_spread(unit(0, np.pi / 3, 2 * np.pi / 3)) == pytest.approx(1 - (0.5 + 0.5 - 0.5) / 3)
    silent = np.concatenate([unit(0, np.pi / 2), np.zeros((1, 3))])
    assert voice_spread(silent) == pytest.approx(1)  # silence is nobody's voice
    assert voice_spread(silent[1:]) is None


def test_the_picture(tmp_path, recwarn):
    for package in ("matplotlib", "sklearn"):
        pytest.importorskip(package, reason=f"{package} is not installed (pip install '.[eval]')")
    from matplotlib.image import imread

    rng = np.random.default_rng(0)
    groups = {f"{tau:g}": rng.standard_normal((30, 8)) * tau + np.arange(8) for tau in (0.1, 0.5, 1.0)}
    plot_spread(groups, tmp_path / "few.png", {"1": np.arange(8.0)}, title="three", group_of="temperature")
    many = {f"u{n}": rng.standard_normal((3, 8)) for n in range(12)}
    plot_spread(many, tmp_path / "many.png")
    plot_spread({"a": np.ones((3, 4))}, tmp_path / "one.png")  # temperature 0: nothing varies
    silent = {"a": np.ones((3, 4)), "b": np.zeros((3, 4))}
    plot_spread(silent, tmp_path / "silent.png", {"a": np.zeros(4), "b": np.ones(4)})
    plot_spread({"a": silent["a"]}, tmp_path / "voiced.png", {})
    assert not recwarn.list
    silent, voiced = (imread(tmp_path / f"{name}.png") for name in ("silent", "voiced"))
    assert np.array_equal(silent, voiced)  # silence is nobody's voice: no point, no name, no star
    for name in ("few.png", "many.png", "one.png"):
        picture = imread(tmp_path / name)
        assert picture.shape[0] > 400 and picture.std() > 0.05  # something is drawn
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(EvaluationError, match="only 1 outputs"):
        plot_spread({"a": np.ones((1, 4)), "b": np.zeros((2, 4))}, tmp_path / "none.png")


def test_runs_hold_the_same_utterances():
    check_runs(["one", "two"], [{"a": 1, "b": 2}, {"b": 3, "a": 4}])
    with pytest.raises(EvaluationError, match="only one of 'one' and 'three' has 'b'"):
        check_runs(["one", "two", "three"], [{"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 1}])
    by_utterance = runs_by_utterance([{"b": np.ones(2), "a": np.zeros(2)}, {"a": np.ones(2), "b": np.zeros(2)}])
    assert list(by_utterance) == ["a", "b"] and by_utterance["a"].tolist() == [[0, 0], [1, 1]]
