"""Every tiny configuration learns its structured sequences in seconds, and continues them correctly."""

import pytest
import torch

from ditar.baseline.decoding import DecodingOptions
from ditar.baseline.generate import collect_tokens, generate_tokens
from ditar.baseline.streams import UNKNOWN
from tests.baseline import examples
from tests.baseline.examples import most_likely, trained

# Mean loss of the last 20 steps over the mean of the first 5. What cannot be learnt is in it: a first code that nothing
# announces (SamOut, or where the text is left out), and which way SamOut counts.
FRACTIONS = {"matched": 0.05, "musicgen": 0.05, "moshi": 0.05, "mini_omni": 0.05, "samout": 0.2}


@pytest.mark.parametrize("name", examples.NAMES)
def test_the_loss_falls(name):
    _, history = trained(name)
    fraction = (sum(history[-20:]) / 20) / (sum(history[:5]) / 5)
    assert fraction < FRACTIONS[name], f"{fraction:.3f} of the start"


def run(name, data, known, frames, **options):
    model, _ = trained(name)
    generators = [torch.Generator().manual_seed(i) for i in range(len(data.tokens))]
    settings = DecodingOptions(sampling=most_likely(model), **options)
    return collect_tokens(
        generate_tokens(model, generators, max_frames=frames, condition=data.condition, known=known, options=settings)
    )


def test_matched_speaks_its_text_and_stops():
    model, _ = trained("matched")
    data = examples.matched(model.streams, list(range(1, 9)))
    for scale in (1.0, 1.5):
        found = run("matched", data, None, 40, guidance_scale=scale)
        assert found.ended.all() and torch.equal(found.frame_counts, data.frame_counts)
        for row, tokens in enumerate(found.tokens):
            codes = model.streams.to_codes(tokens[:, : found.frame_counts[row]])
            assert torch.equal(codes, examples.counting(row + 1, 3, 15 - row, 16)), row


def test_matched_continues_a_prompt():
    model, _ = trained("matched")
    data = examples.matched(model.streams, [3])
    found = run("matched", data, data.tokens[..., :4], 40)
    assert torch.equal(found.tokens[0], data.tokens[0, :, 4:]) and found.ended.all()


def test_musicgen_follows_its_text_with_guidance():
    model, _ = trained("musicgen")
    data = examples.musicgen(model.streams, list(range(8)))
    found = run("musicgen", data, None, 12, guidance_scale=3.0)
    assert torch.equal(found.tokens, data.tokens)
    assert found.frame_counts.tolist() == [12] * 8 and not found.ended.any()  # nothing says the end but the limit


def test_moshi_answers_the_other_voice():
    model, _ = trained("moshi")
    data = examples.moshi(model.streams, [20_001, 20_002, 20_003])  # never heard
    known = data.tokens.clone()
    known[:, :4, 1:] = UNKNOWN  # text and own voice behind the first frame
    found = run("moshi", data, known, 15)
    assert (found.tokens == data.tokens[..., 1:]).float().mean() > 0.97
    assert torch.equal(found.tokens[:, 4:], data.tokens[:, 4:, 1:])


def test_mini_omni_answers_in_text_and_audio():
    model, _ = trained("mini_omni")
    data = examples.mini_omni(model.streams, [2, 5], kinds=[0, 0])
    for row in range(2):
        true = data.tokens[row : row + 1, :, : data.frame_counts[row]]
        found = run("mini_omni", type(data)(true, data.frame_counts[row : row + 1]), true[..., :3], 20)
        assert torch.equal(found.tokens, true[..., 3:]) and found.ended.all()


def test_mini_omni_decodes_two_answers_as_one():
    model, _ = trained("mini_omni")
    data = examples.mini_omni(model.streams, [4, 4], kinds=[0, 1])
    found = run("mini_omni", data, data.tokens[..., :3], 20, batch_parallel=True)
    assert torch.equal(found.tokens[0], data.tokens[0, :, 3:])
    assert torch.equal(found.tokens[1, :1], found.tokens[0, :1])  # both read the same words
    assert (found.tokens[1, 1:] == examples.PAD).all()


def test_samout_continues_and_names_the_category():
    model, _ = trained("samout")
    for x in range(10):
        data = examples.samout(model.streams, [x])
        found = run("samout", data, data.tokens[..., :2], 20)
        assert torch.equal(found.tokens, data.tokens[..., 2:]) and found.ended.all(), x
