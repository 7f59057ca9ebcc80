"""The model and its losses once more, as the paper's equations say, in plain torch on single sequences: with a state
dict and a configuration for all that it knows of the package."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ditar.config import DiTARLossConfig, SamplingOptions
from ditar.diffusion.solver import make_solver
from ditar.model.generate import GenerationInput, collect_patches, generate_patches
from ditar.model.loss import DiTARLoss
from ditar.model.noise import draw_training_noise
from tests.model import examples
from tests.model.examples import CHANNELS, SYMBOLS, VARIANTS, batch, build

NOISED = DiTARLossConfig(
    noise_draws=3, lm_noise=0.2, history_noise=0.3, history_dropout=0.4, h_dropout=0.5, diffusion_weight=0.7,
    stop_weight=1.3, time_end=0.3,
)  # fmt: skip
ODD = {"patch_frames": 1}, {"patch_frames": 2, "history_patches": 3}
SHAPES = [*(v for v in VARIANTS if "alignment" not in v), *ODD]


@pytest.fixture(params=SHAPES, ids=str)
def equations(request, monkeypatch):
    monkeypatch.setattr(examples, "PATCH", request.param.get("patch_frames", examples.PATCH))
    model = build(**request.param).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            value += 0.2 * torch.randn(value.shape, generator=torch.Generator().manual_seed(3), dtype=value.dtype)
        model.lm.symbols.weight[0] = 0.0
    return Equations(model)


class Equations:
    def __init__(self, model):
        self.model, self.config = model, model.config
        self.weights = {name: value.detach() for name, value in model.state_dict().items()}

    def linear(self, name, x):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def transformer(self, name, config, x, positions, seen):
        """x (S, width), seen (S, S) bool."""
        size, length = config.width // config.heads, len(x)
        frequencies = 10_000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        turns = torch.polar(torch.ones(length, size // 2, dtype=torch.float64), positions[:, None] * frequencies)

        def norm(part, x):
            return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * self.weights[f"{name}.{part}.weight"]

        def rotated(x):
            pairs = torch.complex(*x.chunk(2, -1)) * turns
            return torch.cat((pairs.real, pairs.imag), -1)

        for layer in range(config.layers):
            block = f"{name}.blocks.{layer}"
            mixed = self.linear(f"{block}.attention.qkv", norm(f"blocks.{layer}.attention_norm", x))
            q, k, v = (part.view(length, config.heads, size).transpose(0, 1) for part in mixed.chunk(3, -1))
            scores = rotated(q) @ rotated(k).transpose(1, 2) / math.sqrt(size)
            mixed = scores.masked_fill(~seen, -math.inf).softmax(-1) @ v
            x = x + self.linear(f"{block}.attention.out", mixed.transpose(0, 1).flatten(1))
            inner = self.linear(f"{block}.ffn.up", norm(f"blocks.{layer}.ffn_norm", x))
            x = x + self.linear(f"{block}.ffn.down", inner * torch.special.ndtr(inner))
        return norm("norm", x)

    def embedding(self, patch):
        x = torch.cat((self.weights["encoder.token"][None], self.linear("encoder.frames", patch)))
        seen = torch.ones(len(x), len(x), dtype=torch.bool)
        hidden = self.transformer("encoder.transformer", self.config.encoder, x, torch.arange(len(x)), seen)
        return self.linear("embed", hidden[0])

    def lm(self, ids, patches):
        """h of the patch after each of 0 to all patches."""
        heard = torch.stack([self.weights["lm.begin"], *map(self.embedding, patches)])
        first = len(ids) if self.config.audio_positions == "continue" else 0
        positions = torch.cat((torch.arange(len(ids)), first + torch.arange(len(heard))))
        x = torch.cat((self.weights["lm.symbols.weight"][ids], heard))
        seen = torch.arange(len(x)) <= torch.arange(len(x))[:, None]
        return self.transformer("lm.transformer", self.config.lm, x, positions, seen)[len(ids) :]

    def stop(self, h):
        return self.linear("stop_head", h)[0].sigmoid().item()

    def time(self, t):
        angles = 1000 * t * torch.exp(-math.log(10_000) * torch.arange(128, dtype=torch.float64) / 128)
        hidden = self.linear("locdit.time.hidden", torch.cat((angles.cos(), angles.sin())))
        return self.linear("locdit.time.out", hidden * hidden.sigmoid())

    def u(self, noisy, t, h, past):
        """past: the patches before, of which the last H are read."""
        count, first, frames = self.config.history_patches, self.linear("locdit.condition", h), len(noisy)
        noisy, past = self.linear("locdit.noisy", noisy), list(past)[-count:] if count else []
        history = [self.weights["locdit.no_history"][place] for place in range(count - len(past))]
        history += [self.linear("locdit.history", patch) for patch in past]
        if self.config.locdit_prefix_cached:
            noisy = noisy + self.time(t)
        else:
            first = first + self.time(t)
        x = torch.cat((first[None], *history, noisy))
        seen = torch.ones(len(x), len(x), dtype=torch.bool)
        if self.config.locdit_prefix_cached:
            seen[:-frames, -frames:] = False
        hidden = self.transformer("locdit.transformer", self.config.locdit, x, torch.arange(len(x)), seen)
        return self.linear("locdit.out", hidden[-frames:])

    def losses(self, data, config, drawn):
        diffusion = stop = total = 0
        counts = data.patch_counts.tolist()
        for row, count in enumerate(counts):
            ids, clean = data.symbol_ids[row, : data.symbol_counts[row]], data.latents[row, :count]
            read, past = (clean if x is None else clean + x[row, :count] for x in (drawn.on_patches, drawn.on_history))
            for i, h in enumerate(self.lm(ids, read[:-1])):
                chance = self.stop(h)
                stop -= config.stop_positive_weight * math.log(chance) if i == count - 1 else math.log(1 - chance)
                h = h if drawn.keep_h is None or drawn.keep_h[row, i] else torch.zeros_like(h)
                shown = past[:i] if drawn.keep_history is None or drawn.keep_history[row, i] else []
                for draw in range(config.noise_draws):
                    at = draw * sum(counts) + total + i
                    t, noise = drawn.times[at].item(), drawn.noise[at]
                    cosine, sine = math.cos(math.pi * t / 2), math.sin(math.pi * t / 2)
                    error = self.u(cosine * clean[i] + sine * noise, t, h, shown) - (cosine * noise - sine * clean[i])
                    diffusion += error.square().mean().item()
            total += count
        return {"diffusion": diffusion / (config.noise_draws * total), "stop": stop / total}

    def speak(self, row, options, seed):
        """The patches of a row, and the probability that the last one is the last."""
        generator, past, stops = torch.Generator().manual_seed(seed), list([] if row.prompt is None else row.prompt), []
        steps, temperature = options.num_inference_steps, options.temperature
        times = [1 - i / steps for i in range(steps)] + [0.0]
        enters = None
        if 0 < temperature < 1:
            enters = min(range(1, steps), key=lambda i: abs(times[i] - temperature))
            times[enters] = temperature

        def noise():
            return torch.randn(self.config.patch_frames, CHANNELS, generator=generator, dtype=torch.float64)

        while len(stops) < row.max_patches:
            h = self.lm(row.symbol_ids, past)[-1]
            stops.append(self.stop(h))
            x = noise() if temperature == 1 else torch.zeros(self.config.patch_frames, CHANNELS, dtype=torch.float64)
            for i, (t, s) in enumerate(zip(times, times[1:])):
                w = (row.guidance_scale - 1) * row.guidance_rise ** (0.5 - t)
                u = (1 + w) * self.u(x, t, h, past) - w * self.u(x, t, torch.zeros_like(h), past)
                data = math.cos(math.pi * t / 2) * x - math.sin(math.pi * t / 2) * u
                eps = math.sin(math.pi * t / 2) * x + math.cos(math.pi * t / 2) * u
                eps = noise() if i + 1 == enters else eps
                x = math.cos(math.pi * s / 2) * data + math.sin(math.pi * s / 2) * eps
            past.append(x)
        return torch.stack(past[-len(stops) :]), stops[-1]


@pytest.mark.parametrize("config", [DiTARLossConfig(h_dropout=0.0), NOISED], ids=["plain", "noised"])
def test_losses(equations, config):
    data = batch((4, 7, 1), (6, 3, 1))
    drawn, found = (
        function([torch.Generator().manual_seed(row) for row in range(3)])
        for function in (
            lambda generators: draw_training_noise(data.latents.shape, data.patch_counts, config, generators),
            lambda generators: DiTARLoss(config, equations.model)(data, generators),
        )
    )
    expected = equations.losses(data, config, drawn)
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value, rel=1e-5), name  # times and noise are float32
    both = config.diffusion_weight * expected["diffusion"] + config.stop_weight * expected["stop"]
    assert found["loss"].item() == pytest.approx(both, rel=1e-5)


def test_speech(equations):
    """A batch of rows that have nothing in common."""
    rows, expected = [], []
    plain = SamplingOptions(num_inference_steps=4)
    for seed, (temperature, scale, rise, symbols, patches, prompt) in enumerate(
        ((1.0, 2.0, 1.0, 4, 3, 0), (0.0, 3.0, 4.0, 7, 5, 2), (0.4, 1.0, 1.0, 2, 4, 1), (0.05, 1.5, 9.0, 5, 2, 4))
    ):
        drawn = torch.Generator().manual_seed(100 + seed)
        ids = torch.randint(1, len(SYMBOLS), (symbols,), generator=drawn)
        frames = equations.config.patch_frames
        clip = torch.randn(prompt, frames, CHANNELS, generator=drawn, dtype=torch.float64) if prompt else None
        options, generator = replace(plain, temperature=temperature), torch.Generator().manual_seed(seed)
        how = {"solver": make_solver(options), "guidance_scale": scale, "guidance_rise": rise, "min_patches": patches}
        rows.append(GenerationInput(ids, clip, generator, patches, **how))
        expected.append(equations.speak(rows[-1], options, seed))
    for made, (patches, stop) in zip(collect_patches(generate_patches(equations.model, rows)), expected, strict=True):
        torch.testing.assert_close(made.patches, patches, rtol=1e-9, atol=1e-9)
        assert made.stop == pytest.approx(stop, rel=1e-9)
