"""The residual quantiser: nearest codes, gradient, learning that depends on the seed and on nothing else, ranks."""

import copy
import multiprocessing

import pytest
import torch
from safetensors.torch import load_file, save_file

from ditar.config import ConfigError, QuantiserConfig

pytest.importorskip("vector_quantize_pytorch")
from ditar.vae.quantiser import ResidualQuantiser, code_use  # noqa: E402

CONFIG = QuantiserConfig(codebooks=3, codebook_size=16, dead_share=0.1)


def noise(seed: int = 0, rows: int = 5) -> torch.Tensor:
    return torch.randn(rows, 30, 8, generator=torch.Generator().manual_seed(seed))


def state(quantiser: ResidualQuantiser) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in quantiser.state_dict().items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def quantiser() -> ResidualQuantiser:
    made = ResidualQuantiser(CONFIG, 8)
    made.learn(noise(), seed=1)
    return made


def test_each_codebook_takes_the_code_nearest_to_what_the_others_left(quantiser):
    latents = noise(1)
    quantised, left, commitment = quantiser(latents), latents, 0.0
    for number, codebook in enumerate(quantiser.vq.codebooks):
        nearest = torch.cdist(left, codebook).argmin(dim=-1)
        assert torch.equal(quantised.codes[:, number], nearest)
        left = left - codebook[nearest]
        commitment += left.square().mean()
    assert quantised.codes.shape == (5, 3, 30) and quantised.codes.dtype == torch.int64
    torch.testing.assert_close(quantised.values, latents - left)
    torch.testing.assert_close(quantised.commitment, commitment)
    assert torch.equal(quantiser.values(quantised.codes), quantised.values)


def test_the_gradient_passes_once(quantiser):
    latents = noise(1).requires_grad_()
    quantised = quantiser(latents)
    (gradient,) = torch.autograd.grad(quantised.values.sum(), latents, retain_graph=True)
    assert torch.equal(gradient, torch.ones_like(latents))
    quantised.commitment.backward()
    parts = quantiser._parts(quantised.codes).cumsum(dim=0)
    expected = (2 * (latents.detach() - parts) / latents.numel()).sum(dim=0)
    torch.testing.assert_close(latents.grad, expected)


def test_more_codebooks_say_it_better(quantiser):
    latents = noise()
    parts = quantiser._parts(quantiser(latents).codes).cumsum(dim=0)
    errors = (latents - parts).square().mean(dim=(1, 2, 3))
    assert errors[0] < 0.8 and errors[1] < errors[0] and errors[2] < errors[1]


def test_learning_is_a_function_of_the_seed(quantiser):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    again = ResidualQuantiser(CONFIG, 8)
    again.learn(noise(), seed=1)
    assert same(state(quantiser), state(again))
    assert torch.equal(before, torch.random.get_rng_state())  # nobody else's draws move
    other = ResidualQuantiser(CONFIG, 8)
    other.learn(noise(), seed=2)
    assert not same(state(quantiser), state(other))


def test_only_learning_moves_the_codebooks(quantiser):
    before = state(quantiser)
    for mode in (True, False):
        quantiser.train(mode)(noise(2))
        quantiser.values(torch.zeros(1, 3, 4, dtype=torch.int64))
    assert same(before, state(quantiser))
    quantiser.learn(noise(2), seed=1)
    after = state(quantiser)
    moved = {name.rpartition(".")[2] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"embed", "embed_avg", "cluster_size"}


def test_what_is_saved_goes_on_as_if_it_had_not_stopped(quantiser):
    again = ResidualQuantiser(CONFIG, 8)
    again.load_state_dict(quantiser.state_dict())
    for one in (quantiser, again):
        for step in range(3):
            one.learn(noise(step, rows=2), seed=step)
    assert same(state(quantiser), state(again))


@pytest.mark.parametrize(("dead_share", "used"), [(0.4, True), (0.0, False)])
def test_dead_codes_give_way_to_vectors_of_the_batch(dead_share, used):
    """The data moves away: the codes where it was are of use again, or stay where nothing is."""
    quantiser = ResidualQuantiser(QuantiserConfig(1, 16, decay=0.5, dead_share=dead_share), 8)
    quantiser.learn(noise(), seed=0)
    for step in range(8):
        quantiser.learn(noise() + 50.0, seed=step)
    _, dead = code_use(quantiser(noise() + 50.0).codes, 16)
    assert (dead.item() < 0.2) == used and (dead.item() > 0.8) != used


