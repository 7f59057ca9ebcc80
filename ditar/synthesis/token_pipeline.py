"""TokenPipeline: text + reference clip -> waveform by the discrete baseline, with the rules of DiTARPipeline."""

import os
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.baseline.decoding import DecodingOptions
from ditar.baseline.generate import collect_tokens, generate_tokens
from ditar.baseline.lm import TokenLM
from ditar.baseline.streams import AUDIO, check_codec
from ditar.baseline.text_encoder import T5TextEncoder
from ditar.config.numbers import whole
from ditar.config.sampling import BATCH_SIZE, MAX_RETRIES, SamplingOptions
from ditar.data.codes import CodecInfo
from ditar.storage.weights import ModelError
from ditar.synthesis.any_length import speak_any_length
from ditar.synthesis.discrete import PreparedTokens, prepare_tokens
from ditar.synthesis.loading import choose_device, choose_dtype
from ditar.synthesis.model_folder import model_folder
from ditar.synthesis.reference import Reference, check_transcript, read_reference
from ditar.synthesis.request import SpeechOutput, SpeechRequest, as_requests, check_asked
from ditar.synthesis.retry import MOST_ROWS, Attempts
from ditar.synthesis.voice import AFTER_REFERENCE_SECONDS, Voice, check_fit
from ditar.text import TextError
from ditar.text.frontend import TextFrontend
from ditar.text.vocabulary import vocabulary_fingerprint
from ditar.vae.codec import Codec, CodecError, load_codec
from ditar.vae.codec_audio import decode_after, encode_clip

import_torchaudio()  # diffusers imports it, and a binary that does not fit torch would stop it

from diffusers import DiffusionPipeline  # noqa: E402

