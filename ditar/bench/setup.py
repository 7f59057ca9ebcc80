"""What is measured: a checkpoint, or a configuration with random weights, in variants of its sampling."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ditar.bench import BenchError
from ditar.bench.graphs import with_graphs
from ditar.config import ConfigError, DiTARConfig, SpectralEncoderConfig, VocosConfig, load_config
from ditar.config.sampling import RANGES, SamplingOptions
from ditar.diffusion.solver import make_solver
from ditar.model.ditar import DiTAR
from ditar.model.generate import GenerationInput
from ditar.nn.counting import count_parameters
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.units import frames_to_patches, patches_to_seconds, seconds_to_frames, seconds_to_samples
from ditar.vae.speech_vae import SpeechVAE

REFERENCE_S = 3.0
TRANSCRIPT = "The waiter pushed the silver clock in the kitchen."  # of the reference of streams
SENTENCE = "The quick brown fox jumps over the lazy dog, and nobody minds."  # what they say


def reference_noise() -> np.ndarray:
    """(S,) at 24 kHz, of REFERENCE_S: the reference of streams, whose sound does not matter."""
    return 0.1 * np.random.default_rng(0).standard_normal(seconds_to_samples(REFERENCE_S)).astype(np.float32)


@dataclass(frozen=True)
class Variant:
    """One way to sample (see `SamplingOptions`). prefix_cache: LocDiT's (its weights have the same number and shape, so
    speed can be measured with any). distilled: LocDiT in the form of recipes/distil.py, likewise. cuda_graphs: see
    `ditar.bench.graphs`. onnx: float32 or int8, by ditar.onnx; empty: by torch."""

    steps: int = SamplingOptions.num_inference_steps
    guidance_scale: float = SamplingOptions.guidance_scale
    guidance_steps: tuple[float, float] = SamplingOptions.guidance_steps
    solver: str = SamplingOptions.solver
    time_grid: str = SamplingOptions.time_grid
    prefix_cache: bool = False
    distilled: bool = False
    dtype: str = "float32"
    threads: int = 1
    cuda_graphs: bool = False
    onnx: str = ""

    @property
    def sampling(self) -> SamplingOptions:
        """Its sampling settings. ConfigError: out of range."""
        return SamplingOptions(
            guidance_scale=self.guidance_scale,
            guidance_steps=self.guidance_steps,
            num_inference_steps=self.steps,
            solver=self.solver,
            time_grid=self.time_grid,
        )

    def changes(self, base: "Variant") -> str:
        """What differs from `base`, in words."""
        words = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != getattr(base, field.name):
                if isinstance(value, tuple):
                    value = f"{value[0]:g} to {value[1]:g}"
                elif isinstance(value, bool):
                    value = "on" if value else "off"
                words.append(f"{field.name.replace('_', ' ')} {value}")
        return ", ".join(words) or "base"


class Subject:
    """A model to measure. `name` says which, `seconds_per_symbol` how long a text is spoken."""

    def __init__(self, ditar: DiTAR, vae: SpeechVAE, name: str, sampling: SamplingOptions | None = None):
        self.name, self.vae, self.sampling = name, vae.eval(), sampling or SamplingOptions()
        ditar.eval()
        form = ditar.config.locdit_prefix_cached, ditar.config.is_distilled, _dtype_name(ditar.dtype)
        self._models = {(*form, False): ditar}
        self._first = ditar

    @classmethod
    def load(cls, model: str | None, device: str) -> "Subject":
        """A checkpoint: a folder or hub name, None for the one that ships."""
        threads = torch.get_num_threads()  # as it is: what is measured is said
        pipeline = ContinuousPipeline.from_pretrained(model, device=device, torch_dtype="float32", threads=threads)
        return cls(pipeline.ditar, pipeline.vae, f"{model or 'the model that ships'}", pipeline.sampling)

    @classmethod
    def random(cls, config: str | Path, device: str) -> "Subject":
        """Random weights of a configuration file, with a VAE of the size of configs/vae/small.yaml."""
        shape = load_config(config, DiTARConfig).model
        torch.manual_seed(0)
        vae = SpeechVAE(
            vocos=dataclasses.asdict(VocosConfig()),
            spectral=dataclasses.asdict(SpectralEncoderConfig()),
            latent_channels=shape.latent_channels,
        )
        return cls(DiTAR(shape).to(device), vae.to(device), f"{config} with random weights")

    @property
    def config(self):
        """Of the model: DiTARModelConfig."""
        return self._first.config

    @property
    def language(self) -> str:
        """Of the text of streams, whatever is written there: one that the model was trained on."""
        return next(iter(self.config.trained_languages), "en-us")

    @property
    def parameters(self) -> int:
        """Of DiTAR, without the VAE."""
        return count_parameters(self._first)

    def model(self, variant: Variant) -> DiTAR:
        """The model in a variant's form and dtype; made once."""
        key = variant.prefix_cache, variant.distilled, variant.dtype, variant.cuda_graphs
        if key not in self._models:
            highest = (self.config.distilled_guidance or RANGES["guidance_scale"][1]) if variant.distilled else 0.0
            config = replace(self.config, locdit_prefix_cached=variant.prefix_cache, distilled_guidance=highest)
            with torch.device("meta"):
                made = DiTAR(config)
            given, dtype, device = self._first.state_dict(), _dtype(variant.dtype), self._first.device
            weights = {  # the distilled form has some more
                name: given[name].to(dtype) if name in given else torch.zeros(like.shape, dtype=dtype, device=device)
                for name, like in made.state_dict().items()
            }
            made.load_state_dict(weights, assign=True)
            self._models[key] = with_graphs(made.eval()) if variant.cuda_graphs else made.eval()
        return self._models[key]

    def pipeline(self, variant: Variant) -> ContinuousPipeline:
        """For streams."""
        sampling = SamplingOptions(
            solver=variant.solver, num_inference_steps=variant.steps, time_grid=variant.time_grid
        )
        pipeline = ContinuousPipeline(self.vae, self.model(variant), sampling)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def rows(self, variant: Variant, count: int, seconds: float) -> list[GenerationInput]:
        """Rows that make exactly that much speech after a reference of 3 s, with text to match and their own noise."""
        config, model = self.config, self.model(variant)
        patches = self.patches(seconds)
        prompt = frames_to_patches(seconds_to_frames(REFERENCE_S), config.patch_frames)
        symbols = max(1, round((seconds + REFERENCE_S) / config.seconds_per_symbol))
        solver, made = make_solver(variant.sampling), []
        for number in range(count):
            noise = torch.Generator().manual_seed(number)
            ids = torch.randint(1, len(config.symbols) or model.lm.symbols.num_embeddings, (symbols,), generator=noise)
            latents = torch.randn(prompt, config.patch_frames, config.latent_channels, generator=noise)
            made.append(
                GenerationInput(
                    ids.to(model.device),
                    latents.to(model.device, model.dtype),
                    noise,
                    max_patches=patches,
                    min_patches=patches,
                    solver=solver,
                    guidance_scale=variant.guidance_scale,
                )
            )
        return made

    def patches(self, seconds: float) -> int:
        """Whole patches nearest to a length, at least one."""
        return max(1, round(seconds / patches_to_seconds(1, self.config.patch_frames)))


