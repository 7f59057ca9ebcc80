import dataclasses

import pytest
import torch

from ditar.baseline.batch import TextCondition
from ditar.baseline.decoding import DecodingOptions, advance_tokens, decide, start_token_decoding
from ditar.baseline.generate import collect_tokens, generate_tokens, redraw
from ditar.baseline.lm import TokenLM
from ditar.baseline.streams import UNKNOWN
from ditar.config import BaselineModelConfig, BlockConfig, SamplingConfig, StreamsConfig
from tests.baseline import examples
from tests.baseline.examples import build

ANY = SamplingConfig(temperature=3.0)  # random weights, and every token may come


def generators(rows, seed=0):
    return [torch.Generator().manual_seed(seed + row) for row in range(rows)]


def run(model, rows, frames, seed=0, **arguments):
    return collect_tokens(generate_tokens(model, generators(rows, seed), max_frames=frames, **arguments))


def example(name, rows):
    model = build(name)
    return model, examples.as_double(examples.batch(name, model.streams, rows=rows))


DEPTH = BlockConfig(1, 16, 2, 16)


def two_kinds(depth=None, pad=0, **audio):
    """Text that can end and audio that can, with random weights; all ids likely."""
    kinds = (
        StreamsConfig("text", 4, 6, 5, (0,), 5, (1.0,), end_id=4, pad_ids=(pad,), sampling=ANY),
        StreamsConfig("audio", 4, 6, 5, (1, 1, 3), 5, (1.0,) * 3, **{"end_id": 4, "sampling": ANY, **audio}),
    )
    torch.manual_seed(0)
    config = BaselineModelConfig(BlockConfig(1, 16, 2, 16), kinds, "codec", 50.0, "stream", depth)
    return TokenLM(config).double().eval()


def test_generation_stops_when_the_last_stream_has_ended():
    model = two_kinds()
    ends = set()
    for seed in range(12):
        found = run(model, 1, 30, seed)
        tokens, frames = found.tokens[0], int(found.frame_counts[0])
        text, audio = (int((tokens[i] == 4).nonzero()[0]) + 1 if (tokens[i] == 4).any() else 30 for i in (0, 1))
        assert frames == tokens.shape[1] == max(text, audio)
        if audio < 30:  # the streams of a kind end together, where the first says so, and nowhere else
            assert (tokens[1:, audio - 1] == 4).all() and (tokens[1:] == 4).sum() == 3
        assert (tokens[0, text:] == 0).all() and (tokens[1:, audio:] == 5).all()  # pads, or the empty id where none is
        assert found.ended[0] == (text < 30 or tokens[0, -1] == 4) & (audio < 30 or tokens[1, -1] == 4)
        ends.add((text < audio, frames < 30))
    assert {(True, True), (False, True)} <= ends  # either may be the last


@pytest.mark.parametrize("depth", [None, DEPTH])
@pytest.mark.parametrize("audio", [{}, {"end_id": None}])
def test_every_step_reads_what_training_reads(depth, audio):
    """Content, the end, what follows it, and the empty ids where a row's end leaves no frame. The text is padded with
    its empty id, since a text with less delay than the audio does not know when that ends."""
    model, read, lengths = two_kinds(depth, pad=5, **audio), [], set()
    step = model.step
    model.step = lambda tokens, state: (read.append(tokens.clone()), step(tokens, state))[1]
    for seed in range(12):
        read.clear()
        found = run(model, 1, 30, seed)
        delayed = model.streams.pattern.apply(found.tokens)[..., 1:]
        assert torch.equal(torch.stack(read, dim=2), delayed), seed
        lengths.add(found.tokens.shape[2])
    assert len(lengths) > 3


def test_streams_in_depth_read_the_end_that_stands_before_them():
    """Greedy, against one teacher-forced pass: the third stream speaks two steps longer than those that it reads."""
    model, ended = two_kinds(DEPTH), 0
    options = DecodingOptions(sampling=examples.most_likely(model))
    for seed in range(12):
        known = torch.randint(0, 4, (1, 4, 2), generator=torch.Generator().manual_seed(seed))
        tokens = torch.cat((known, run(model, 1, 30, known=known, options=options).tokens), dim=2)
        logits = model(model.streams.pattern.apply(tokens)).logits["audio"]
        logits[:, 1:, :, 4] = float("-inf")  # only the first stream says the end
        end = int((tokens[0, 1] == 4).nonzero()[0]) if (tokens[0, 1] == 4).any() else tokens.shape[2]
        ended += end < tokens.shape[2]
        for k, delay in enumerate((1, 1, 3)):
            assert torch.equal(logits[0, k, delay + 2 : delay + end].argmax(-1), tokens[0, 1 + k, 2:end]), (seed, k)
    assert ended > 3


