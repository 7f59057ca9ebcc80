"""A DiTAR of a few thousand parameters and batches for it."""

import torch

from ditar.config import BlockConfig, DiTARModelConfig
from ditar.data.batches import NO_TARGET, DiTARBatch
from ditar.model.ditar import DiTAR
from ditar.nn.alignment import AlignmentHelpers

SYMBOLS = ("<pad>", *"abcdefghi")
CHANNELS, PATCH = 5, 3
VARIANTS = [
    {},
    {"audio_positions": "continue"},
    {"history_patches": 0},
    {"history_patches": 2},
    {"locdit_prefix_cached": True},
    {"alignment": "monotonic"},
]


def model_config(**changes):
    narrow, wide = BlockConfig(1, 12, 2, 24), BlockConfig(2, 16, 2, 32)
    values = {"latent_channels": CHANNELS, "patch_frames": PATCH, "symbols": SYMBOLS, **changes}
    return DiTARModelConfig(encoder=narrow, lm=wide, locdit=BlockConfig(2, 8, 2, 16), **values)


def build(dtype=torch.float64, **changes):
    torch.manual_seed(0)
    return DiTAR(model_config(**changes)).to(dtype)


def helpers_of(model):
    return AlignmentHelpers(model.config.lm.width, model.config.patch_frames, len(model.config.symbols))


def batch(symbol_counts=(4, 7), patch_counts=(6, 3), dtype=torch.float64, seed=0):
    """Rows of the given lengths; the helpers' targets and the alignment speak symbol i in patch i."""
    generator = torch.Generator().manual_seed(seed)
    rows, symbols, patches = len(symbol_counts), max(symbol_counts), max(patch_counts)
    ids = torch.zeros(rows, symbols, dtype=torch.long)
    latents = torch.zeros(rows, patches, PATCH, CHANNELS, dtype=dtype)
    frame_symbols = torch.full((rows, patches, PATCH), NO_TARGET)
    spoken = torch.zeros(rows, patches, symbols, dtype=torch.bool)
    alignment = torch.full_like(frame_symbols, NO_TARGET)
    for row, (length, count) in enumerate(zip(symbol_counts, patch_counts)):
        ids[row, :length] = torch.randint(1, len(SYMBOLS), (length,), generator=generator)
        latents[row, :count] = torch.randn(count, PATCH, CHANNELS, dtype=dtype, generator=generator)
        for i in range(min(length, count)):
            frame_symbols[row, i], spoken[row, i, i], alignment[row, i] = ids[row, i], True, i
    counts = torch.tensor(symbol_counts), torch.tensor(patch_counts)
    names = [f"utt{i}" for i in range(rows)]
    trained = torch.arange(patches) < counts[1][:, None]
    return DiTARBatch(ids, counts[0], latents, counts[1], frame_symbols, spoken, alignment, trained, names, names)


def row_of(whole, row):
    """One row of a batch, with its padding cut off."""
    symbols, patches = int(whole.symbol_counts[row]), int(whole.patch_counts[row])
    keep = slice(row, row + 1)
    return DiTARBatch(
        whole.symbol_ids[keep, :symbols],
        whole.symbol_counts[keep],
        whole.latents[keep, :patches],
        whole.patch_counts[keep],
        whole.frame_symbols[keep, :patches],
        whole.spoken[keep, :patches, :symbols],
        whole.alignment[keep, :patches],
        whole.trained[keep, :patches],
        whole.utterances[keep],
        whole.examples[keep],
    )
