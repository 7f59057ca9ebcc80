"""TokenPipeline: text + reference clip -> waveform by the discrete baseline, called as ContinuousPipeline is."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ditar.baseline.decoding import DecodingOptions
from ditar.baseline.generate import collect_tokens, generate_tokens
from ditar.baseline.lm import TokenLM
from ditar.baseline.streams import AUDIO, check_codec
from ditar.baseline.text_encoder import T5TextEncoder
from ditar.config.numbers import check_number, check_whole
from ditar.config.sampling import BATCH_SIZE, MAX_RETRIES, MOST_ROWS, RANGES, SamplingOptions
from ditar.data.codes import CodecInfo
from ditar.storage.weights import ModelError
from ditar.synthesis.discrete import PreparedTokens, prepare_tokens
from ditar.synthesis.reference import Reference
from ditar.synthesis.request import SpeechOutput, SpeechRequest, as_requests
from ditar.synthesis.retry import Attempts
from ditar.synthesis.speech_pipeline import SpeechPipeline
from ditar.synthesis.voice import AFTER_REFERENCE_SECONDS
from ditar.text import TextError
from ditar.text.frontend import TextFrontend
from ditar.vae.codec import Codec, CodecError
from ditar.vae.codec_audio import decode_after, encode_clip
from ditar.vae.loading import load_codec

OURS = ("temperature", "guidance_scale")
# Options of diffusion, and their values without effect.
NOT_OURS = {field.name: field.default for field in fields(SamplingOptions) if field.name not in OURS}


class TokenPipeline(SpeechPipeline):
    """Zero-shot synthesis. Components: `codec` (Codec), `token_lm` (TokenLM, with its vocabulary).

    ModelError: an LM for another codec, or one whose text is a stream or a category: run such a model with
    `ditar.baseline.generate`.
    """

    patch_frames = 1  # a voice may have any number of frames
    class_name = "TokenPipeline"
    unit = "frame"

    def __init__(self, codec: Codec, token_lm: TokenLM):
        info = CodecInfo(
            codec.fingerprint, codec.rate_hz, codec.hop_samples, codec.codebooks, codec.codebook_size
        )
        check_codec(token_lm.config, info)
        if token_lm.config.text not in ("prefix", "cross"):
            raise ModelError(
                f"the text of this model is {token_lm.config.text!r} and not read before or beside the audio (prefix, "
                "cross); run it with ditar.baseline.generate"
            )
        self.codec, self.token_lm = codec.eval(), token_lm.eval()

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
        """Speak several requests, in their order and one at a time, whatever `batch_size` is.

        Args:
            on_frame: called after each frame; what it raises ends the call.
            options: see `decoding_options`; those of diffusion are refused by name.

        For the rest see `__call__` and `ContinuousPipeline.batch`.
        """
        # text -> phoneme ids or words, voice -> ids (1, Q, T): of all, before anything is made
        check_whole(batch_size, "batch_size", 1, MOST_ROWS)
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
                speed=one.request.speed,
                must_stop=ends,
            )
        return attempts.outputs

    def _encode(self, reference: Reference) -> torch.Tensor:
        """The clip as codes (T, Q)."""
        return encode_clip(self.codec, reference.clip, AFTER_REFERENCE_SECONDS, self.device).T.float()

    def _symbols(self, reference: Reference) -> list[str]:
        if not reference.text:
            raise TextError(
                "prompt_text is missing: the model needs the transcript of the reference clip; write what is said in it"
            )
        return TextFrontend.of(self.text_config).end(super()._symbols(reference))

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        self.decoding_options(**options)
        return options

    def decoding_options(
        self,
        temperature: float | None = None,
        guidance_scale: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        **diffusion,
    ) -> DecodingOptions:
        """The given options, and the checkpoint's for the rest. ValueError: out of range, or an option of diffusion.

        Args:
            temperature: at least 0, divides the logits; 0 takes the most likely token.
            guidance_scale: of the text, at least 1; 1 is off.
            top_k, top_p: at least 1, and in (0, 1]: how many of the most likely tokens, and what share, are drawn from.
        """
        for name, value in diffusion.items():
            if name not in NOT_OURS:
                raise TypeError(f"TokenPipeline has no option {name!r}")
            if value not in (None, NOT_OURS[name]):
                raise ValueError(
                    f"{name} {value!r} is for models with diffusion, but this one draws tokens; leave it out"
                )
        for name, value in zip(OURS, (temperature, guidance_scale)):
            if value is not None:
                check_number(value, name, *RANGES[name])
        given = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        given = {name: value for name, value in given.items() if value is not None}
        sampling = {kind.name: replace(kind.sampling, **given) for kind in self.token_lm.streams.predicted}
        default = self.token_lm.config.guidance_scale
        return DecodingOptions(default if guidance_scale is None else guidance_scale, sampling)

    def _prepare(self, requests: Sequence[SpeechRequest], given: dict) -> list[PreparedTokens]:
        encode_words = lambda text: self._encoder([text])  # noqa: E731
        prepared = []
        for request, voice, frontend in self._read(requests):
            if request.stop_threshold is not None:
                raise ValueError(
                    f"stop_threshold {request.stop_threshold} is for models with a stop head, and this one draws its "
                    "end as a token; leave it out"
                )
            own = {"temperature": request.temperature, "guidance_scale": request.guidance_scale}
            options = self.decoding_options(**given | {name: value for name, value in own.items() if value is not None})
            prepared.append(prepare_tokens(self.token_lm, request, voice, frontend, options, encode_words))
        return prepared

    @property
    def model(self) -> TokenLM:
        """Makes tokens from a text."""
        return self.token_lm

    @property
    def autoencoder(self) -> Codec:
        """Makes waveforms from tokens."""
        return self.codec

    def _autoencoder_fingerprint(self) -> str:
        return self.codec.fingerprint

    @cached_property
    def _encoder(self) -> T5TextEncoder:
        config = self.token_lm.config
        return T5TextEncoder(config.text_encoder, config.text_width, self.device)

    @staticmethod
    def _load(folder: Path) -> tuple[Codec, TokenLM]:
        token_lm = TokenLM.from_pretrained(folder / "token_lm")
        try:
            return load_codec(folder / "codec", len(token_lm.streams[AUDIO].delays)), token_lm
        except CodecError as error:
            raise ModelError(f"{folder / 'codec'} is not the codec of this model: {error}") from None

    @property
    def components(self) -> dict[str, Any]:
        return {"codec": self.codec, "token_lm": self.token_lm}

    def _save(self, folder: Path, dtype: torch.dtype | None) -> dict[str, tuple[str, str]]:
        self.codec.save_pretrained(folder / "codec")  # unchanged: a rounded encoder is another codec
        self.token_lm.save_pretrained(folder / "token_lm", dtype)
        parts = {"codec": type(self.codec), "token_lm": TokenLM}
        return {name: (kind.__module__, kind.__name__) for name, kind in parts.items()}