@pytest.mark.parametrize(("depth", "prompt"), [(None, 0), (None, 2), (DEPTH, 2)])
def test_an_end_has_to_wait_for_the_fewest_frames(depth, prompt):
    model = two_kinds(depth)
    heads = [model.heads["text"], *model.depth.heads] if depth else [*model.heads.values()]
    for head in heads:  # the end is all but certain, wherever it may come
        head.register_forward_hook(lambda m, i, found: found.unflatten(-1, (-1, 5)).index_fill(
            -1, torch.tensor(4), 1e4).flatten(-2))  # fmt: skip
    known = torch.full((2, 4, prompt), 4)  # ends of a prompt are none of what follows it
    found = run(model, 2, 20, known=known, options=DecodingOptions(sampling={"text": ANY, "audio": ANY}, min_frames=5))
    assert found.ended.all() and found.frame_counts.tolist() == [6, 6]
    assert torch.equal((found.tokens == 4).nonzero()[:, 2], torch.full((8,), 5))


def test_the_limit_ends_what_does_not_end():
    model = two_kinds(never=(4,))
    found = run(model, 2, 5)
    assert found.frame_counts.tolist() == [5, 5] and not found.ended.any()
    model, data = example("musicgen", 2)
    found = run(model, 2, 7, condition=data.condition)
    assert found.tokens.shape == (2, 4, 7) and not found.ended.any() and (found.tokens < 16).all()


def row_of(condition, row):
    """The text of one row, without its padding."""
    if condition is None:
        return None
    count = condition.counts[row]
    return type(condition)(condition.text[row : row + 1, :count], count[None])


@pytest.mark.parametrize("name", ["matched", "musicgen", "samout"])
def test_a_row_does_not_depend_on_the_batch(name):
    model, data = example(name, 3)
    prompt = data.tokens[..., :2]
    options = DecodingOptions(model.config.guidance_scale, {"audio": ANY})
    together = run(model, 3, 12, condition=data.condition, known=prompt, options=options)
    for row in range(3):
        condition = row_of(data.condition, row)
        alone = run(model, 1, 12, row, condition=condition, known=prompt[row : row + 1], options=options)
        frames = int(alone.frame_counts)
        assert together.frame_counts[row] == frames and together.ended[row] == alone.ended[0]
        assert torch.equal(together.tokens[row, :, :frames], alone.tokens[0])


@pytest.mark.parametrize("name", ["two kinds", "matched", "musicgen"])
def test_a_row_that_has_ended_leaves(name):
    """Rows of different lengths: what the LM reads shrinks, and each row is what it is alone."""
    model, condition, options = two_kinds(), None, DecodingOptions(sampling={"text": ANY, "audio": ANY})
    if name != "two kinds":
        model, data = example(name, 6)
        condition, options = data.condition, DecodingOptions(1.0, {"audio": ANY})
    if name == "musicgen":  # with guidance and cross-attention, and a code that ends it
        kind = dataclasses.replace(model.config.streams[0], end_id=15)
        model, options = build(name, streams=(kind,)), DecodingOptions(3.0, {"audio": ANY})
    copies = 1 if options.guidance_scale == 1.0 else 2
    rows = 6
    read = []
    hook = model.transformer.register_forward_hook(lambda m, inputs, o: read.append(len(inputs[0])))
    together = run(model, rows, 40, condition=condition, options=options)
    hook.remove()
    counts = sorted(together.frame_counts.tolist())
    assert counts[0] < counts[-1] and read == sorted(read, reverse=True)
    assert read[0] == copies * rows and read[-1] < copies * rows
    for row in range(rows):
        alone = run(model, 1, 40, row, condition=row_of(condition, row), options=options)
        frames = int(alone.frame_counts)
        assert together.frame_counts[row] == frames and together.ended[row] == alone.ended[0]
        assert torch.equal(together.tokens[row, :, :frames], alone.tokens[0])
        assert (together.tokens[row, 0, frames:] == model.streams.pattern.empty_ids[0]).all()


def test_same_seed_same_tokens():
    model, data = example("moshi", 2)
    known = data.tokens.clone()
    known[:, :4] = UNKNOWN
    options = DecodingOptions(sampling={"audio": ANY, "text": ANY})
    first, again, other = (run(model, 2, 16, seed, known=known, options=options).tokens for seed in (0, 0, 50))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(first[:, 4:], data.tokens[:, 4:])  # the other voice is as given


