"""TokenPipeline: text + reference clip -> waveform by the discrete baseline, with the rules of DiTARPipeline."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.audio.trim import is_silent
from ditar.baseline.batch import TextCondition
from ditar.baseline.generate import DecodingOptions, Generated, collect, generate
from ditar.baseline.lm import TokenLM
from ditar.baseline.streams import AUDIO, check_codec
from ditar.baseline.text_encoder import T5TextEncoder
from ditar.config import SamplingConfig
from ditar.data.codes import CodecInfo
from ditar.storage.weights import ModelError
from ditar.synthesis.length import length_warnings, lengths
from ditar.synthesis.loading import choose_device, choose_dtype
from ditar.synthesis.model_folder import model_folder
from ditar.synthesis.reference import SHIPPED_LANGUAGE, choose_reference, read_reference
from ditar.synthesis.request import SpeechOutput, SpeechRequest
from ditar.synthesis.retry import attempt_seeds, problem
from ditar.synthesis.voice import AFTER_REFERENCE_SECONDS, Voice, check_fit
from ditar.text import TextError
from ditar.text.errors import dropped_warning
from ditar.text.lengths import Lengths
from ditar.text.phonemise import Phonemiser
from ditar.text.vocabulary import Vocabulary, ended, keep_trained, vocabulary_fingerprint
from ditar.units import SAMPLE_RATE_HZ, samples_to_seconds
from ditar.vae.codec import Codec, CodecError, load_codec
from ditar.vae.codec_audio import decode_behind, encode_clip

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers import DiffusionPipeline  # noqa: E402

# Options of diffusion, and the values that leave them be.
NOT_OURS = {"num_inference_steps": 10, "solver": "ddim", "time_grid": "uniform", "guidance_steps": (0.0, 1.0)}
LEAST = {"temperature": 0, "guidance_scale": 1, "top_k": 1}


@dataclass(frozen=True, eq=False)
class _Reading:
    """A request as the LM reads it: the text, ids (1, Q, T) of the reference, and what is expected of the speech."""

    request: SpeechRequest
    condition: TextCondition
    known: Tensor
    expected: Lengths
    options: DecodingOptions
    warnings: list[str]


class TokenPipeline(DiffusionPipeline):
    """Zero-shot synthesis. Components: `codec` (Codec), `token_lm` (TokenLM, with its vocabulary).

    ModelError: an LM of another codec, or one whose text is a stream or a category: such a model answers or names, and
    is run by `ditar.baseline.generate`.
    """

    patch_frames = 1  # a voice may have any number of frames

    def __init__(self, codec: Codec, token_lm: TokenLM):
        super().__init__()
        info = CodecInfo(
            codec.fingerprint, codec.rate_hz, codec.hop_samples, codec.codebooks, codec.codebook_size
        )
        check_codec(token_lm.config, info)
        if token_lm.config.text not in ("prefix", "cross"):
            raise ModelError(
                f"the text of this model is {token_lm.config.text!r} and not read before or beside the audio (prefix, "
                "cross); run it with ditar.baseline.generate"
            )
        self.register_modules(codec=codec.eval(), token_lm=token_lm.eval())
        self.set_progress_bar_config(disable=None, leave=False, unit="frame")  # None: only on a terminal

    def create_voice(
        self,
        prompt_audio: str | Path | np.ndarray | None = None,
        prompt_text: str | None = None,
        *,
        name: str | None = None,
        language: str = "en-us",
    ) -> Voice:
        """Read a reference once, as `DiTARPipeline.create_voice`: `latents` of the voice are codes (T, Q), and `vae` is
        the codec's fingerprint."""
        language = SHIPPED_LANGUAGE if prompt_audio is None else language
        prompt_audio, text, name = choose_reference(prompt_audio, prompt_text, name)
        if not text:
            raise TextError(
                "prompt_text is missing: the model needs the transcript of the reference clip; write what is said in it"
            )
        clip = read_reference(prompt_audio)
        symbols = self._symbols(text, language, "the reference's transcript")
        codes = encode_clip(self.codec, clip, AFTER_REFERENCE_SECONDS, self.device).T.float()
        return Voice(name, codes, tuple(symbols), text, len(clip) / SAMPLE_RATE_HZ, *self.fingerprints)

    @cached_property
    def fingerprints(self) -> tuple[str, str]:
        """Of the codec and of the vocabulary: what a Voice must have been made with."""
        return self.codec.fingerprint, vocabulary_fingerprint(self.token_lm.config.symbols)

    def __call__(
        self,
        text: str,
        prompt_audio: str | Path | np.ndarray | None = None,
        prompt_text: str | None = None,
        *,
        voice: Voice | None = None,
        temperature: float | None = None,
        guidance_scale: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        generator: torch.Generator | None = None,
        language: str = "en-us",
        max_retries: int = 2,
        **diffusion,
    ) -> SpeechOutput:
        """Speak `text` in the voice of a reference clip, see `create_voice`, or in a `voice` that was made before.

        temperature: divides the logits, 0 takes the most likely token; top_k, top_p: what is drawn from;
        guidance_scale: 1 is off. None: what the checkpoint says. Options of diffusion are refused by name. `seed` or
        `generator`, and what happens to an output that never stops, is silent or is far too short: as in DiTARPipeline.

        Raises TextError, AudioError, VoiceError and ValueError, each with the value and the remedy.
        """
        if seed is not None and generator is not None:
            raise ValueError("give a seed or a generator, not both")
        if voice is None:
            voice = self.create_voice(prompt_audio, prompt_text, language=language)
        elif prompt_audio is not None or prompt_text is not None:
            raise ValueError("give a voice, or prompt_audio and prompt_text, not both")
        options = self.decoding_options(temperature, guidance_scale, top_k, top_p, **diffusion)
        request = SpeechRequest(text, voice, seed=seed, language=language)
        return self._speak(self._read(request, options), max_retries, generator)

    def batch(
        self,
        requests: Sequence[SpeechRequest],
        *,
        top_k: int | None = None,
        top_p: float | None = None,
        max_retries: int = 2,
        batch_size: int = 8,
        **diffusion,
    ) -> list[SpeechOutput]:
        """Speak several requests, in their order; one after the other, whatever `batch_size` is. All are read before
        the first is spoken. For the rest see `__call__`."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        shipped, readings = cache(self.create_voice), []
        for request in requests:
            if request.stop_threshold is not None:
                raise ValueError(
                    f"stop_threshold {request.stop_threshold} is for models with a stop head, and this one draws its "
                    "end as a token; leave it out"
                )
            options = self.decoding_options(request.temperature, request.guidance_scale, top_k, top_p, **diffusion)
            voice = shipped() if request.voice is None else request.voice
            readings.append(self._read(replace(request, voice=voice), options))
        return [self._speak(reading, max_retries) for reading in readings]

    def decoding_options(
        self,
        temperature: float | None = None,
        guidance_scale: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        **diffusion,
    ) -> DecodingOptions:
        """What is given, and the checkpoint's for the rest. ValueError: out of range, or diffusion's."""
        for name, value in diffusion.items():
            if name not in NOT_OURS:
                raise TypeError(f"TokenPipeline has no option {name!r}")
            if value not in (None, NOT_OURS[name]):
                raise ValueError(
                    f"{name} {value!r} is for models with diffusion, and this one draws tokens; leave it out"
                )
        for name, value in zip(LEAST, (temperature, guidance_scale, top_k)):
            if value is not None and not value >= LEAST[name]:
                raise ValueError(f"{name} must be at least {LEAST[name]}, got {value}")
        given = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        given = {name: value for name, value in given.items() if value is not None}
        sampling = {kind.name: replace(kind.sampling, **given) for kind in self.token_lm.streams.predicted}
        default = self.token_lm.config.guidance_scale
        return DecodingOptions(default if guidance_scale is None else guidance_scale, sampling)

    def _read(self, request: SpeechRequest, options: DecodingOptions) -> _Reading:
        config, voice = self.token_lm.config, request.voice
        check_fit(voice, *self.fingerprints, self.patch_frames)

        # text -> phoneme ids, or encoded words
        dropped: list[str] = []
        wanted = self._symbols(request.text, request.language, "the text", dropped)
        said = ended(voice.symbols, config.trained_symbols or config.symbols)
        condition = self._condition([*said, " ", *wanted], f"{voice.text} {request.text}")

        # reference -> codes -> ids that are known
        known = self.token_lm.streams.from_codes(voice.latents.T.long())[None, :, : len(voice.latents)]

        expected = lengths(len(wanted), voice, config.seconds_per_symbol)
        options = replace(options, min_frames=int(expected.least * config.frame_rate_hz) + 1)
        warnings = [dropped_warning(dropped)] if dropped else []
        warnings += length_warnings(voice.seconds + expected.expected, config.trained_seconds)
        return _Reading(request, condition, known.to(self.device), expected, options, warnings)

    def _speak(
        self, reading: _Reading, max_retries: int, generator: torch.Generator | None = None
    ) -> SpeechOutput:
        request, options, expected = reading.request, reading.options, reading.expected

        # tokens, by the model, until they end
        kind = self.token_lm.streams[AUDIO]
        greedy = _is_greedy(options.sampling[AUDIO])
        failures: list[str] = []
        for seed in attempt_seeds(request.seed, 0.0 if greedy else 1.0, max_retries):
            noise = torch.Generator().manual_seed(seed) if generator is None else generator
            made = self._generate(noise, reading)
            stopped = bool(made.ended[0]) if kind.end_id is not None else False

            # ids -> codes -> waveform; the reference's last codes stand before it
            codes = self.token_lm.streams.to_codes(made.tokens[0, self._audio, : int(made.frame_counts[0])])
            audio = decode_behind(self.codec, request.voice.latents.T.long(), codes.cpu(), self.device)
            ended = stopped or kind.end_id is None  # a model without an end stops where it is expected to
            wrong = problem(samples_to_seconds(len(audio)), is_silent(audio), ended, expected.expected)
            if wrong is None:
                break
            failures.append(wrong)
        attempt = len(failures) + (wrong is None)
        warnings = list(reading.warnings)
        if wrong is not None:
            warnings.insert(0, f"{wrong}, after {attempt} attempts; try another seed or reference")
        return SpeechOutput(
            audio=audio,
            sample_rate=SAMPLE_RATE_HZ,
            stopped=stopped,
            patches=codes.shape[1],
            attempts=attempt,
            seed=seed if generator is None else None,
            warnings=warnings,
            failures=failures if wrong is None else failures[:-1],
        )

    def _generate(self, noise: torch.Generator, reading: _Reading) -> Generated:
        expected, condition, known, options = reading.expected, reading.condition, reading.known, reading.options
        ends = self.token_lm.streams[AUDIO].end_id is not None
        frames = int((expected.most if ends else expected.expected) * self.token_lm.config.frame_rate_hz) + 1
        made = []
        with self.progress_bar(total=frames) as bar:
            for frame in generate(
                self.token_lm, [noise], max_frames=frames, condition=condition, known=known, options=options
            ):
                made.append(frame)
                bar.update()
        return collect(made)

    @property
    def _audio(self) -> slice:
        return self.token_lm.streams.slices[AUDIO]

    def _symbols(self, text: str, language: str, where: str, dropped: list[str] | None = None) -> list[str]:
        config = self.token_lm.config
        symbols = keep_trained(Phonemiser(language)(text, dropped), config.trained_symbols, where, dropped)
        return ended(symbols, config.trained_symbols or config.symbols)

    def _condition(self, symbols: Sequence[str], text: str) -> TextCondition:
        """One row."""
        config = self.token_lm.config
        if config.text == "cross":
            return self._encoder([text]).to(self.device)
        ids = Vocabulary(config.symbols).encode(symbols)
        return TextCondition(torch.tensor([ids]), torch.tensor([len(ids)])).to(self.device)

    @cached_property
    def _encoder(self) -> T5TextEncoder:
        config = self.token_lm.config
        return T5TextEncoder(config.text_encoder, config.text_width, self.device)

    def to(self, device: torch.device | str | torch.dtype | None = None, dtype: torch.dtype | None = None):
        """Move in place. A dtype applies to the LM only: the codec stays in float32, which decides about codes."""
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        self.codec.to(device=device)
        self.token_lm.to(device=device, dtype=dtype)
        return self

    @property
    def device(self) -> torch.device:
        """Where the LM is."""
        return self.token_lm.device

    @property
    def dtype(self) -> torch.dtype:
        """What the LM computes in."""
        return self.token_lm.dtype

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        torch_dtype: torch.dtype | str | None = None,
        device: torch.device | str | None = None,
        **hub_options,
    ) -> "TokenPipeline":
        """Load from a folder, or a model on the Hugging Face hub; options as in DiTARPipeline. ModelError names what is
        missing or broken, or both codecs where they differ."""
        device = choose_device(device)
        folder = model_folder(pretrained_model_name_or_path, hub_options, cls.__name__)
        token_lm = TokenLM.from_pretrained(folder / "token_lm")
        try:
            codec = load_codec(folder / "codec", len(token_lm.streams[AUDIO].delays))
        except CodecError as error:
            raise ModelError(f"{folder / 'codec'} is not the codec of this model: {error}") from None
        return cls(codec, token_lm).to(device, choose_dtype(torch_dtype, device))

    def save_pretrained(
        self, save_directory: str | os.PathLike, dtype: torch.dtype | None = None, safe_serialization: bool = True, **_
    ) -> None:
        """Write model_index.json and a folder for each component as safetensors: the LM in `dtype` (None: as is), the
        codec as it is, since a rounded encoder is another codec."""
        if not safe_serialization:
            raise ValueError("safe_serialization=False asks for pickles, which are never written; leave it out")
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        self.codec.save_pretrained(folder / "codec")
        self.token_lm.save_pretrained(folder / "token_lm", dtype)
        self.save_config(folder)


def _is_greedy(sampling: SamplingConfig) -> bool:
    """Whether another seed would give the same tokens."""
    return sampling.temperature == 0 or sampling.top_k == 1
