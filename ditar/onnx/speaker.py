"""Text and voice -> waveform: one call, batches, streams and texts of any length, as `ditar.synthesis` has them in
torch."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ditar.audio.stretch import Stretcher, stretch
from ditar.audio.trim import StreamTrimmer, fade, is_silent, level, speech_range
from ditar.config.numbers import check_whole
from ditar.config.sampling import BATCH_SIZE, MAX_RETRIES, MOST_ROWS
from ditar.onnx.ddim import seeded
from ditar.onnx.folder import Model
from ditar.onnx.generate import Generator
from ditar.onnx.prepare import Prepared, prepare, read_text
from ditar.onnx.request import SpeechOutput, SpeechRequest
from ditar.onnx.vocoder import StreamingDecoder, Vocoder
from ditar.onnx.voices import Voice, create_voice, load_voice
from ditar.text.lengths import given_up, problem
from ditar.text.lexicon import as_lexicon
from ditar.text.pieces import ends_to_cut, gaps
from ditar.text.sentences import Piece
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds

CHUNK_PATCHES = 4  # of a stream, but for the first chunk, which is as short as can be


class SpeechError(ValueError):
    """A stream whose speech failed after some of it had been played, so that it could not be made again."""


class Speaker:
    """Speaks with the model of a folder that `ditar export MODEL DIR --format onnx` wrote. ModelError: another folder.

    threads: of onnxruntime. noise: seed -> what draws an attempt's noise; the default repeats itself, and differs from
    torch's.

    It can be pickled, for other processes: they load the same folder again, and its graphs at their first speech.
    """

    sample_rate = SAMPLE_RATE_HZ

    def __init__(self, folder: str | Path, threads: int = 1, noise: Any = seeded):
        self.model, self._noise = Model(folder, threads), noise
        self._generate, self._vocoder = Generator(self.model), Vocoder(self.model)
        self._voice = cache(lambda name: load_voice(self.model, name))

    def __reduce__(self) -> tuple[type["Speaker"], tuple[Path, int, Any]]:
        return type(self), (self.model.folder, self.model.threads, self._noise)

    def voice(self, name: str | None = None) -> Voice:
        """A voice of the model's folder; None: its default. VoiceError names those that there are."""
        return self._voice(name)

    def create_voice(self, prompt_audio: Any, prompt_text: str | None = None, **options: Any) -> Voice:
        """A voice from a clip, see `voices.create_voice`."""
        return create_voice(self.model, prompt_audio, prompt_text, **options)

    def __call__(
        self,
        text: str,
        voice: Voice | str | None = None,
        *,
        seed: int | None = None,
        lexicon: Any = None,
        language: str = "en-us",
        speed: float | None = None,
        stop_threshold: float | None = None,
        **options: Any,
    ) -> SpeechOutput:
        """Speak a text of any length: sentence by sentence, with pauses by its punctuation, if it does not fit into one
        call. The same seed gives the same samples on the same machine. For `options` see `batch`, for the rest
        `SpeechRequest`. TextError, VoiceError, ValueError."""
        lexicon, voice = as_lexicon(lexicon), self._named(voice)
        pieces, warnings, requests, seed = read_text(
            self.model, text, voice, seed, lexicon, language, speed, stop_threshold
        )
        outputs = self.batch(requests, **options)
        if len(outputs) == 1:
            audio = outputs[0].audio
            gap = gaps(pieces)
            outputs[0].audio = np.pad(audio, (gap[0], gap[1]))
            outputs[0].warnings += warnings
            return outputs[0]
        return _joined(pieces, outputs, warnings, seed)

    def stream(
        self,
        text: str,
        voice: Voice | str | None = None,
        *,
        seed: int | None = None,
        lexicon: Any = None,
        language: str = "en-us",
        speed: float | None = None,
        stop_threshold: float | None = None,
        max_retries: int = MAX_RETRIES,
        **options: Any,
    ) -> Iterator[np.ndarray]:
        """Float32 chunks (S,) at 24 kHz while they are made; a single piece's are what a call returns, except in 8
        bits. Speech that fails before anything of it was yielded is made again. SpeechError, at the end: what was
        played turned out wrong. For the arguments see `__call__`."""
        lexicon, voice = as_lexicon(lexicon), self._named(voice)
        pieces, _, requests, _ = read_text(self.model, text, voice, seed, lexicon, language, speed, stop_threshold)
        prepared = prepare(self.model, requests, self.voice, max_retries, options)
        return self._stream(gaps(pieces), prepared)

    def batch(
        self,
        requests: Sequence[SpeechRequest | str],
        *,
        max_retries: int = MAX_RETRIES,
        batch_size: int = BATCH_SIZE,
        **options: Any,
    ) -> list[SpeechOutput]:
        """Speak several requests, or texts, up to `batch_size` at a time; outputs in their order, each as if it were
        alone, except in 8 bits. What never stops, is silent or far too short is made again up to `max_retries` times.
        options: of `Sampling`, by name."""
        batch_size = check_whole(batch_size, "batch_size", 1, MOST_ROWS)
        if isinstance(requests, str):
            raise ValueError(f"give a list of requests, got {requests!r}")
        asked = [SpeechRequest(one) if isinstance(one, str) else one for one in requests]
        prepared = prepare(self.model, asked, self.voice, max_retries, options)
        outputs: list[SpeechOutput | None] = [None] * len(prepared)
        failures: list[list[str]] = [[] for _ in prepared]
        waiting = sorted(range(len(prepared)), key=lambda place: -prepared[place].lengths.most)
        while waiting:
            places, waiting = waiting[:batch_size], waiting[batch_size:]
            rows = [prepared[p].row(self._noise(prepared[p].seeds[len(failures[p])])) for p in places]
            made: list[list[np.ndarray]] = [[] for _ in places]
            stop = [0.0] * len(places)
            for step in self._generate(rows):
                for row, patch, share in zip(step.rows, step.patches, step.stop):
                    made[row].append(patch)
                    stop[row] = share
            for place, patches, share in zip(places, made, stop):
                one, failed = prepared[place], failures[place]
                audio, stopped = self._decode(one.prompt, np.stack(patches)), share > one.stop_threshold
                seconds, expected = samples_to_seconds(len(audio)), one.lengths.expected
                wrong, attempt = problem(seconds, is_silent(audio), stopped, expected), len(failed) + 1
                if wrong is not None and attempt < len(one.seeds):
                    failed.append(wrong)
                    waiting.append(place)
                    continue
                audio = audio if stopped else fade(audio, SAMPLE_RATE_HZ, start=False)
                outputs[place] = SpeechOutput(
                    audio=stretch(audio, one.speed),
                    sample_rate=SAMPLE_RATE_HZ,
                    stopped=stopped,
                    patches=len(patches),
                    attempts=attempt,
                    seed=one.seeds[attempt - 1],
                    warnings=[*([] if wrong is None else [given_up(wrong, attempt)]), *one.warnings],
                    failures=failed,
                    wrong=wrong,
                )
        return outputs

    def _named(self, voice: Voice | str | None) -> Voice:
        return voice if isinstance(voice, Voice) else self.voice(voice)

    def _decode(self, prompt: np.ndarray, patches: np.ndarray) -> np.ndarray:
        """Patches (N, P, C) -> waveform (S,), after the reference, so that there is no click at the seam."""
        decoder = StreamingDecoder(self._vocoder, prompt.reshape(-1, prompt.shape[-1]))
        decoder.add(patches.reshape(-1, patches.shape[-1]))
        return decoder.take(final=True)

    def _stream(self, silences: Sequence[int], prepared: Sequence[Prepared]) -> Iterator[np.ndarray]:
        wrong = []
        for silence, one, between in zip(silences, prepared, ends_to_cut(silences)):
            if silence:
                yield np.zeros(silence, np.float32)
            for number, seed in enumerate(one.seeds):
                failed, heard = None, False
                for chunk, failed in self._attempt(one, seed, between, is_last=number == len(one.seeds) - 1):
                    if chunk is not None:
                        heard = True
                        yield chunk
                if failed is None or heard:
                    break
            if failed is not None:
                wrong.append(given_up(failed, number + 1))
        if silences[-1]:
            yield np.zeros(silences[-1], np.float32)
        if wrong:
            raise SpeechError("; ".join(wrong))

    def _attempt(
        self, one: Prepared, seed: int, between: tuple[bool, bool], is_last: bool
    ) -> Iterator[tuple[np.ndarray | None, str | None]]:
        """Chunks of an attempt that may be played and, at its end, what is wrong with it. Nothing is played while all
        is silent, nor of an attempt that fails before anything was played, unless it is the last. between: whether
        other speech stands before and after it; the silence at that end is cut."""
        decoder = StreamingDecoder(self._vocoder, one.prompt.reshape(-1, one.prompt.shape[-1]))
        held, stretched, trimmed = [], Stretcher(one.speed), StreamTrimmer(SAMPLE_RATE_HZ, *between)
        samples, silent, heard, waiting = 0, True, False, 0
        for step in self._generate([one.row(self._noise(seed))]):
            decoder.add(step.patches[0])
            (ended,), (share,) = step.ended, step.stop
            waiting += 1
            if not ended and (not decoder.ready or (heard and waiting < CHUNK_PATCHES)):
                continue
            chunk, waiting = decoder.take(final=ended), 0
            samples, silent = samples + len(chunk), silent and is_silent(chunk)
            wrong = None
            if ended:
                stopped = share > one.stop_threshold
                wrong = problem(samples_to_seconds(samples), silent, stopped, one.lengths.expected)
                if wrong is not None and not heard and not is_last:
                    yield None, wrong
                    return
                chunk = chunk if stopped else fade(chunk, SAMPLE_RATE_HZ, start=False)
            held.append(trimmed(stretched(chunk, final=ended), final=ended))
            if ended or (not silent and any(map(len, held))):  # some may all be in the stretcher, or be trimmed
                yield np.concatenate(held), wrong
                held, heard = [], True


