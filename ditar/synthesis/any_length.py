"""A text of any length, spoken in memory: in one piece if it fits into one call, else sentence by sentence, as on the
command line."""

import secrets
from collections.abc import Sequence
from typing import Any

import torch

from ditar.config.numbers import MAX_SEED
from ditar.seeds import piece_seeds
from ditar.synthesis.pieces import ReadPiece, at_speed, join, warnings_of_voices
from ditar.synthesis.request import SpeechOutput


def speak_pieces(
    pipeline: Any, pieces: Sequence[ReadPiece], left_out: Sequence[str], *, seed: int | None,
    generator: torch.Generator | None, language: str, request_options: dict[str, Any], batch_options: dict[str, Any],
) -> SpeechOutput:  # fmt: skip
    """Speak the pieces of a text, or of a script, by `pipeline.batch`.

    Args:
        left_out: warnings about what is in no piece.
        seed: of a single piece; of several, that of the whole, from which each has its own, as in
            `long_text.speak_text`, which writes the same samples.
        generator: instead of the seed; for several pieces it draws the seed of the whole.
        language: espeak-ng's name of the text's.
        request_options, batch_options: of SpeechRequest and of the pipeline's `batch`.
    """
    asked = {"language": language, **request_options}
    pieces = at_speed(pieces, asked.get("speed"))
    if len(pieces) == 1:
        (output,) = pipeline.batch([pieces[0].request(seed, **asked)], generator=generator, **batch_options)
        output.audio, output.timing = join(pieces, [output])
        output.warnings += left_out
        return output
    if generator is not None:
        seed = int(torch.randint(MAX_SEED, (), generator=generator, device=generator.device))
    elif seed is None:
        seed = secrets.randbits(63)
    seeds = piece_seeds(seed, [piece.text for piece in pieces])
    requests = [piece.request(of_piece, **asked) for piece, of_piece in zip(pieces, seeds)]
    outputs = pipeline.batch(requests, **batch_options)
    of_voices = warnings_of_voices(pieces)
    audio, timing = join(pieces, outputs)

    def of_pieces(lines: list[list[str]], without: list[str]) -> list[str]:
        by_piece = [(piece.text[:40], line) for piece, some in zip(pieces, lines) for line in some]
        return [f"{text!r}: {line}" for text, line in by_piece if line not in without]

    return SpeechOutput(
        audio=audio,
        sample_rate=outputs[0].sample_rate,
        stopped=all(output.stopped for output in outputs),
        patches=sum(output.patches for output in outputs),
        attempts=max(output.attempts for output in outputs),
        seed=None if generator is not None else seed,
        warnings=[*left_out, *of_voices, *of_pieces([output.warnings for output in outputs], of_voices)],
        failures=of_pieces([output.failures for output in outputs], []),
        wrong="; ".join(of_pieces([[output.wrong] if output.wrong else [] for output in outputs], [])) or None,
        timing=timing,
    )
