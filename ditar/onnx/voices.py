"""Voices: reference clips in the form that a model reads, from its folder or made of a clip."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ditar.audio.clip import read_clip
from ditar.audio.faults import faults
from ditar.audio.resample import low_pass, resample
from ditar.audio.trim import prepare_reference
from ditar.onnx.folder import VOICES, Model
from ditar.onnx.vocoder import spectra
from ditar.text.errors import TextError, untold_warning
from ditar.text.frontend import TextFrontend
from ditar.text.lengths import pace_fault
from ditar.units import HOP_SAMPLES, SAMPLE_RATE_HZ, samples_to_frames, samples_to_seconds, seconds_to_samples

AFTER_REFERENCE_SECONDS = 0.25  # silence after the clip when it is encoded: no encoder sees its sudden end


class VoiceError(ValueError):
    """A voice that does not exist or does not fit a model; the message says which there are."""


@dataclass(frozen=True, eq=False)
class Voice:
    """latents (T, C) float32, normalised, T a multiple of the patch length; symbols, text: the transcript, empty if it
    is unknown; seconds: of speech; vae, vocabulary: fingerprints of what it was made with; speaker (size,): its
    embedding, if it was adapted to its clip when it was made (in torch: `ditar voice create --adapt`), and
    `adapted_for` the fingerprint of the model that this is for."""

    name: str
    latents: np.ndarray
    symbols: tuple[str, ...]
    text: str
    seconds: float
    vae: str
    vocabulary: str
    warnings: tuple[str, ...] = ()
    speaker: np.ndarray | None = None
    adapted_for: str = ""

    def all_warnings(self) -> list[str]:
        """What a user should know about anything spoken with it."""
        return [*self.warnings, *([] if self.symbols else [untold_warning(self.name)])]


def load_voice(model: Model, name: str | None = None) -> Voice:
    """A voice of the model's folder by name; None: its default. VoiceError: there is none of that name."""
    name = model.default_voice if name is None else name
    known = sorted(path.stem for path in (model.folder / VOICES).glob("*.npz"))
    if name not in known:
        mixed = "; an exported model speaks with one voice, and blends none" * ("+" in name)
        raise VoiceError(f"{model.folder} has no voice {name!r}; there are {', '.join(known) or 'none'}{mixed}")
    with np.load(model.folder / VOICES / f"{name}.npz") as file:
        about = json.loads(str(file["about"]))
        speaker = file["speaker"] if "speaker" in file else None
        voice = Voice(latents=file["latents"], **{**about, "symbols": tuple(about["symbols"])}, speaker=speaker)
    check_voice(voice, model)
    return voice


def check_voice(voice: Voice, model: Model) -> None:
    """VoiceError: it was made with, or adapted for, another model."""
    if (voice.vae, voice.vocabulary) != model.fingerprints:
        raise VoiceError(
            f"voice {voice.name!r} was made with another model than {model.folder}; make it again with this one"
        )
    if voice.speaker is not None and (voice.adapted_for, len(voice.speaker)) != model.speaker_space:
        raise VoiceError(
            f"voice {voice.name!r} was adapted for another model than {model.folder}; adapt it to that, and export it "
            "again: ditar export --voice"
        )


def create_voice(
    model: Model,
    prompt_audio: Any,
    prompt_text: str | None = None,
    *,
    sample_rate: int | None = None,
    name: str | None = None,
    language: str = "en-us",
) -> Voice:
    """Read a reference: 0.5 to 30 s of speech, in any form that `audio.clip.read_clip` takes, and exactly what is said
    in it, None: unknown. AudioError, TextError: it cannot be used."""
    of_file = isinstance(prompt_audio, (str, Path))
    whose, short_name = (str(prompt_audio), Path(prompt_audio).stem) if of_file else ("the reference clip", "reference")
    text, told = (prompt_text or "").strip(), []
    waveform, rate_hz = read_clip(prompt_audio, sample_rate, whose)
    waveform_24 = resample(waveform, rate_hz, SAMPLE_RATE_HZ)
    clip = prepare_reference(waveform_24, SAMPLE_RATE_HZ, whose, None if text else told)
    told += faults(waveform, rate_hz, whose)
    symbols, seconds = [], samples_to_seconds(len(clip))
    if text:
        frontend = TextFrontend.of(model.text, language)
        symbols = frontend.of_transcript(text, short_name)
        if fault := pace_fault(len(symbols), seconds):
            raise TextError(
                f"what is said in the reference {short_name!r} is something else: {fault}; give exactly what is said "
                "in the clip"
            )
    latents = encode(model, clip)
    name = short_name if name is None else name
    return Voice(name, latents, tuple(symbols), text, seconds, *model.fingerprints, tuple(told))


def encode(model: Model, clip: np.ndarray) -> np.ndarray:
    """(S,) at 24 kHz -> normalised latents (T, C): low-passed to the VAE's bandwidth, and padded on the left so that it
    ends with a patch."""
    vae = model.vae
    clip = low_pass(clip, vae.bandwidth_hz, SAMPLE_RATE_HZ)
    left = -len(clip) % (model.shape.patch_frames * HOP_SAMPLES)
    padded = np.pad(clip, (left, seconds_to_samples(AFTER_REFERENCE_SECONDS)))
    samples = padded[: samples_to_frames(len(padded)) * HOP_SAMPLES]
    reflected = np.pad(samples, (vae.n_fft - vae.hop) // 2, mode="reflect")
    magnitude = np.abs(spectra(reflected, vae.n_fft, vae.hop))
    latents = model.run("reference", {"magnitude": magnitude[None]})["latents"][0]
    return latents[: samples_to_frames(left + len(clip))]