def test_a_batch_of_fewer_vectors_than_codes_leaves_most_codes_alone(quantiser):
    """What is dead is a matter of the batch's size: with a count of 2, say, this batch would replace them all."""
    before = quantiser.vq.codebooks[0].clone()
    quantiser.learn(noise(rows=1)[:, :8], seed=3)
    stayed = (quantiser.vq.codebooks[0] - before).norm(dim=-1) < 0.1 * before.norm(dim=-1)
    assert stayed.float().mean() > 0.8


def test_autocast_changes_nothing(quantiser):
    other = copy.deepcopy(quantiser)
    plain = quantiser(noise(1))
    quantiser.learn(noise(1), seed=7)
    with torch.autocast("cpu", torch.bfloat16):
        cast = other(noise(1))
        other.learn(noise(1), seed=7)
    assert torch.equal(plain.codes, cast.codes) and torch.equal(plain.values, cast.values)
    assert same(state(quantiser), state(other))


def test_empty_codebooks_are_refused():
    with pytest.raises(ConfigError, match="codebooks are empty"):
        ResidualQuantiser(CONFIG, 8)(noise())


def test_use_of_codes():
    even = torch.arange(16).repeat(2, 1)  # (B, T): every code once a row
    codes = torch.stack([even, torch.full_like(even, 3)], dim=1)
    perplexity, dead = code_use(codes, 16)
    torch.testing.assert_close(perplexity, torch.tensor([16.0, 1.0]))
    torch.testing.assert_close(dead, torch.tensor([0.0, 15 / 16]))


def learn_twice(vectors):
    """Two quantisers on the vectors of some steps, the second on vectors that differ in their last bits."""
    found = []
    for error in (0.0, 2e-7):
        quantiser = ResidualQuantiser(CONFIG, 8)
        for step, rows in enumerate(vectors):
            rows = rows * (1 + error * noise(100 + step, rows=len(rows)))
            quantiser.learn(rows, seed=step)
        found.append(quantiser(rows))
    return found


def test_rounding_moves_codes_only_where_codes_are_equal():
    """Processes, threads and batch sizes change last bits of the latents. Codes stay what they were, but where there
    are fewer different vectors than codes, as in a constant tone: then k-means makes equal codes, rounding chooses
    between them, and their running averages go apart. So losses of such a run depend on the number of processes."""
    one, other = learn_twice([noise(step) for step in range(8)])
    assert torch.equal(one.codes, other.codes)
    torch.testing.assert_close(one.values, other.values, rtol=1e-5, atol=1e-6)
    tone = noise(0, rows=1)[:, :1]
    one, other = learn_twice([tone.expand_as(noise(0)) * (1 + 0.01 * step) for step in range(8)])
    assert (one.codes != other.codes).any()
    assert not torch.allclose(one.values, other.values, rtol=1e-3)


def learn_on_a_rank(rank: int, ranks: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", f"file://{folder}/meeting-{ranks}", rank=rank, world_size=ranks)
    quantiser = ResidualQuantiser(QuantiserConfig(3, 16, decay=0.5, dead_share=0.5), 8)
    for step in range(4):
        torch.manual_seed(rank)  # a rank's own generator plays no part
        quantiser.learn(noise(step)[rank::ranks], seed=step)
    save_file(quantiser.state_dict(), f"{folder}/{ranks}-{rank}.safetensors")
    torch.distributed.destroy_process_group()


def test_codebooks_are_equal_on_all_ranks_and_those_of_one_process(tmp_path):
    """Five rows over one, two and three processes, codes replaced on the way."""
    context = multiprocessing.get_context("fork")
    for ranks in (1, 2, 3):
        processes = [context.Process(target=learn_on_a_rank, args=(r, ranks, str(tmp_path))) for r in range(ranks)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        assert [process.exitcode for process in processes] == [0] * ranks
    alone = load_file(tmp_path / "1-0.safetensors")
    for ranks in (2, 3):
        found = [load_file(tmp_path / f"{ranks}-{rank}.safetensors") for rank in range(ranks)]
        assert all(same(found[0], other) for other in found[1:])
        torch.testing.assert_close(found[0], alone, rtol=1e-5, atol=1e-6)
