import pytest
import torch
import torch.nn.functional as F

from ditar.nn.cpu_kernels import _scalar
from ditar.nn.norm import RMSNorm


def test_equals_torch_and_its_gradient():
    torch.manual_seed(0)
    norm = RMSNorm(8).double()
    torch.nn.init.normal_(norm.weight)
    x = torch.randn(3, 5, 8, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(norm(x), F.rms_norm(x, (8,), norm.weight, 1e-6))
    assert torch.autograd.gradcheck(lambda x, _: norm(x), (x, norm.weight))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keeps_the_input_dtype(dtype):
    norm = RMSNorm(4)
    y = norm(torch.randn(2, 4, dtype=dtype))
    y.sum().backward()
    assert y.dtype == dtype and norm.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_without_gradients_it_is_the_same_function(dtype):
    norm = RMSNorm(64)
    torch.nn.init.uniform_(norm.weight, 0.5, 2.0)
    norm.to(dtype)
    x = torch.randn(3, 5, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[0] *= 1e-3  # where epsilon counts
    x[1, 0] = 0.0
    x = x.to(dtype)
    expected = F.rms_norm(x.double(), (64,), norm.weight.double(), 1e-6)
    with torch.no_grad():
        found = norm(x)
    assert found.dtype == dtype and (found[1, 0] == 0).all()
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-6, torch.bfloat16: 0.02}[dtype]
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance / 10)


def test_it_keeps_nothing_of_where_it_was_first_used():
    norm, x = RMSNorm(96), torch.randn(2, 96)
    _scalar.cache_clear()
    with torch.inference_mode(), torch.device("meta"):
        first = norm(x).clone()
    with torch.no_grad():
        assert torch.equal(norm(x), first)
    assert torch.allclose(norm(x), first, atol=1e-6)


def test_a_norm_beyond_float16():
    with torch.no_grad():
        assert torch.allclose(RMSNorm(1024).half()(torch.full((2, 1024), 3000.0).half()), torch.ones(2, 1024).half())
