"""DiTARPipeline: text + reference clip -> waveform, in one readable function (arXiv 2502.03930, section 3)."""

import copy
import functools
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.model.ditar import DiTAR
from ditar.model.sampler import ALL_STEPS, GUIDANCE_SCALE, PatchSampler
from ditar.nn.linear import pack_linears
from ditar.storage.weights import ModelError
from ditar.synthesis.continuous import Utterance, read_request
from ditar.synthesis.loading import choose_device, choose_dtype, load_scheduler
from ditar.synthesis.model_folder import model_folder
from ditar.synthesis.reference import SHIPPED_LANGUAGE, choose_reference, read_reference
from ditar.synthesis.request import SpeechOutput, SpeechRequest
from ditar.synthesis.retry import attempt_seeds
from ditar.synthesis.speak import speak
from ditar.synthesis.stream import FirstAudio, SpeechStream
from ditar.synthesis.voice import Voice, check_fit, encode_reference
from ditar.text.phonemise import Phonemiser
from ditar.text.vocabulary import keep_trained, vocabulary_fingerprint
from ditar.units import SAMPLE_RATE_HZ
from ditar.vae.fingerprint import check_vae, vae_fingerprint
from ditar.vae.loading import load_vae

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers import DiffusionPipeline  # noqa: E402

from ditar.diffusion.scheduler import DiTARScheduler  # noqa: E402
from ditar.vae.speech_vae import SpeechVAE  # noqa: E402

__all__ = ["DiTARPipeline", "SpeechOutput", "SpeechRequest"]

