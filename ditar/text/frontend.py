"""How a model reads a text, in one place for synthesis, data preparation and sweeps:

text -> normalise -> phonemise -> keep what the model was trained on -> end the sentence -> ids

A model whose LM was a text LM may read the subwords of that in place of phonemes; they mean something even if they
did not occur in training, so all are kept.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ditar.config.speech import TextConfig
from ditar.text.controls import Passage, passages
from ditar.text.errors import TextError, name_characters
from ditar.text.normalise import normalise
from ditar.text.phonemise import Phonemiser, espeak_language
from ditar.text.pronunciation import RUN, read_run, written
from ditar.text.said_words import SaidWord, said_words
from ditar.text.subwords import Subwords, ended_subwords
from ditar.text.vocabulary import CLOSING, UNKNOWN_TRANSCRIPT, Vocabulary, ended, is_letter, keep_trained

CERTAINLY_SAYS = 1000  # characters: a longer text is not empty


@dataclass(frozen=True)
class ReadText:
    """A text as a model reads it: symbols, ended; dropped: characters and sounds that were left out, since they cannot
    be spoken or the model never heard them; words: which symbols say which words, None: nobody has asked."""

    text: str
    symbols: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    words: tuple[SaidWord, ...] | None = None


class TextFrontend:
    """Texts of one language for one model. Reading raises TextError if espeak-ng does not know the language.

    Args:
        language: espeak-ng's name of it, such as "en-us".
        symbols: the model's vocabulary in the order of its ids; empty: the project's own.
        trained: those of them that occurred in training; empty: unknown, all are kept.
        trained_languages: those of its training; empty: unknown. Texts of another one are refused, accents aside.
        tokenizer: the content of the tokenizer.json whose subwords the model reads; empty: it reads phonemes.
    """

    def __init__(
        self,
        language: str = "en-us",
        symbols: Sequence[str] = (),
        trained: Sequence[str] = (),
        trained_languages: Sequence[str] = (),
        tokenizer: str = "",
    ):
        self.language, self.symbols, self.tokenizer = language, tuple(symbols), tokenizer
        self.trained = () if tokenizer else tuple(trained)
        self.trained_languages = tuple(trained_languages)

    @functools.cached_property
    def _phonemise(self) -> Phonemiser | Subwords:  # when a text is read: symbols of training data need no espeak-ng
        phonemiser = Subwords(self.tokenizer, self.language) if self.tokenizer else Phonemiser(self.language)
        check_language(self.language, self.trained_languages)
        return phonemiser

    @classmethod
    def of(cls, config: TextConfig, language: str = "en-us") -> "TextFrontend":
        """The front end for a model's configuration."""
        known = config.symbols, config.trained_symbols, config.trained_languages
        return cls(language, *known, tokenizer=config.tokenizer)

    def read(self, text: str) -> ReadText:
        """All steps at once, for a text without pauses and rates. TextError: nothing of the text can be spoken, or too
        much of it must be left out."""
        dropped: list[str] = []
        first, *more = self.passages(text)
        if more or first.asked or first.lead_seconds is not None or first.rate != 1.0:
            what = "a rate, which is of a piece of speech" if any(p.rate != 1.0 for p in (first, *more)) else ""
            raise TextError(
                f"the text {text[:60]!r} asks for {what or 'a pause, which stands between pieces of speech'}, and this "
                "call makes one piece; leave it out, or call the pipeline with the text"
            )
        return self.finish(text, self.phonemise(first.text, dropped), dropped)

    def passages(self, text: str) -> list[Passage]:
        """A text from pause to pause, see `text.controls`. TextError: a control that cannot be read, or a pronunciation
        with sounds that the model never learnt."""
        found = passages(text, self.language)
        if self.tokenizer and (run := next((r for p in found for r in RUN.findall(p.text)), None)):
            raise TextError(f"{written(run)}: the model reads subwords and knows no sounds; write it as it is spoken")
        known = self.trained or self.symbols
        for run in (run for passage in found for run in RUN.findall(passage.text) if known):
            if missing := [s for s in read_run(run)[1] if is_letter(s) and s not in known]:
                sounds = " ".join(sorted(filter(is_letter, known)))
                raise TextError(
                    f"{written(run)}: the model never learnt {name_characters(missing)}; it knows the sounds {sounds}"
                )
        return found

    def marks_left_out(self, found: Iterable[Passage]) -> list[str]:
        """Warnings about pronunciations with marks, such as that of a nasal vowel, that the model never learnt."""
        known, warnings = self.trained or self.symbols, []
        for run in (run for passage in found for run in RUN.findall(passage.text) if known):
            if missing := [s for s in read_run(run)[1] if s not in known]:
                warnings.append(f"{written(run)}: left out, as the model never learnt it: {name_characters(missing)}")
        return warnings

    def finish(self, text: str, symbols: Iterable[str], dropped: Iterable[str] = ()) -> ReadText:
        """The steps after phonemisation: keep what is trained, and end the sentence."""
        dropped = list(dropped)
        return ReadText(text, tuple(self.end(self.keep(symbols, dropped=dropped))), tuple(dropped))

    def phonemise(self, text: str, dropped: list[str] | None = None) -> list[str]:
        """Normalised, as IPA symbols, or as subwords. `dropped`, TextError: see `text.normalise`."""
        return self._phonemise(text, dropped)

    def with_words(self, read: ReadText) -> ReadText:
        """What `read` or `finish` returned, with its `words`."""
        if read.words is not None:
            return read
        encoded = self.passages(read.text)[0].text
        return replace(read, words=tuple(said_words(encoded, read.symbols, self._phonemise)))

    def keep(self, symbols: Iterable[str], where: str = "the text", dropped: list[str] | None = None) -> list[str]:
        """Those that the model was trained on. `dropped`, TextError: see `vocabulary.keep_trained`."""
        return keep_trained(symbols, self.trained, where, dropped)

    def of_transcript(self, text: str, name: str) -> list[str]:
        """The symbols of what is said in the reference `name`. TextError: see `phonemise` and `keep`."""
        try:
            return self.keep(self.phonemise(text), "the reference's transcript")
        except TextError as error:  # which is not about the text that is to be spoken
            raise TextError(f"what is said in the reference {name!r}: {error}") from None

    def known(self, symbols: Iterable[str]) -> list[str]:
        """Those in the model's vocabulary; all others are left out."""
        known = set(self.trained or self.symbols)
        return [symbol for symbol in symbols if not known or symbol in known]

    def end(self, symbols: Sequence[str]) -> list[str]:
        """With a full stop if no mark ends the sentence and the model ever heard one."""
        return ended_subwords(list(symbols)) if self.tokenizer else ended(symbols, self.trained or self.symbols)

    def said(self, transcript: Sequence[str], wanted: Sequence[str], count: int) -> list[str]:
        """What a reference says, before a text that is `wanted`: its transcript's symbols, ended; if that is unknown
        (empty), the symbol for that or, for a model that never heard it, about `count` symbols in its place."""
        if transcript:
            return self.end(transcript)
        return [UNKNOWN_TRANSCRIPT] if UNKNOWN_TRANSCRIPT in self.trained else _stand_in(wanted, count)

    def ids(self, symbols: Iterable[str]) -> list[int]:
        """Rows of the model's embedding table. TextError names what is not in its vocabulary."""
        return Vocabulary(self.symbols).encode(symbols)


