from pathlib import Path

import pytest

from ditar.data.crops import DataError
from ditar.data.kaldi import Utterance
from recipes.decode import choose_references, write_references


def utterance(speaker, number, text):
    return Utterance(f"{speaker}-{number}", speaker, Path(f"/{speaker}{number}.wav"), text)


def test_speakers_in_turns_and_never_the_targets_own_words(tmp_path):
    clips = [utterance(s, n, text) for s in ("ann", "bob") for n, text in ((1, "one"), (2, "two"))]
    targets = [utterance("tgt", n, text) for n, text in enumerate(("one", "two", "three", "one"))]
    chosen = choose_references(targets, clips, seed=0)
    assert [chosen[t.utt].speaker for t in targets] == ["ann", "bob", "ann", "bob"]
    assert all(chosen[t.utt].text != t.text for t in targets)
    assert chosen == choose_references(targets, clips, seed=0)

    write_references(tmp_path, chosen)
    used = {line.split()[1] for line in (tmp_path / "utt2ref").read_text().splitlines()}
    assert used == {line.split()[0] for line in (tmp_path / "wav.scp").read_text().splitlines()}


def test_a_speaker_who_only_says_the_target():
    with pytest.raises(DataError, match="'ann'"):
        choose_references([utterance("tgt", 1, "one")], [utterance("ann", 1, "one")], seed=0)
