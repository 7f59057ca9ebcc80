"""How many threads torch has: what is asked for, or what is fastest."""

import pytest
import torch

from ditar.nn import threads
from ditar.nn.threads import fastest_threads, largest_weight, set_threads
from ditar.synthesis.pretrained import load_pipeline
from tests.tiny import tiny_pipeline


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    before = torch.get_num_threads()
    for name in threads.ASKED:
        monkeypatch.delenv(name, raising=False)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("seconds", "wanted"), [
    (lambda n: 1.0 / n, 16),  # an idle machine
    (lambda n: 1.0 if n == 1 else 5.0 * n, 1),  # beside others: each product waits
    (lambda n: 1.0 / min(n, 4), 4),  # more than four share nothing more
    (lambda n: 1.0 - 0.02 * n, 1),  # hardly faster: the cores are left to others
])  # fmt: skip
def test_as_many_as_make_a_product_faster(monkeypatch, seconds, wanted):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(threads, "_seconds", lambda weight: seconds(asked[-1]))
    assert fastest_threads(torch.zeros(1, 1), most=20) == wanted and max(asked) <= 16


def test_a_measurement_on_this_machine_is_short():
    from time import perf_counter

    began = perf_counter()
    assert fastest_threads(torch.ones(256, 128), most=2) in (1, 2)
    assert perf_counter() - began < 5  # 0.05 s where nothing else runs


def test_what_was_said_before_is_left(monkeypatch):
    monkeypatch.setattr(threads, "fastest_threads", lambda weight: 3)
    weight = torch.zeros(2, 2)
    set_threads(5, weight)
    assert torch.get_num_threads() == 5
    set_threads(None, weight)  # somebody has set it: it is not torch's own number
    assert torch.get_num_threads() == 5
    torch.set_num_threads(threads.os.cpu_count())
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    set_threads(None, weight)
    assert torch.get_num_threads() == threads.os.cpu_count()
    monkeypatch.delenv("OMP_NUM_THREADS")
    set_threads(None, weight)
    assert torch.get_num_threads() == 3


def test_a_pipeline_that_is_loaded_has_them(tmp_path, monkeypatch):
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path)
    load_pipeline(tmp_path, threads=2)
    assert torch.get_num_threads() == 2
    asked = []
    monkeypatch.setattr(threads, "fastest_threads", lambda weight: asked.append(weight.shape) or 1)
    torch.set_num_threads(threads.os.cpu_count())
    load_pipeline(tmp_path)
    assert torch.get_num_threads() == 1 and asked == [largest_weight(pipeline.ditar).shape]
    for wrong in (0, 1.5, float("nan"), 10**6):
        with pytest.raises(ValueError, match=f"threads must be a whole number from 1 to 1024, got {wrong}"):
            load_pipeline(tmp_path, threads=wrong)
