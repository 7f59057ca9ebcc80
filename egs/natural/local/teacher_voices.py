"""Who speaks: Kokoro's voices, and new voices mixed from two of them.

A style is timbre and prosody, and the timbres of two voices mix into a clean new one as long as both weights are well
inside [0, 1]. Six voices speak only in the test, alone or in a mixture.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

TEST = ("af_river", "am_onyx", "bf_emma", "bm_lewis", "hm_psi", "if_sara")
COPIES = ("pf_dora", "pm_alex", "pm_santa")  # of ef_dora, em_alex and em_santa
BASES = tuple(
    """
af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_sarah af_sky am_adam am_echo am_eric
am_fenrir am_liam am_michael am_puck am_santa bf_alice bf_isabella bf_lily bm_daniel bm_fable bm_george ef_dora em_alex
em_santa ff_siwis hf_alpha hf_beta hm_omega im_nicola jf_alpha jf_gongitsune jf_nezumi jf_tebukuro jm_kumo zf_xiaobei
zf_xiaoni zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang
""".split()
)
MIXTURES = 800  # of the training voices
VALIDATION_MIXTURES = 20
BASE_TURNS = 2  # a base voice speaks as often as this many mixtures
_WEIGHTS = tuple(round(0.25 + 0.05 * i, 2) for i in range(11))  # of the first timbre
_THIRD_PROSODY = 1 / 3  # of the mixtures: the prosody of neither timbre


@dataclass(frozen=True)
class Voice:
    """One speaker: `timbre` is weights by voice, which add up to 1; `prosody` a voice."""

    speaker: str
    timbre: tuple[tuple[str, float], ...]
    prosody: str

    @property
    def roles(self) -> frozenset[str]:
        """Every voice that takes part in it."""
        return frozenset([*(name for name, _ in self.timbre), self.prosody])

    @property
    def pair(self) -> frozenset[str]:
        """The voices whose timbres it mixes."""
        return frozenset(name for name, _ in self.timbre)


def base_voice(name: str, speaker: str | None = None) -> Voice:
    """One of Kokoro's voices, unchanged; as a speaker of ours it is called b_<name>."""
    return Voice(speaker or f"b_{name}", ((name, 1.0),), name)


def test_voices() -> list[Voice]:
    """The voices that are never trained on."""
    return [base_voice(name, name) for name in TEST]


def validation_voices(seed: int, taken: Collection[frozenset[str]] = ()) -> list[Voice]:
    """Mixtures of pairs that no training voice has. `taken`: see `training_voices`."""
    return _mixtures(seed, taken)[0]


def training_voices(seed: int, taken: Collection[frozenset[str]] = ()) -> list[Voice]:
    """Base voices and mixtures. `taken`: pairs that other data mixes already; ours begin with all the others."""
    return [base_voice(name) for name in BASES] + _mixtures(seed, taken)[1]


def turns(seed: int, voices: list[Voice]) -> Iterator[Voice]:
    """Who speaks next, without end: in every round each mixture once and each base voice twice, in random order, so
    that any prefix is a cross-section of the voices."""
    rng = random.Random(f"{seed}-turns")
    round_ = [voice for voice in voices for _ in range(BASE_TURNS if len(voice.timbre) == 1 else 1)]
    while True:
        rng.shuffle(round_)
        yield from round_


def _mixtures(seed: int, taken: Collection[frozenset[str]]) -> tuple[list[Voice], list[Voice]]:
    """Of validation and of training: pairs in random order, new pairs first; when all are mixed, again with other
    weights."""
    rng = random.Random(f"{seed}-mixtures")
    pairs = [frozenset(pair) for pair in itertools.combinations(BASES, 2)]
    rng.shuffle(pairs)
    pairs.sort(key=set(taken).__contains__)
    validation, rest = pairs[:VALIDATION_MIXTURES], pairs[VALIDATION_MIXTURES:]
    rows = itertools.islice(itertools.cycle(rest), MIXTURES)
    return (
        [_mixture(rng, f"v{i:03d}", pair) for i, pair in enumerate(validation)],
        [_mixture(rng, f"t{i:03d}", pair) for i, pair in enumerate(rows)],
    )


def _mixture(rng: random.Random, speaker: str, pair: frozenset[str]) -> Voice:
    first, second = rng.sample(sorted(pair), 2)
    weight = rng.choice(_WEIGHTS)
    others = [name for name in BASES if name not in pair]
    prosody = rng.choice(others) if rng.random() < _THIRD_PROSODY else rng.choice([first, second])
    return Voice(speaker, ((first, weight), (second, round(1.0 - weight, 2))), prosody)
