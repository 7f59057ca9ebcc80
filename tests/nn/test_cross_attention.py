import torch

from ditar.config import BlockConfig
from ditar.nn.transformer import Transformer


def build(cross=True):
    torch.manual_seed(0)
    model = Transformer(BlockConfig(2, 16, 2, 24), cross=cross).double()
    generator = torch.Generator().manual_seed(1)
    x, context = (torch.randn(3, n, 16, generator=generator, dtype=torch.float64) for n in (5, 4))
    return model, x, context


def run(model, x, context, counts):
    read = model.read_context(context, torch.tensor(counts))
    return model(x, model.positions(torch.arange(x.shape[1])), context=read).hidden


def test_padding_of_the_context_is_never_attended_to():
    model, x, context = build()
    whole = run(model, x, context, [4, 2, 1])
    changed = context.clone()
    changed[1, 2:], changed[2, 1:] = 9.0, -9.0
    assert torch.equal(run(model, x, changed, [4, 2, 1]), whole)
    assert torch.allclose(run(model, x[1:2], context[1:2, :2], [2]), whole[1:2], atol=1e-12)
    assert not torch.allclose(run(model, x, context, [3, 2, 1])[0], whole[0])


def test_a_context_of_zeros_is_none_at_all():
    model, x, context = build()
    tables = model.positions(torch.arange(5))
    assert torch.allclose(run(model, x, torch.zeros_like(context), [4, 2, 1]), model(x, tables).hidden, atol=1e-12)


def test_the_context_is_read_once_for_all_steps():
    model, x, context = build()
    causal = torch.ones(1, 5, 5, dtype=torch.bool).tril()
    read = model.read_context(context, torch.tensor([4, 2, 1]))
    whole = model(x, model.positions(torch.arange(5)), mask=causal, context=read).hidden
    cache = model.allocate(3, 5, x)
    for step in range(5):
        tables = model.positions(torch.tensor([step]))
        output = model(x[:, step : step + 1], tables, cache=cache, context=read)
        cache = output.cache
        assert torch.allclose(output.hidden[:, 0], whole[:, step], atol=1e-12)


def test_without_it_a_transformer_has_the_parameters_it_had():
    plain, crossed = build(cross=False)[0].state_dict(), build()[0].state_dict()
    added = {name for name in crossed if ".cross" in name}
    assert set(crossed) - set(plain) == added and len(added) == 2 * 4
