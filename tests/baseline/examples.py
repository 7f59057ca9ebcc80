"""The tiny configurations, and structured token sequences for each: what a model must learn is known to the last token.

Each sequence counts: a token is the one before it and 1, and a codebook the one above it and 1.
"""

import dataclasses
from functools import cache
from pathlib import Path

import torch

from ditar.baseline.batch import TextCondition, TokenBatch
from ditar.baseline.lm import TokenLM
from ditar.baseline.loss import TokenLoss
from ditar.baseline.streams import category_row
from ditar.config import BaselineConfig, SamplingConfig, load_config
from ditar.train.keys import keyed_generators
from ditar.train.optimiser import build_optimisers, learning_rate

ROOT = Path(__file__).parents[2] / "configs" / "baseline"
MOST_LIKELY = SamplingConfig(temperature=1.0, top_k=1)
NAMES = ("matched", "musicgen", "moshi", "mini_omni", "samout")


@cache
def config(name):
    return load_config(ROOT / f"tiny_{name}.yaml", BaselineConfig)


def build(name, dtype=torch.float64, **changes):
    torch.manual_seed(0)
    return TokenLM(dataclasses.replace(config(name).model, **changes)).to(dtype).eval()


def most_likely(model):
    """For DecodingOptions.sampling."""
    return {kind.name: MOST_LIKELY for kind in model.streams.predicted}


def counting(first, streams, frames, card):
    """(streams, frames): counts from `first`, each stream from one more."""
    return (first + torch.arange(streams)[:, None] + torch.arange(frames)) % card


def pack(streams, rows, condition=None, loss_from=None):
    """Rows (Q, T) of different length; what stands behind a row is another stream's noise, which must not matter."""
    counts = torch.tensor([row.shape[1] for row in rows])
    tokens = torch.ones(len(rows), len(streams), int(counts.max()), dtype=torch.long)
    for row, into in zip(rows, tokens):
        into[:, : row.shape[1]] = row
    names = [f"row-{i}" for i in range(len(rows))]
    return TokenBatch(tokens, counts, condition, loss_from, examples=names, utterances=names)


def matched(streams, firsts):
    """The first phoneme says where the count starts; it ends behind code 15. The other phonemes say nothing."""
    rows = [streams.from_codes(counting(x, 3, 16 - x, 16)) for x in firsts]
    counts = torch.tensor([1 + x % 3 for x in firsts])
    text = torch.zeros(len(firsts), 3, dtype=torch.long)
    for row, x in zip(text, firsts):
        row[: 1 + x % 3] = torch.tensor([x, 8, 7])[: 1 + x % 3]
    return pack(streams, rows, TextCondition(text, counts))


def musicgen(streams, firsts):
    """The encoded text says where the count starts."""
    table = torch.randn(8, 2, 16, generator=torch.Generator().manual_seed(1))
    counts = torch.tensor([1 + x % 2 for x in firsts])
    return pack(streams, [counting(x, 4, 12, 16) for x in firsts], TextCondition(table[torch.tensor(firsts)], counts))


def moshi(streams, firsts):
    """One says what the other said one frame before, and 1; text names it where it is even, with EPAD first and PAD
    where it is odd."""
    rows = []
    for x in firsts:
        said = torch.randint(0, 8, (16,), generator=torch.Generator().manual_seed(x))
        heard = said.roll(1)
        own, text = (heard + 1) % 8, torch.where(heard % 2 == 0, 4 + heard, 3)
        own[0], text[0] = 0, 0
        books = torch.arange(3)[:, None]
        parts = {"text": text[None, None], "audio": ((own + books) % 8)[None], "user": ((said + books) % 8)[None]}
        rows.append(streams.stack(parts)[0])
    return pack(streams, rows)


INPUT, ANSWER, END, PAD = 12, 13, 10, 11  # of the tiny Mini-Omni, text and audio alike


def mini_omni(streams, firsts, kinds=None):
    """Question x, then the answer x + 1 ... 9 in text; the audio says it and two tokens more. Kind 1 is text alone."""
    rows = []
    for place, x in enumerate(firsts):
        text_only = place % 2 if kinds is None else kinds[place]
        words = torch.arange(x + 1, 10)
        frames = 3 + len(words) + (1 if text_only else 3)
        text = torch.full((1, frames), PAD)
        text[0, : 3 + len(words) + 1] = torch.tensor([INPUT, x, ANSWER, *words, END])
        audio = torch.full((7, frames), PAD)
        if not text_only:
            audio[:, 2] = ANSWER
            audio[:, 3:-1] = counting(x + 1, 7, len(words) + 2, 10)
            audio[:, -1] = END
        rows.append(torch.cat((text, audio)))
    return pack(streams, rows, loss_from=torch.full((len(firsts),), 3))


def samout(streams, firsts):
    """Counts up to 11 or down to 0 and says which."""
    rows = []
    for x in firsts:
        up, start = x % 2, 3 + x % 5
        codes = torch.arange(start, 12) if up else torch.arange(start, -1, -1)
        rows.append(category_row(streams, codes, 0 if up else 1))
    return pack(streams, rows)


SEQUENCES = {"matched": matched, "musicgen": musicgen, "moshi": moshi, "mini_omni": mini_omni, "samout": samout}
FIRSTS = {
    "matched": range(1, 9),
    "musicgen": range(8),
    "moshi": range(10_000),
    "mini_omni": range(7),
    "samout": range(10),
}
BATCH = 32


def batch(name, streams, step=0, rows=BATCH):
    choices = FIRSTS[name]
    drawn = torch.randint(0, len(choices), (rows,), generator=torch.Generator().manual_seed(step))
    return SEQUENCES[name](streams, [choices[i] for i in drawn.tolist()])


def as_double(data):
    """The batch with an encoded text in float64."""
    if data.condition is None or data.condition.text.dtype == torch.long:
        return data
    return dataclasses.replace(
        data, condition=dataclasses.replace(data.condition, text=data.condition.text.double())
    )


@cache
def trained(name):
    """The tiny model after the steps of its file, and its loss at each."""
    torch.manual_seed(0)
    settings = config(name)
    model = TokenLM(settings.model)
    loss = TokenLoss(settings.loss, model)
    optimisers, history = build_optimisers(loss, settings.optimiser), []
    for step in range(settings.optimiser.steps):
        data = batch(name, model.streams, step)
        found = loss(data, keyed_generators(0, step, data.examples))
        found["loss"].backward()
        torch.nn.utils.clip_grad_norm_(loss.parameters(), settings.optimiser.clip_norm)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, settings.optimiser)
            optimiser.step()
            optimiser.zero_grad()
        history.append(found["loss"].item())
    return model.eval(), history
