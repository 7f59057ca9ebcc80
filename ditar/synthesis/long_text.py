"""A text of any length: sentence by sentence, each in its voice, written as it is made, resumable.

A voice comes from its reference, not from the previous sentence, so it cannot drift; the pauses come from the
punctuation. Finished pieces are kept (finished.py). No more than two batches of sentences are in memory at any time.
"""

import contextlib
import ctypes
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ditar.audio.encode import Pipe
from ditar.audio.growing import GrowingWav
from ditar.audio.write import check_writable, write_audio
from ditar.config.sampling import BATCH_SIZE
from ditar.seeds import piece_seeds, text_seeds
from ditar.storage.digests import digest_values
from ditar.synthesis.finished import FinishedPieces
from ditar.synthesis.pieces import ReadPiece, at_speed, join, levelled, silent, warnings_of_voices
from ditar.synthesis.retry import SpeechError
from ditar.synthesis.timing import Timing, joined
from ditar.synthesis.voice import voice_key
from ditar.text.pieces import ends_to_cut, gaps
from ditar.units import SAMPLE_RATE_HZ, seconds_to_samples

# Batches requested at once: among more sentences, those of similar length can be batched. An interruption loses at most
# that much.
BATCHES_AT_ONCE = 2


@dataclass
class LongOutput:
    """The result of a long text: seconds of audio, the number of its pieces, how many of them an earlier run had
    spoken, what a user should know, and what is wrong with some of them after all attempts, one line each; timing:
    of its words, if that was asked for."""

    seconds: float
    pieces: int
    resumed: int
    warnings: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    timing: Timing | None = None


def speak_text(
    pipeline: Any,
    pieces: Sequence[ReadPiece],
    path: str | Path,
    *,
    seed: int,
    settings: dict[str, Any],
    request_options: dict[str, Any],
    batch_options: dict[str, Any],
    batch_size: int = BATCH_SIZE,
    timestamps: bool = False,
    on_progress: Callable[[list[ReadPiece], bool], None] = lambda pieces, made: None,
    warn: Callable[[list[str]], None] = lambda _: None,
) -> LongOutput:
    """Speak pieces to one file; a single piece is written as it comes from the pipeline.

    The finished ones of several pieces are kept in `FinishedPieces`. If the call is interrupted, another one reuses
    every piece with the same text, voice, seed and `settings`, and makes the same file. Finished pieces that do not fit
    are reported to `warn` before anything is made, and kept. AudioError, InUseError if another program speaks to the
    same file, and whatever `pipeline.batch` raises.

    Args:
        path: in the format of its ending, see `audio.formats`.
        seed: of a single piece; each of several pieces has its own (`piece_seeds`).
        settings: plain values: everything else that the audio depends on.
        request_options, batch_options: of `SpeechRequest` and of `pipeline.batch`, for every piece.
        batch_size: pieces spoken at the same time, at least 1.
        timestamps: whether the output says when each word is spoken; finished pieces without that are made again.
        on_progress: called with the pieces of every batch, or of an earlier run, and whether they were made now.
    """
    path = Path(path)
    check_writable(path)
    pieces = at_speed(pieces, request_options.get("speed"))
    if len(pieces) == 1:
        request = pieces[0].request(seed, timestamps=timestamps, **request_options)
        (output,) = pipeline.batch([request], batch_size=1, **batch_options)
        audio, timing = join(pieces, [output])
        write_audio(path, audio, output.sample_rate)
        on_progress(list(pieces), True)
        wrong = [] if output.wrong is None else [output.wrong]
        return LongOutput(len(audio) / output.sample_rate, 1, 0, output.warnings, wrong, timing)
    seeds = piece_seeds(seed, [piece.text for piece in pieces])
    voices = {id(piece.voice): piece.voice for piece in pieces}
    shared = {
        number: digest_values([voice_key(voice), settings, request_options, batch_options])
        for number, voice in voices.items()
    }
    keys = [
        digest_values([piece.text, of_piece, shared[id(piece.voice)], *([piece.rate] if piece.rate != 1.0 else [])])
        for piece, of_piece in zip(pieces, seeds)
    ]
    of_voices = warnings_of_voices(pieces)
    with FinishedPieces(path) as finished:
        warn(_not_of_this_text(finished, keys))
        to_make = [
            number
            for number, key in enumerate(keys)
            if key not in finished or (timestamps and finished[key].timing is None)
        ]
        on_progress([pieces[number] for number in sorted(set(range(len(pieces))).difference(to_make))], False)
        for first in range(0, len(to_make), BATCHES_AT_ONCE * batch_size):
            some = to_make[first : first + BATCHES_AT_ONCE * batch_size]
            requests = [
                pieces[number].request(seeds[number], timestamps=timestamps, **request_options) for number in some
            ]
            outputs = pipeline.batch(requests, batch_size=batch_size, **batch_options)
            for number, output in zip(some, outputs, strict=True):
                piece, (audio, timing) = pieces[number], levelled(output)
                warnings = [line for line in output.warnings if line not in of_voices]
                pause = silent(seconds_to_samples(piece.pause_seconds))
                finished.add(keys[number], audio, pause, piece.text, warnings, output.wrong, timing)
            on_progress([pieces[number] for number in some], True)
            del outputs, output, audio
            give_back_memory()
        silences = gaps(pieces)
        samples = finished.finish(keys, silences)
    found = [(piece.text[:40], finished[key]) for piece, key in zip(pieces, keys)]
    warnings = [f"{text!r}: {line}" for text, piece in found for line in piece.warnings]
    wrong = [f"{text!r}: {piece.wrong}" for text, piece in found if piece.wrong is not None]
    ends = itertools.accumulate(gap + piece.samples for gap, (_, piece) in zip(silences, found))
    timings = [(piece.timing, end - piece.samples) for (_, piece), end in zip(found, ends)]
    return LongOutput(
        samples / SAMPLE_RATE_HZ, len(pieces), len(pieces) - len(to_make), [*of_voices, *warnings], wrong,
        joined(timings) if timestamps else None,
    )  # fmt: skip


