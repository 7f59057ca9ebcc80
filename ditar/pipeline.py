"""DiTARPipeline: text + reference clip -> waveform, in one readable function (arXiv 2502.03930, section 3)."""

import copy
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ditar.audio.errors import AudioError
from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass
from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.audio.trim import is_silent, prepare_reference
from ditar.model.checkpoint import ModelError
from ditar.model.ditar import DiTAR
from ditar.model.generate import generate
from ditar.model.patches import patch, unpatch
from ditar.pretrained import SHIPPED_VOICE, choose_device, choose_dtype, load_scheduler, load_vae, model_folder
from ditar.text import TextError
from ditar.text.phonemise import Phonemiser
from ditar.text.vocabulary import Vocabulary, keep_trained
from ditar.units import (
    HOP_SAMPLES,
    SAMPLE_RATE_HZ,
    patches_to_seconds,
    samples_to_frames,
    samples_to_seconds,
    seconds_to_samples,
)

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers import DiffusionPipeline  # noqa: E402
from diffusers.utils import BaseOutput  # noqa: E402

from ditar.diffusion.scheduler import DiTARScheduler  # noqa: E402
from ditar.vae.speech_vae import SpeechVAE  # noqa: E402

MAX_TEXT_SECONDS = 30.0  # expected speech of one call; beyond what the model was trained on, it warns
AFTER_REFERENCE_SECONDS = 0.25  # silence behind the clip while it is encoded, as behind every training utterance


@dataclass
class SpeechOutput(BaseOutput):
    """What the pipeline returns.

    audio (S,) float32 at sample_rate; stopped: the stop head ended it, not the length cap; patches: generated ones;
    attempts: 1 and the retries; seed: what made this audio (None with a generator); warnings: what a user should know.
    """

    audio: np.ndarray
    sample_rate: int
    stopped: bool
    patches: int
    attempts: int
    seed: int | None = None
    warnings: list[str] = field(default_factory=list)


class DiTARPipeline(DiffusionPipeline):
    """Zero-shot synthesis. Components: `vae` (SpeechVAE), `ditar` (DiTAR, with its vocabulary), `scheduler`."""

    def __init__(self, vae: SpeechVAE, ditar: DiTAR, scheduler: DiTARScheduler):
        super().__init__()
        if vae.config.latent_channels != ditar.config.latent_channels:
            raise ModelError(
                f"the VAE has {vae.config.latent_channels} latent channels and DiTAR {ditar.config.latent_channels}; "
                "use a DiTAR that was trained on this VAE's latents"
            )
        self.register_modules(vae=vae.eval(), ditar=ditar.eval(), scheduler=scheduler)
        self.set_progress_bar_config(disable=None, leave=False, unit="patch")  # None: only on a terminal

    @torch.inference_mode()
    def __call__(
        self,
        text: str,
        prompt_audio: str | Path | np.ndarray | None = None,
        prompt_text: str | None = None,
        *,
        temperature: float = 1.0,
        guidance_scale: float = 2.0,
        num_inference_steps: int = 10,
        solver: str = "ddim",
        time_grid: str = "uniform",
        seed: int | None = None,
        generator: torch.Generator | None = None,
        language: str = "en-us",
        stop_threshold: float | None = None,
        max_retries: int = 2,
    ) -> SpeechOutput:
        """Speak `text` in the voice of a reference clip.

        prompt_audio: a file, or float (S,) at 24 kHz, 0.5 to 30 s of speech; prompt_text: exactly what is said in it.
        Without both, the voice that ships with the package. temperature in [0, 1]: the time at which noise enters
        (eqs. 3-4; 0 is deterministic); guidance_scale: 1 + w of the paper, 1 is off; num_inference_steps: NFE.
        solver, time_grid: names, see `DiTARScheduler`; only "ddim" has other grids and temperatures below 1.
        `seed` or `generator`: same samples on the same machine. An output that never stops, is silent or is far too
        short is made again with another seed, up to `max_retries` times; what stays wrong is in `warnings`.

        Raises TextError, AudioError and ValueError, each with the value and the remedy.
        """
        if guidance_scale < 1.0:
            raise ValueError(f"guidance_scale must be at least 1 (1 turns guidance off), got {guidance_scale}")
        sampler = self.scheduler.solver(num_inference_steps, temperature, solver, time_grid)
        config = self.ditar.config

        # text -> phoneme ids
        clip, prompt_text = _reference(prompt_audio, prompt_text)
        phonemise = Phonemiser(language)
        spoken = keep_trained(phonemise(prompt_text), config.trained_symbols, "the reference's transcript")
        wanted = keep_trained(phonemise(text), config.trained_symbols, "the text")
        ids = Vocabulary(config.symbols).encode([*spoken, " ", *wanted])
        symbol_ids = torch.tensor([ids], device=self.device)  # (1, L)

        # reference clip -> patches; padded on the left, so that its end is a patch boundary and speech is at the seam
        clip = low_pass(clip, self.vae.config.bandwidth_hz, SAMPLE_RATE_HZ)
        left, right = -len(clip) % (config.patch_frames * HOP_SAMPLES), seconds_to_samples(AFTER_REFERENCE_SECONDS)
        frames = samples_to_frames(left + len(clip))
        waveform = torch.from_numpy(np.pad(clip, (left, right))).to(self.vae.device)
        latents = self.vae.encode(waveform[None]).mean[:, :frames]  # (1, T, C)
        prompt = patch(self.vae.normalise(latents), config.patch_frames).to(self.device, self.dtype)  # (1, N, P, C)

        # patches, by the model, until it stops
        expected_seconds = _expected_seconds(config.seconds_per_symbol, len(wanted), len(spoken), len(clip))
        cap = int((2.0 * expected_seconds + 1.0) / patches_to_seconds(1, config.patch_frames)) + 1
        threshold = config.stop_threshold if stop_threshold is None else stop_threshold
        for attempt, (used_seed, noise) in enumerate(_generators(seed, generator, max_retries, temperature), start=1):
            patches, stop = [], 0.0
            with self.progress_bar(total=cap) as bar:
                for made in generate(
                    self.ditar,
                    symbol_ids,
                    prompt,
                    generator=noise,
                    max_patches=cap,
                    solver=sampler,
                    guidance_scale=guidance_scale,
                    stop_threshold=threshold,
                ):
                    patches.append(made.patch)
                    stop = float(made.stop)
                    bar.update()

            # patches -> waveform; the reference's last latents stand before it, so that there is no click at the seam
            context = min(frames, self.vae.decoder.context_latents)
            generated = unpatch(torch.stack(patches, dim=1))  # (1, N' P, C)
            joined = torch.cat((unpatch(prompt)[:, frames - context :], generated), dim=1).to(self.vae.latent_mean)
            audio = self.vae.decode(self.vae.denormalise(joined))[0, context * HOP_SAMPLES :]  # (600 N' P,)
            audio = audio.float().cpu().numpy()

            problem = _problem(audio, stop > threshold, expected_seconds)
            if problem is None:
                break
        warnings = [] if problem is None else [f"{problem}, after {attempt} attempts; try another seed or reference"]
        together = samples_to_seconds(len(clip)) + expected_seconds
        if 0 < config.trained_seconds < together:
            warnings.append(
                f"reference and text make about {together:.0f} s, and the model was trained on up to "
                f"{config.trained_seconds:g} s together; expect errors, or give a shorter reference or text"
            )
        return SpeechOutput(
            audio=audio,
            sample_rate=SAMPLE_RATE_HZ,
            stopped=stop > threshold,
            patches=len(patches),
            attempts=attempt,
            seed=used_seed,
            warnings=warnings,
        )

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


