"""What is held out of a fine-tune's pieces."""

import pytest

from ditar.data.errors import DataError
from ditar.finetune.dataset import hold_out
from ditar.finetune.pieces import TrainingPiece, halved


def pieces(speaker, recordings, of_each=1):
    return [
        TrainingPiece(f"{speaker}-{r}-{n}", f"{speaker}-{r}", speaker, "", "", 1.0, [], None)
        for r in range(recordings) for n in range(of_each)
    ]  # fmt: skip


def test_whole_recordings_are_held_out():
    train, held = hold_out(pieces("ann", 20, of_each=2), seed=0)
    assert len(held) == 6 and len(train) == 34
    assert not {p.recording for p in train} & {p.recording for p in held}
    assert (
        hold_out(pieces("ann", 20, of_each=2), seed=0)
        == (train, held)
        != hold_out(pieces("ann", 20, of_each=2), seed=1)
    )


def test_of_one_long_recording_pieces_are():
    train, held = hold_out(pieces("ann", 1, of_each=30), seed=0)
    assert len(held) == 4 and len(train) == 26


def test_speakers_give_two_each_and_keep_half():
    train, held = hold_out([*pieces("ann", 9), *pieces("bob", 9), *pieces("cy", 3)], seed=0)
    assert sorted(p.speaker for p in held) == ["ann", "ann", "bob", "bob"]
    train, held = hold_out(pieces("ann", 4), seed=0)
    assert len(train) == len(held) == 2
    with pytest.raises(DataError, match="no speaker has 4 pieces .* the one with most has 3; .*: add recordings"):
        hold_out([*pieces("ann", 3), *pieces("bob", 3)], seed=0)


def test_cuts_are_near_the_middle():
    assert halved(0, 100, [], 30) == [(0, 100)]
    assert halved(0, 100, [10, 45, 60, 90], 50) == [(0, 45), (45, 60), (60, 100)]
    assert halved(0, 100, [10, 45, 60, 90], 60) == [(0, 45), (45, 100)]