def _not_of_this_text(finished: FinishedPieces, keys: Sequence[str]) -> list[str]:
    """What a user should know about the remains of an earlier run."""
    said = []
    if finished.moved is not None:
        said.append(f"{finished.wav} had audio that nothing describes; it is in {finished.moved} now")
    if count := finished.others(keys):
        said.append(
            f"{count} finished piece{'s' * (count != 1)} in {finished.wav} {'belong' if count != 1 else 'belongs'} to "
            "another text, voice, seed, setting, model, version or device; kept there: delete it and its .jsonl when "
            "you no longer need it"
        )
    return said


def stream_text(
    pipeline: Any,
    pieces: Sequence[ReadPiece],
    sink: GrowingWav | Pipe,
    *,
    seed: int,
    request_options: dict[str, Any],
    stream_options: dict[str, Any],
    on_timing: Callable[[Timing], None] | None = None,
    warn: Callable[[list[str]], None] = lambda _: None,
) -> list[str]:
    """Speak pieces in sequence, each while it is made and without silence where it meets another; returns what went
    wrong with some of them, which were played to their end. BrokenPipeError: the reader has closed the pipe.

    Args:
        sink: where the samples go.
        seed, request_options: see `speak_text`.
        stream_options: of `pipeline.stream`, for every piece.
        on_timing: called with the timing of each piece, as times of the whole; None: nobody wants it.
        warn: called with what a user should know, about the voices first, then about each piece.
    """
    pieces = at_speed(pieces, request_options.get("speed"))
    of_voices = warnings_of_voices(pieces)
    warn(of_voices)
    failed: list[str] = []
    seeds = text_seeds(seed, [piece.text for piece in pieces])
    *before, after = silences = gaps(pieces)
    for piece, of_piece, gap, (continues, goes_on) in zip(pieces, seeds, before, ends_to_cut(silences)):
        sink.write(silent(gap))
        start, request = sink.samples, piece.request(of_piece, timestamps=on_timing is not None, **request_options)
        with pipeline.stream(request, continues=continues, goes_on=goes_on, **stream_options) as chunks:
            try:
                for chunk in chunks:
                    sink.write(chunk)
            except SpeechError as error:  # played to its end; the following pieces are not affected
                failed.append(f"{piece.text[:40]!r}: {error}")
        if on_timing is not None:
            on_timing(chunks.timing.shifted(start))
        warn([line for line in chunks.warnings if line not in of_voices])
    sink.write(silent(after))
    return failed


def give_back_memory() -> None:
    """Return free memory to the system. glibc would keep it, in gaps that the next sentences, of other lengths, do not
    fit into: an hour of speech then takes a quarter more memory than a minute."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
