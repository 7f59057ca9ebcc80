"""Subwords of a tokenizer made here, as the text of a model."""

from types import SimpleNamespace

import pytest

from ditar.config import BlockConfig, ConfigError, DiTARModelConfig
from ditar.text import TextError
from ditar.text.frontend import TextFrontend
from ditar.text.subwords import ended_subwords, read_tokenizer

tokenizers = pytest.importorskip("tokenizers", reason="subwords are read by tokenizers")

CORPUS = ["Good morning, Mister Smith.", "It cost five dollars, and the morning was good!", "Did it? (It did.)"]


@pytest.fixture(scope="module")
def tokenizer():
    """Byte-level BPE, as Qwen's."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(CORPUS, tokenizers.trainers.BpeTrainer(vocab_size=330, initial_alphabet=letters))
    made.add_special_tokens(["<|endoftext|>"])
    return made


@pytest.fixture(scope="module")
def config(tokenizer):
    content, heard = tokenizer.to_str(), {"trained_symbols": ("Ġmorning",), "trained_languages": ("en-us",)}
    return SimpleNamespace(symbols=read_tokenizer(content)[1], tokenizer=content, reads_monotonically=False, **heard)


def test_ids_are_the_tokenizers_after_padding(tokenizer, config):
    frontend = TextFrontend.of(config)
    read = frontend.read("Mr. Smith, it cost $5")
    said = "Mister Smith, it cost five dollars."
    assert frontend.ids(read.symbols) == [number + 1 for number in tokenizer.encode(said).ids]
    assert len(read.symbols) < len(said) / 2  # subwords, not letters
    twice = frontend.ids([*read.symbols, " ", *read.symbols])
    assert tokenizer.decode([number - 1 for number in twice]) == f"{said} {said}"
    assert config.symbols[0] == "" and len(config.symbols) == tokenizer.get_vocab_size() + 1


def test_what_did_not_occur_in_training_is_kept(config):
    read = TextFrontend.of(config).read("Zebras!")
    assert "".join(read.symbols) == "Zebras!" and not read.dropped
    with pytest.raises(TextError, match="never heard 'de'"):
        TextFrontend.of(config, "de").read("Guten Morgen.")
    with pytest.raises(TextError, match="at least one word"):
        TextFrontend.of(config).read("...")


def test_a_sentence_gets_its_end():
    for symbols, expected in (
        (["Good", "Ġday"], ["Good", "Ġday", "."]),
        (["Good", "Ġday", ",", '"'], ["Good", "Ġday", "."]),
        (["Good", "Ġday", '."'], ["Good", "Ġday", '."']),
        (["Did", "Ġit", "?", ")"], ["Did", "Ġit", "?", ")"]),
    ):
        assert ended_subwords(symbols) == expected


def test_pauses_are_read_and_pronunciations_are_refused(config):
    frontend = TextFrontend.of(config)
    assert [p.text.strip() for p in frontend.passages("Good. [pause:1] Morning.")] == ["Good.", "Morning."]
    with pytest.raises(TextError, match="the model reads subwords and knows no sounds; write it as it is spoken"):
        frontend.passages("I say [tomato](/təˈmɑːtəʊ/).")


def test_what_is_no_tokenizer_for_this():
    with pytest.raises(TextError, match="'nonsense'... is not the content of a tokenizer.json"):
        read_tokenizer("nonsense")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 2}, unk_token="a"))
    with pytest.raises(TextError, match="has 2 tokens and ids up to 2; none may lack"):
        read_tokenizer(words.to_str())
    spaceless = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="a"))
    spaceless.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    with pytest.raises(TextError, match="makes 0 tokens of a space"):
        read_tokenizer(spaceless.to_str())


def test_monotonic_reading_needs_phonemes(config):
    block = BlockConfig(1, 16, 2, 16)
    with pytest.raises(ConfigError, match="alignment 'monotonic' needs the times of sounds, and subwords have none"):
        DiTARModelConfig(block, block, block, alignment="monotonic", tokenizer=config.tokenizer)
