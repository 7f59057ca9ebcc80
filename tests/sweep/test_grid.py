"""Grids: files, points, and what is refused before anything is spoken."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ditar.baseline.decoding import DecodingOptions
from ditar.baseline.streams import Streams
from ditar.config import ConfigError, SamplingConfig, SamplingOptions, StreamsConfig
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid, TokenGrid, check_grid, override, points, read_grid, varying
from ditar.sweep.items import Item, batches, items
from ditar.sweep.pairs import Pair, read_pairs, text_pairs

ROOT = Path(__file__).parents[2]
FILE = """
temperature: [0, 0.5, 1]
guidance_scale: [1, 2]
steps: [2, 10]
solver: [ddim]
time_grid: [uniform]
seed: [0, 7]
"""


def test_a_grid_is_the_product_of_its_axes(tmp_path):
    (tmp_path / "grid.yaml").write_text(FILE)
    grid = read_grid(tmp_path / "grid.yaml")
    check_grid(grid)
    every = points(grid)
    assert len(every) == 12 and len({p.name for p in every}) == 12
    assert every[0].name == "t0_g1_n2_ddim_uniform" and every[5]["temperature"] == 0.5 and every[5]["steps"] == 10
    assert varying(grid) == ["temperature", "guidance_scale", "steps"]
    # Deterministic sampling is not repeated.
    assert {p.seeds for p in every if p["temperature"] == 0} == {(0,)}
    assert {p.seeds for p in every if p["temperature"] > 0} == {(0, 7)}


def test_a_grid_file_spells_every_axis_and_no_other(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(FILE.replace("time_grid: [uniform]\n", ""))
    with pytest.raises(ConfigError, match="missing key 'time_grid'"):
        read_grid(path)
    path.write_text(FILE.replace("steps:", "step:"))
    with pytest.raises(ConfigError, match="unknown key 'step'; did you mean 'steps'"):
        read_grid(path)
    path.write_text("temperature: [1]\ntop_k: [20, 50]\nguidance_scale: [1]\nseed: [0]\n")
    assert read_grid(path) == TokenGrid((1.0,), (20, 50), (1.0,), (0,))
    with pytest.raises(ConfigError, match="does not exist"):
        read_grid(tmp_path / "none.yaml")


def test_a_solver_without_temperature_takes_the_place_of_the_models_own():
    model = SimpleNamespace(sampling=SamplingOptions(temperature=0.1, time_grid="sway", num_inference_steps=6))
    assert (Grid.of(model).temperature, Grid.of(model).time_grid) == ((0.1,), ("sway",))
    for asked in ({"solver": ["unipc"]}, {"solver": ["unipc", "dpm-solver++"]}):
        grid = override(Grid.of(model, asked), asked)
        check_grid(grid)
        assert (grid.temperature, grid.steps, grid.solver) == ((1.0,), (6,), tuple(asked["solver"]))
    both = {"solver": ["ddim", "unipc"]}
    hot = both | {"temperature": [1.0]}
    check_grid(override(Grid.of(model, hot), hot))
    with pytest.raises(SweepError, match="unipc.*no temperature below 1"):
        check_grid(override(Grid.of(model, both), both))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": (0.5, 1.5)}, r"1 of 2 points .* t1.5_.*temperature must lie in \[0, 1\].*1.5"),
        ({"temperature": (0.5,), "steps": (1, 2)}, "1 of 2 points .*needs at least 2 inference steps"),
        ({"solver": ("ddim", "unipc"), "temperature": (0.5,)}, "unipc.*no temperature below 1"),
        ({"guidance_scale": (0.5,)}, "guidance_scale must be .* got 0.5"),
        ({"guidance_scale": (float("nan"),)}, "guidance_scale must be .* got nan"),
        ({"steps": (10, 10)}, "steps has 10 more than once"),
        ({"steps": ()}, "steps has no value"),
        ({"seed": (-1,)}, "seeds must be whole numbers"),
        ({"seed": ()}, "seed has no value"),
    ],
)
def test_an_invalid_point_anywhere_refuses_the_whole_grid(values, message):
    with pytest.raises(SweepError, match=message):
        check_grid(Grid(**values))


def test_the_studies_of_the_generated_corpus_are_valid_and_leave_its_test_sentences_alone():
    folder = ROOT / "egs" / "generated"
    for path in sorted((folder / "conf").glob("sweep*.yaml")):
        check_grid(read_grid(path))
    assert len(points(read_grid(folder / "conf" / "sweep_guidance.yaml"))) == 16
    heldout = (folder / "local" / "heldout.txt").read_text(encoding="utf-8")
    for name in ("sweep.tsv", "sweep_diversity.tsv"):
        pairs = read_pairs(folder / "conf" / name)
        assert pairs and not any(pair.text in heldout for pair in pairs)


def test_a_token_grid_has_its_own_bounds():
    check_grid(TokenGrid(temperature=(0.0, 1.3)))
    with pytest.raises(SweepError, match="temperature must be a number from 0 up"):
        check_grid(TokenGrid(temperature=(-1.0,)))
    with pytest.raises(SweepError, match="t1_k0_g1: top_k must be at least 1 .*, got 0"):
        check_grid(TokenGrid(top_k=(5, 0)))


@pytest.mark.parametrize(("top_k", "swept"), [(7, 7), (None, 17)])
def test_a_model_that_draws_from_all_tokens_is_swept_so(top_k, swept):
    kind = StreamsConfig("audio", 16, 18, 17, (0,), 17, (1.0,), sampling=SamplingConfig(0.8, top_k))
    options = DecodingOptions(1.5, {"audio": kind.sampling})
    pipeline = SimpleNamespace(decoding_options=lambda: options, token_lm=SimpleNamespace(streams=Streams([kind])))
    assert TokenGrid.of(pipeline) == TokenGrid((0.8,), (swept,), (1.5,))


def test_options_replace_axes_and_unknown_ones_are_named():
    assert override(Grid(), {"steps": [2, 5], "seed": None}) == Grid(steps=(2, 5))
    with pytest.raises(ConfigError, match="no axis 'top_k'; it has guidance_scale"):
        override(Grid(), {"top_k": [5]})


def test_pairs_of_a_table(tmp_path):
    (tmp_path / "clip.wav").touch()
    table = tmp_path / "pairs.tsv"
    table.write_text("# a comment\n\nu1\tGood morning.\nu2\tGood night.\tclip.wav\tHello there.\n")
    assert read_pairs(table) == [
        Pair("u1", "Good morning."),
        Pair("u2", "Good night.", tmp_path / "clip.wav", "Hello there."),
    ]
    assert text_pairs(["a", "b"]) == [Pair("text1", "a"), Pair("text2", "b")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("u1 no tab", "pairs.tsv:2: expected `id<TAB>text`"),
        ("u1\ttext\tclip.wav", "pairs.tsv:2: expected"),
        ("u0\tagain", "pairs.tsv:2: the id 'u0' comes twice"),
        ("../u1\ttext", "pairs.tsv:2: the id '../u1' names a file"),
        ("u1\ttext\tnone.wav\tsaid", "pairs.tsv:2: there is no clip 'none.wav'"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    (tmp_path / "pairs.tsv").write_text(f"u0\tfine\n{line}\n")
    with pytest.raises(SweepError, match=message):
        read_pairs(tmp_path / "pairs.tsv")


def test_an_empty_or_missing_table_is_refused(tmp_path):
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SweepError, match="holds no pair"):
        read_pairs(tmp_path / "empty")
    with pytest.raises(SweepError, match="none' does not exist; give a UTF-8"):
        read_pairs(tmp_path / "none")


def test_batches_are_filled_across_points_and_seeds_that_may_share_one():
    grid = Grid(temperature=(0.5, 1.0), guidance_scale=(1.0, 2.0), steps=(2, 5), seed=(0, 1))
    pairs = [Pair("short", "Hi."), Pair("long", "A much longer sentence.")]
    wanted = items(grid, pairs)
    made = batches(wanted, grid.PER_BATCH, 5)
    assert sorted(i.name for batch in made for i in batch) == sorted(i.name for i in wanted) and len(wanted) == 32
    assert [len(b) for b in made] == [5, 5, 5, 1] * 2
    assert all(len({i.point["steps"] for i in batch}) == 1 for batch in made)
    assert len({(i.point["temperature"], i.point["guidance_scale"]) for i in made[0]}) > 1
    # Sentences of like length stand together: the first eight of a group are the long ones.
    assert {i.pair.name for i in [*made[0], *made[1][:3]]} == {"long"}


def test_noise_differs_between_sentences_and_seeds_and_not_between_points():
    one, other = points(Grid(steps=(2, 5)))
    a, b = Pair("a", "x"), Pair("b", "y")
    assert Item(one, 0, a).noise_seed == Item(other, 0, a).noise_seed
    assert len({Item(one, seed, pair).noise_seed for seed in (0, 1) for pair in (a, b)}) == 4
