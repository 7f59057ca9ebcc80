"""A request as the discrete baseline reads it: text and voice become a prompt of tokens."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ditar.baseline.batch import TextCondition
from ditar.baseline.decoding import DecodingOptions
from ditar.baseline.lm import TokenLM
from ditar.baseline.streams import AUDIO
from ditar.synthesis.length import lengths
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.retry import attempt_seeds
from ditar.synthesis.voice import Voice, VoiceError, no_blend, voice_warnings
from ditar.text.controls import plain_text
from ditar.text.errors import dropped_warning
from ditar.text.frontend import TextFrontend
from ditar.text.lengths import Lengths, length_warnings


@dataclass(frozen=True, eq=False)
class PreparedTokens:
    """condition: the text as the LM reads it; known (1, Q, T): ids of the reference, whose codes are `codes` (Q, T);
    lengths: the expected length of the speech; max_frames: the length cap; options: how tokens are drawn; warnings that
    hold for any output."""

    request: SpeechRequest
    condition: TextCondition
    codes: Tensor
    known: Tensor
    lengths: Lengths
    max_frames: int
    options: DecodingOptions
    warnings: list[str]

    def seeds(self, max_retries: int) -> list[int]:
        """One for each attempt; a single one if the most likely tokens are taken, since others would change nothing."""
        sampling = self.options.sampling[AUDIO]
        return attempt_seeds(self.request.seed, sampling.temperature > 0 and sampling.top_k != 1, max_retries)


def prepare_tokens(
    model: TokenLM,
    request: SpeechRequest,
    voice: Voice,
    frontend: TextFrontend,
    options: DecodingOptions,
    encode_words: Callable[[str], TextCondition],
) -> PreparedTokens:
    """text -> phoneme ids, or encoded words; voice -> known ids. TextError: a text that cannot be spoken.

    Args:
        frontend: for the language of the text.
        options: how tokens are drawn.
        encode_words: text -> condition, for a model that reads encoded words.
    """
    config = model.config
    read = frontend.read(request.text) if request.read is None else request.read
    if config.text == "cross":
        condition = encode_words(f"{voice.text} {plain_text(request.text, request.language)}")
    else:
        ids = frontend.ids([*frontend.end(voice.symbols), " ", *read.symbols])
        condition = TextCondition(torch.tensor([ids]), torch.tensor([len(ids)]))
    if voice.others:
        raise VoiceError(no_blend(voice.name))
    codes = voice.latents.T.long()
    known = model.streams.from_codes(codes)[None, :, : codes.shape[1]]

    expected = lengths(len(read.symbols), voice, config.seconds_per_symbol)
    seconds = expected.expected if model.streams[AUDIO].end_id is None else expected.most  # without an end: cut there
    warnings = [dropped_warning(list(read.dropped))] if read.dropped else []
    return PreparedTokens(
        request,
        condition.to(model.device),
        codes,
        known.to(model.device),
        expected,
        int(seconds * config.frame_rate_hz) + 1,
        replace(options, min_frames=int(expected.least * config.frame_rate_hz) + 1),
        [
            *warnings,
            *voice_warnings(voice),
            *length_warnings(voice.seconds + expected.expected, config.trained_seconds),
        ],
    )
