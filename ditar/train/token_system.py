"""Training of a token LM on codes on disk: losses, batches, validation, free-running samples."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.baseline.batch import Alignment, TextCondition, TokenBatch
from ditar.baseline.lm import TokenLM
from ditar.baseline.loss import TokenLoss
from ditar.baseline.streams import AUDIO, check_codec
from ditar.config import BaselineConfig, ConfigError
from ditar.data.code_batches import CodeBatch, CodeBatches
from ditar.data.codes import CodeStore, require_codec
from ditar.data.examples import take_rows
from ditar.nn.alignment import AlignmentHelpers
from ditar.train.keys import keyed_generators
from ditar.train.listener import Listener
from ditar.train.speech_system import Shares, SpeechSystem, of_corpus, plot_attention, start_from_trained
from ditar.train.token_samples import sample_token_words, teacher_forced_token_words
from ditar.train.tracker import Tracker

TextEncoder = Callable[[Sequence[str]], TextCondition]


def fill_in(config: BaselineConfig, train: CodeStore, init: TokenLM | None = None) -> BaselineConfig:
    """The configuration with what its checkpoint keeps about codec and corpus. DataError if the codes are another
    codec's."""
    check_codec(config.model, train.codec)
    before = None if init is None else init.config
    known = of_corpus(train, train.codec.frame_rate_hz, config.data.max_seconds, before)
    if init is not None and not config.model.symbols:  # older models have fewer
        known["symbols"] = init.config.symbols
    return replace(config, model=replace(config.model, codec_fingerprint=train.codec.codec, **known))


