import dataclasses

import pytest
import torch

from ditar.baseline.batch import TextCondition
from ditar.baseline.lm import TokenLM
from ditar.config import BlockConfig, ConfigError
from ditar.storage.weights import ModelError
from tests.baseline import examples
from tests.baseline.examples import build, config


def example(name, rows=3):
    """A model, delayed tokens of rows of different length and text, the batch they come from."""
    model = build(name)
    data = examples.as_double(examples.batch(name, model.streams, rows=rows))
    return model, model.streams.pattern.apply(model.streams.fill(data.tokens, data.frame_counts)), data


@pytest.mark.parametrize("name", examples.NAMES)
def test_cached_equals_uncached(name):
    model, delayed, data = example(name)
    whole = model(delayed, data.condition).hidden
    hidden, state = model.prefill(delayed[..., :3], data.condition, delayed.shape[2] - 3)
    assert torch.allclose(hidden, whole[:, 2], atol=1e-10)
    for step in range(3, delayed.shape[2] - 1):
        hidden, state = model.step(delayed[..., step], state)
        assert torch.allclose(hidden, whole[:, step], atol=1e-10)


@pytest.mark.parametrize("positions", ["restart", "continue"])
def test_a_row_does_not_depend_on_the_batch(positions):
    for name in ("matched", "musicgen"):
        model, delayed, data = example(name)
        model.config = dataclasses.replace(model.config, audio_positions=positions)
        whole = model(delayed, data.condition).logits["audio"]
        for row, count in enumerate(data.condition.counts.tolist()):
            alone = TextCondition(data.condition.text[row : row + 1, :count], data.condition.counts[row : row + 1])
            found = model(delayed[row : row + 1], alone).logits["audio"]
            assert torch.allclose(found[0], whole[row], atol=1e-10)


@pytest.mark.parametrize(("positions", "first"), [("restart", [0, 0, 0]), ("continue", [2, 1, 3])])
def test_steps_are_counted_from_the_start_or_after_the_text(positions, first):
    model = build("matched", audio_positions=positions)
    condition = TextCondition(torch.full((3, 3), 4), torch.tensor([2, 1, 3]))
    seen, tables = [], model.transformer.positions
    model.transformer.positions = lambda at: (seen.append(at), tables(at))[1]
    delayed = torch.full((3, 3, 5), 17)
    model(delayed, condition)
    _, state = model.prefill(delayed[..., :4], condition, 1)
    model.step(delayed[..., 4], state)
    whole, read, step = seen
    expected = torch.tensor(first)[:, None] + torch.arange(5)
    assert torch.equal(whole[:, 3:], expected[:, :4]) and torch.equal(read, whole)
    assert torch.equal(step, expected[:, 4:]) and (whole[:, :3] == torch.arange(3)).all()


@pytest.mark.parametrize("name", ["matched", "musicgen"])
def test_a_text_that_is_left_out_says_nothing(name):
    model, delayed, data = example(name)
    drop = torch.tensor([True, False, True])
    kept = model(delayed, data.condition).hidden
    some = model(delayed, dataclasses.replace(data.condition, keep=drop)).hidden
    other = dataclasses.replace(data.condition, text=data.condition.text.flip(0), keep=drop)
    assert torch.equal(some[1], model(delayed, other).hidden[1]) and not torch.allclose(some[1], kept[1])
    assert torch.allclose(some[0], kept[0], atol=1e-12)
    counts = data.condition.counts % data.condition.text.shape[1] + 1
    other = TextCondition(data.condition.text, counts, drop)
    assert name == "musicgen" or torch.equal(some[1], model(delayed, other).hidden[1])  # nor how long it was
    both = data.condition.with_and_without()
    assert both.keep.tolist() == [True] * 3 + [False] * 3 and torch.equal(both.text[3:], data.condition.text)


def test_no_step_sees_what_comes_after_it():
    for name in examples.NAMES:
        model, delayed, data = example(name)
        before = model(delayed, data.condition)
        changed = delayed.clone()
        changed[..., 5] = 0
        after = model(changed, data.condition)
        assert torch.equal(before.hidden[:, :5], after.hidden[:, :5]), name
        assert not torch.allclose(before.hidden[:, 5], after.hidden[:, 5]), name
        for kind in model.own:
            assert torch.equal(before.logits[kind.name][:, :, :5], after.logits[kind.name][:, :, :5])


def test_logits_have_each_kinds_outputs_and_forbidden_ids():
    model, delayed, _ = example("moshi")
    logits = model(delayed).logits
    steps = delayed.shape[2] - 1
    assert {k: tuple(v.shape) for k, v in logits.items()} == {"text": (3, 1, steps, 12), "audio": (3, 3, steps, 8)}
    model, delayed, _ = example("samout")
    never = model(delayed).logits["audio"][..., [0, 1, 3]]
    assert never.isneginf().all()


