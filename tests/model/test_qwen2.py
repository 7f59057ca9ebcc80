"""A text LM of transformers as the LM: the same numbers, and errors that quote what does not fit."""

import dataclasses
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config import BlockConfig, DiTARModelConfig
from ditar.model.ditar import DiTAR
from ditar.model.qwen2 import block_config, find_lm, start_from_qwen2
from ditar.storage.weights import ModelError

import_torchaudio()  # which transformers imports
transformers = pytest.importorskip("transformers", reason="the other side of the comparison is transformers' Qwen2")

LM = BlockConfig(3, 32, 4, 48, "gated", kv_heads=2, qkv_bias=True, rope_base=1e6, norm_epsilon=1e-5)
SMALL = BlockConfig(1, 16, 2, 16)
TOKENS = 40


@pytest.fixture(scope="module")
def reference():
    """Transformers' model; biases and norms are random, too, so that none could be left out unseen."""
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=TOKENS, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-5, rope_parameters={"rope_theta": 1e6, "rope_type": "default"},
        tie_word_embeddings=True,
    )  # fmt: skip
    model = transformers.Qwen2ForCausalLM(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3, mean=1.0 if parameter.ndim == 1 and len(parameter) == 32 else 0.0)
    return model


@pytest.fixture
def folder(reference, tmp_path):
    reference.save_pretrained(tmp_path / "lm")
    return tmp_path / "lm"


def ditar(tokenizer="", lm=LM, **changes):
    """As many symbols as the text LM has tokens, and padding."""
    torch.manual_seed(1)
    symbols = ("", *(f"<{n}>" for n in range(TOKENS)))
    config = DiTARModelConfig(SMALL, lm, SMALL, latent_channels=4, symbols=symbols, tokenizer=tokenizer, **changes)
    return DiTAR(config).eval()


@torch.no_grad()
def test_hidden_states_and_logits_are_those_of_transformers(reference, folder):
    model = ditar("its own", audio_positions="continue")
    start_from_qwen2(model, folder)
    tokens, audio = torch.randint(TOKENS, (2, 7)), torch.randn(2, 4, 32)
    transformer = model.lm.transformer
    mask = torch.ones(1, 7, 7, dtype=torch.bool).tril()
    hidden = transformer(model.lm.symbols(tokens + 1), transformer.positions(torch.arange(7)), mask=mask).hidden
    logits = hidden @ model.lm.symbols.weight[1:].T
    assert torch.allclose(logits, reference(tokens).logits, atol=1e-4)
    assert logits.std() > 0.1

    h = model.lm(tokens + 1, torch.tensor([7, 7]), audio).h
    begin = model.lm.begin.expand(2, 1, -1)
    inputs = torch.cat((reference.model.embed_tokens(tokens), begin, audio), dim=1)
    expected = reference.model(inputs_embeds=inputs).last_hidden_state[:, 7:]
    assert torch.allclose(h, expected, atol=1e-4)

    state = model.lm.prefill(list(tokens + 1), list(audio[:, :2]), 2)
    assert torch.allclose(state[0], expected[:, 2], atol=1e-4)
    assert torch.allclose(model.lm.step(audio[:, 2], state[1])[0], expected[:, 3], atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("alignment", ["attention", "monotonic"])
def test_with_phonemes_what_is_new_has_the_scale_of_its_embeddings(reference, folder, alignment):
    model, before = ditar(alignment=alignment), ditar(alignment=alignment)
    start_from_qwen2(model, folder)
    scale = reference.model.embed_tokens.weight.std()
    assert torch.allclose(model.lm.symbols.weight, before.lm.symbols.weight * scale)
    assert torch.allclose(model.lm.begin, before.lm.begin * scale)
    patches = torch.randn(3, 4, 4)
    assert torch.allclose(model.embed_patches(patches), before.embed_patches(patches) * scale, atol=1e-6)
    if alignment == "monotonic":
        told = torch.randn(5, model.reading.to_lm.in_features)
        assert torch.allclose(model.reading.to_lm(told), before.reading.to_lm(told) * scale, atol=1e-6)


def test_shards_are_read_as_one(reference, folder, tmp_path):
    whole, sharded = ditar(), ditar()
    reference.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    for model, place in ((whole, folder), (sharded, tmp_path / "shards")):
        start_from_qwen2(model, place)
    pairs = zip(whole.state_dict().values(), sharded.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    next((tmp_path / "shards").glob("*-00002-*")).unlink()
    with pytest.raises(ModelError, match="00002-of-.*safetensors does not exist; give a checkpoint .* all of them"):
        start_from_qwen2(ditar(), tmp_path / "shards")


def test_another_shape_is_quoted(folder):
    lm = dataclasses.replace(LM, layers=2, rope_base=10_000.0)
    message = r"lm.layers is 3 there and 2 here; lm.rope_base is 1000000.0 there and 10000.0 here; give the"
    with pytest.raises(ModelError, match=message):
        start_from_qwen2(ditar(lm=lm), folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "llama"}, "is of model_type 'llama', not 'qwen2'"),
        ({"use_sliding_window": True}, "use_sliding_window must be False, got True"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e6}}, "rope_type must be 'default', got 'yarn'"),
        ({"hidden_size": "wide"}, "width must be int, got 'wide'"),
    ],
)
def test_what_our_layers_lack_is_named(folder, changes, message):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(ModelError, match=message):
        block_config(folder)


def test_configurations_of_before_transformers_5(folder):
    path, expected = folder / "config.json", block_config(folder)
    values = json.loads(path.read_text())
    values["rope_theta"] = values.pop("rope_parameters")["rope_theta"]
    path.write_text(json.dumps(values))
    assert block_config(folder) == expected == LM


def test_broken_weights_are_named(folder):
    path = folder / "model.safetensors"
    tensors, name = load_file(path), "model.layers.1.self_attn.k_proj.bias"
    for changed, message in (
        ({**tensors, name: torch.zeros(8)}, rf"{name}' is \(8,\), and must be \(16\) by its config.json"),
        ({n: t for n, t in tensors.items() if n != name}, f"{name}' is missing"),
        ({**tensors, "model.other": torch.zeros(1)}, "holds 1 tensors that .* no place for, the first 'model.other'"),
    ):
        save_file(changed, path)
        with pytest.raises(ModelError, match=message):
            start_from_qwen2(ditar(), folder)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match="model.safetensors is not a whole safetensors file"):
        start_from_qwen2(ditar(), folder)


def test_a_place_without_one(tmp_path):
    with pytest.raises(ModelError, match="folder '.*nowhere' of a text LM does not exist"):
        find_lm(str(tmp_path / "nowhere"))
    shutil.rmtree(tmp_path)