NO_TRANSCRIPT = "prompt_text is missing: the model needs the transcript of the reference clip; write what is said in it"
LEAST = {"temperature": 0, "guidance_scale": 1, "top_k": 1}
# Options of diffusion, and the values that leave them be.
NOT_OURS = {field.name: field.default for field in fields(SamplingOptions) if field.name not in LEAST}


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
        max_retries: int = MAX_RETRIES,
        temperature: float | None = None,
        guidance_scale: float | None = None,
        **options,
    ) -> SpeechOutput:
        """Speak `text` in the voice of a reference clip, see `create_voice`, or in a `voice` that was made before.

        Args:
            temperature: divides the logits, 0 takes the most likely token; None, here and below: the checkpoint's.
            guidance_scale: of the text, at least 1, which is off.
            options: top_k, top_p, what is drawn from. Options of diffusion are refused by name.

        The others, and what happens to an output that never stops, is silent or is far too short, are as in
        DiTARPipeline. Raises TextError, AudioError, VoiceError and ValueError, each with the value and the remedy.
        """
        check_asked(text, seed, generator, voice, prompt_audio, prompt_text)
        if voice is None:
            voice = self.create_voice(prompt_audio, prompt_text, sample_rate=sample_rate, language=language)
        return speak_any_length(
            self, text, voice, seed=seed, generator=generator, language=language,
            request_options={"temperature": temperature, "guidance_scale": guidance_scale},
            batch_options={"max_retries": max_retries, **options},
        )  # fmt: skip

    def batch(
        self,
        requests: Sequence[SpeechRequest | str],
        *,
        max_retries: int = MAX_RETRIES,
        batch_size: int = BATCH_SIZE,
        generator: torch.Generator | None = None,
        on_frame: Callable[[], None] = lambda: None,
        **options,
    ) -> list[SpeechOutput]:
        """Speak several requests, in their order; one after the other, whatever `batch_size` is. `on_frame` is called
        after each frame, and what it raises ends the call. For the rest see `__call__` and `DiTARPipeline.batch`."""
        # text -> phoneme ids or words, voice -> ids (1, Q, T): of all, before anything is made
        whole(batch_size, "batch_size", 1, MOST_ROWS)
        prepared = self._prepare(as_requests(requests, generator), options)
        ends = self.token_lm.streams[AUDIO].end_id is not None
        attempts = Attempts([p.max_frames for p in prepared], [p.seeds(max_retries) for p in prepared], 1)
        for (place,), (seed,) in attempts:
            one, frames = prepared[place], []
            noise = torch.Generator().manual_seed(seed) if generator is None else generator

            # ids -> the tokens that follow, by the model, until they end
            with self.progress_bar(total=one.max_frames) as bar:
                for frame in generate_tokens(
                    self.token_lm,
                    [noise],
                    max_frames=one.max_frames,
                    condition=one.condition,
                    known=one.known,
                    options=one.options,
                ):
                    frames.append(frame)
                    bar.update()
                    on_frame()
            made = collect_tokens(frames)

            # tokens -> codes (Q, T) -> waveform (S,); the reference's last codes stand before it
            audio = self.token_lm.streams.slices[AUDIO]
            codes = self.token_lm.streams.to_codes(made.tokens[0, audio, : int(made.frame_counts[0])])
            attempts.judge(
                place,
                decode_after(self.codec, one.codes, codes.cpu(), self.device),
                stopped=ends and bool(made.ended[0]),
                patches=codes.shape[1],
                expected_seconds=one.lengths.expected,
                warnings=one.warnings,
                seed=seed if generator is None else None,
                must_stop=ends,
            )
        return attempts.outputs

    def create_voice(
        self,
        prompt_audio: Any = None,
        prompt_text: str | None = None,
        *,
        sample_rate: int | None = None,
        name: str | None = None,
        language: str = "en-us",
    ) -> Voice:
        """Read a reference once, as `DiTARPipeline.create_voice`: `latents` of the voice are codes (T, Q), and `vae` is
        the codec's fingerprint."""
        if prompt_audio is not None and not isinstance(prompt_audio, Reference) and not (prompt_text or "").strip():
            raise TextError(NO_TRANSCRIPT)
        reference = read_reference(prompt_audio, prompt_text, name, language, sample_rate)
        if not reference.text:
            raise TextError(NO_TRANSCRIPT)
        frontend = TextFrontend.of(self.text_config, reference.language)
        symbols = frontend.end(frontend.keep(frontend.phonemise(reference.text), "the reference's transcript"))
        check_transcript(reference, len(symbols))
        codes = encode_clip(self.codec, reference.clip, AFTER_REFERENCE_SECONDS, self.device).T.float()
        of_clip = tuple(symbols), reference.text, reference.seconds
        return Voice(reference.name, codes, *of_clip, *self.fingerprints, reference.warnings)

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

    def _prepare(self, requests: Sequence[SpeechRequest], given: dict) -> list[PreparedTokens]:
        shipped = cache(self.create_voice)
        frontend = cache(lambda language: TextFrontend.of(self.text_config, language))
        encode_words = lambda text: self._encoder([text])  # noqa: E731
        prepared = []
        for request in requests:
            if request.stop_threshold is not None:
                raise ValueError(
                    f"stop_threshold {request.stop_threshold} is for models with a stop head, and this one draws its "
                    "end as a token; leave it out"
                )
            options = self.decoding_options(request.temperature, request.guidance_scale, **given)
            voice = shipped() if request.voice is None else request.voice
            check_fit(voice, *self.fingerprints, self.patch_frames)
            read = frontend(request.language)
            prepared.append(prepare_tokens(self.token_lm, request, voice, read, options, encode_words))
        return prepared

    @property
    def text_config(self):
        """As `DiTARPipeline.text_config`."""
        return self.token_lm.config

    @cached_property
    def fingerprints(self) -> tuple[str, str]:
        """Of the codec and of the vocabulary: what a Voice must have been made with."""
        return self.codec.fingerprint, vocabulary_fingerprint(self.token_lm.config.symbols)

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
