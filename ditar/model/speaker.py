"""Speaker adaptation (ours): an embedding of a voice, learnt from its clip in seconds, which changes LocDiT.

Zero-shot cloning hears a voice in one pass of the LM. A small model misses some of it, and steps of gradient descent on
the diffusion loss of the clip itself find more. Only vectors are learnt, by which the norms of LocDiT multiply
(AdaSpeech learns those of a new voice, arXiv 2103.00993) and which its layers add (as biases, BitFit, arXiv
2106.10199), and no weights: so few numbers learn the voice, and hardly the noises and the words of the clip. Rows of a
batch may have different ones, and no pass costs more than these products and sums.

It is learnt as it will be used: the LM reads the clip once as its own reference, and then again, and what LocDiT is
taught is the second time, in which h has heard the voice, as it has when it speaks.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from ditar.config import DiTARLossConfig, DiTARModelConfig
from ditar.diffusion.schedule import add_noise, velocity
from ditar.model.ditar import DiTAR
from ditar.model.locdit import LocDiT
from ditar.model.noise import draw_training_noise
from ditar.model.patches import histories, history_exists
from ditar.nn.precision import autocast
from ditar.storage.digests import digest_tensors
from ditar.storage.weights import ModelError

STEPS, WARMUP_STEPS, LEARNING_RATE, BETAS = 60, 5, 1e-2, (0.9, 0.99)
# What is noised and hidden, as when the model that ships was trained, but for what the LM reads: it runs once.
LOSS = DiTARLossConfig(noise_draws=4, h_dropout=0.1, history_noise=0.4, history_dropout=0.3)


def speaker_fingerprint(model: DiTAR) -> str:
    """Equal for models whose speaker embeddings mean the same: of all weights but LocDiT's, as they are stored, rounded
    to float16, in which they may be; -0 is 0. A distilled model, whose LocDiT began as its teacher's, has its
    teacher's."""
    kept = [value for name, value in model.state_dict().items() if not name.startswith("locdit.")]
    return digest_tensors([*(value.half() + 0.0 for value in kept), torch.tensor(model.locdit.speaker_sizes)])


def check_learns(config: DiTARModelConfig) -> None:
    """ModelError: a distilled model, which is taught another loss."""
    if config.is_distilled:
        raise ModelError(
            "a distilled model learns no voices: its LocDiT was taught another loss; adapt the voice with the model "
            "that it was distilled from, and speak with either"
        )


def learn_speaker(
    model: DiTAR,
    symbol_ids: Tensor,
    patches: Tensor,
    places: Tensor | None,
    *,
    first: int = 0,
    seed: int = 0,
    steps: int = STEPS,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """The speaker embedding (size,), float32 on the CPU, that makes a clip most likely. The model is left as it is:
    what is learnt with is a copy of LocDiT in float32.

    Args:
        symbol_ids: (L,), what is said in it, with a reference before it or without.
        patches: (N, P, C), normalised latents of both.
        places: (N, P), for monotonic reading: the place of the symbol that each frame speaks, see
            `data.frame_symbols.alignment`.
        first: the patches before this one are a reference and only read.
        seed: of the noise. steps: of AdamW on the diffusion loss.
        on_step: called before each step with its number and `steps`; what it raises ends the learning.

    ModelError: see `check_learns`.
    """
    check_learns(model.config)
    device = model.device
    with torch.inference_mode(False), torch.autocast(device.type, enabled=False):  # whoever calls
        ids, clean = symbol_ids.to(device), patches.to(device).clone()
        h, spoken = _read(model, ids, clean.to(model.dtype), None if places is None else places.to(device))
        given = h[first:].float().clone(), clean.float(), None if spoken is None else spoken[first:].float().clone()
        locdit = copy.deepcopy(model.locdit).float()  # nor does the copy compile
        return _learn(locdit, *given, model.config.history_patches, seed, steps, on_step)


def _learn(
    locdit: LocDiT,
    h: Tensor,
    clean: Tensor,
    spoken: Tensor | None,
    history_patches: int,
    seed: int,
    steps: int,
    on_step: Callable[[int, int], None] | None,
) -> Tensor:
    """h (N, width), clean (K + N, P, C), of which the first K are a reference, spoken (N, P, width of LocDiT) ->
    (size,); see `learn_speaker`."""
    device, count = clean.device, len(h)
    exists = history_exists(len(clean), history_patches, device)[-count:]
    heard, clean = clean[:-count], clean[-count:]
    generator, draws = torch.Generator().manual_seed(seed), LOSS.noise_draws
    vectors = torch.zeros(locdit.speaker_size, device=device, requires_grad=True)
    optimiser = torch.optim.AdamW([vectors], lr=LEARNING_RATE, betas=BETAS, weight_decay=0.0)

    def repeat(x: Tensor) -> Tensor:
        return x.repeat(draws, *[1] * (x.ndim - 1))

    for step in range(steps):
        if on_step is not None:
            on_step(step, steps)
        drawn = draw_training_noise((1, *clean.shape), torch.tensor([count]), LOSS, [generator])
        noise, times = drawn.noise.to(clean), drawn.times.to(device)
        keep_h, keep_history = (x[0].to(device) for x in (drawn.keep_h, drawn.keep_history))
        before = torch.cat((heard, clean + drawn.on_history[0].to(clean)))
        past = histories(before[None], history_patches)[0, -count:]
        target, at = repeat(clean), times[:, None, None]
        given = [h * keep_h[:, None], past, exists & keep_history[:, None]]
        given += [] if spoken is None else [spoken * keep_h[:, None, None]]
        with torch.enable_grad(), autocast("auto", device):
            u = locdit(add_noise(target, noise, at), times, *map(repeat, given), speaker=vectors[None])
            loss = (u.float() - velocity(target, noise, at)).square().mean()
            (vectors.grad,) = torch.autograd.grad(loss, [vectors])  # weights need none
        torch.nn.utils.clip_grad_norm_([vectors], 1.0)
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS)
        optimiser.step()
    return vectors.detach().cpu()


@torch.inference_mode()  # as it speaks: in the same kernels, whatever was spoken before
def _read(model: DiTAR, ids: Tensor, clean: Tensor, places: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """h (N, width) of the clip's patches, each after those before it, and what their frames say, (N, P, width of
    LocDiT)."""
    taught = None if places is None else model.reading.teach(ids[None], places[None])
    symbols, patches = (torch.tensor([len(x)], device=clean.device) for x in (ids, clean))
    h = model.condition(ids[None], symbols, clean[None], patches, reading=taught and taught.for_lm).h[0]
    return h, None if taught is None else taught.for_locdit[0]
