import dataclasses

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ditar.baseline.batch import Alignment, TextCondition, TokenBatch
from ditar.baseline.lm import TokenOutput
from ditar.baseline.loss import TokenLoss
from ditar.baseline.streams import NO_TOKEN, Streams
from ditar.config import BaselineLossConfig, ConfigError, StreamsConfig
from ditar.nn.alignment import NO_TARGET, AlignmentHelpers
from tests.baseline import examples
from tests.baseline.examples import build, config

PLAIN = BaselineLossConfig()


class Fixed(nn.Module):
    """A model that answers with given logits, so that the loss alone is looked at."""

    def __init__(self, kinds, logits):
        super().__init__()
        self.streams, self.config, self.logits = Streams(kinds), config("samout").model, logits

    def forward(self, delayed, condition=None, keep=()):
        return TokenOutput(self.logits, torch.zeros(0))


def kind(delays, **changes):
    """Streams with codes 0 to 5 and the empty id 6."""
    values = {"card": 6, "ids": 7, "outputs": 6, "empty_id": 6, "weights": (1.0,) * len(delays), **changes}
    return StreamsConfig("audio", delays=tuple(delays), **values)


def random(rows, streams, steps, seed=0):
    return torch.randn(rows, streams, steps, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@st.composite
def cases(draw):
    delays = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    counts = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    tokens = torch.randint(0, 6, (len(counts), len(delays), max(counts)), generator=torch.Generator().manual_seed(7))
    mask = draw(st.sampled_from(["staircase", "symmetric"]))
    loss = BaselineLossConfig(keep_tail=draw(st.booleans()), mask=mask)
    return delays, TokenBatch(tokens, torch.tensor(counts)), loss


@settings(deadline=None, max_examples=40)
@given(cases())
def test_nothing_outside_the_mask_reaches_the_loss(case):
    delays, batch, loss_config = case
    streams = Streams([kind(delays)])
    pattern = dataclasses.replace(streams.pattern, keep_tail=loss_config.keep_tail)
    steps = pattern.steps(batch.tokens.shape[2])
    mask = pattern.masks(batch.frame_counts, steps, loss_config.mask == "symmetric")[..., 1:]  # (B, Q, S)
    logits = random(*mask.shape)
    compute = TokenLoss(loss_config, Fixed([kind(delays)], {"audio": logits}))
    found = compute(batch)
    assert compute.counts(batch).tolist() == [mask.sum(), *mask.sum(dim=(0, 2)), 0, 0]  # nothing for helpers
    # Other logits, and other tokens behind the rows' ends and where the tail drops out.
    compute.model.logits = {"audio": torch.where(mask[..., None], logits, random(*mask.shape, seed=1))}
    tokens = batch.tokens.clone()
    frame = torch.arange(tokens.shape[2])
    delay = torch.tensor(delays)[:, None] * (not loss_config.keep_tail)
    tokens[frame >= batch.frame_counts[:, None, None] - delay] = 3
    for changed in (batch, TokenBatch(tokens, batch.frame_counts)):
        again = compute(changed)
        assert all(torch.equal(again[name], value) for name, value in found.items())
    if mask.any():
        compute.model.logits = {"audio": torch.where(mask[..., None], random(*mask.shape, seed=1), logits)}
        assert not torch.equal(compute(batch)["loss"], found["loss"])


def test_musicgens_loss_is_the_mean_over_codebooks():
    batch = TokenBatch(torch.randint(0, 6, (2, 3, 5)), torch.tensor([5, 5]))
    logits = random(2, 3, 7)
    found = TokenLoss(PLAIN, Fixed([kind(range(3))], {"audio": logits}))(batch)
    each = [(logits[:, k, k : k + 5].flatten(0, 1), batch.tokens[:, k].flatten()) for k in range(3)]
    per_codebook = [F.cross_entropy(*pair) for pair in each]
    assert torch.allclose(found["loss"].double(), sum(per_codebook) / 3, atol=1e-6)
    hits = (logits[:, 1, 1:6].argmax(-1) == batch.tokens[:, 1]).float().mean()
    assert torch.allclose(found["accuracy_audio_1"], hits)


def test_moshis_terms_are_normalised_by_their_weights():
    """Pads weigh half, the first codebook 100 times, as in the public fine-tuning code."""
    text = dataclasses.replace(kind([0]), name="text", pad_ids=(3, 0), pad_weight=0.5)
    kinds = [text, kind([0, 1], weights=(100.0, 1.0)), dataclasses.replace(kind([0]), name="user", predicted=False)]
    tokens = torch.tensor([[[0, 1, 3, 2], [1, 2, 3, 4], [2, 3, 4, 5], [6, 0, 0, 0]]])
    logits = {"text": random(1, 1, 5), "audio": random(1, 2, 5, seed=1)}
    batch = TokenBatch(tokens, torch.tensor([4]))
    found = TokenLoss(PLAIN, Fixed(kinds, logits))(batch)
    error = F.cross_entropy(logits["text"][0, 0, :4], tokens[0, 0], reduction="none")
    weight = torch.tensor([0.5, 1.0, 0.5, 1.0])
    assert torch.allclose(found["text"].double(), (error * weight).sum() / 3, atol=1e-6)
    first = F.cross_entropy(logits["audio"][0, 0, :4], tokens[0, 1], reduction="sum")
    second = F.cross_entropy(logits["audio"][0, 1, 1:5], tokens[0, 2], reduction="sum")
    assert torch.allclose(found["audio"].double(), (100 * first + second) / 404, atol=1e-6)
    assert torch.allclose(found["loss"], found["text"] + found["audio"])
    assert set(found) == {"loss", "text", "audio", "accuracy_text_0", "accuracy_audio_0", "accuracy_audio_1"}


def test_pads_without_weight_and_missing_tokens_carry_no_loss():
    kinds = [kind([0], pad_ids=(0,), pad_weight=0.0, never=(0, 1))]
    tokens = torch.tensor([[[2, 3, 0, NO_TOKEN, 4]]])
    logits = random(1, 1, 5).index_fill(-1, torch.tensor([0, 1]), float("-inf"))
    compute = TokenLoss(PLAIN, Fixed(kinds, {"audio": logits}))
    batch = TokenBatch(tokens, torch.tensor([5]))
    chosen = [0, 1, 4]
    expected = F.cross_entropy(logits[0, 0, chosen], tokens[0, 0, chosen])
    assert torch.allclose(compute(batch)["loss"].double(), expected, atol=1e-6)
    assert compute.counts(batch).tolist() == [3, 3, 0, 0]
    late = dataclasses.replace(batch, loss_from=torch.tensor([1]))
    assert compute.counts(late).tolist() == [2, 2, 0, 0]


def test_a_prompt_without_loss_is_counted_in_frames():
    compute = TokenLoss(PLAIN, Fixed([kind([0, 2])], {}))
    batch = TokenBatch(torch.zeros(1, 2, 5, dtype=torch.long), torch.tensor([5]), loss_from=torch.tensor([3]))
    _, weights = compute.cells(batch)
    assert weights[0].tolist() == [[0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("token", "changes", "message"),
    [
        (5, {"outputs": 5, "card": 5}, "id 5 is to be predicted and the streams 'audio' predict 0 to 4"),
        (1, {"never": (1,)}, r"id 1 is to be predicted .* 0 to 5 without \[1\]"),
        (9, {}, "id 9 is out of range"),
    ],
)
def test_tokens_that_cannot_be_predicted_are_quoted(token, changes, message):
    compute = TokenLoss(PLAIN, Fixed([kind([0], **changes)], {"audio": random(1, 1, 2)}))
    with pytest.raises(ValueError, match=message):
        compute(TokenBatch(torch.tensor([[[2, token]]]), torch.tensor([2])))


def row_of(batch, row):
    frames = batch.frame_counts[row]
    condition = batch.condition
    if condition is not None:
        count = condition.counts[row]
        condition = dataclasses.replace(
            condition, text=condition.text[row : row + 1, :count], counts=condition.counts[row : row + 1]
        )
    start = None if batch.loss_from is None else batch.loss_from[row : row + 1]
    return TokenBatch(batch.tokens[row : row + 1, :, :frames], frames[None], condition, start)


@pytest.mark.parametrize("name", examples.NAMES)
def test_shares_of_a_split_batch_add_up_and_every_parameter_learns(name):
    model = build(name)
    share = 0.5 if model.config.text in ("prefix", "cross") else 0.0
    loss_config = dataclasses.replace(config(name).loss, condition_dropout=share)
    compute = TokenLoss(loss_config, model)
    batch = examples.as_double(examples.batch(name, model.streams, rows=4))
    whole = compute(batch, [torch.Generator().manual_seed(r) for r in range(4)])
    counts = compute.counts(batch)
    assert torch.equal(counts, sum(compute.counts(row_of(batch, r)) for r in range(4)))
    shares = [compute(row_of(batch, r), [torch.Generator().manual_seed(r)], counts) for r in range(4)]
    for key, value in whole.items():
        assert torch.allclose(sum(share[key] for share in shares), value, rtol=1e-5), key
    whole["loss"].backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


def test_ends_that_would_never_be_trained_are_refused():
    """A rolled layout drops the last frame of a delayed stream, and so its end; the first stream of a kind says it."""
    late, early = (kind(delays, outputs=7, end_id=6, ids=8, empty_id=7) for delays in ((1, 2), (0, 2)))
    with pytest.raises(ConfigError, match="'audio' would never learn to end: with a delay of 1, keep_tail False"):
        TokenLoss(BaselineLossConfig(keep_tail=False), Fixed([late], {}))
    with pytest.raises(ConfigError, match="mask symmetric"):
        TokenLoss(BaselineLossConfig(mask="symmetric"), Fixed([kind([2], outputs=7, end_id=6, ids=8, empty_id=7)], {}))
    TokenLoss(BaselineLossConfig(keep_tail=False, mask="symmetric"), Fixed([early], {}))
    TokenLoss(PLAIN, Fixed([late], {}))


def test_texts_are_left_out_at_random_by_row():
    model = build("matched")
    batch = examples.batch("matched", model.streams, rows=4)

    def loss(share, seeds=(0, 1, 2, 3)):
        compute = TokenLoss(BaselineLossConfig(condition_dropout=share), model)
        return compute(batch, [torch.Generator().manual_seed(s) for s in seeds])["loss"]

    without = dataclasses.replace(batch, condition=dataclasses.replace(batch.condition, keep=torch.zeros(4).bool()))
    plain = TokenLoss(PLAIN, model)
    assert torch.equal(loss(1.0), plain(without)["loss"]) and torch.equal(loss(0.0), plain(batch)["loss"])
    assert torch.equal(loss(0.5), loss(0.5)) and not torch.equal(loss(0.5), loss(0.5, (4, 5, 6, 7)))
    with pytest.raises(ValueError, match="3 generators for a batch of 4"):
        loss(0.5, (0, 1, 2))
    with pytest.raises(ConfigError, match="condition_dropout 0.1 needs a text that can be left out"):
        TokenLoss(BaselineLossConfig(condition_dropout=0.1), build("moshi"))


def test_bfloat16_autocast_stays_near_float32():
    for name in ("musicgen", "moshi"):
        model = build(name, torch.float32)
        compute = TokenLoss(dataclasses.replace(config(name).loss, condition_dropout=0.0), model)
        batch = examples.batch(name, model.streams, rows=4)
        wide = compute(batch)["loss"]
        with torch.autocast("cpu", torch.bfloat16):
            narrow = compute(batch)["loss"]
        narrow.backward()
        assert narrow.dtype == torch.float32 and torch.allclose(narrow, wide, rtol=0.02)


HELPED = BaselineLossConfig(phoneme_weight=0.5, attention_weight=0.25, attention_heads=1)


def aligned(model):
    """Two rows of 6 and 4 frames; symbol i is spoken in frame i, and the last frame is silent."""
    tokens = torch.randint(0, 16, (2, 3, 6), generator=torch.Generator().manual_seed(3))
    frame_symbols, spoken = torch.full((2, 6), NO_TARGET), torch.zeros(2, 6, 4, dtype=torch.bool)
    text, counts = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]]), torch.tensor([4, 2])
    for row in range(2):
        frame_symbols[row, : 6 - 2 * row] = len(model.config.symbols)
        for i in range(int(counts[row])):
            frame_symbols[row, i], spoken[row, i, i] = text[row, i], True
    condition = TextCondition(text, counts)
    return TokenBatch(tokens, torch.tensor([6, 4]), condition, None, Alignment(frame_symbols, spoken))