@pytest.mark.parametrize("name", ["musicgen", "moshi"])
def test_tokens_are_those_that_one_pass_over_all_would_choose(name):
    """Greedy generation, step by step through caches, against the logits of one teacher-forced pass."""
    model, data = example(name, 2)
    known = data.tokens[..., :12].clone()
    known[:, :4, 2:] = UNKNOWN  # all of MusicGen's streams, and Moshi's but for the other voice
    options = DecodingOptions(sampling=examples.most_likely(model))
    found = run(model, 2, 10, condition=data.condition, known=known, options=options)
    tokens = torch.cat((known[..., :2], found.tokens), dim=2)
    output = model(model.streams.pattern.apply(tokens), data.condition)
    for kind in model.streams.predicted:
        logits, mine = output.logits[kind.name], tokens[:, model.streams.slices[kind.name]]
        for k, delay in enumerate(kind.delays):
            assert torch.equal(logits[:, k, delay + 2 : delay + 12].argmax(-1), mine[:, k, 2:])


@pytest.mark.parametrize(("name", "scale"), [("matched", 1.0), ("matched", 2.0), ("musicgen", 3.0), ("moshi", 1.0)])
def test_redrawn_tokens_are_drawn_given_the_true_ones_before_them(name, scale):
    """Frame t of a stream with delay d by the logits of step t + d, without an end."""
    model, data = example(name, 2)
    tokens = data.tokens[..., : int(data.frame_counts.min()) - 1]
    found = redraw(model, tokens, generators(2), data.condition, DecodingOptions(scale, examples.most_likely(model)))
    delayed, condition = model.streams.pattern.apply(tokens), data.condition
    logits = model(delayed, condition).logits
    if scale != 1.0:
        without = model(delayed, dataclasses.replace(condition, keep=torch.zeros(2, dtype=torch.bool))).logits
        logits = {kind: without[kind] + scale * (found - without[kind]) for kind, found in logits.items()}
    for kind in model.streams.kinds:
        part = model.streams.slices[kind.name]
        if not kind.predicted:
            assert torch.equal(found[:, part], tokens[:, part])
            continue
        if kind.end_id is not None:
            logits[kind.name][..., kind.end_id] = float("-inf")
        for k, delay in enumerate(kind.delays):
            chosen = logits[kind.name][:, k, delay : delay + tokens.shape[2]].argmax(-1)
            assert torch.equal(found[:, part.start + k], chosen)
    again, other = (redraw(model, tokens, generators(2, seed), data.condition, DecodingOptions(scale, {
        kind.name: ANY for kind in model.streams.predicted})) for seed in (0, 50))  # fmt: skip
    assert not torch.equal(again, other) and not torch.equal(again, tokens)


def test_known_tokens_stay_wherever_they_are():
    model = two_kinds(end_id=None)
    known = torch.full((1, 4, 6), UNKNOWN)
    known[0, 0] = torch.tensor([1, 2, 3, 1, 2, 4])  # a text that is given and ends
    known[0, 2, 3] = 2
    found = run(model, 1, 20, known=known)
    assert found.tokens[0, 0].tolist() == [1, 2, 3, 1, 2, 4] and found.tokens[0, 2, 3] == 2
    assert found.frame_counts.tolist() == [6] and found.ended.all()  # audio that cannot end ends with the text


def test_prompts_are_read_at_once_and_frames_come_as_soon_as_they_can():
    model, data = example("matched", 1)
    options = DecodingOptions(sampling={"audio": dataclasses.replace(ANY, top_k=8)})
    state = start_token_decoding(model, data.condition, data.tokens[..., :4], 1, 6, options)
    assert (state.prompt, state.step) == (4, 4) and state.lm.cache.length == 3 + 1 + 4
    steps = []
    for frame in generate_tokens(model, generators(1), max_frames=6, condition=data.condition, options=options):
        steps.append(frame.tokens)
    assert 1 <= len(steps) <= 6 and all(s.shape == (1, 3) for s in steps)


