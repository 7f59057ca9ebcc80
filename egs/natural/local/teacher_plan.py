"""Who says what: every utterance of every part of the teacher's corpus, decided by the seed alone."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import teacher_texts
import teacher_voices
from teacher_voices import Voice

PARTS = {"train": "data", "val": "val", "test": "test", "test_ref": "test_ref"}  # and the folder of each
TEST_SENTENCES = 10  # of each test voice
VALIDATION_SENTENCES = 3  # of each voice of the validation
REFERENCE_WORDS = (11, 14)  # 3 to 6 seconds
SPEEDS = (0.88, 1.15)
PLAIN_SPEED = 0.1  # of the utterances have speed 1


@dataclass(frozen=True)
class Item:
    """One utterance to make; `index` is its place in its part."""

    utt: str
    part: str
    index: int
    voice: Voice
    text: str
    speed: float = 1.0


def small_parts(
    seed: int, taken: Collection[frozenset[str]], excluded: set[str], texts: Path | None = None
) -> list[Item]:
    """Validation, test and the test's references. The validation's sentences are not those of training, unless these
    are the user's own, `texts`.

    `taken`, `excluded`: pairs of voices and keys of sentences that a ready corpus has already.
    """
    held_out = teacher_texts.read_lines(teacher_texts.HELD_OUT)
    references = iter(reference_texts(seed))
    items = []
    for number, voice in enumerate(teacher_voices.test_voices()):
        for i in range(TEST_SENTENCES):
            index = number * TEST_SENTENCES + i
            items.append(Item(f"{voice.speaker}-{i:05d}", "test", index, voice, held_out[index]))
        items.append(Item(f"{voice.speaker}-ref", "test_ref", number, voice, next(references)))
    rng = random.Random(f"{seed}-validation")
    said = _sentences(f"{seed}-validation", excluded, texts)
    for number, voice in enumerate(teacher_voices.validation_voices(seed, taken)):
        for i in range(VALIDATION_SENTENCES):
            index = number * VALIDATION_SENTENCES + i
            items.append(Item(f"{voice.speaker}-{i:05d}", "val", index, voice, next(said), _speed(rng)))
    return items


def training(
    seed: int, taken: Collection[frozenset[str]], excluded: set[str], texts: Path | None = None
) -> Iterator[Item]:
    """Training utterances without end; any prefix is a cross-section of the voices. `texts`: the user's own sentences
    instead of ours. `taken`, `excluded`: as in `small_parts`."""
    rng = random.Random(f"{seed}-speeds")
    voices = teacher_voices.turns(seed, teacher_voices.training_voices(seed, taken))
    said = _sentences(str(seed), excluded, texts)
    for index, (voice, text) in enumerate(zip(voices, said, strict=False)):
        yield Item(f"{voice.speaker}-t{index:05d}", "train", index, voice, text, _speed(rng))


def reference_texts(seed: int) -> list[str]:
    """Two or three of the decoys in sequence, 11 to 14 words, for each test voice; no line is used twice."""
    lines = teacher_texts.read_lines(teacher_texts.DECOYS)
    random.Random(f"{seed}-references").shuffle(lines)
    texts, current = [], []
    for line in lines:
        count = len(" ".join([*current, line]).split())
        if count > REFERENCE_WORDS[1]:
            continue
        current.append(line)
        if count >= REFERENCE_WORDS[0]:
            texts.append(" ".join(current))
            current = []
    return texts


def _sentences(seed: str, excluded: set[str], texts: Path | None) -> Iterator[str]:
    if texts:
        return teacher_texts.sentences_of_file(texts, seed, teacher_texts.held_out_keys())
    return teacher_texts.natural_sentences(seed, excluded)


def _speed(rng: random.Random) -> float:
    return 1.0 if rng.random() < PLAIN_SPEED else round(rng.uniform(*SPEEDS), 2)
