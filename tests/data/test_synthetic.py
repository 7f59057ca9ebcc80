"""Latents of no speech, to measure training with."""

from ditar.config import DiTARDataConfig
from ditar.data.batches import DiTARBatches
from ditar.data.latents import LatentStore, read_statistics
from ditar.data.synthetic import write_synthetic
from ditar.text.vocabulary import DEFAULT_SYMBOLS


def test_a_model_that_reads_monotonically_learns_from_every_patch(tmp_path):
    write_synthetic(tmp_path, utterances=6, shards=2, channels=4, seconds=(1.0, 2.0))
    store = LatentStore(tmp_path, *read_statistics(tmp_path))
    config = DiTARDataConfig(joined_share=0.0, reference_cut=0.0)
    batches = DiTARBatches(store, config, 4, DEFAULT_SYMBOLS, seed=0, monotonic=True)
    batch = batches.batch(0, 0, config.max_seconds)
    assert len(batch.utterances) == 6 and batch.trained.sum() == batch.patch_counts.sum()
