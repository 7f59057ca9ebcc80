"""DiTARPipeline: text + reference clip -> waveform, straight down (arXiv 2502.03930, section 3)."""

import copy
import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.config.sampling import BATCH_SIZE, MAX_RETRIES, SamplingOptions
from ditar.diffusion.solver import Solver, shared_solvers
from ditar.model.ditar import DiTAR
from ditar.model.generate import collect_patches, generate_patches
from ditar.model.sampler import PatchSampler
from ditar.storage.weights import ModelError
from ditar.synthesis.any_length import speak_any_length
from ditar.synthesis.continuous import PreparedRequest, decode, prepare_request
from ditar.synthesis.loading import choose_device, choose_dtype, load_scheduler
from ditar.synthesis.model_folder import model_folder
from ditar.synthesis.reference import check_transcript, read_reference
from ditar.synthesis.request import SpeechOutput, SpeechRequest, as_requests, check_asked
from ditar.synthesis.retry import Attempts
from ditar.synthesis.spoken import SpokenRequest
from ditar.synthesis.stream import FirstAudio, SpeechStream
from ditar.synthesis.voice import Voice, check_fit, encode_reference
from ditar.text.frontend import TextFrontend
from ditar.text.vocabulary import vocabulary_fingerprint
from ditar.vae.fingerprint import check_vae, vae_fingerprint
from ditar.vae.loading import load_vae

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers import DiffusionPipeline  # noqa: E402

from ditar.diffusion.scheduler import DiTARScheduler  # noqa: E402
from ditar.vae.speech_vae import SpeechVAE  # noqa: E402

__all__ = ["DiTARPipeline", "SpeechOutput", "SpeechRequest"]


