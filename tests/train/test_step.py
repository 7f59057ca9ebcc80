"""What a step and a validation consist of: noise, gradients over parts and ranks, clipping, settings of the
optimisers."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ditar.config import OptimiserConfig
from ditar.nn.transformer import Transformer
from ditar.train.checkpoint import checkpoints
from ditar.train.ditar_system import DiTARSystem
from ditar.train.optimiser import build_optimisers
from tests.train.test_loop import BLOCK, make_config, run, store  # noqa: F401


def test_every_step_has_noise_of_its_own_and_the_same_each_time(store):  # noqa: F811
    system = DiTARSystem(make_config(), store, store)
    batch = system.batch(0, 0, ("model",))

    def loss(step: int) -> float:
        with torch.no_grad():
            return system.forward(system.loss, "model", batch, step, system.counts(batch))[1]["diffusion"].item()

    assert loss(3) == loss(3) and len({loss(step) for step in range(4)}) == 4


def test_validation_hides_and_noises_nothing(store):  # noqa: F811
    """So that runs with other noise in training can be compared."""
    loud = {"lm_noise": 0.5, "history_noise": 0.5, "history_dropout": 0.5, "h_dropout": 0.9, "own_share": 1.0}
    found = []
    for changes in (loud, dict.fromkeys(loud, 0.0)):
        config = make_config()
        system = DiTARSystem(replace(config, loss=replace(config.loss, **changes)), store, store)
        found.append(system.figures(system.validate(system.model.eval(), 5)))
        assert found[-1] == system.figures(system.validate(system.model, 6))
    assert found[0] == found[1]


@pytest.mark.parametrize("alignment", ["attention", "monotonic"])
def test_accumulated_parts_and_the_rows_of_ranks_have_the_gradient_of_one_batch(store, alignment):  # noqa: F811
    """Exactly, though their numbers of patches differ."""
    config = make_config(accumulation=3)
    model, data = replace(config.model, alignment=alignment), replace(config.data, batch_patches=32)
    config = replace(config, model=model, data=data, loss=replace(config.loss, noise_draws=2, own_share=0.5))
    system = DiTARSystem(config, store, store)
    system.loss.double()
    examples = [system.batches._example(e, 0) for part in system.batches.plan(0, 2.0)[3:6] for e in part]
    assert len(examples) >= 3
    ways = (
        [system.batches.collate(examples)],
        [system.batch(1, part, ("model",)) for part in range(3)],
        [system.batch(1, part, ("model",), rank, 2) for part in range(3) for rank in range(2)],
    )
    gradients = []
    for batches in ways:
        counts = sum(system.counts(batch) for batch in batches)
        for batch in batches:
            batch = replace(batch, latents=batch.latents.double())
            system.forward(system.loss, "model", batch, 1, counts)[0].backward()
        gradients.append(torch.cat([p.grad.flatten() for p in system.loss.parameters() if p.grad is not None]))
        system.loss.zero_grad()
    for other in gradients[1:]:
        assert (other - gradients[0]).norm() < 1e-12 * gradients[0].norm()


def test_the_gradient_is_clipped_before_it_moves_the_weights(store, tmp_path):  # noqa: F811
    """Of plain descent a step is the rate times the norm; AdamW's is not, so its state shows the gradient."""
    config = make_config(steps=1, kind="adamw", clip_norm=0.01, betas=(0.5, 0.5))
    (line,) = [line for line in run(config, store, tmp_path) if "train/gradient_norm_model" in line]
    assert line["train/gradient_norm_model"] > 0.1
    state = load_file(checkpoints(tmp_path / "checkpoints")[-1] / "optimiser-0.safetensors")
    first = torch.cat([value.flatten() for name, value in state.items() if name.endswith("exp_avg")])
    assert first.norm().item() == pytest.approx(0.5 * 0.01, rel=1e-3)  # 1 - beta of what was clipped


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_vectors_do_not_decay_and_the_settings_reach_the_optimisers(kind):
    config = OptimiserConfig(steps=1, learning_rate=0.5, kind=kind, betas=(0.7, 0.8), weight_decay=0.3)
    model = Transformer(BLOCK)
    decays = {}
    for optimiser in build_optimisers(model, config):
        for group in optimiser.param_groups:
            assert group["lr"] == 0.5 and group.get("betas", (0.7, 0.8)) == (0.7, 0.8)
            decays |= {parameter: group["weight_decay"] for parameter in group["params"]}
    assert decays == {p: 0.3 if p.ndim > 1 else 0.0 for p in model.parameters()}
