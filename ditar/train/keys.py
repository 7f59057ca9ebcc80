"""Random generators that are functions of their purpose, so that no random state has to be saved or replayed."""

from collections.abc import Sequence

import torch

from ditar.seeds import keyed_seed


def keyed_generators(seed: int, step: int, names: Sequence[str]) -> list[torch.Generator]:
    """One generator on the CPU for each name, keyed by (seed, step, name): the same on any rank and after a resume."""
    return [torch.Generator().manual_seed(keyed_seed(seed, step, name)) for name in names]
