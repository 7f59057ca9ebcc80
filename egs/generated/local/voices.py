"""The voices of the generated corpus: a few synthesisers' base voices and derivatives of them.

A derivative changes pitch and rate inside the synthesiser, and the vocal tract by reinterpreting the sampling rate;
three training voices in four also have a timbre of their own (timbre.py), since a model that hears five timbres learns
five: it copied voices it knew (similarity 0.87) far better than others (0.67). Blends lie between two bases or beyond
one of them, since from five throats a model learns to name the nearest; for more throats, voices of other languages
speak English (accents.py). No vocoder artefacts enter the corpus. Speaker names are base (three letters) + number; 000
is the base itself, and blends begin at 501.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import timbre


@dataclass(frozen=True)
class Base:
    """One voice of one synthesiser. `pitch_hz` is its mean; `moves_pitch`, `moves_rate` say what it can change."""

    engine: str
    name: str
    pitch_hz: float
    moves_pitch: bool = True
    moves_rate: bool = True


@dataclass(frozen=True)
class Voice:
    """A speaker of the corpus.

    `pitch_hz` and `stretch` are the values heard after the vocal-tract change; `tract` multiplies all formants
    (above 1: a shorter vocal tract). `pitch_hz` None keeps the base's own pitch (times `tract`). `blend`: another base
    and how far to move towards its spectral envelope (timbre.blend).
    """

    speaker: str
    base: str
    pitch_hz: float | None = None
    stretch: float = 1.0
    tract: float = 1.0
    timbre: timbre.Timbre | None = None
    blend: tuple[str, float] | None = None

    @property
    def is_base(self) -> bool:
        """True for the unchanged voice."""
        return self.speaker.endswith("000")

    @property
    def kind(self) -> str:
        """Who speaks: "espeak", "accent" (a voice of another language) or "english"."""
        if self.base.startswith("espeak:"):
            return "espeak"
        return "accent" if self.base in ACCENTED else "english"


BASES = {
    "slt": Base("flite", "slt", 170.0),
    "rms": Base("flite", "rms", 99.0, moves_pitch=False),
    "awb": Base("flite", "awb", 120.0),
    "kal": Base("flite", "kal16", 100.0),
    "hts": Base("festival", "cmu_us_slt_arctic_hts", 172.0, moves_pitch=False, moves_rate=False),
    "ked": Base("festival", "ked_diphone", 105.0),
    # Other languages' diphones speaking English (accents.py); their licences (GPL, LGPL) do not cover synthesised
    # speech.
    "cdi": Base("accent", "dita", 218.0),
    "ckr": Base("accent", "krb", 246.0),
    "cma": Base("accent", "machac", 82.0),
    "cph": Base("accent", "ph", 129.0),
    "ilp": Base("accent", "lp", 197.0),
    "ipc": Base("accent", "pc", 110.0),
    "fmv": Base("accent", "mv", 87.0),
    "flj": Base("accent", "lj", 140.0),
    "hns": Base("accent", "nsk", 150.0),
}
NATURAL = ("slt", "rms", "awb", "kal", "hts")
ACCENTED = tuple(name for name, base in BASES.items() if base.engine == "accent")
HELD_OUT = "ked"

ESPEAK_VARIANTS = (
    "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-us+f2", "en-us+f3", "en-us+f4", "en-us+f5", "en-us+m2",
    "en-us+m3",
    "en-us+m4", "en-us+m5", "en-us+m6", "en-us+m7", "en-us+Alex", "en-us+Alicia", "en-us+Andrea", "en-us+Andy",
    "en-us+Annie", "en-us+adam", "en-us+belinda", "en-us+benjamin", "en-us+caleb", "en-us+david", "en-us+ed",
    "en-us+Gene", "en-us+john", "en-us+linda", "en-us+Michael", "en-us+paul", "en-us+quincy", "en-us+steph",
    "en-us+klatt", "en-us+klatt2", "en-us+klatt3", "en-us+klatt4", "en-us+klatt5", "en-us+klatt6", "en-us+m1",
    "en-us+m8", "en-us+f1", "en-us+anika", "en-us+aunty", "en-us+boris", "en-us+grandma", "en-us+grandpa",
    "en-us+iven", "en-us+Marco", "en-us+Mike", "en-us+rob", "en-us+robert", "en-us+sandro", "en-us+shelby",
    "en-us+travis", "en-us+victor", "en-us+zac",
    "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc",
)  # fmt: skip


def derive(base: str, count: int, seed: int | str, timbres: bool = True) -> list[Voice]:
    """`count` derivatives of `base`: two in three mild (pitch within 15 %, tract .93 to 1.08), one in three wide; with
    `timbres`, three in four with a timbre of their own."""
    rng, timbre_rng = random.Random(f"{seed}-{base}"), random.Random(f"{seed}-{base}-timbre")
    made = BASES[base]
    voices = []
    for number in range(1, count + 1):
        wide = number % 3 == 0
        spread, low, high = (0.25, 0.88, 1.14) if wide else (0.15, 0.93, 1.08)
        tract = rng.uniform(low, high)
        # A shorter tract usually comes with a higher pitch; the correlation keeps the voices plausible.
        pitch = made.pitch_hz * tract**0.7 * rng.uniform(1 - spread, 1 + spread)
        stretch = rng.uniform(0.85, 1.2)
        if not made.moves_rate:  # everything moves with the tract: stay close to the base
            tract = rng.uniform(0.92, 1.1)
        voices.append(
            Voice(
                speaker=f"{base}{number:03d}",
                base=base,
                pitch_hz=round(pitch, 1) if made.moves_pitch else None,
                stretch=round(stretch, 3) if made.moves_rate else 1.0,
                tract=round(tract, 3),
                timbre=timbre.draw(timbre_rng) if timbres and number % 4 else None,
            )
        )
    return voices


def blends(base: str, count: int, seed: int) -> list[Voice]:
    """`count` derivatives of a flite voice that lean towards another one's envelope by .4 to 1.2, or away by .3 to
    .6."""
    rng = random.Random(f"{seed}-{base}-blend")
    partners = [name for name in NATURAL if name != base and BASES[name].engine == "flite"]
    return [
        replace(
            voice,
            speaker=f"{base}{500 + number:03d}",
            blend=(
                rng.choice(partners),
                round(rng.uniform(0.4, 1.2) if rng.random() < 0.75 else -rng.uniform(0.3, 0.6), 3),
            ),
        )
        for number, voice in enumerate(derive(base, count, f"{seed}-blend"), start=1)
    ]


def base_voice(base: str) -> Voice:
    """The unchanged voice of `base`."""
    return Voice(speaker=f"{base}000", base=base)


def espeak_voices(seed: int, count: int = 60) -> list[Voice]:
    """espeak-ng's variants, and `count` derivatives of them with another pitch (0 to 99, 50 the variant's own), pace,
    tract and timbre: formant voices that only add diversity."""
    rng = random.Random(f"{seed}-espeak")
    voices = [Voice(speaker=f"esp{i:03d}", base=f"espeak:{name}") for i, name in enumerate(ESPEAK_VARIANTS)]
    return voices + [
        Voice(
            speaker=f"esp{i:03d}",
            base=f"espeak:{rng.choice(ESPEAK_VARIANTS)}@{rng.randint(20, 80)}",
            stretch=round(rng.uniform(0.85, 1.2), 3),
            tract=round(rng.uniform(0.93, 1.08), 3),
            timbre=timbre.draw(rng) if i % 4 else None,
        )
        for i in range(len(voices), len(voices) + count)
    ]


def training_voices(
    seed: int,
    flite_derivatives: int = 110,
    hts_derivatives: int = 60,
    blended: int = 70,
    accented_derivatives: int = 60,
) -> list[Voice]:
    """Every voice of the training set: five English bases, their derivatives and blends, voices of other languages and
    their derivatives, and espeak-ng's."""
    voices = [base_voice(base) for base in NATURAL]
    for base in NATURAL:
        voices += derive(base, hts_derivatives if base == "hts" else flite_derivatives, seed)
        voices += blends(base, blended, seed) if BASES[base].engine == "flite" else []
    for base in ACCENTED:
        voices += [base_voice(base), *derive(base, accented_derivatives, seed)]
    return voices + espeak_voices(seed)


def held_out_voices(seed: int, derivatives: int = 12) -> list[Voice]:
    """The base voice that no training utterance uses, and its derivatives."""
    return [base_voice(HELD_OUT), *derive(HELD_OUT, derivatives, seed, timbres=False)]
