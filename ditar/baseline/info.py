"""What a configuration amounts to: parameters per part, and the arithmetic of one utterance."""

from dataclasses import replace

import torch

from ditar.baseline.batch import TextCondition
from ditar.baseline.lm import TokenLM
from ditar.config import BaselineConfig, BaselineModelConfig
from ditar.nn.counting import count_flops, count_parameters

REFERENCE_S, OUTPUT_S, TEXT_TOKENS = 3.0, 10.0, 130  # the example of arXiv 2502.03930, section 4.4


# Published parameter counts, by codec, layers and width: the model, what was counted, and which of our parts together
# are the same. MusicGen's sizes (arXiv 2306.05284, section 3.2) exclude its frozen text encoder; the smaller two fit
# without cross-attention, the large one only with it. Qwen2's are from its model card. SamOut's guide gives none.
PUBLISHED = {
    ("encodec_32khz", 24, 1024): (("MusicGen small", 300e6, ("transformer",)),),
    ("encodec_32khz", 48, 1536): (("MusicGen medium", 1.5e9, ("transformer",)),),
    ("encodec_32khz", 48, 2048): (("MusicGen large", 3.3e9, ("total",)),),
    ("mimi", 32, 4096): (
        ("Helium 7B: Moshi without its depth transformer", 7e9, ("transformer", "embeddings", "heads")),
        ("Moshi (kyutai/moshiko)", 7.69e9, ("total",)),
    ),
    ("snac_24khz", 24, 896): (
        ("Qwen2-0.5B without embeddings", 358e6, ("transformer",)),
        ("Qwen2-0.5B", 494e6, ("transformer", "embeddings")),
    ),
}


def published(config: BaselineModelConfig, parameters: dict[str, int]) -> list[tuple[str, float, int]]:
    """(model and what was counted, published parameters, ours) of the published models of this shape."""
    found = PUBLISHED.get((config.codec, config.lm.layers, config.lm.width), ())
    return [(name, count, sum(parameters[part] for part in parts)) for name, count, parts in found]


def describe_baseline(config: BaselineConfig) -> dict:
    """{"parameters": {"embeddings", "transformer", "cross_attention", "depth", "heads", "text", "total"}, "tflops":
    float, "published": see `published`}.

    `transformer`: the LM's blocks without their cross-attention; `depth`: that transformer with its embeddings and
    heads; `heads` 0 if the outputs are tied to the embeddings. tflops (10^12, a multiplication and an addition count as
    two): a 3 s prompt, 10 s of output, 130 text tokens unless the text is a stream, with the configuration's guidance,
    counted by torch on the meta device; encoding the text is not counted.
    """
    with torch.device("meta"):
        model = TokenLM(config.model).eval()
    cross = sum(p.numel() for n, p in model.transformer.named_parameters() if ".cross" in n)
    parameters = {
        "embeddings": count_parameters(model.embeddings),
        "transformer": count_parameters(model.transformer) - cross,
        "cross_attention": cross,
        "depth": count_parameters(getattr(model, "depth", None)),
        "heads": count_parameters(getattr(model, "heads", None)),
        "text": count_parameters(getattr(model, "symbols", None)) + count_parameters(getattr(model, "condition", None)),
    }
    parameters["total"] = sum(parameters.values())
    assert parameters["total"] == count_parameters(model)
    tflops = _utterance_flops(model) / 1e12
    return {"parameters": parameters, "tflops": tflops, "published": published(config.model, parameters)}


@torch.no_grad()
def _utterance_flops(model: TokenLM) -> float:
    config, streams = model.config, len(model.streams)
    prompt = round(REFERENCE_S * config.frame_rate_hz)
    steps = round(OUTPUT_S * config.frame_rate_hz) + model.streams.pattern.max_delay
    rows = 1 if config.guidance_scale == 1.0 else 2
    tokens = torch.zeros(rows, streams, 1 + prompt, dtype=torch.long, device="meta")
    condition = None
    if config.text in ("prefix", "cross"):
        shape = (rows, TEXT_TOKENS) if config.text == "prefix" else (rows, TEXT_TOKENS, config.text_width)
        dtype = torch.long if config.text == "prefix" else torch.float32
        counts = torch.full((rows,), TEXT_TOKENS, device="meta")
        condition = TextCondition(torch.zeros(shape, dtype=dtype, device="meta"), counts)
    prefill, (hidden, state) = count_flops(lambda: model.prefill(tokens, condition, steps))
    predicting, _ = count_flops(lambda: _predict(model, hidden, tokens[..., 0]))
    first, _ = count_flops(lambda: model.step(tokens[..., 0], state))
    late = replace(state, cache=state.cache.advance(steps - 1))
    last, _ = count_flops(lambda: model.step(tokens[..., 0], late))
    # The cost of a step grows linearly with what it attends to.
    return prefill + steps * (predicting + (first + last) / 2)


def _predict(model: TokenLM, hidden, tokens) -> None:
    for kind in model.own:
        model.logits(hidden[:, None], kind)
    if model.others:
        place = model.depth.begin(hidden)
        read = model.depth.embed_before(model.before(tokens))
        for _ in range(model.depth.streams):
            _, place = model.depth.step(place, read)
