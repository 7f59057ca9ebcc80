"""Which VAE a DiTAR's latents were made with is looked at before training, and written into its configuration; and a
text LM to begin with."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from safetensors.torch import load_file

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.data.errors import DataError
from ditar.model.ditar import DiTAR
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.train.vae_of_latents import find_vae
from ditar.vae.fingerprint import encoder_fingerprint, vae_fingerprint
from recipes import train_ditar
from tests.data.test_batches import write_store
from tests.tiny import clip, tiny_vae


@pytest.fixture
def vae(tmp_path):
    made = tiny_vae()
    made.save_pretrained(tmp_path / "vae")
    return made


def store(encoder: str) -> SimpleNamespace:
    """As much of a LatentStore as is looked at."""
    return SimpleNamespace(folder=Path("latents"), made_from=json.dumps({"common": {"encoder": encoder}, "shards": []}))


def test_the_vae_that_made_the_latents_is_named(vae, tmp_path):
    stores = [store(encoder_fingerprint(vae))]
    assert find_vae(tmp_path / "vae", stores, (vae.latent_mean, vae.latent_std)) == vae_fingerprint(vae)


def test_another_vae_is_refused(vae, tmp_path):
    with pytest.raises(DataError, match="latents were made with the encoder 0123, and .* give the VAE that made them"):
        find_vae(tmp_path / "vae", [store("0123")], (vae.latent_mean, vae.latent_std))
    with pytest.raises(DataError, match="normalises with other statistics than those of latents"):
        find_vae(tmp_path / "vae", [store(encoder_fingerprint(vae))], (vae.latent_mean, torch.ones(8)))


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """train(*options) -> (exit code, what stderr said), on tmp_path's c.yaml and latents."""

    def train(*options):
        of_all = ["--config", "c.yaml", "--train", "latents", "--valid", "latents", "--out", "run", "--cpu"]
        monkeypatch.setattr(sys, "argv", ["train_ditar.py", *of_all, *map(str, options)])
        return train_ditar.main(), capsys.readouterr().err

    monkeypatch.chdir(tmp_path)
    return train


def text_lm(folder):
    """A small Qwen2 with a tokenizer, as transformers and tokenizers save them."""
    import_torchaudio()
    transformers = pytest.importorskip("transformers", reason="the text LM is made by transformers")
    tokenizers = pytest.importorskip("tokenizers", reason="its tokenizer is made by tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(["a bad dog"], tokenizers.trainers.BpeTrainer(initial_alphabet=letters))
    config = transformers.Qwen2Config(
        vocab_size=tokenizer.get_vocab_size() + 3, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True,
        rope_parameters={"rope_theta": 1e6, "rope_type": "default"},
    )  # fmt: skip
    transformers.Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))


def write_config(path, **model):
    """configs/ditar/qwen2.5-0.5b.yaml, made small."""
    root = Path(train_ditar.__file__).parents[1]
    values = yaml.safe_load((root / "configs/ditar/qwen2.5-0.5b.yaml").read_text())
    small = {"layers": 1, "width": 16, "heads": 2, "ffn": 16}
    lm = {"layers": 2, "width": 32, "heads": 4, "ffn": 48}
    for part, shape in (("encoder", small), ("lm", lm), ("locdit", small)):
        values["model"][part] |= shape
    values["model"] |= {"latent_channels": 8, **model}
    values["data"] |= {"batch_patches": 64, "max_seconds": 2.0, "curriculum_until": 0.0}
    values["optimiser"] |= {"steps": 1, "learning_rate": 1e-6, "precision": "no"}
    path.write_text(yaml.safe_dump(values))


def test_a_text_lm_and_its_subwords_from_training_to_speech(train, tmp_path):
    text_lm(tmp_path / "lm")
    write_config(tmp_path / "c.yaml")
    write_store(tmp_path / "latents", utterances=8, timed=False)
    index = tmp_path / "latents/index.jsonl"
    lines = [json.loads(line) for line in index.read_text().splitlines()]
    rows = [{**line, "symbols": [" ", *line["symbols"][1:]]} for line in lines]  # bytes have no mark of stress
    index.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, said = train("--init-lm", tmp_path / "lm", "--subwords")
    assert code == 0, said

    model = DiTAR.from_pretrained(tmp_path / "run/final")
    theirs = load_file(tmp_path / "lm/model.safetensors")
    gate, up = (theirs[f"model.layers.1.mlp.{name}_proj.weight"] for name in ("gate", "up"))
    assert torch.allclose(model.lm.transformer.blocks[1].ffn.up.weight, torch.cat((gate, up)), atol=1e-4)
    assert torch.allclose(model.lm.symbols.weight[1:], theirs["model.embed_tokens.weight"][:-3], atol=1e-4)
    assert model.config.tokenizer == (tmp_path / "lm/tokenizer.json").read_text()

    pipeline = ContinuousPipeline(vae=tiny_vae(), ditar=model)
    voice = pipeline.create_voice(clip(), "A bad dog")
    assert voice.symbols == ("A", "Ġbad", "Ġdog")
    spoken = pipeline("A dog, a bad dog.", voice=voice, seed=1, max_retries=0, num_inference_steps=2)
    assert len(spoken.audio) > 0


