"""What a token LM says while it trains: teacher-forced and free-running word error, as in `ditar.train.samples`."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ditar.baseline.batch import TextCondition
from ditar.baseline.decoding import DecodingOptions
from ditar.baseline.generate import collect_tokens, generate_tokens, redraw
from ditar.baseline.lm import TokenLM
from ditar.baseline.streams import AUDIO
from ditar.data.codes import CodeStore
from ditar.train.listener import Listener, as_spoken, pair_lengths, reference_frames
from ditar.train.tracker import Tracker
from ditar.units import SAMPLE_RATE_HZ

Condition = Callable[[Sequence[str], str], TextCondition]  # of one row, from its symbols and its text

SILENCE = 2400  # samples that replace an output without a frame


def _known(model: TokenLM, codes: Tensor) -> Tensor:
    """(1, Q, T) ids of codes, without an end."""
    return model.streams.from_codes(codes)[None, :, : codes.shape[1]].to(model.device)


def _hear(model: TokenLM, tokens: Tensor, listener: Listener) -> Tensor:
    codes = model.streams.to_codes(tokens[model.streams.slices[AUDIO]])
    return listener.decode(codes[None]) if codes.shape[1] else torch.zeros(SILENCE)


def teacher_forced_token_words(model: TokenLM, store: CodeStore, listener: Listener, condition: Condition) -> float:
    """Word error when every token is drawn given the true previous ones."""
    spoken, texts = [], []
    for number, (_, target) in enumerate(listener.pairs(store)):
        generator = torch.Generator().manual_seed(number)
        row = condition(as_spoken(target, model.config), target.text).to(model.device)
        made = redraw(model, _known(model, store.codes(target.utt)), [generator], row)[0]
        spoken.append(_hear(model, made, listener).float().cpu().numpy())
        texts.append(target.text)
    return listener.word_error(spoken, texts)


def sample_token_words(
    model: TokenLM, store: CodeStore, listener: Listener, condition: Condition, tracker: Tracker, step: int
) -> dict[str, float]:
    """Word error, quality, share of samples that stopped, and audio of free-running generation after a reference: text
    and limits as at synthesis, without retries."""
    config, rate_hz = model.config, store.codec.frame_rate_hz
    ends = model.streams[AUDIO].end_id is not None
    spoken, texts, references, stopped = [], [], [], 0.0
    for number, (reference, target) in enumerate(listener.pairs(store)):
        frames = reference_frames(reference, rate_hz)
        both = [*as_spoken(reference, config), " ", *as_spoken(target, config)]
        row = condition(both, f"{reference.text} {target.text}")
        known = store.codes(reference.utt)[:, :frames]
        if listener.quality is not None:
            references.append(listener.reference(reference.utt, known[None]))
        limits = pair_lengths(reference, target, config, rate_hz)
        options = DecodingOptions(config.guidance_scale, min_frames=limits.least_units(1 / rate_hz))
        found = collect_tokens(
            generate_tokens(
                model,
                [torch.Generator().manual_seed(number)],
                max_frames=int((limits.most if ends else limits.expected) * rate_hz) + 1,
                condition=row.to(model.device),
                known=_known(model, known),
                options=options,
            )
        )
        stopped += float(found.ended[0])
        waveform = _hear(model, found.tokens[0, :, : int(found.frame_counts[0])], listener)
        spoken.append(waveform.float().cpu().numpy())
        texts.append(target.text)
        if number < 4:
            tracker.audio(f"free-running/{target.utt}", waveform, step, SAMPLE_RATE_HZ)
    return {**listener.figures(spoken, texts, references), "stopped": stopped / max(1, len(spoken))}