def has_heard(language: str, trained: Sequence[str]) -> bool:
    """Whether a model that was trained on some languages, or on unknown ones (none), knows one, accents aside. TextError
    if espeak-ng has no such language."""
    return espeak_language(language).split("-")[0] in {name.split("-")[0] for name in trained} or not trained


def check_language(language: str, trained: Sequence[str] = ()) -> None:
    """TextError if espeak-ng has no such language, or a model trained on some never heard it."""
    if not has_heard(language, trained):
        raise TextError(
            f"the model was trained on {', '.join(trained)} and never heard {language!r}; give text and language of "
            "its own, or a model of that language"
        )


def check_text(text: str, language: str) -> None:
    """TextError if a text has nothing to say or a control that cannot be read, or espeak-ng has no such language: a
    quick check."""
    language = espeak_language(language)
    found = passages(text, language)
    if len(text) < CERTAINLY_SAYS:
        normalise(" ".join(passage.text for passage in found), language, [])

def _stand_in(wanted: Sequence[str], count: int) -> list[str]:
    """Replaces an unknown transcript, for a model without a symbol for that: the text itself, repeated to as many
    symbols as the reference should have. With nothing there the model takes the reference for the text and stops (ours;
    word error 23 % with synthesised and 47 % with real voices, with their transcripts 23 and 34 %, with nothing 90
    %)."""
    length = next((i for i in range(len(wanted), 0, -1) if wanted[i - 1] not in CLOSING), len(wanted))
    *sounds, end = wanted[:length]
    again = [*sounds, " "] * (count // length + 1)
    return [*again[: max(1, count - 1)], end]