def check_variant(variant: Variant) -> None:
    """BenchError for what cannot be sampled: before minutes of measuring."""
    low, high = variant.guidance_steps
    if not 0.0 <= low < high <= 1.0:
        raise BenchError(f"guidance_steps must be a part LOW,HIGH of 0,1, got {low:g},{high:g}")
    try:
        variant.sampling
    except ConfigError as error:
        raise BenchError(str(error)) from None
    if variant.onnx and (variant.solver != "ddim" or variant.dtype != "float32" or variant.cuda_graphs):
        raise BenchError(
            f"ONNX samples with ddim in float32, got {variant.solver}, {variant.dtype}"
            f"{' and CUDA graphs' if variant.cuda_graphs else ''}; leave --onnx out"
        )
    if variant.threads < 1:
        raise BenchError(f"threads must be at least 1, got {variant.threads}")


def variants_of(axes: dict[str, list], onnx: Sequence[str] = ()) -> list[Variant]:
    """The base, from the first value of each axis, and one variant for every further value; behind each also its ONNX
    forms, float32 or int8."""
    base = Variant(**{name: values[0] for name, values in axes.items()})
    more = [replace(base, **{name: value}) for name, values in axes.items() for value in values[1:]]
    return [replace(one, onnx=form) for one in dict.fromkeys([base, *more]) for form in ("", *onnx)]


def _dtype(name: str) -> torch.dtype:
    return getattr(torch, name)


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