def helped(model, loss_config=HELPED):
    torch.manual_seed(1)
    helpers = AlignmentHelpers(model.config.lm.width, 1, len(model.config.symbols)).double()
    return TokenLoss(loss_config, model, helpers)


@pytest.mark.parametrize("delays", [(0, 1, 2), (1, 0, 3)])
def test_helpers_look_where_a_frames_first_codebook_is_predicted(delays):
    kinds = (dataclasses.replace(config("matched").model.streams[0], delays=delays, end_id=None),)
    model = build("matched", streams=kinds)
    compute, batch = helped(model), aligned(model)
    found = compute(batch, helper_scale=0.5)
    assert torch.allclose(
        found["loss"], found["audio"] + 0.5 * (0.5 * found["phoneme"] + 0.25 * found["attention"])
    )
    assert set(compute(batch)) == set(found) - {"phoneme", "attention"}
    # By hand: the attention of the middle layer from the step that predicts frame i of the first stream to symbol i.
    delayed = model.streams.pattern.apply(model.streams.fill(batch.tokens, batch.frame_counts))
    attention = model.attention_maps(delayed, batch.condition)[:, 1, 0]  # (B, S, L)
    targets = [attention[row, delays[0] + i, i] for row, count in enumerate((4, 2)) for i in range(count)]
    assert torch.allclose(found["attention"], -torch.stack(targets).log().mean(), atol=1e-6)
    hidden = model(delayed, batch.condition).hidden[:, delays[0] : delays[0] + 6]
    logits = compute.helpers.head(hidden)[batch.alignment.frame_symbols != NO_TARGET]
    right = batch.alignment.frame_symbols[batch.alignment.frame_symbols != NO_TARGET]
    assert torch.allclose(found["phoneme"].double(), F.cross_entropy(logits, right), atol=1e-5)