class DiTARPipeline(DiffusionPipeline):
    """Zero-shot synthesis. Components: `vae` (SpeechVAE), `ditar` (DiTAR, with its vocabulary), `scheduler`."""

    def __init__(self, vae: SpeechVAE, ditar: DiTAR, scheduler: DiTARScheduler):
        super().__init__()
        if vae.config.latent_channels != ditar.config.latent_channels:
            raise ModelError(
                f"the VAE has {vae.config.latent_channels} latent channels and DiTAR {ditar.config.latent_channels}; "
                "use a DiTAR that was trained on this VAE's latents"
            )
        check_vae(ditar.config.vae_fingerprint, vae)
        self.register_modules(vae=vae.eval(), ditar=ditar.eval(), scheduler=scheduler)
        self.set_progress_bar_config(disable=None, leave=False, unit="patch")  # None: only on a terminal

    def __call__(
        self,
        text: str,
        prompt_audio: Any = None,
        prompt_text: str | None = None,
        *,
        sample_rate: int | None = None,
        voice: Voice | None = None,
        seed: int | None = None,
        generator: torch.Generator | None = None,
        language: str = "en-us",
        stop_threshold: float | None = None,
        max_retries: int = MAX_RETRIES,
        sampling: SamplingOptions | None = None,
        **options,
    ) -> SpeechOutput:
        """Speak `text` in the voice of a reference clip, or in a `voice` that was made before; same seed, same samples
        on the same machine.

        Args:
            text: what to say, of any length: what does not fit into one call is spoken sentence by sentence, as the
                command line does it.
            prompt_audio, prompt_text, sample_rate: see `create_voice`.
            voice: in their place.
            seed, generator: one of them; neither: a seed is drawn, and the output says which.
            language: espeak-ng's name of the text's.
            stop_threshold: in [0, 1], the speech ends where the stop head gives more; None: the checkpoint's.
            max_retries: an output that never stops, is silent or is far too short is made again with another seed, so
                many times; what stays wrong is in its `warnings`.
            sampling: None: the model's own, `self.sampling`.
            options: of `SamplingOptions` by name, in place of those: temperature=0.5, num_inference_steps=20, ...

        Raises TextError, AudioError, VoiceError and ValueError, each with the value and the remedy.
        """
        check_asked(text, seed, generator, voice, prompt_audio, prompt_text)
        sampling = self._chosen(sampling, options)
        if voice is None:
            voice = self.create_voice(prompt_audio, prompt_text, sample_rate=sample_rate, language=language)
        return speak_any_length(
            self, text, voice, seed=seed, generator=generator, language=language,
            request_options={"stop_threshold": stop_threshold},
            batch_options={"max_retries": max_retries, "sampling": sampling},
        )  # fmt: skip

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

        A row that ends makes room for nothing, but costs nothing more. Where memory does not suffice for a batch, half
        of it is tried. `generator`: in the place of the seed, of one request alone. For the rest see `__call__`.
        """
        # text -> phoneme ids (L,), voice -> patches (N0, P, C): of all, before anything is made
        prepared = self.prepare(as_requests(requests, generator), self._chosen(sampling, options))
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
                )
        return attempts.outputs

    def stream(
        self,
        request: SpeechRequest,
        *,
        max_retries: int = MAX_RETRIES,
        first_chunk_seconds: float = 0.0,
        chunk_seconds: float = 0.4,
        sampling: SamplingOptions | None = None,
        **options,
    ) -> SpeechStream:
        """Speak one request patch by patch: an iterator over audio, see `SpeechStream`. For the rest see `__call__`."""
        clock = perf_counter()
        (request,) = as_requests([request])
        voice = self.create_voice() if request.voice is None else request.voice
        read = perf_counter()
        (prepared,) = self.prepare([replace(request, voice=voice)], self._chosen(sampling, options))
        spoken = SpokenRequest(self.vae, prepared, max_retries, first_chunk_seconds, chunk_seconds)
        waited = FirstAudio(reference_s=read - clock, text_s=perf_counter() - read)
        return SpeechStream(self.ditar, spoken, prepared.sampling.guidance_steps, waited)

    def create_voice(
        self,
        prompt_audio: Any = None,
        prompt_text: str | None = None,
        *,
        sample_rate: int | None = None,
        name: str | None = None,
        language: str = "en-us",
    ) -> Voice:
        """Read a reference once. Without arguments, the voice that ships with the package. TextError, AudioError.

        Args:
            prompt_audio: 0.5 to 30 s of speech: a file, an open file, or its bytes; samples, (S,) or with channels, of
                numpy, torch or lists, alone or with their rate, (rate, samples); or what `read_reference` made of them.
            prompt_text: exactly what is said in it; None: that is not known, and more words may go wrong.
            sample_rate: of samples, in Hz; None: 24 kHz.
            name: of the voice; None: the file's.
            language: espeak-ng's name of the transcript's.
        """
        reference, symbols = read_reference(prompt_audio, prompt_text, name, language, sample_rate), []
        if reference.text:
            frontend = TextFrontend.of(self.text_config, reference.language)
            symbols = frontend.keep(frontend.phonemise(reference.text), "the reference's transcript")
            check_transcript(reference, len(symbols))
        return Voice(
            reference.name,
            encode_reference(self.vae, reference.clip, self.patch_frames),
            tuple(symbols),
            reference.text,
            reference.seconds,
            *self.fingerprints,
            reference.warnings,
        )

    def _chosen(self, sampling: SamplingOptions | None, options: dict) -> SamplingOptions:
        return (self.sampling if sampling is None else sampling).override(**options)

    def prepare(
        self,
        requests: Sequence[SpeechRequest],
        sampling: SamplingOptions,
        solver: Callable[[SamplingOptions], Solver] | None = None,
    ) -> list[PreparedRequest]:
        """text -> phoneme ids, voice -> patches, for every row. `solver`: of options; None: rows share those of this
        call, see `shared_solvers`."""
        shipped = functools.cache(self.create_voice)
        frontend = functools.cache(lambda language: TextFrontend.of(self.text_config, language))
        solver = shared_solvers() if solver is None else solver
        prepared = []
        for request in requests:
            voice = shipped() if request.voice is None else request.voice
            check_fit(voice, *self.fingerprints, self.patch_frames)
            prepared.append(prepare_request(self.ditar, request, voice, frontend(request.language), sampling, solver))
        return prepared

    @property
    def sampling(self) -> SamplingOptions:
        """How the model samples where a call does not say: by its saved scheduler."""
        return self.scheduler.sampling

    @property
    def text_config(self):
        """What the model knows of texts: symbols, trained_symbols, trained_seconds, seconds_per_symbol."""
        return self.ditar.config

    @functools.cached_property
    def fingerprints(self) -> tuple[str, str]:
        """Of the VAE and of the vocabulary: what a Voice must have been made with."""
        return vae_fingerprint(self.vae), vocabulary_fingerprint(self.ditar.config.symbols)

    @property
    def patch_frames(self) -> int:
        """Latent frames of a patch."""
        return self.ditar.config.patch_frames

    @torch.inference_mode()
    def compile(self, **options) -> float:
        """torch.compile LocDiT, where most of the time goes, and make a patch with it; returns the seconds that took,
        which is tens of them on a CPU, and about as many again at the first batch of another size.

        options: of `torch.compile`; on a GPU mode="reduce-overhead" runs LocDiT's passes as CUDA graphs. Rounding
        differs from what is not compiled.
        """
        clock = perf_counter()
        self.ditar.locdit.transformer.compile(**options)
        config, new = self.ditar.config, self.ditar.stop_head.weight.new_zeros
        history = new(1, config.history_patches, config.patch_frames, config.latent_channels)
        sampler = PatchSampler(
            self.ditar, [self.scheduler.solver(2)], [SamplingOptions.guidance_scale], torch.Generator()
        )
        sampler(new(1, config.lm.width), history, history.new_ones(history.shape[:2], dtype=torch.bool))
        return perf_counter() - clock

    def to(self, device: torch.device | str | torch.dtype | None = None, dtype: torch.dtype | None = None):
        """Move in place. A dtype applies to DiTAR only: the VAE stays in float32, since phases need it."""
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        self.vae.to(device=device)
        self.ditar.to(device=device, dtype=dtype)
        return self

    @property
    def device(self) -> torch.device:
        """Where DiTAR is."""
        return self.ditar.stop_head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What DiTAR computes in."""
        return self.ditar.stop_head.weight.dtype

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path | None = None,
        *,
        torch_dtype: torch.dtype | str | None = None,
        device: torch.device | str | None = None,
        **hub_options,
    ) -> "DiTARPipeline":
        """Load from a folder, or a model on the Hugging Face hub; None: the model that ships with the package.

        torch_dtype applies to DiTAR ("auto": bfloat16 on a GPU, float32 elsewhere; the VAE stays in float32, since
        phases need it). device "auto": a GPU where there is one. `hub_options` go to `snapshot_download` (revision,
        token, cache_dir, local_files_only). ModelError names what is missing or broken.
        """
        device = choose_device(device)
        folder = model_folder(pretrained_model_name_or_path, hub_options)
        vae, ditar = load_vae(folder / "vae"), DiTAR.from_pretrained(folder / "ditar")
        return cls(vae, ditar, load_scheduler(folder / "scheduler")).to(device, choose_dtype(torch_dtype, device))

    def save_pretrained(
        self, save_directory: str | os.PathLike, dtype: torch.dtype | None = None, safe_serialization: bool = True, **_
    ) -> None:
        """Write model_index.json and a folder for each component; weights as safetensors, in `dtype` (None: as is)."""
        if not safe_serialization:
            raise ValueError("safe_serialization=False would write pickles; models are only written as safetensors")
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        vae = self.vae
        if dtype is not None:
            vae = copy.deepcopy(vae)
            for parameter in vae.parameters():  # not the buffers: statistics and window are small, and worth float32
                parameter.data = parameter.data.to(dtype)
        vae.register_to_config(_name_or_path="")  # diffusers would tell where it was loaded from
        vae.save_pretrained(folder / "vae")
        self.ditar.save_pretrained(folder / "ditar", dtype)
        self.scheduler.save_pretrained(folder / "scheduler")
        self.save_config(folder)
