"""bfloat16 is for matrix products: norms, losses, gradients and what optimisers keep are float32."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ditar.nn import cpu_kernels, precision
from ditar.nn.norm import RMSNorm
from ditar.nn.transformer import Transformer
from ditar.train import loop, muon
from ditar.train.ditar_system import DiTARSystem
from ditar.train.optimiser import build_optimisers
from tests.train.test_loop import make_config, run, store  # noqa: F401
from tests.train.test_ranks import token_system


@pytest.fixture
def plain():
    """The modules that run on a GPU."""
    with cpu_kernels.plain_methods():
        yield


def test_a_norm_of_bfloat16_is_that_of_float32_rounded_once(plain):
    norm = RMSNorm(64)
    torch.nn.init.uniform_(norm.weight, 0.9, 1.1)  # gains that bfloat16 would round by up to 0.4 %
    x = torch.randn(50, 64, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = norm(x)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, F.rms_norm(x.float(), (64,), norm.weight, 1e-6).bfloat16())
    rounded = F.rms_norm(x, (64,), norm.weight.bfloat16(), 1e-6)
    assert not torch.equal(found, rounded)


def norm_arithmetic(monkeypatch):
    """The dtypes in which norms compute."""
    seen, real = [], F.rms_norm

    def watched(x, shape, weight, epsilon):
        seen.append((x.dtype, weight.dtype))
        return real(x, shape, weight, epsilon)

    monkeypatch.setattr(F, "rms_norm", watched)
    return seen


@pytest.mark.parametrize("alignment", ["attention", "monotonic"])
def test_norms_losses_and_gradients_are_float32(alignment, plain, monkeypatch, store):  # noqa: F811
    config = make_config(precision="bf16", kind="adamw")
    config = replace(config, model=replace(config.model, alignment=alignment))
    system = DiTARSystem(config, store, store)
    optimisers = build_optimisers(system.loss, config.optimiser)
    norms, products = norm_arithmetic(monkeypatch), set()
    for part in system.model.modules():
        if isinstance(part, Transformer):
            part.blocks[0].ffn.down.register_forward_hook(lambda module, given, out: products.add(out.dtype))
    batch = system.batch(0, 0, ("model",))
    with torch.autocast("cpu", torch.bfloat16):
        loss, parts = system.forward(system.loss, "model", batch, 0, system.counts(batch))
    assert products == {torch.bfloat16}  # autocast is on
    assert len(norms) == 3 * (2 * 2 + 1) and set(norms) == {(torch.float32, torch.float32)}
    names = {"loss", "diffusion", "stop", "phoneme", "attention"} | ({"reading"} & parts.keys())
    assert {parts[name].dtype for name in names} == {loss.dtype} == {torch.float32}
    assert ("reading" in parts) == (alignment == "monotonic")
    loss.backward()
    optimisers[0].step()
    gradients = {p.grad.dtype for p in system.loss.parameters() if p.grad is not None}
    kept = {value.dtype for entries in optimisers[0].state.values() for value in entries.values()}
    assert gradients == kept == {p.dtype for p in system.loss.parameters()} == {torch.float32}


def test_the_losses_of_the_discrete_system_are_float32(tmp_path):
    system = token_system(tmp_path)
    batch = system.batch(0, 0, ("model",))
    with torch.autocast("cpu", torch.bfloat16):
        loss, parts = system.forward(system.loss, "model", batch, 0, system.counts(batch))
    assert {value.dtype for name, value in parts.items() if "accuracy" not in name and value.is_floating_point()} == {
        torch.float32
    }
    assert loss.dtype == torch.float32


@pytest.mark.parametrize(
    ("has", "fast"), [({"avx2": True}, False), ({"avx512_bf16": True}, True), ({"neon": True, "bf16": True}, True)]
)
def test_bfloat16_is_chosen_where_the_cpu_has_instructions_for_it(has, fast, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    cpu = torch.device("cpu")
    assert precision.in_bfloat16("auto", cpu) is fast
    assert precision.in_bfloat16("bf16", cpu) and not precision.in_bfloat16("no", cpu)
    assert precision.autocast("auto", cpu)._enabled is fast


@pytest.mark.parametrize("asked", ["auto", "bf16"])
@pytest.mark.parametrize("fast", [True, False])
def test_training_says_what_it_computes_in(fast, asked, monkeypatch, store, tmp_path, capsys):  # noqa: F811
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: fast)
    monkeypatch.setattr(loop, "multiplies_bfloat16", lambda device: fast)
    run(make_config(steps=1, precision=asked), store, tmp_path)
    said = capsys.readouterr().err
    assert f"products in {'float32' if asked == 'auto' and not fast else 'bfloat16'} on cpu" in said
    assert ("it has no instructions for that" in said) is (asked == "bf16" and not fast)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("shape", [(24, 64), (64, 24), (32, 32)])
def test_muon_is_torchs_and_in_float32_where_bfloat16_is_slow(shape, fast, monkeypatch):
    monkeypatch.setattr(muon, "multiplies_bfloat16", lambda device: fast)
    draw = torch.Generator().manual_seed(0)
    start, gradients = torch.randn(shape, generator=draw), [torch.randn(shape, generator=draw) for _ in range(3)]
    mine, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    optimisers = [
        muon.Muon([mine], lr=0.1, weight_decay=0.01),
        torch.optim.Muon([theirs], lr=0.1, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
    ]
    for gradient in gradients:
        for weight, optimiser in zip((mine, theirs), optimisers, strict=True):
            weight.grad = gradient.clone()
            optimiser.step()
    kept = [optimiser.state[weight]["momentum_buffer"] for weight, optimiser in zip((mine, theirs), optimisers)]
    assert torch.equal(*kept)
    assert torch.equal(mine, theirs) is fast
    moved = [(weight - start).detach() for weight in (mine, theirs)]
    assert (moved[0] - moved[1]).norm() < 0.02 * moved[1].norm()
