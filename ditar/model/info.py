"""What a configuration amounts to: parameters per part, and the arithmetic of one utterance."""

import math
from dataclasses import replace

import torch

from ditar.config import DiTARConfig
from ditar.diffusion.ddim import DDIM
from ditar.model.ditar import DiTAR
from ditar.model.generate import GenerationInput, advance, start_decoding
from ditar.model.sampler import PatchSampler
from ditar.nn.counting import count_flops, count_parameters
from ditar.units import frames_to_patches, seconds_to_frames

REFERENCE_S, OUTPUT_S, TEXT_TOKENS, STEPS = 3.0, 10.0, 130, 10  # the paper's example (section 4.4)


def describe_ditar(config: DiTARConfig) -> dict:
    """{"parameters": {"aggregation_encoder", "lm", "locdit", "total"}, "tflops": float}.

    The three parts are the transformers only, as Table 8 counts them; `total` is the whole module, including
    embeddings, heads and projections. tflops (10^12, a multiplication and an addition count as two): a 3 s reference,
    10 s of output, 130 text tokens, 10 steps with guidance, counted by torch on the meta device.
    """
    with torch.device("meta"):
        model = DiTAR(config.model).eval()
    parts = {"aggregation_encoder": model.encoder, "lm": model.lm, "locdit": model.locdit}
    parameters = {name: count_parameters(part.transformer) for name, part in parts.items()}
    parameters["total"] = count_parameters(model)
    return {"parameters": parameters, "tflops": _utterance_flops(model) / 1e12}


@torch.no_grad()
def _utterance_flops(model: DiTAR) -> float:
    patch_frames = model.config.patch_frames
    prompt = frames_to_patches(seconds_to_frames(REFERENCE_S), patch_frames)
    patches = math.ceil(seconds_to_frames(OUTPUT_S) / patch_frames)
    ids = torch.zeros(TEXT_TOKENS, dtype=torch.long, device="meta")
    clip = torch.zeros(prompt, patch_frames, model.config.latent_channels, device="meta")
    row = GenerationInput(ids, clip, torch.Generator(), patches)
    prefill, state = count_flops(lambda: start_decoding(model, [row]))
    sampler = PatchSampler(model, [DDIM(STEPS, 0.0)], [2.0], None)
    sampling, patch = count_flops(lambda: sampler(state.h, state.history, state.exists))
    first, _ = count_flops(lambda: advance(model, patch, state))
    late = replace(state, lm=replace(state.lm, cache=state.lm.cache.advance(patches - 2)))
    last, _ = count_flops(lambda: advance(model, patch, late))
    # The cost of a step grows linearly with what it attends to; the last patch is not read.
    return prefill + patches * sampling + (patches - 1) * (first + last) / 2
