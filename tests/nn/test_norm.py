import pytest
import torch
import torch.nn.functional as F

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
