import pytest
import torch

from ditar.model.patches import histories, history_exists, patch, unpatch


def test_there_and_back():
    x = torch.randn(2, 12, 3)
    assert torch.equal(unpatch(patch(x, 4)), x)
    assert torch.equal(patch(x, 4)[1, 2, 3], x[1, 11])


def test_left_over_frames_are_named():
    with pytest.raises(ValueError, match="10 frames .* pad 2 frames on the left"):
        patch(torch.zeros(1, 10, 2), 4)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_histories_are_the_patches_before(count):
    x = torch.randn(2, 4, 3, 2)
    past, exists = histories(x, count), history_exists(4, count)
    assert past.shape == (2, 4, count, 3, 2) and exists.shape == (4, count)
    for i in range(4):
        for j in range(count):
            source = i - count + j
            assert bool(exists[i, j]) == (source >= 0)
            assert torch.equal(past[:, i, j], x[:, source] if source >= 0 else torch.zeros(2, 3, 2))