def test_a_missing_token_has_no_embedding():
    model, delayed, _ = example("moshi")
    without = delayed.clone()
    without[:, 1, 2] = -1
    table = model.embeddings["audio"].weight
    difference = model.embed(delayed)[:, 2] - model.embed(without)[:, 2]
    assert torch.allclose(difference, table[delayed[:, 1, 2]])
    assert torch.allclose(model.embed(torch.full((1, 7, 1), -1)), torch.zeros(1, 1, 64, dtype=torch.float64))


def test_each_stream_has_its_own_embeddings():
    model, _, _ = example("matched")
    embedded = [model.embed(torch.tensor([[[5 if q == k else -1] for q in range(3)]])) for k in range(3)]
    assert not torch.allclose(embedded[0], embedded[1]) and not torch.allclose(embedded[1], embedded[2])


def test_what_is_read_and_said_begins_with_unit_variance():
    """The sum of the streams' embeddings, or the logits where they are the embeddings."""
    for name in ("musicgen", "matched", "moshi"):
        model, delayed, _ = example(name)
        assert 0.8 < model.embed(delayed).std() < 1.2, name
    model, delayed, _ = example("mini_omni")
    assert 0.8 < model(delayed).logits["audio"].std() < 1.2


def test_tied_outputs_are_the_embeddings():
    model, delayed, _ = example("mini_omni")
    output = model(delayed)
    table = model.embeddings["audio"].weight.view(7, 14, 64)[:, :12]
    assert torch.allclose(output.logits["audio"], torch.einsum("bsd,qvd->bqsv", output.hidden, table))
    assert not hasattr(model, "heads")


@pytest.mark.parametrize("name", ["matched", "mini_omni", "moshi"])
def test_round_trip(name, tmp_path):
    model = build(name, torch.float32)
    model.save_pretrained(tmp_path)
    loaded = TokenLM.from_pretrained(tmp_path)
    assert loaded.config == model.config and not loaded.training
    for (key, a), (_, b) in zip(model.state_dict().items(), loaded.state_dict().items(), strict=True):
        assert torch.equal(a, b), key


def test_a_folder_of_another_shape_is_named(tmp_path):
    build("matched", torch.float32).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    text = path.read_text()
    path.write_text(text.replace('"ids": 18', '"ids": 19'))
    with pytest.raises(ModelError, match=r"\(54, 64\) in the weights, but \(57, 64\) in the configuration"):
        TokenLM.from_pretrained(tmp_path)
    path.write_text(text.replace('"delays"', '"dlays"'))
    with pytest.raises(ModelError, match="did you mean 'delays'"):
        TokenLM.from_pretrained(tmp_path)


def test_texts_that_do_not_fit():
    model, delayed, data = example("matched")
    with pytest.raises(ValueError, match="no text given with the tokens, but the model's text is 'prefix'"):
        model(delayed)
    with pytest.raises(ValueError, match="3 texts for 2 rows"):
        model(delayed[:2], data.condition)
    with pytest.raises(ValueError, match="at least 1 symbol, got 0"):
        model(delayed, dataclasses.replace(data.condition, counts=torch.tensor([1, 0, 1])))
    with pytest.raises(ValueError, match="a text given with the tokens, but the model's text is 'stream'"):
        build("moshi")(delayed, data.condition)
    model, delayed, data = example("musicgen")
    with pytest.raises(ValueError, match="8 channels and the model reads 16"):
        model(delayed, dataclasses.replace(data.condition, text=data.condition.text[..., :8]))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("moshi", {"depth": BlockConfig(1, 32, 2, 64, qkv_bias=True)}, "no biases, got depth.qkv_bias true"),
        ("matched", {"depth": BlockConfig(1, 8, 1, 8)}, "predicts the kinds of streams after the first, but 1 is"),
        ("matched", {"text": "stream"}, "no streams are named 'text' among audio"),
        ("matched", {"text_width": 8}, "text_width is for text: cross, which needs it; got 8 for 'prefix'"),
        ("matched", {"categories": ("a",)}, "categories are for text: category, got 1 for 'prefix'"),
        ("moshi", {"guidance_scale": 2.0}, "guidance_scale 2.0 needs a text that can be left out"),
    ],
)
def test_configurations_that_do_not_fit(name, changes, message):
    with pytest.raises(ConfigError, match=message):
        TokenLM(dataclasses.replace(config(name).model, **changes))
