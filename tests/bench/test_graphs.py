"""LocDiT's steps replayed from fixed places: the same patches, whatever was computed before."""

import copy
from dataclasses import replace
from unittest.mock import MagicMock, call

import pytest
import torch

from ditar.bench import BenchError, graphs
from ditar.bench.graphs import with_graphs
from ditar.bench.setup import Subject, Variant
from ditar.config.sampling import SamplingOptions
from ditar.diffusion.solver import make_solver
from ditar.model.generate import collect_patches, generate_patches
from tests.tiny import tiny_pipeline


@pytest.fixture(scope="module")
def subject():
    pipeline = tiny_pipeline(stop_bias=20.0)
    return Subject(pipeline.ditar, pipeline.vae, "tiny")


def patches(model, rows, guidance_steps=(0.0, 1.0)):
    return [made.patches for made in collect_patches(generate_patches(model, rows, guidance_steps=guidance_steps))]


@pytest.mark.parametrize("solver", ["ddim", "dpm-solver++"])
def test_replayed_steps_make_the_same_patches(subject, solver):
    """With a recorder that runs the function again on its fixed places, as a graph on a GPU does."""
    variant, recorded = Variant(steps=3, solver=solver), []

    def record(function):
        recorded.append(function)
        return function

    model = subject.model(variant)
    graphs = with_graphs(copy.deepcopy(model), record)

    def rows():  # the second row is longer, so that it goes on alone
        first, second = subject.rows(variant, 1, 0.4)[0], subject.rows(variant, 2, 0.8)[1]
        solvers = make_solver(SamplingOptions(num_inference_steps=3, solver=solver))
        return [replace(row, solver=solvers) for row in (first, second)]

    for part in ((0.0, 1.0), (0.0, 0.5)):
        for mine, plain in zip(patches(graphs, rows(), part), patches(model, rows(), part), strict=True):
            assert torch.equal(mine, plain) and len(mine) > 3
    assert len(recorded) == 3  # two rows with guidance; without, as one with; one without


def test_a_machine_without_a_gpu_refuses(subject):
    with pytest.raises(BenchError, match="need a GPU, and the model is on cpu; leave --cuda-graphs off"):
        subject.model(Variant(cuda_graphs=True))
    cached = copy.deepcopy(subject.model(Variant(prefix_cache=True)))
    with pytest.raises(BenchError, match="without its prefix cache"):
        with_graphs(cached, lambda function: function)


def test_a_graph_is_recorded_on_the_models_gpu(monkeypatch):
    """`--device cuda:1`, while cuda:0 is current: else nothing would be recorded, and replaying would do nothing."""
    cuda = MagicMock()
    monkeypatch.setattr(graphs.torch, "cuda", cuda)
    replayed = graphs.record_on_gpu(lambda: "tensor", torch.device("cuda:1"))
    names = [name for name, *_ in cuda.mock_calls]
    assert cuda.mock_calls[0] == call.device(torch.device("cuda:1"))
    left = names.index("device().__exit__")
    assert names.index("device().__enter__") < names.index("Stream") < names.index("graph().__exit__") < left
    assert replayed() == "tensor"
