"""A text of any length: sentence by sentence in one voice, written as it is made, resumable.

The reference, not the sentence before, carries the voice, so that it cannot drift; the pauses come from the
punctuation. At no time is more in memory than two batches of sentences.
"""

import contextlib
import ctypes
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ditar.audio.growing import GrowingWav, RawPipe, finish
from ditar.audio.trim import level, trim_silence
from ditar.audio.write import check_writable, write_audio
from ditar.config.sampling import BATCH_SIZE
from ditar.seeds import seed_of
from ditar.storage.atomic_write import write_lines
from ditar.storage.digests import digest_values
from ditar.synthesis.length import MAX_TEXT_SECONDS, lengths
from ditar.synthesis.request import SpeechOutput, SpeechRequest
from ditar.synthesis.retry import SpeechError
from ditar.synthesis.voice import Voice, voice_warnings
from ditar.text import TextError
from ditar.text.frontend import ReadText, TextFrontend
from ditar.text.sentences import Piece, split_text
from ditar.units import SAMPLE_RATE_HZ, seconds_to_samples

MIN_PIECE_SECONDS = 2.5  # of expected speech: shorter pieces are no sentences any more, however long the reference is
FADE_SECONDS = 0.005
# Batches that are asked for at once: of more sentences, those of like length can go together. What is interrupted is
# lost up to there.
BATCHES_AT_ONCE = 2
LONG_NUMBER = re.compile(r"\d{16,}")  # is read digit by digit, also where only a part of it fits into a piece
SYMBOLS_PER_CHARACTER = 1 / 6  # less than any language has: a text longer than by this is not phonemised to be measured


@dataclass
class LongOutput:
    """What became of a long text: seconds of audio, its pieces, how many of them an earlier run had spoken, and what a
    user should know."""

    seconds: float
    pieces: int
    resumed: int
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReadPiece(Piece):
    """A piece of text as the model reads it."""

    read: ReadText | None = None  # None: it has not been read yet


def pieces_to_speak(
    text: str, voice: Voice, config: Any, language: str, whole: bool = False
) -> tuple[list[ReadPiece], list[str]]:
    """The pieces of a text that a model can speak, and the warnings on what was left out.

    `config` says what it was trained on: trained_seconds of reference and text together, seconds_per_symbol, symbols,
    trained_symbols. `whole`: a text that fits is one piece, however many sentences it has. TextError: nothing of it can
    be spoken.
    """
    frontend = TextFrontend.of(config, language)
    text = LONG_NUMBER.sub(lambda match: " ".join(match[0]), text)
    seconds = config.trained_seconds - voice.seconds if config.trained_seconds else MAX_TEXT_SECONDS
    one = lengths(1, voice, config.seconds_per_symbol).expected
    limit = int(min(max(seconds, MIN_PIECE_SECONDS), MAX_TEXT_SECONDS) / one)
    phonemised: dict[str, tuple[list[str], list[str]]] = {}  # symbols and what was dropped, of what fits

    def phonemise(piece: str) -> tuple[list[str], list[str]]:
        dropped: list[str] = []
        return frontend.phonemise(piece, dropped), dropped

    def fits(piece: str) -> bool:
        if len(piece) * SYMBOLS_PER_CHARACTER > limit:
            return False
        try:
            found = phonemise(piece)
        except TextError:  # a shorter part of it can be spoken, perhaps
            return len(piece) <= limit
        if len(found[0]) <= limit:
            phonemised[piece] = found
        return len(found[0]) <= limit

    spoken, left_out, reason = [], [], None
    for piece in [Piece(text.strip(), 0.0)] if whole and fits(text.strip()) else split_text(text, fits):
        try:
            read = frontend.finish(piece.text, *(phonemised.get(piece.text) or phonemise(piece.text)))
            spoken.append(ReadPiece(piece.text, piece.pause_seconds, read))
        except TextError as error:
            reason = reason or error
            left_out.append(piece.text)
    if not spoken:
        frontend.phonemise(text, [])  # says what is wrong with an empty text
        raise reason
    if left_out:
        first = left_out[0] if len(left_out[0]) <= 40 else f"{left_out[0][:40]}..."
        parts = f"{len(left_out)} part{'s' * (len(left_out) != 1)}"
        return spoken, [f"{parts} of the text left out, the first {first!r}: {reason}"]
    return spoken, []


def one_piece(text: str, voice: Voice, config: Any, language: str) -> ReadPiece:
    """A text that is not to be cut. TextError: it cannot be spoken, or is too long for one call."""
    read = TextFrontend.of(config, language).read(text)
    lengths(len(read.symbols), voice, config.seconds_per_symbol)
    return ReadPiece(text, 0.0, read)