def _joined(
    pieces: Sequence[Piece], outputs: Sequence[SpeechOutput], warnings: list[str], seed: int
) -> SpeechOutput:
    """Several pieces with their silences, each at the same level; seed: of the whole."""
    *before, after = gaps(pieces)
    parts: list[np.ndarray] = []
    for gap, output in zip(before, outputs, strict=True):
        start, stop = speech_range(output.audio, SAMPLE_RATE_HZ)
        speech = level(output.audio[start:stop], SAMPLE_RATE_HZ)
        parts += [np.zeros(gap, np.float32), fade(speech, SAMPLE_RATE_HZ)]
    told = [f"{piece.text[:40]!r}: {line}" for piece, output in zip(pieces, outputs) for line in output.warnings]
    failed = [f"{piece.text[:40]!r}: {line}" for piece, output in zip(pieces, outputs) for line in output.failures]
    wrong = [f"{piece.text[:40]!r}: {output.wrong}" for piece, output in zip(pieces, outputs) if output.wrong]
    return SpeechOutput(
        np.concatenate([*parts, np.zeros(after, np.float32)]),
        SAMPLE_RATE_HZ,
        all(output.stopped for output in outputs),
        sum(output.patches for output in outputs),
        max(output.attempts for output in outputs),
        seed,
        [*warnings, *told],
        failed,
        "; ".join(wrong) or None,
    )
