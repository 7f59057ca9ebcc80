"""How a model is listened to while it trains, and on which utterances."""

import argparse
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ditar.config.speech import TextConfig
from ditar.data.errors import DataError
from ditar.data.latents import LatentEntry, LatentStore
from ditar.data.tables import read_wav_scp
from ditar.recognise.choose import AUTO, COMPARISONS, NONE, NORMALISERS, WAYS
from ditar.recognise.errors import RecogniserError, quote
from ditar.text.frontend import TextFrontend
from ditar.text.lengths import Lengths, expected_lengths
from ditar.units import LATENT_RATE_HZ, seconds_to_frames

SAMPLES = 8


@dataclass(frozen=True)
class Listener:
    """The recipe provides the judges, so that training does not depend on them. Waveforms are (S,) at 24 kHz.

    Args:
        decode: normalised latents (1, T, C), or codes (1, Q, T) -> waveform.
        word_error: waveforms and their texts -> word error.
        quality: waveforms and the references they should sound like -> figures by name.
        recorded: utterance -> its recorded clip; None: references are what `decode` makes of them.
        speakers: whose pairs are listened to (`speaker_pairs`); None: anybody's.
        of_each: at most so many pairs of a speaker.
    """

    decode: Callable[[torch.Tensor], torch.Tensor]
    word_error: Callable[[list[np.ndarray], list[str]], float]
    quality: Callable[[list[np.ndarray], list[np.ndarray]], dict[str, float]] | None = None
    recorded: Callable[[str], np.ndarray] | None = None
    speakers: frozenset[str] | None = None
    of_each: int = 1

    def pairs(self, store: LatentStore) -> list[tuple[LatentEntry, LatentEntry]]:
        """The pairs of a store that are listened to."""
        return speaker_pairs(store, self.speakers, self.of_each)

    def reference(self, utt: str, known: torch.Tensor) -> np.ndarray:
        """The clip of a reference, of which the model is given `known`, (1, T, C) or (1, Q, T)."""
        return self.recorded(utt) if self.recorded is not None else self.decode(known).float().cpu().numpy()

    def figures(self, spoken: list[np.ndarray], texts: list[str], references: list[np.ndarray]) -> dict[str, float]:
        """The judges' figures for free-running speech, by their names in the log."""
        found = {"wer": self.word_error(spoken, texts)}
        if self.quality is not None:
            found |= self.quality(spoken, references)
        return {f"free_running_{name}": value for name, value in found.items()}


