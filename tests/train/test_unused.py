"""What a system says of parameters without a gradient is so: DistributedDataParallel looks for them only where it must."""

from dataclasses import replace

import pytest

from ditar.train.ditar_system import DiTARSystem
from ditar.train.token_system import TokenSystem, fill_in
from tests.data.test_code_batches import write_codes
from tests.train import test_token_system
from tests.train.test_loop import make_config, store  # noqa: F401


def without_gradient(system, step: int) -> set[str]:
    batch = system.batch(step, 0, ("model",))
    system.forward(system.loss, "model", batch, step, system.counts(batch))[0].backward()
    found = {name for name, p in system.loss.named_parameters() if p.grad is None}
    system.loss.zero_grad(set_to_none=True)
    return found


def assert_as_said(system, last: int) -> None:
    names = {p: name for name, p in system.loss.named_parameters()}
    never = {names[p] for part in system.never_used for p in part.parameters()}
    first, later = without_gradient(system, 0), without_gradient(system, last)
    assert first == never and never <= later
    assert system.sometimes_unused == (later > never)


@pytest.mark.parametrize("helper_until", [0.0, 0.8])
@pytest.mark.parametrize("alignment", ["attention", "monotonic"])
def test_of_ditar(helper_until, alignment, store):  # noqa: F811
    config = make_config()
    model, loss = replace(config.model, alignment=alignment), replace(config.loss, helper_until=helper_until)
    assert_as_said(DiTARSystem(replace(config, model=model, loss=loss), store, store), 5)


@pytest.mark.parametrize("helper_until", [0.0, 0.8])
def test_of_the_discrete_system(helper_until, tmp_path):
    config, codes = test_token_system.make_config(), write_codes(tmp_path)
    loss = replace(config.loss, helper_until=helper_until, phoneme_weight=0.2)
    system = TokenSystem(fill_in(replace(config, loss=loss), codes), codes, codes)
    assert_as_said(system, config.optimiser.steps - 1)
