"""ContinuousPipeline: text + reference clip -> waveform, straight down (arXiv 2502.03930, section 3)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import torch

from ditar.config.sampling import BATCH_SIZE, MAX_RETRIES, SamplingOptions
from ditar.diffusion.solver import Solver, make_solver, shared_solvers
from ditar.model.ditar import DiTAR
from ditar.model.generate import collect_patches, generate_patches
from ditar.model.sampler import PatchSampler
from ditar.model.speaker import speaker_fingerprint
from ditar.storage.weights import ModelError
from ditar.synthesis.continuous import PreparedRequest, decode, prepare_request
from ditar.synthesis.loading import load_sampling, save_sampling
from ditar.synthesis.model_folder import vae_folder
from ditar.synthesis.reference import Reference
from ditar.synthesis.request import SpeechOutput, SpeechRequest, as_requests
from ditar.synthesis.retry import Attempts
from ditar.synthesis.speech_pipeline import SpeechPipeline
from ditar.synthesis.spoken import SpokenRequest
from ditar.synthesis.stream import FirstAudio, SpeechStream
from ditar.synthesis.voice import Voice, encode_reference
from ditar.vae.fingerprint import check_vae, vae_fingerprint
from ditar.vae.loading import load_vae
from ditar.vae.speech_vae import SpeechVAE

__all__ = ["ContinuousPipeline", "SpeechOutput", "SpeechRequest"]


class ContinuousPipeline(SpeechPipeline):
    """Zero-shot synthesis. Components: `vae` (SpeechVAE), `ditar` (DiTAR, with its vocabulary); `sampling`: how it
    samples unless a call says otherwise."""

    class_name = "DiTARPipeline"  # in its files, since the public class of that name reads the same ones
    unit = "patch"

    def __init__(self, vae: SpeechVAE, ditar: DiTAR, sampling: SamplingOptions = SamplingOptions()):
        if vae.config.latent_channels != ditar.config.latent_channels:
            raise ModelError(
                f"the VAE has {vae.config.latent_channels} latent channels and DiTAR {ditar.config.latent_channels}; "
                "use a DiTAR that was trained on this VAE's latents"
            )
        check_vae(ditar.config.vae_fingerprint, vae)
        self.vae, self.ditar, self._sampling = vae.eval(), ditar.eval(), sampling
        self._space: tuple[Any, tuple[str, int]] | None = None

    @torch.inference_mode()
    def batch(
        self,
        requests: Sequence[SpeechRequest | str],
        *,
        max_retries: int = MAX_RETRIES,
        batch_size: int = BATCH_SIZE,
        generator: torch.Generator | None = None,
        sampling: SamplingOptions | None = None,
        **options,
    ) -> list[SpeechOutput]:
        """Speak several requests, or texts, up to `batch_size` at a time; outputs in their order, each as if it were
        alone. Each must fit into one call.

        A finished row is not replaced by another, but costs nothing more. If memory does not suffice for a batch, half
        of it is tried.

        Args:
            max_retries: 0 to 100, see `__call__`.
            batch_size: 1 to 1000.
            generator: instead of the seed, for a single request.
            sampling: None: the model's own, `self.sampling`.
            options: of `SamplingOptions` by name, overriding these: temperature=0.5, num_inference_steps=20, ...

        For the rest see `__call__`.
        """
        # text -> phoneme ids (L,), voice -> patches (N0, P, C): of all, before anything is made
        requests = as_requests(requests, generator)
        prepared = self.prepare(requests, self._chosen(sampling, options, requests))
        attempts = Attempts([p.max_patches for p in prepared], [p.seeds(max_retries) for p in prepared], batch_size)
        for places, seeds in attempts:
            noise = [torch.Generator().manual_seed(seed) for seed in seeds] if generator is None else [generator]
            rows = [prepared[place].row(row_noise) for place, row_noise in zip(places, noise)]

            # ids, patches -> the patches that follow (N, P, C), one of every row at a time
            steps, guidance_steps = [], prepared[places[0]].sampling.guidance_steps
            try:
                with self.progress_bar(total=max(row.max_patches for row in rows)) as bar:
                    for step in generate_patches(self.ditar, rows, guidance_steps=guidance_steps):
                        steps.append(step)
                        bar.update()
            except (RuntimeError, MemoryError) as error:
                if not attempts.halve(places, error):
                    raise
                continue

            # patches -> waveform (S,)
            for place, seed, row in zip(places, seeds, collect_patches(steps)):
                one = prepared[place]
                attempts.judge(
                    place,
                    decode(self.vae, one.prompt, row.patches),
                    stopped=row.stop > one.stop_threshold,
                    patches=len(row.patches),
                    expected_seconds=one.lengths.expected,
                    warnings=one.warnings,
                    seed=seed if generator is None else None,
                    speed=one.speed,
                    timing=one.timing(row.places),
                )
        return attempts.outputs

    def stream(
        self,
        request: SpeechRequest,
        *,
        max_retries: int = MAX_RETRIES,
        first_chunk_seconds: float = 0.0,
        chunk_seconds: float = 0.4,
        continues: bool = False,
        goes_on: bool = False,
        sampling: SamplingOptions | None = None,
        **options,
    ) -> SpeechStream:
        """Speak one request patch by patch: an iterator over audio, see `SpeechStream`.

        Args:
            first_chunk_seconds, chunk_seconds: least audio in the first chunk and in the others; 0: whatever is final.
            continues, goes_on: whether other speech stands before and after it; the silence at that end is then cut.

        For the rest see `__call__` and `batch`.
        """
        clock = perf_counter()
        (request,) = as_requests([request])
        voice = self.create_voice() if request.voice is None else request.voice
        read = perf_counter()
        (prepared,) = self.prepare([replace(request, voice=voice)], self._chosen(sampling, options, [request]))
        chunks = first_chunk_seconds, chunk_seconds
        spoken = SpokenRequest(self.vae, prepared, max_retries, *chunks, continues=continues, goes_on=goes_on)
        waited = FirstAudio(reference_s=read - clock, text_s=perf_counter() - read)
        return SpeechStream(self.ditar, spoken, prepared.sampling.guidance_steps, waited)

    def _encode(self, reference: Reference) -> torch.Tensor:
        return encode_reference(self.vae, reference.clip, self.patch_frames)

    def _adapted(
        self,
        voice: Voice,
        reference: Reference,
        on_step: Callable[[int, int], None] | None,
        learnt: Path | None,
        sure: bool = False,
    ) -> Voice:
        from ditar.synthesis.adapt import adapt_voice  # what aligns and learns is not for every sentence

        if self.ditar.dtype != torch.bfloat16:  # in which they may have been rounded; else they are looked at again,
            self._space = None  # since not every change of weights is seen
        if learnt is None:
            return adapt_voice(self.ditar, voice, reference, self.speaker_space[0], on_step, sure)
        from ditar.synthesis.learnt import adapt_once

        return adapt_once(learnt, self.ditar, voice, reference, self.speaker_space, on_step, sure)

    @property
    def speaker_space(self) -> tuple[str, int]:
        """See `SpeechPipeline`; the same for a distilled model and its teacher, and after `to`, which may round."""
        weights = _changes(self.ditar)
        if self._space is None or self._space[0] != weights:
            self._space = weights, (speaker_fingerprint(self.ditar), self.ditar.locdit.speaker_size)
        return self._space[1]

    def to(self, device: torch.device | str | torch.dtype | None = None, dtype: torch.dtype | None = None) -> Self:
        """See `SpeechPipeline`."""
        rounds = (device if isinstance(device, torch.dtype) else dtype) not in (None, self.ditar.dtype)
        space = self.speaker_space if rounds or self._space is not None else None
        super().to(device, dtype)
        self._space = None if space is None else (_changes(self.ditar), space)
        return self

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        rest = dict(options)
        return {"sampling": self._chosen(rest.pop("sampling", None), rest)}

    def _chosen(
        self, sampling: SamplingOptions | None, options: dict[str, Any], requests: Sequence[SpeechRequest] = ()
    ) -> SamplingOptions:
        if requests and all(request.temperature is not None for request in requests):
            # They replace the model's, which may not go with the number of steps: 0.1 needs two.
            options = {"temperature": requests[0].temperature, **options}
        return (self.sampling if sampling is None else sampling).override(**options)

    def prepare(
        self,
        requests: Sequence[SpeechRequest],
        sampling: SamplingOptions,
        solver: Callable[[SamplingOptions], Solver] | None = None,
    ) -> list[PreparedRequest]:
        """text -> phoneme ids, voice -> patches, for every row. `solver`: makes one from options; None: rows share
        those of this call, see `shared_solvers`."""
        solver = shared_solvers() if solver is None else solver
        return [prepare_request(self.ditar, *one, sampling, solver) for one in self._read(requests)]

    @property
    def sampling(self) -> SamplingOptions:
        """How the model samples unless a call says otherwise: by its saved scheduler."""
        return self._sampling

    @property
    def adapts_voices(self) -> bool:
        """See `SpeechPipeline`: distilled models do not."""
        return not self.ditar.config.is_distilled

    @property
    def components(self) -> dict[str, Any]:
        return {"vae": self.vae, "ditar": self.ditar}

    @property
    def model(self) -> DiTAR:
        """Makes latents from a text."""
        return self.ditar

    @property
    def autoencoder(self) -> SpeechVAE:
        """Makes waveforms from latents."""
        return self.vae

    def _autoencoder_fingerprint(self) -> str:
        return vae_fingerprint(self.vae)

    @property
    def patch_frames(self) -> int:
        """Latent frames of a patch."""
        return self.ditar.config.patch_frames

    @torch.inference_mode()
    def compile(self, **options) -> float:
        """torch.compile LocDiT, where most of the time goes, and make a patch with it; returns the seconds that took:
        tens of them on a CPU, and about as many again at the first batch of another size, and at the first adapted
        voice.

        options: of `torch.compile`; on a GPU mode="reduce-overhead" runs LocDiT's passes as CUDA graphs. Rounding
        differs from the uncompiled model's.
        """
        clock = perf_counter()
        self.ditar.locdit.transformer.compile(**options)
        config, new = self.ditar.config, self.ditar.stop_head.weight.new_zeros
        history = new(1, config.history_patches, config.patch_frames, config.latent_channels)
        solver = make_solver(self.sampling.override(num_inference_steps=2))
        sampler = PatchSampler(self.ditar, [solver], [self.sampling.guidance_scale], torch.Generator())
        sampler(new(1, config.lm.width), history, history.new_ones(history.shape[:2], dtype=torch.bool))
        return perf_counter() - clock

    @staticmethod
    def _load(folder: Path) -> tuple[SpeechVAE, DiTAR, SamplingOptions]:
        return load_vae(vae_folder(folder)), DiTAR.from_pretrained(folder / "ditar"), load_sampling(folder / "scheduler")

    def _save(self, folder: Path, dtype: torch.dtype | None) -> dict[str, tuple[str, str]]:
        # In bfloat16 its latents would be others, which the model was not trained on.
        self.vae.save_pretrained(folder / "vae", torch.float16 if dtype == torch.bfloat16 else dtype)
        self.ditar.save_pretrained(folder / "ditar", dtype)
        save_sampling(folder / "scheduler", self.sampling)
        return {
            "vae": (SpeechVAE.__module__, SpeechVAE.__name__),
            "ditar": (DiTAR.__module__, DiTAR.__name__),
            "scheduler": ("ditar.diffusion.scheduler", "DiTARScheduler"),
        }


def _changes(model: torch.nn.Module) -> list[tuple[int, int]]:
    """Differs if weights were replaced or written to since, but by a fused optimiser or through `.data`."""
    return [(id(p), 0 if p.is_inference() else p._version) for p in model.parameters()]
