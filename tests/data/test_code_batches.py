"""Codes in the place of latents: the same examples, whose codes, texts and alignment belong together."""

from ditar.config import BaselineDataConfig, DiTARDataConfig
from ditar.data.batches import DiTARBatches
from ditar.data.code_batches import CodeBatches
from ditar.nn.alignment import NO_TARGET
from tests.data.test_batches import SYMBOLS, write_store
from tests.train.test_token_system import write_codes

CONFIG = BaselineDataConfig(batch_frames=300, joined_share=0.6, max_seconds=2.0)


def test_targets_say_what_the_codes_do(tmp_path):
    """The first codebook holds the letter that is spoken, or 0 for silence, whatever was joined."""
    batches, seen = CodeBatches(write_codes(tmp_path), CONFIG, SYMBOLS, 3), 0
    for position in range(len(batches.plan(0, 2.0))):
        batch = batches.batch(0, position, 2.0)
        assert batch.codes.shape[1] == 3 and batch.codes.shape[0] * batch.codes.shape[2] <= 300 + 40
        for row, count in enumerate(batch.frame_counts.tolist()):
            letters = batch.codes[row, 0, :count].tolist()
            expected = [len(SYMBOLS) if code == 0 else SYMBOLS.index("abc"[code - 1]) for code in letters]
            assert batch.frame_symbols[row, :count].tolist() == expected
            assert (batch.frame_symbols[row, count:] == NO_TARGET).all() and not batch.spoken[row, count:].any()
            assert (batch.spoken[row, :count].any(-1) == (batch.codes[row, 0, :count] > 0)).all()
            assert batch.texts[row].split() == ["text"] * (batch.examples[row].count("+") + 1)
            seen += count
    assert seen > 300


def test_the_examples_are_those_of_the_continuous_model(tmp_path):
    """Same seed, same shares: utterances are joined alike; only the last frames of a patch make lengths differ."""
    codes = CodeBatches(write_codes(tmp_path / "codes"), CONFIG, SYMBOLS, 3)
    latents = DiTARBatches(
        write_store(tmp_path / "latents"), DiTARDataConfig(joined_share=0.6, max_seconds=2.0), 4, SYMBOLS, 3
    )
    plans = [sorted(e for batch in made.plan(1, 2.0) for e in batch) for made in (codes, latents)]
    assert plans[0] == plans[1]