def test_a_step_returns_a_new_state_and_leaves_the_old_one():
    model, data = example("matched", 1)
    options = DecodingOptions()
    state = start_token_decoding(model, data.condition, None, 1, 5, options)
    tokens = decide(model, state, torch.zeros(1, 3, dtype=torch.float64), options)
    assert (tokens[0, 1:] == 17).all()  # streams 1 and 2 have no frame yet
    after = advance_tokens(model, tokens, state, options)
    assert (state.step, after.step) == (0, 1) and after.lm.cache.length == state.lm.cache.length + 1
    assert torch.equal(after.grid[:, :, 1], tokens) and not torch.equal(after.hidden, state.hidden)


def test_guidance_is_the_formula_on_the_logits():
    model, data = example("musicgen", 2)
    scale = 3.0
    state = start_token_decoding(model, data.condition, None, 2, 5, DecodingOptions(scale))
    (kind,) = model.own
    logits = model.logits(state.hidden[:, None], kind)[:, :, 0]
    guided = logits[2:] + scale * (logits[:2] - logits[2:])
    options = DecodingOptions(scale, examples.most_likely(model))
    tokens = decide(model, state, torch.zeros(2, 4, dtype=torch.float64), options)
    assert torch.equal(tokens[:, 0], guided[:, 0].argmax(-1)) and (tokens[:, 1:] == 16).all()
    off = start_token_decoding(model, data.condition, None, 2, 5, DecodingOptions(1.0))
    assert torch.allclose(off.hidden, state.hidden[:2], atol=1e-12)


@pytest.mark.parametrize("depth", [None, DEPTH])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_what_must_never_be_predicted_is_not_drawn(depth, scale):
    """By the LM and by the depth transformer, with guidance, which subtracts infinities, and without."""
    never = {"text": (1, 4), "audio": (0, 2, 4)}
    kinds = [dataclasses.replace(kind, never=never[kind.name]) for kind in two_kinds().streams.kinds]
    torch.manual_seed(0)
    lm = BlockConfig(1, 16, 2, 16)
    model = TokenLM(BaselineModelConfig(lm, tuple(kinds), "codec", 50.0, "prefix", depth)).double().eval()
    condition = TextCondition(torch.tensor([[3, 4], [5, 6]]), torch.tensor([2, 2]))
    found = run(model, 2, 20, condition=condition, options=DecodingOptions(scale, {"text": ANY, "audio": ANY})).tokens
    assert set(found[:, 0].unique().tolist()) == {0, 2, 3} and set(found[:, 1:].unique().tolist()) == {1, 3}


def test_batch_parallel_takes_words_from_the_second_row_and_audio_from_the_first():
    model, data = example("mini_omni", 1)
    one = examples.mini_omni(model.streams, [2, 6], kinds=[0, 1])
    options = DecodingOptions(sampling={"audio": ANY, "text": ANY}, batch_parallel=True)
    state = start_token_decoding(model, None, one.tokens[..., :3], 2, 8, options)
    assert (state.grid[1, 1:, 4:] == examples.PAD).all() and (state.grid[0, 1:, -1] == UNKNOWN).sum() == 1
    uniforms = torch.rand(2, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for _ in range(5):
        tokens = decide(model, state, uniforms, options)
        alone = decide(model, state, uniforms, dataclasses.replace(options, batch_parallel=False))
        assert (tokens[:, 0] == alone[1, 0]).all() and torch.equal(tokens[0, 1:], alone[0, 1:])
        state = advance_tokens(model, tokens, state, options)
        assert torch.equal(state.ends[0], state.ends[1])
    with pytest.raises(ValueError, match="takes 2 rows and a stream named 'text', got 1 rows and text, audio"):
        run(model, 1, 8, known=one.tokens[:1, :, :3], options=options)


def test_what_cannot_be_generated_is_named():
    model, data = example("matched", 2)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        run(model, 2, 0, condition=data.condition)
    with pytest.raises(ValueError, match="2 rows of known tokens and 1 generators"):
        run(model, 1, 5, condition=data.condition, known=data.tokens)
    with pytest.raises(ValueError, match="id 18 is out of range"):
        run(model, 2, 5, condition=data.condition, known=torch.full((2, 3, 2), 18))
    with pytest.raises(ValueError, match="'user'; this model has audio"):
        run(model, 2, 5, condition=data.condition, options=DecodingOptions(sampling={"user": ANY}))
    model, data = example("moshi", 1)
    known = data.tokens.clone()
    known[:, :4] = UNKNOWN
    with pytest.raises(ValueError, match="known for all 20 frames, prompt included, and 16 are given"):
        run(model, 1, 20, known=known)
    with pytest.raises(ValueError, match="guidance_scale 2.0 needs a text that can be left out"):
        run(model, 1, 16, known=known, options=DecodingOptions(2.0))
