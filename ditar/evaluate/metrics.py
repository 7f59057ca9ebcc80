"""Every metric once: its name, the place of its figure in a row of utterances.jsonl, which direction is better.

A row is a flat dictionary of one utterance. A metric's figure is pooled: the sum of `errors` over the sum of `counts`
(1 if there is none) over the rows that have it; for most a mean.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ditar.evaluate.inputs import EvaluationError, quote


@dataclass(frozen=True)
class Metric:
    """better: "low", "high", or "" if neither is. unit: "%" shows a share in percent; digits after the decimal
    point."""

    name: str
    title: str
    errors: str
    counts: str = ""
    better: str = ""
    unit: str = ""
    digits: int = 2

    def counted(self, row: Mapping[str, Any]) -> tuple[float, float] | None:
        """(errors, counts) of a row; None if it was not measured."""
        if row.get(self.errors) is None:
            return None
        return float(row[self.errors]), float(row[self.counts]) if self.counts else 1.0

    def value(self, row: Mapping[str, Any]) -> float | None:
        """The figure of one row."""
        counted = self.counted(row)
        return None if counted is None else counted[0] / counted[1]

    def pool(self, rows: Iterable[Mapping[str, Any]]) -> float | None:
        """The figure of many rows; None if none of them has it."""
        counted = [pair for row in rows if (pair := self.counted(row)) is not None]
        return sum(errors for errors, _ in counted) / sum(counts for _, counts in counted) if counted else None

    def show(self, value: float | None, unit: bool = True) -> str:
        """A figure for people."""
        if value is None:
            return ""
        shown = f"{100 * value:.1f}" if self.unit == "%" else f"{value:.{self.digits}f}"
        return f"{shown} {self.unit}" if unit and self.unit else shown

    def show_interval(self, figure: Mapping[str, float | None] | None, utterances: int | None = None) -> str:
        """`value (low to high)` of a figure with these keys; without an interval if it has none. Also the number of its
        utterances, if that is not `utterances`, or one."""
        if not figure:
            return ""
        said = []
        if figure["low"] is not None:
            said.append(f"{self.show(figure['low'], False)} to {self.show(figure['high'], False)}")
        counted = figure.get("utterances")
        if counted is not None and (counted == 1 or utterances not in (None, counted)):
            said.append(f"{counted} utterance{'s' * (counted != 1)}")
        return self.show(figure["value"]) + (f" ({'; '.join(said)})" if said else "")


def _flaw(name: str, title: str) -> Metric:
    return Metric(name, title, name, better="low", unit="%")


# The choices of --metrics. NEEDS: what a group must be given. DESCRIPTIONS are shown by --help.
GROUPS: dict[str, tuple[Metric, ...]] = {
    "words": (
        Metric("wer", "word error", "word_errors", "words", "low", "%"),
        Metric("cer", "character error", "character_errors", "characters", "low", "%"),
        _flaw("unfinished", "outputs without their end"),
        _flaw("repeating", "outputs that repeat words"),
    ),
    "closed_set": (Metric("closed_set", "closed set", "hit", better="high", unit="%"),),
    "similarity": (
        Metric("similarity", "speaker similarity", "similarity", better="high", digits=3),
        Metric("identified", "speaker identified", "identified", better="high", unit="%"),
    ),
    "distillmos": (Metric("distillmos", "DistillMOS", "distillmos", better="high"),),
    "dnsmos": (
        Metric("dnsmos_overall", "DNSMOS overall", "dnsmos_overall", better="high"),
        Metric("dnsmos_signal", "DNSMOS signal", "dnsmos_signal", better="high"),
        Metric("dnsmos_background", "DNSMOS background", "dnsmos_background", better="high"),
        Metric("dnsmos_p808", "DNSMOS P.808", "dnsmos_p808", better="high"),
    ),
    "utmos": (Metric("utmos", "UTMOS", "utmos", better="high"),),
    "outputs": (
        _flaw("no_stop", "outputs without a stop"),
        _flaw("silent", "silent outputs"),
        _flaw("truncated", "truncated outputs"),
        _flaw("too_long", "too long outputs"),
        _flaw("too_short", "too short outputs"),
        Metric("duration_s", "duration", "duration_s", unit="s"),
        Metric("active_db", "active level", "active_db", unit="dBFS"),
    ),
    "prosody": (
        Metric("f0_median_hz", "F0, median", "f0_median_hz", unit="Hz", digits=1),
        Metric("f0_std_semitones", "F0, spread", "f0_std_semitones", unit="semitones"),
        Metric("f0_range_semitones", "F0, 5 % to 95 %", "f0_range_semitones", unit="semitones"),
        Metric("voiced_share", "voiced", "voiced_share", unit="%"),
        Metric("level_std_db", "level, spread", "level_std_db", unit="dB"),
        Metric("words_per_s", "words a second", "words_per_s"),
        Metric("characters_per_s", "characters a second", "characters_per_s"),
    ),
    "parallel": (
        Metric("mcd_db", "mel-cepstral distortion", "mcd_db", better="low", unit="dB"),
        Metric("f0_error_semitones", "F0 error", "f0_error_semitones", better="low", unit="semitones"),
        Metric("voicing_error", "voicing error", "voicing_error", better="low", unit="%"),
    ),
    "diversity": (Metric("spread", "spread of voices over runs", "spread", digits=3),),
}
NEEDS = {
    "words": "TEXT",
    "closed_set": "--closed-set",
    "similarity": "--references",
    "utmos": "--utmos",
    "parallel": "--originals",
    "diversity": "--runs",
}
DESCRIPTIONS = {
    "words": "word and character error; unfinished: the last two words or more not heard; repeating: a word three "
    "times in a row, two words twice in a row or three words that come again, none of it in the text",
    "closed_set": "share of outputs that pocketsphinx recognises as their own sentence among all of TEXT and FILEs",
    "similarity": "cosine of speaker embeddings with the reference; identified: no other speaker's reference is nearer",
    "distillmos": "predicted quality of speech, 1 to 5; lower below 5 s: compare sentences of similar length",
    "dnsmos": "predicted quality of calls, 1 to 5: noise and distortion rather than naturalness",
    "utmos": "predicted naturalness, 1 to 5, by a TorchScript file of yours",
    "outputs": "no stop (by the table `stopped` next to the audio), silent, truncated (cut off inside a sound), too "
    "long or too short for the text or the original; duration, level",
    "prosody": "F0 and its spread, voiced share, spread of the level, words and characters per second of speech",
    "parallel": "mel-cepstral distortion, F0 and voicing error against the originals, aligned by dynamic time warping",
    "diversity": "1 - cosine between the voices of repeated runs of an utterance, and a picture of them",
}
ON_REQUEST = ("dnsmos",)  # takes four times as long as DistillMOS, and says less about synthesis
WORST_BY = ("wer", "similarity", "distillmos", "dnsmos_overall", "utmos", "mcd_db")
FLAWS = ("silent", "truncated", "too_long", "too_short")
FAILED = _flaw("failed", "failed outputs")  # any of FLAWS, for a single figure of them all
METRICS = {metric.name: metric for group in GROUPS.values() for metric in group}


def choose_groups(asked: Iterable[str] | None, given: Iterable[str]) -> list[str]:
    """The groups to measure, in GROUPS' order: those asked for, by default all whose needs are `given` (as in NEEDS),
    except ON_REQUEST.

    EvaluationError if a name is unknown, or if a group lacks what it needs.
    """
    given = set(given)
    if asked is None:
        by_default = [name for name in GROUPS if name not in ON_REQUEST]
        return [name for name in by_default if NEEDS.get(name) is None or NEEDS[name] in given]
    asked = list(asked)
    unknown = [name for name in asked if name not in GROUPS]
    if unknown or not asked:
        raise EvaluationError(f"no metric is called {quote(unknown) or 'nothing'}; choose from {', '.join(GROUPS)}")
    for name in asked:
        if name in NEEDS and NEEDS[name] not in given:
            raise EvaluationError(f"the metric {name!r} needs {NEEDS[name]}; give it, or leave the metric out")
    return [name for name in GROUPS if name in asked]