def test_a_tokenizer_that_is_none_is_told_before_training(train, tmp_path):
    pytest.importorskip("tokenizers")
    write_config(tmp_path / "c.yaml", tokenizer="abc")
    write_store(tmp_path / "latents", utterances=8)
    code, said = train()
    assert code == 1 and "'abc'... is not the content of a tokenizer.json" in said


def test_a_text_lm_under_phonemes(train, tmp_path):
    text_lm(tmp_path / "lm")
    write_config(tmp_path / "c.yaml")
    write_store(tmp_path / "latents", utterances=8)
    assert train("--init-lm", tmp_path / "lm")[0] == 0
    model = DiTAR.from_pretrained(tmp_path / "run/final")
    theirs = load_file(tmp_path / "lm/model.safetensors")
    assert torch.allclose(model.lm.transformer.norm.weight, theirs["model.norm.weight"], atol=1e-4)
    assert not model.config.tokenizer and "ˈ" in model.config.symbols
    assert 0 < model.lm.symbols.weight[1:].std() < 0.1  # of the scale of its embeddings


def test_latents_of_another_width_are_refused(train, tmp_path):
    write_store(tmp_path / "latents", channels=5)
    write_config(tmp_path / "c.yaml")
    code, said = train()
    assert code == 1 and "latents have 5 channels, and model.latent_channels is 8; set that to their number" in said


def test_references_that_are_poor_recordings(train, tmp_path):
    """They are read where the configuration has a share of them, and those of another VAE or for no share refused."""
    write_store(tmp_path / "latents")
    write_store(tmp_path / "poor", values=lambda latents, symbols: latents + 9)
    write_config(tmp_path / "c.yaml")
    code, said = train("--poor", "poor")
    assert code == 1 and "poor holds poor recordings, of which data.reference_poor 0 uses none" in said
    values = yaml.safe_load((tmp_path / "c.yaml").read_text())
    values["data"] |= {"joined_share": 1.0, "reference_poor": 1.0}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(values))
    code, said = train()
    assert code == 1 and "there are no latents of poor recordings; make them with" in said
    code, said = train("--poor", "poor", "--out", "poor")
    assert code == 1 and "poor) reads; give another --out" in said
    code, said = train("--poor", "poor")
    assert code == 0, said
    shard = tmp_path / "poor/shar/latents.000000.tar"
    kept = shard.read_bytes()
    shard.unlink()
    code, said = train("--poor", "poor", "--out", "run3")
    assert code == 1 and "latents.000000.tar of the index does not exist" in said and "--skip-bad-shards" in said
    write_store(tmp_path / "many", shards=2)
    write_store(tmp_path / "many_poor", shards=2)
    (tmp_path / "many_poor/shar/latents.000001.tar").unlink()
    of_many = "--train", "many", "--valid", "many", "--poor", "many_poor", "--out", "run4"
    code, said = train(*of_many, "--skip-bad-shards")
    assert code == 0 and "left out, with its 20 utterances" in said
    shard.write_bytes(kept)
    tiny_vae().save_pretrained(tmp_path / "vae")
    for name, encoder in (("latents", encoder_fingerprint(tiny_vae())), ("poor", "0123")):
        (tmp_path / name / "made_from.json").write_text(json.dumps({"common": {"encoder": encoder}, "shards": []}))
    code, said = train("--poor", "poor", "--vae", "vae", "--out", "run2")
    assert code == 1 and "encoder 0123" in said


def test_what_cannot_begin(train, tmp_path):
    code, said = train("--subwords")
    assert code == 1 and said.endswith("--subwords are those of a text LM, which is not given; add --init-lm\n")
    code, said = train("--init", "here", "--init-lm", "there")
    assert code == 1 and "--init here and --init-lm there both give weights" in said
    write_config(tmp_path / "c.yaml")
    code, said = train("--init-lm", tmp_path / "there")
    assert code == 1 and "there' of a text LM does not exist; give one, or a name on the Hugging Face hub" in said
