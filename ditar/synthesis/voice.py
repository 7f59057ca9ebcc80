"""A voice: a reference clip in the form that models read, made once and used in any number of calls."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ditar.audio.resample import low_pass
from ditar.storage.digests import digest_tensors
from ditar.text.errors import untold_warning
from ditar.units import HOP_SAMPLES, SAMPLE_RATE_HZ, samples_to_frames, seconds_to_samples

if TYPE_CHECKING:  # a voice file is loaded without diffusers
    from ditar.vae.speech_vae import SpeechVAE

AFTER_REFERENCE_SECONDS = 0.25  # silence after the clip when it is encoded: no encoder sees its sudden end


@dataclass(frozen=True, eq=False)
class SpeakerEmbedding:
    """What was learnt of a voice: vectors (size,) float32, see `LocDiT.speaker_size`; model: the fingerprint of the
    DiTAR that they are for, see `model.speaker.speaker_fingerprint`."""

    vectors: Tensor
    model: str


class VoiceError(ValueError):
    """A voice that does not fit a model; the message names both."""


@dataclass(frozen=True, eq=False)
class Voice:
    """A reference clip.

    Args:
        name: for people.
        latents: (T, C) float32, normalised by the VAE's statistics, T a multiple of the patch length, with speech at
            their end; for the baseline codes (T, Q).
        symbols, text: the transcript as phonemes, empty if it is unknown, and as written.
        seconds: of speech.
        vae, vocabulary: fingerprints of what made the latents and of the symbols' list.
        warnings: what a user should know about how it was made; not saved to files.
        others: the voices that it is blended with, and their shares, of 1 in all; see `blend_voices`.
        embedding: what was learnt of the clip, if the voice is adapted to it; for DiTAR.
    """

    name: str
    latents: Tensor
    symbols: tuple[str, ...]
    text: str
    seconds: float
    vae: str
    vocabulary: str
    warnings: tuple[str, ...] = ()
    others: tuple[tuple["Voice", float], ...] = ()
    embedding: SpeakerEmbedding | None = None

    @property
    def all(self) -> tuple["Voice", ...]:
        """Itself, and those that it is blended with."""
        return self, *(voice for voice, _ in self.others)


def blend_voices(voices: Sequence[tuple[Voice, float]], name: str) -> Voice:
    """A voice between voices that are none yet, by their shares above 0, which are brought to 1 in all. That with the
    largest share gives the pace, and speaks before the first patch. VoiceError: one is a blend already."""
    for voice, _ in voices:
        if voice.others:
            raise VoiceError(f"voice {voice.name!r} is a blend already; blend the voices that it was made of")
    ordered, whole = sorted(voices, key=lambda pair: -pair[1]), sum(share for _, share in voices)
    (main, _), *others = ordered
    return replace(main, name=name, others=tuple((voice, share / whole) for voice, share in others))


def no_blend(name: str) -> str:
    """Why a model of tokens does not speak with a blend."""
    return f"voice {name!r} is a blend, which models of tokens do not speak; name one voice"


def voice_key(voice: Voice) -> list[Any]:
    """Plain values that distinguish a voice from others, whatever its name."""
    key = [voice.text, list(voice.symbols), voice.vae, voice.vocabulary, digest_tensors([voice.latents])]
    key += [] if voice.embedding is None else [voice.embedding.model, digest_tensors([voice.embedding.vectors])]
    return [*key, *([voice_key(other), share] for other, share in voice.others)]


@torch.inference_mode()
def encode_reference(vae: "SpeechVAE", clip: np.ndarray, patch_frames: int) -> Tensor:
    """(S,) at 24 kHz -> normalised latents (T, C), float32 on the CPU, T a multiple of `patch_frames`.

    The clip is low-passed to the VAE's bandwidth and padded on the left, so that it ends at a patch boundary, with
    speech at the seam.
    """
    clip = low_pass(clip, vae.config.bandwidth_hz, SAMPLE_RATE_HZ)
    left, right = -len(clip) % (patch_frames * HOP_SAMPLES), seconds_to_samples(AFTER_REFERENCE_SECONDS)
    frames = samples_to_frames(left + len(clip))
    waveform = torch.from_numpy(np.pad(clip, (left, right))).to(vae.device)
    return vae.normalise(vae.encode(waveform[None]).mean[0, :frames]).float().cpu()


def check_fit(
    voice: Voice, vae: str, vocabulary: str, patch_frames: int, speaker_space: tuple[str, int] | None = None
) -> None:
    """VoiceError if a voice was made with another VAE or vocabulary than the model's, whose fingerprints these are, is
    not a whole number of its patches, or was adapted for another model than that of `speaker_space`: a fingerprint and
    the size of an embedding."""
    for what, theirs, mine in (("VAE", voice.vae, vae), ("vocabulary", voice.vocabulary, vocabulary)):
        if theirs != mine:
            raise VoiceError(
                f"voice {voice.name!r} was made with the {what} {theirs} and this model has {mine}; make it again with "
                "this model"
            )
    if len(voice.latents) % patch_frames:
        raise VoiceError(
            f"voice {voice.name!r} has {len(voice.latents)} latent frames, but a patch of this model has "
            f"{patch_frames}: it was made with a model of another patch length; make it again with this model"
        )
    if voice.embedding is None:
        return
    if speaker_space is None:
        raise VoiceError(f"voice {voice.name!r} was adapted for a DiTAR, and this model is none; make it again with it")
    (theirs, size), (mine, wanted) = (voice.embedding.model, len(voice.embedding.vectors)), speaker_space
    if size != wanted:
        raise VoiceError(
            f"voice {voice.name!r} was adapted for another model, or by another version of ditar: it has an embedding "
            f"of {size} numbers, and this model reads {wanted}; make it again with this model or, if that is a "
            "distilled one, with the model that it was distilled from"
        )
    if theirs != mine:
        raise VoiceError(
            f"voice {voice.name!r} was adapted for the model {theirs} and this one is {mine}; make it again with this "
            "model or, if that is a distilled one, with the model that it was distilled from"
        )


def voice_warnings(voice: Voice) -> list[str]:
    """What a user should know about anything spoken with a voice."""
    if voice.others:
        return [line for one in (replace(voice, others=()), *voice.all[1:]) for line in voice_warnings(one)]
    if voice.symbols:
        return list(voice.warnings)
    return [*voice.warnings, untold_warning(voice.name)]
