"""How a model is heard while it trains, and which utterances it is asked for."""

import argparse
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ditar.data.errors import DataError
from ditar.data.latents import LatentEntry, LatentStore
from ditar.data.tables import read_wav_scp
from ditar.recognise.choose import AUTO, NONE, WAYS
from ditar.recognise.errors import RecogniserError, quote
from ditar.text.frontend import TextFrontend
from ditar.text.lengths import Lengths, expected_lengths
from ditar.units import LATENT_RATE_HZ, seconds_to_frames

SAMPLES = 8


@dataclass(frozen=True)
class Listener:
    """The judges are given by the recipe, so that training knows none of them. Waveforms are (S,) at 24 kHz.

    decode: normalised latents (1, T, C), or codes (1, Q, T) -> waveform. word_error: waveforms and their texts -> word
    error. quality: waveforms and the references that they should sound like -> figures by name. recorded: utterance ->
    the clip as it was recorded; where there is none, references are what `decode` makes of them. speakers: whose pairs
    are heard (`speaker_pairs`); None: anybody's.
    """

    decode: Callable[[torch.Tensor], torch.Tensor]
    word_error: Callable[[list[np.ndarray], list[str]], float]
    quality: Callable[[list[np.ndarray], list[np.ndarray]], dict[str, float]] | None = None
    recorded: Callable[[str], np.ndarray] | None = None
    speakers: frozenset[str] | None = None

    def pairs(self, store: LatentStore) -> list[tuple[LatentEntry, LatentEntry]]:
        """What is heard of a store."""
        return speaker_pairs(store, self.speakers)

    def reference(self, utt: str, known: torch.Tensor) -> np.ndarray:
        """The clip of a reference, of which the model is given `known`, (1, T, C) or (1, Q, T)."""
        return self.recorded(utt) if self.recorded is not None else self.decode(known).float().cpu().numpy()

    def figures(self, spoken: list[np.ndarray], texts: list[str], references: list[np.ndarray]) -> dict[str, float]:
        """What the judges say of free-running speech, by the names in the log."""
        found = {"wer": self.word_error(spoken, texts)}
        if self.quality is not None:
            found |= self.quality(spoken, references)
        return {f"free_running_{name}": value for name, value in found.items()}


def speaker_pairs(
    store: LatentStore, speakers: Collection[str] | None = None
) -> list[tuple[LatentEntry, LatentEntry]]:
    """Pairs (reference, target) of one speaker each, who says another text in the target where there is one: at most
    SAMPLES, evenly over the speakers, or over those of `speakers`. None where no speaker has two utterances."""
    groups: dict[str, list[LatentEntry]] = {}
    for entry in store.entries:
        if speakers is None or entry.speaker in speakers:
            groups.setdefault(entry.speaker, []).append(entry)
    pairs = []
    for reference, *others in groups.values():
        if others:
            pairs.append((reference, next((e for e in others if e.text != reference.text), others[0])))
    stride = max(1, len(pairs) // SAMPLES)
    return pairs[::stride][:SAMPLES]


def reference_frames(entry: LatentEntry, rate_hz: float = LATENT_RATE_HZ) -> int:
    """Frames of a reference as at synthesis: without the silence behind its last sound, where its times are known."""
    ends = [t[1] for t in entry.times or [] if t]
    return min(entry.frames, seconds_to_frames(max(ends), rate_hz)) if ends else entry.frames


def as_spoken(entry: LatentEntry, config: Any) -> list[str]:
    """The symbols of a text as a model with this configuration reads them at synthesis: those that it heard in
    training, with a full stop where no mark ends them. A sound that it never heard is left out, where synthesis refuses
    the text: that is no reason to end training."""
    frontend = TextFrontend.of(config)
    return frontend.end(frontend.known(entry.symbols))


def pair_lengths(reference: LatentEntry, target: LatentEntry, config: Any, rate_hz: float = LATENT_RATE_HZ) -> Lengths:
    """What is expected of a target behind its reference, as at synthesis; frames have `rate_hz`."""
    said_seconds = reference_frames(reference, rate_hz) / rate_hz
    wanted = len(as_spoken(target, config))
    return expected_lengths(wanted, config.seconds_per_symbol, len(reference.symbols), said_seconds)


def add_listener_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a training program that say who listens, and to whom."""
    parser.add_argument(
        "--recogniser",
        metavar="NAME",
        default=AUTO,
        help=f"hears what the model says: {AUTO} (faster-whisper, else pocketsphinx, whichever is installed; the "
        f"default), {NONE}, or {WAYS}",
    )
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
    make_judges: Callable[[str], Any],
) -> Listener | None:
    """The listener that `add_listener_arguments` describes; None where nobody listens.

    Args:
        load_decoder: makes `Listener.decode`; it is not asked where nobody listens.
        make_judges: `evaluate.training_judges.make_training_judges`: a recogniser's name -> something with `word_error`
            and `quality`, or None.

    DataError where the recogniser, a speaker or a recording that is asked for is not there: before training begins.
    """
    try:
        judges = make_judges(args.recogniser)
    except RecogniserError as error:
        raise DataError(f"--recogniser: {error}") from None
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
    from ditar.audio.read import read_audio  # here: a machine for training may lack what reads audio

    return read_audio(path)