def test_rows_without_their_text_are_not_helped():
    model = build("matched")
    compute, batch = helped(model), aligned(model)
    condition = dataclasses.replace(batch.condition, keep=torch.tensor([True, False]))
    found = compute(dataclasses.replace(batch, condition=condition), helper_scale=1.0)
    unknown = Alignment(batch.alignment.frame_symbols.clone(), batch.alignment.spoken.clone())
    unknown.frame_symbols[1], unknown.spoken[1] = NO_TARGET, False
    alone = compute(dataclasses.replace(batch, alignment=unknown), [], compute.counts(batch), 1.0)
    assert torch.allclose(found["attention"], alone["attention"])
    assert torch.allclose(found["phoneme"], alone["phoneme"])


def test_helpers_need_phonemes():
    with pytest.raises(ConfigError, match="phoneme_weight 0.5 .* need phonemes before the audio, and text is 'cross'"):
        TokenLoss(HELPED, build("musicgen"))


def test_noise_is_on_what_is_read_and_not_on_what_is_predicted():
    model = build("matched")
    batch = examples.batch("matched", model.streams, rows=4)
    compute = TokenLoss(dataclasses.replace(PLAIN, token_noise=1.0), model)

    def generators():
        return [torch.Generator().manual_seed(r) for r in range(4)]

    delayed, _ = compute.cells(batch)
    read = compute._with_noise(batch, delayed, generators())
    special = delayed >= 16
    assert torch.equal(read[special], delayed[special]) and (read[~special] < 16).all()
    changed = (read != delayed).float().sum() / (~special).sum()
    assert 0.2 < changed < 0.8  # half on average, of which 1 in 16 is drawn as it was
    alone = [compute(row_of(batch, r), [generators()[r]], compute.counts(batch))["loss"] for r in range(4)]
    assert torch.allclose(sum(alone), compute(batch, generators())["loss"], rtol=1e-5)
    with pytest.raises(ValueError, match="0 generators for a batch of 4"):
        compute(batch)


def test_noise_is_of_codes_wherever_their_ids_begin():
    model = build("samout")  # 6 special ids, then 12 codes
    batch = TokenBatch(torch.tensor([[[*range(6, 18)] * 20]]).expand(3, -1, -1), torch.tensor([240] * 3))
    compute = TokenLoss(dataclasses.replace(PLAIN, token_noise=1.0), model)
    read = compute._with_noise(batch, compute.cells(batch)[0], [torch.Generator().manual_seed(r) for r in range(3)])
    changed = read[..., 1:][read[..., 1:] != batch.tokens]
    assert set(changed.tolist()) == set(range(6, 18))