TEMPERATURE = 1.0  # where a caller does not say


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
        pack_linears(ditar)
        self.set_progress_bar_config(disable=None, leave=False, unit="patch")  # None: only on a terminal

    def create_voice(
        self,
        prompt_audio: str | Path | np.ndarray | None = None,
        prompt_text: str | None = None,
        *,
        name: str | None = None,
        language: str = "en-us",
    ) -> Voice:
        """Read a reference once. prompt_audio: a file, or float (S,) at 24 kHz, 0.5 to 30 s of speech; prompt_text:
        exactly what is said in it. Without both, the voice that ships with the package. TextError, AudioError."""
        language = SHIPPED_LANGUAGE if prompt_audio is None else language
        prompt_audio, text, name = choose_reference(prompt_audio, prompt_text, name)
        symbols, warnings = [], []
        clip = read_reference(prompt_audio, None if text else warnings)
        if text:
            trained = self.ditar.config.trained_symbols
            symbols = keep_trained(Phonemiser(language)(text), trained, "the reference's transcript")
        latents, seconds = encode_reference(self.vae, clip, self.patch_frames), len(clip) / SAMPLE_RATE_HZ
        return Voice(name, latents, tuple(symbols), text, seconds, *self.fingerprints, tuple(warnings))

    @functools.cached_property
    def fingerprints(self) -> tuple[str, str]:
        """Of the VAE and of the vocabulary: what a Voice must have been made with."""
        return vae_fingerprint(self.vae), vocabulary_fingerprint(self.ditar.config.symbols)

    @property
    def patch_frames(self) -> int:
        """Latent frames of a patch."""
        return self.ditar.config.patch_frames

    def __call__(
        self,
        text: str,
        prompt_audio: str | Path | np.ndarray | None = None,
        prompt_text: str | None = None,
        *,
        voice: Voice | None = None,
        temperature: float = TEMPERATURE,
        guidance_scale: float = GUIDANCE_SCALE,
        num_inference_steps: int | None = None,
        solver: str | None = None,
        time_grid: str | None = None,
        guidance_steps: tuple[float, float] = ALL_STEPS,
        seed: int | None = None,
        generator: torch.Generator | None = None,
        language: str = "en-us",
        stop_threshold: float | None = None,
        max_retries: int = 2,
    ) -> SpeechOutput:
        """Speak `text` in the voice of a reference clip, see `create_voice`, or in a `voice` that was made before.

        temperature in [0, 1]: the time at which noise enters (eqs. 3-4; 0 is deterministic); guidance_scale: 1 + w of
        the paper, 1 is off; num_inference_steps: NFE. solver, time_grid: names, see `DiTARScheduler`; only "ddim" has
        other grids and temperatures below 1. What of these three is None is the saved scheduler's. guidance_steps: the
        part of the steps with guidance, see `PatchSampler`. `seed` or `generator`: same samples on the same machine. An
        output that never stops, is silent or is far too short is made again with another seed, up to `max_retries`
        times; what stays wrong is in `warnings`.

        Raises TextError, AudioError, VoiceError and ValueError, each with the value and the remedy.
        """
        if seed is not None and generator is not None:
            raise ValueError("give a seed or a generator, not both")
        if voice is None:
            voice = self.create_voice(prompt_audio, prompt_text, language=language)
        elif prompt_audio is not None or prompt_text is not None:
            raise ValueError("give a voice, or prompt_audio and prompt_text, not both")
        request = SpeechRequest(
            text,
            voice,
            seed=seed,
            temperature=temperature,
            guidance_scale=guidance_scale,
            language=language,
            stop_threshold=stop_threshold,
        )
        utterance = self._read([request], num_inference_steps, solver, time_grid)[0]
        seeds = attempt_seeds(seed, temperature, max_retries)
        return self._speak([utterance], [seeds], guidance_steps, 1, generator)[0]

    def batch(
        self,
        requests: Sequence[SpeechRequest],
        *,
        num_inference_steps: int | None = None,
        solver: str | None = None,
        time_grid: str | None = None,
        guidance_steps: tuple[float, float] = ALL_STEPS,
        max_retries: int = 2,
        batch_size: int = 8,
    ) -> list[SpeechOutput]:
        """Speak several requests, up to `batch_size` at a time; outputs in their order, each as if it were alone.

        Those of like length go together; a row that ends makes room for nothing, but costs nothing more. One that fails
        goes again, with its next seed, behind the others. Where memory does not suffice for a batch, half of it is
        tried. For the rest see `__call__`.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        utterances = self._read(requests, num_inference_steps, solver, time_grid)
        seeds = [attempt_seeds(u.request.seed, u.request.temperature, max_retries) for u in utterances]
        return self._speak(utterances, seeds, guidance_steps, batch_size)

    def stream(
        self,
        request: SpeechRequest,
        *,
        num_inference_steps: int | None = None,
        solver: str | None = None,
        time_grid: str | None = None,
        guidance_steps: tuple[float, float] = ALL_STEPS,
        max_retries: int = 2,
        first_chunk_seconds: float = 0.0,
        chunk_seconds: float = 0.4,
    ) -> SpeechStream:
        """Speak one request patch by patch: an iterator over audio, see `SpeechStream`. For the rest see `__call__`."""
        clock = perf_counter()
        voice = self.create_voice() if request.voice is None else request.voice
        read = perf_counter()
        (utterance,) = self._read([replace(request, voice=voice)], num_inference_steps, solver, time_grid)
        waited = FirstAudio(reference_s=read - clock, text_s=perf_counter() - read)
        seeds = attempt_seeds(request.seed, utterance.request.temperature, max_retries)
        sizes = first_chunk_seconds, chunk_seconds
        return SpeechStream(self.ditar, self.vae, utterance, seeds, guidance_steps, *sizes, waited)

    def _read(
        self,
        requests: Sequence[SpeechRequest],
        num_inference_steps: int | None,
        solver: str | None,
        time_grid: str | None,
    ) -> list[Utterance]:
        """text -> phoneme ids, voice -> patches, for every row, before anything is made."""
        shipped = functools.cache(self.create_voice)
        choose = functools.cache(lambda t: self.scheduler.solver(num_inference_steps, t, solver, time_grid))
        utterances = []
        for request in requests:
            voice = shipped() if request.voice is None else request.voice
            check_fit(voice, *self.fingerprints, self.patch_frames)
            settled = request.settled(TEMPERATURE, GUIDANCE_SCALE)
            utterances.append(read_request(self.ditar, settled, voice, choose))
        return utterances

    def _speak(self, utterances: Sequence[Utterance], seeds: Sequence[Sequence[int]], *how) -> list[SpeechOutput]:
        return speak(self.ditar, self.vae, utterances, seeds, self.progress_bar, *how)

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
        sampler = PatchSampler(self.ditar, [self.scheduler.solver(2)], [2.0], torch.Generator())
        sampler(new(1, config.lm.width), history, history.new_ones(history.shape[:2], dtype=torch.bool))
        return perf_counter() - clock

    def to(self, device: torch.device | str | torch.dtype | None = None, dtype: torch.dtype | None = None):
        """Move in place. A dtype applies to DiTAR only: the VAE stays in float32, since phases need it."""
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        self.vae.to(device=device)
        self.ditar.to(device=device, dtype=dtype)
        pack_linears(self.ditar)
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