class TokenSystem(SpeechSystem):
    """See `ditar.train.loop.System`. `config` as `fill_in` gives it. `listener` turns waveforms into words for the word
    errors of `sample`; `init` is a trained model to start from; `encoder` reads the texts of a model with text: cross.

    ConfigError if codes on disk lack what the configuration's streams need.
    """

    def __init__(
        self,
        config: BaselineConfig,
        train: CodeStore,
        valid: CodeStore,
        listener: Listener | None = None,
        init: TokenLM | None = None,
        encoder: TextEncoder | None = None,
    ):
        torch.manual_seed(config.run.seed)
        check_codec(config.model, train.codec)
        require_codec(valid.codec.codec, train.codec.codec, str(valid.folder))
        self.listener, self.valid, self.encoder = listener, valid, encoder
        self.model = TokenLM(config.model)
        self._refuse_other_streams()
        if init is not None:
            start_from_trained(self.model, init)
        model, seed = self.model.config, config.run.seed
        self.loss = TokenLoss(config.loss, self.model, AlignmentHelpers(model.lm.width, 1, len(model.symbols)))
        self.optimised = {"model": self.loss}
        self.constant_rates: dict[str, float] = {}
        self.valid_batches = CodeBatches(valid, config.data, self._symbols(valid), seed)
        batches = CodeBatches(train, config.data, self._symbols(train), seed)
        super().__init__(config, batches, [train.made_from, train.codec.codec])

    def _refuse_other_streams(self) -> None:
        text, kinds = self.model.config.text, list(self.model.streams.slices)
        if text not in ("prefix", "cross") or kinds != [AUDIO]:
            raise ConfigError(
                f"codes on disk are trained on with a text before or beside the audio (text: prefix or cross) and the "
                f"one kind of streams {AUDIO!r}, and this configuration has text: {text} and {', '.join(kinds)}; train "
                "it on rows of your own with ditar.baseline.loss.TokenLoss"
            )
        if (text == "cross") != (self.encoder is not None):
            raise ConfigError(f"a text encoder is for text: cross, which needs it; text is {text!r}")

    def _symbols(self, store: CodeStore) -> tuple[str, ...]:
        """The vocabulary; for a model that reads encoded words, the symbols of the store."""
        if self.model.config.text == "prefix":
            return self.model.config.symbols
        return ("", *sorted({" ", *(s for entry in store.entries for s in entry.symbols)}))

    def batch(self, step: int, part: int, phases: tuple[str, ...], rank: int = 0, ranks: int = 1) -> TokenBatch:
        """This rank's rows of the next batch of the epoch in which this step falls."""
        return self.tokens(super().batch(step, part, phases, rank, ranks))

    def tokens(self, batch: CodeBatch) -> TokenBatch:
        """Codes as ids with the frame that marks the end, and the text in the form the model reads."""
        streams, counts = self.model.streams, batch.frame_counts.tolist()
        rows = [streams.from_codes(codes[:, :count]) for codes, count in zip(batch.codes, counts)]
        longest = max(row.shape[1] for row in rows)
        tokens = torch.stack([F.pad(row, (0, longest - row.shape[1])) for row in rows])
        frame_counts = torch.tensor([row.shape[1] for row in rows])
        prefix = self.model.config.text == "prefix"
        condition = TextCondition(batch.symbol_ids, batch.symbol_counts) if prefix else self.encoder(batch.texts)
        alignment = Alignment(batch.frame_symbols, batch.spoken) if prefix else None
        return TokenBatch(
            tokens, frame_counts, condition, None, alignment, examples=batch.examples, utterances=batch.utterances
        )

    def counts(self, batch: TokenBatch) -> Tensor:
        """What the losses are averaged over."""
        return self.loss.counts(batch) * bool(batch.utterances)

    def forward(
        self, loss: nn.Module, phase: str, batch: TokenBatch, step: int, counts: Tensor
    ) -> tuple[Tensor, dict]:
        """This batch's share of the loss, and its parts; randomness is keyed by (seed, step, utterances)."""
        generators = keyed_generators(self.config.run.seed, step, batch.examples)
        losses = loss(batch, generators, counts, self.helper_scale(step))
        places = torch.tensor(batch.tokens.shape[0] * batch.tokens.shape[2])
        parts = {**losses, "frames": batch.frame_counts.sum(), "padded_frames": places}
        counted = bool(batch.utterances)
        return losses["loss"] * counted, {name: value * counted for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, model: TokenLM, step: int, rank: int = 0, ranks: int = 1) -> Shares:
        """Losses and accuracies on fixed batches without noise, and with another utterance's text."""
        quiet = replace(self.config.loss, condition_dropout=0.0, token_noise=0.0)
        loss = TokenLoss(quiet, model, self.loss.helpers)

        def compute(batch: CodeBatch, rows: slice) -> dict[str, Tensor]:
            whole = self.tokens(batch)
            counts, mine = loss.counts(whole), self.tokens(take_rows(batch, rows)).to(model.device)
            found, other = loss(mine, (), counts, 1.0), self._wrong_text(batch, whole.condition)
            if other is not None:
                other = TextCondition(other.text[rows], other.counts[rows]).to(model.device)
                found["wrong_text"] = loss(replace(mine, condition=other, alignment=None), (), counts)[AUDIO]
            return found

        return self.over_validation(self.valid_batches, model.device, compute, rank, ranks)

    def figures(self, found: Shares) -> dict[str, float]:
        """Also the information taken from the text: the cross-entropy with another utterance's text minus that with the
        right one (zero means babble); no figure if there is no other text."""
        figures = super().figures(found)
        if "wrong_text" in figures:
            figures["text_gain"] = figures["wrong_text"] - figures[AUDIO]
        return {"validation": figures[AUDIO], **figures}

    def _wrong_text(self, batch: CodeBatch, right: TextCondition) -> TextCondition | None:
        """Each row gets another row's text. None: there is no other."""
        if len(right.counts) > 1:
            return TextCondition(right.text.roll(1, 0), right.counts.roll(1, 0))
        other = self.another_text(self.valid_batches, batch)
        return None if other is None else self._condition(other.symbols, other.text)

    @torch.no_grad()
    def sample(self, model: TokenLM, step: int, tracker: Tracker) -> dict[str, float]:
        """Attention plot; with a listener, teacher-forced and free-running word error, quality and the audio."""
        if model.config.text == "prefix":
            self._attention_plot(model, step, tracker)
        if self.listener is None or not self.listener.pairs(self.valid):
            return {}
        teacher = teacher_forced_token_words(model, self.valid, self.listener, self._condition)
        free = sample_token_words(model, self.valid, self.listener, self._condition, tracker, step)
        return {"teacher_forced_wer": teacher, **free}

    def _condition(self, symbols: Sequence[str], text: str) -> TextCondition:
        """One row."""
        if self.model.config.text != "prefix":
            return self.encoder([text])
        ids = [self.valid_batches.ids[symbol] for symbol in symbols]
        return TextCondition(torch.tensor([ids]), torch.tensor([len(ids)]))

    def _attention_plot(self, model: TokenLM, step: int, tracker: Tracker) -> None:
        """The head that attends most to what is spoken, for the first validation example."""
        batch = self.tokens(self.valid_batches.batch(0, 0, self.config.data.max_seconds)).to(model.device)
        symbols, kind = int(batch.condition.counts[0]), model.streams[AUDIO]
        count, delay = int(batch.frame_counts[0]) - int(kind.end_id is not None), kind.delays[0]
        row = TextCondition(batch.condition.text[:1, :symbols], batch.condition.counts[:1])
        delayed = model.streams.pattern.apply(batch.tokens[:1, :, :count])
        maps = model.attention_maps(delayed, row)[0].flatten(0, 1)  # (layers * heads, S, L)
        plot_attention(tracker, step, maps[:, delay : delay + count], batch.alignment.spoken[0, :count, :symbols])