def speaker_pairs(
    store: LatentStore, speakers: Collection[str] | None = None, of_each: int = 1
) -> list[tuple[LatentEntry, LatentEntry]]:
    """Pairs (reference, target) of one speaker each, `of_each` of a speaker with one reference, with other texts in the
    targets if there are any: at most SAMPLES, evenly over the speakers, or over those of `speakers`. None if no speaker
    has two utterances."""
    groups: dict[str, list[LatentEntry]] = {}
    for entry in store.entries:
        if speakers is None or entry.speaker in speakers:
            groups.setdefault(entry.speaker, []).append(entry)
    pairs = []
    for reference, *others in groups.values():
        targets = [e for e in others if e.text != reference.text] or others
        pairs += [(reference, target) for target in targets[:of_each]]
    stride = max(1, len(pairs) // SAMPLES)
    return pairs[::stride][:SAMPLES]


def reference_frames(entry: LatentEntry, rate_hz: float = LATENT_RATE_HZ) -> int:
    """Frames of a reference as at synthesis: without the silence after its last sound, if its times are known."""
    ends = [t[1] for t in entry.times or [] if t]
    return min(entry.frames, seconds_to_frames(max(ends), rate_hz)) if ends else entry.frames


def as_spoken(entry: LatentEntry, config: TextConfig) -> list[str]:
    """The symbols of a text as a model with this configuration reads them at synthesis: those it heard in training,
    with a full stop if no mark ends them. Unlike synthesis, which refuses the text, this leaves out a sound it never
    heard: that is no reason to end training."""
    frontend = TextFrontend.of(config)
    return frontend.end(frontend.known(entry.symbols))


def pair_lengths(
    reference: LatentEntry, target: LatentEntry, config: TextConfig, rate_hz: float = LATENT_RATE_HZ
) -> Lengths:
    """What is expected of a target after its reference, as at synthesis; frames have `rate_hz`."""
    said_seconds = reference_frames(reference, rate_hz) / rate_hz
    wanted = len(as_spoken(target, config))
    return expected_lengths(wanted, config.seconds_per_symbol, len(reference.symbols), said_seconds)


def add_listener_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a training program that say who listens, and to which speakers."""
    parser.add_argument(
        "--recogniser",
        metavar="NAME",
        default=AUTO,
        help=f"recognises what the model says: {AUTO} (faster-whisper if it is installed, else pocketsphinx; the "
        f"default), {NONE}, or {WAYS}",
    )
    parser.add_argument("--normaliser", choices=NORMALISERS, help=COMPARISONS)
    parser.add_argument(
        "--listen-speakers", metavar="FILE", type=Path, help="a validation speaker a line: whom to listen to (all)"
    )
    parser.add_argument(
        "--listen-recordings",
        metavar="DIR",
        type=Path,
        help="Kaldi data directory of the validation utterances: similarity is to these clips, not to what the model's "
        "decoder makes of them",
    )


def make_listener(
    load_decoder: Callable[[], Callable[[torch.Tensor], torch.Tensor]],
    store: LatentStore,
    args: argparse.Namespace,
    make_judges: Callable[[str, str | None, str], Any],
) -> Listener | None:
    """The listener that `add_listener_arguments` describes; None if nobody listens.

    Args:
        load_decoder: makes `Listener.decode`; called only if somebody listens.
        make_judges: `evaluate.training_judges.make_training_judges`: the names of a recogniser, of a normaliser and of
            the store's language -> something with `word_error` and `quality`, or None.

    DataError, before training begins, if the recogniser, the normaliser, a speaker or a recording that is asked for is
    missing.
    """
    try:
        judges = make_judges(args.recogniser, args.normaliser, (store.languages or ("en-us",))[0])
    except RecogniserError as error:
        raise DataError(f"--recogniser and --normaliser: {error}") from None
    if judges is None:
        return None
    speakers = _read_speakers(args.listen_speakers, store) if args.listen_speakers is not None else None
    listener = Listener(load_decoder(), judges.word_error, judges.quality, speakers=speakers)
    if args.listen_recordings is not None:
        paths = dict(read_wav_scp(args.listen_recordings))
        lacking = [reference.utt for reference, _ in listener.pairs(store) if reference.utt not in paths]
        if lacking:
            raise DataError(
                f"{args.listen_recordings}/wav.scp lacks {quote(lacking)}; give the data of the validation set"
            )
        for reference, _ in listener.pairs(store):
            if not paths[reference.utt].is_file():
                raise DataError(
                    f"{args.listen_recordings}/wav.scp: {reference.utt}: {paths[reference.utt]} does not exist; correct "
                    "the path"
                )
        listener = replace(listener, recorded=lambda utt: _recorded(paths[utt]))
    return listener


def _read_speakers(path: Path, store: LatentStore) -> frozenset[str]:
    if not path.is_file():
        raise DataError(f"the list of speakers {str(path)!r} does not exist; write one with a speaker a line")
    speakers = [words[0] for line in path.read_text(encoding="utf-8").splitlines() if (words := line.split())]
    counts = Counter(entry.speaker for entry in store.entries)
    lacking = [speaker for speaker in speakers if counts[speaker] < 2]
    if lacking or not speakers:
        raise DataError(f"{path}: {store.folder} has no two utterances of {quote(lacking) or 'anybody in it'}; a "
                        "speaker takes one as reference and one to speak")  # fmt: skip
    return frozenset(speakers)


def _recorded(path: Path) -> np.ndarray:
    from ditar.audio.read import read_audio  # here: a training machine may lack audio libraries

    return read_audio(path)