def join(pieces: Sequence[Piece], outputs: Sequence[SpeechOutput], last: bool = True) -> np.ndarray:
    """(S,) of the pieces with their pauses, all at one level; `last`: no pause behind the last piece."""
    parts = []
    for number, (piece, output) in enumerate(zip(pieces, outputs, strict=True), 1):
        audio = level(trim_silence(output.audio, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ).copy()
        ramp = np.linspace(0.0, 1.0, min(seconds_to_samples(FADE_SECONDS), len(audio)), dtype=np.float32)
        audio[: len(ramp)] *= ramp
        audio[len(audio) - len(ramp) :] *= ramp[::-1]
        parts.append(audio)
        if not last or number < len(pieces):
            parts.append(pause(piece))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def pause(piece: Piece) -> np.ndarray:
    """(S,) of silence behind a piece."""
    return np.zeros(seconds_to_samples(piece.pause_seconds), np.float32)


def partial_files(path: str | Path) -> tuple[Path, Path]:
    """Where the audio that is finished lies while a long text is spoken, and the note of how far it is."""
    path = Path(path)
    return path.with_name(f"{path.stem}.partial.wav"), path.with_name(f"{path.stem}.partial.json")


def speak_text(
    pipeline: Any,
    pieces: Sequence[ReadPiece],
    voice: Voice,
    path: str | Path,
    *,
    seed: int,
    settings: dict[str, Any],
    request_options: dict[str, Any],
    batch_options: dict[str, Any],
    batch_size: int = BATCH_SIZE,
    on_progress: Callable[[Piece], None] = lambda _: None,
) -> LongOutput:
    """Speak pieces to one file, WAV, FLAC or OGG by its ending; a single one as it comes from the pipeline.

    What is finished of several grows in NAME.partial.wav beside it; NAME.partial.json notes how far it is. When the
    call is cut off, the same call with the same `settings` (plain values: all that the audio depends on) goes on there
    and makes the same file. `on_progress` is called for every piece that is done, those of an earlier run included.
    AudioError, InUseError where another program speaks to the same file, and what `pipeline.batch` raises.

    Args:
        seed: of a single piece; of several, each has its own (`seed_of`).
        request_options, batch_options: of `SpeechRequest` and of `pipeline.batch`, for every piece.
    """
    path = Path(path)
    check_writable(path)
    if len(pieces) == 1:
        request = SpeechRequest(pieces[0].text, voice, seed=seed, read=pieces[0].read, **request_options)
        (output,) = pipeline.batch([request], batch_size=1, **batch_options)
        write_audio(path, output.audio, output.sample_rate)
        on_progress(pieces[0])
        return LongOutput(len(output.audio) / output.sample_rate, 1, 0, output.warnings)
    wav, note = partial_files(path)
    settings = {**settings, "seed": seed, "pieces": digest_values([[p.text, p.pause_seconds] for p in pieces])}
    state = _read_note(note, wav, settings)
    of_voice = voice_warnings(voice)  # said once, not for every piece
    resumed, done, warnings = state["done"], state["done"], state["warnings"] or list(of_voice)
    for piece in pieces[:done]:
        on_progress(piece)
    with GrowingWav(wav, SAMPLE_RATE_HZ, state["samples"]) as file, _empty_removed(lambda: state["done"], wav, note):
        while done < len(pieces):
            some = pieces[done : done + BATCHES_AT_ONCE * batch_size]
            requests = [
                SpeechRequest(
                    piece.text, voice, seed=seed_of(seed, str(number)), read=piece.read, **request_options
                )
                for number, piece in enumerate(some, done)
            ]
            outputs = pipeline.batch(requests, batch_size=batch_size, **batch_options)
            warnings += [
                f"{piece.text[:40]!r}: {line}"
                for piece, output in zip(some, outputs, strict=True)
                for line in output.warnings
                if line not in of_voice
            ]
            done += len(some)
            file.write(join(some, outputs, last=done == len(pieces)))
            state = {"settings": settings, "done": done, "samples": file.samples, "warnings": warnings}
            write_lines(note, [json.dumps(state, ensure_ascii=False)])
            del outputs
            give_back_memory()
            for piece in some:
                on_progress(piece)
        seconds = file.samples / SAMPLE_RATE_HZ
    finish(wav, path)
    note.unlink()
    return LongOutput(seconds, len(pieces), resumed, warnings)


def stream_text(
    pipeline: Any,
    pieces: Sequence[ReadPiece],
    voice: Voice,
    sink: GrowingWav | RawPipe,
    *,
    seed: int,
    request_options: dict[str, Any],
    stream_options: dict[str, Any],
    warn: Callable[[list[str]], None] = lambda _: None,
) -> list[str]:
    """Speak pieces one after the other, each while it is made; returns what went wrong with some of them, which were
    heard to their end. `warn` is told what a user should know, of the voice first, then of each piece. BrokenPipeError:
    whoever reads has heard enough. For the rest see `speak_text`."""
    of_voice = voice_warnings(voice)  # said once, not for every piece
    warn(of_voice)
    failed: list[str] = []
    for number, piece in enumerate(pieces):
        of_piece = seed if len(pieces) == 1 else seed_of(seed, str(number))
        request = SpeechRequest(piece.text, voice, seed=of_piece, read=piece.read, **request_options)
        with pipeline.stream(request, **stream_options) as chunks:
            try:
                for chunk in chunks:
                    sink.write(chunk)
            except SpeechError as error:  # heard to its end; what follows is not the worse for it
                failed.append(f"{piece.text[:40]!r}: {error}")
        warn([line for line in chunks.warnings if line not in of_voice])
        if number < len(pieces) - 1:
            sink.write(pause(piece))
    return failed


@contextlib.contextmanager
def _empty_removed(done: Callable[[], int], *files: Path) -> Iterator[None]:
    """Whatever ends the block before anything is done leaves no file that holds nothing."""
    try:
        yield
    except BaseException:
        if not done():
            for file in files:
                file.unlink(missing_ok=True)
        raise


def give_back_memory() -> None:
    """Let the system have what is free inside this process. glibc would keep it, in gaps that the next sentences, of
    other lengths, do not fit into: an hour of speech then takes a quarter more memory than a minute."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def _read_note(note: Path, wav: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """How far an earlier run with these settings came; otherwise nowhere."""
    try:
        state = json.loads(note.read_text(encoding="utf-8"))
        if state["settings"] == settings and wav.is_file():
            return state
    except (OSError, ValueError, KeyError, TypeError):  # none, or not ours
        pass
    return {"done": 0, "samples": 0, "warnings": []}