def _reference(prompt_audio: str | Path | np.ndarray | None, prompt_text: str | None) -> tuple[np.ndarray, str]:
    """The reference clip (S,), trimmed and levelled, and its transcript."""
    if prompt_audio is None and prompt_text is not None:
        raise ValueError("prompt_text is the transcript of prompt_audio, which is missing; give both or neither")
    if prompt_audio is not None and not (prompt_text or "").strip():
        raise TextError(
            "prompt_text is missing: the model needs the transcript of the reference clip; write what is said in it"
        )
    if prompt_audio is None:
        transcript = SHIPPED_VOICE.with_suffix(".txt")
        if not (SHIPPED_VOICE.is_file() and transcript.is_file()):
            raise AudioError(f"{SHIPPED_VOICE} is missing from this installation; give prompt_audio and prompt_text")
        prompt_audio, prompt_text = SHIPPED_VOICE, transcript.read_text(encoding="utf-8")
    if isinstance(prompt_audio, np.ndarray):
        if prompt_audio.ndim != 1:
            raise AudioError(f"prompt_audio must have the shape (S,) at {SAMPLE_RATE_HZ} Hz, got {prompt_audio.shape}")
        return prepare_reference(prompt_audio, SAMPLE_RATE_HZ), prompt_text
    return prepare_reference(read_audio(prompt_audio), SAMPLE_RATE_HZ, name=str(prompt_audio)), prompt_text


def _expected_seconds(seconds_per_symbol: float, wanted: int, spoken: int, clip_samples: int) -> float:
    """Length of `wanted` symbols at the model's pace, or at the reference's where that is slower."""
    pace = clip_samples / SAMPLE_RATE_HZ / max(spoken, 1)
    seconds = wanted * min(max(seconds_per_symbol, pace), 3 * seconds_per_symbol)
    if seconds > MAX_TEXT_SECONDS:
        raise TextError(
            f"the text has {wanted} symbols, about {seconds:.0f} s of speech, and {MAX_TEXT_SECONDS:g} s is the limit "
            "of one call; give one sentence at a time"
        )
    return seconds


def _generators(seed: int | None, generator: torch.Generator | None, retries: int, temperature: float):
    """(seed, generator) of each attempt. At temperature 0 there is one: another would give the same samples."""
    if seed is not None and generator is not None:
        raise ValueError("give a seed or a generator, not both")
    first = int(torch.Generator().seed()) >> 1 if seed is None else seed
    for attempt in range(1 if temperature == 0 else 1 + retries):
        if generator is not None:
            yield None, generator
        else:
            used = (first + attempt * 1_000_003) % 2**63
            yield used, torch.Generator().manual_seed(used)


def _problem(audio: np.ndarray, stopped: bool, expected_seconds: float) -> str | None:
    """What is wrong with an output, in words, or None."""
    seconds = len(audio) / SAMPLE_RATE_HZ
    if is_silent(audio):
        return "the output is silent"
    if not stopped:
        return f"the speech did not end by itself within {seconds:.1f} s and was cut there"
    if seconds < 0.3 * expected_seconds:
        return f"the speech ended after {seconds:.1f} s where about {expected_seconds:.1f} s were expected"
    return None
