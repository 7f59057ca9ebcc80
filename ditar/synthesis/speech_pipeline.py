"""What the pipelines of both systems share: calls, voices, loading and saving."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Self

import torch
from tqdm import tqdm

from ditar.config.sampling import MAX_RETRIES
from ditar.config.speech import TextConfig
from ditar.model.adapter import merge_adapter
from ditar.nn.threads import largest_weight, set_threads
from ditar.storage.atomic_write import atomic_write
from ditar.synthesis.adapting import AUTO, adapt_if_better, check_adapt
from ditar.synthesis.any_length import speak_pieces
from ditar.synthesis.loading import choose_device, choose_dtype
from ditar.synthesis.model_folder import INDEX, model_folder, voices_of
from ditar.synthesis.pieces import pieces_to_speak
from ditar.synthesis.reference import Reference, check_transcript, read_reference
from ditar.synthesis.request import SpeechOutput, SpeechRequest, check_asked, check_timestamps
from ditar.synthesis.script import script_to_speak
from ditar.synthesis.voice import Voice, VoiceError
from ditar.synthesis.voice_file import check_voice
from ditar.synthesis.voice_names import default_of, make_voice, read_voice
from ditar.text.frontend import TextFrontend, has_heard
from ditar.text.lexicon import Lexicon, as_lexicon
from ditar.text.script import read_script
from ditar.text.vocabulary import vocabulary_fingerprint


class SpeechPipeline(ABC):
    """Zero-shot synthesis by a `model`, with its vocabulary, and an `autoencoder` that makes waveforms of its
    output. Its methods and its files are those of a diffusers pipeline, which takes seconds to import; see
    `diffusers_pipeline` for one.

    class_name: as model_index.json has it. components: its parts by name. unit: what the progress bar counts.
    """

    class_name: str
    unit: str

    model: Any  # DiTAR or TokenLM
    autoencoder: Any  # SpeechVAE or Codec
    patch_frames: int  # a voice has a multiple of that many frames
    own_voices: Path | None = None  # the folder of those that came with the model, see `model_folder.voices_of`

    def __call__(
        self,
        text: str,
        prompt_audio: Any = None,
        prompt_text: str | None = None,
        *,
        sample_rate: int | None = None,
        voice: Voice | str | None = None,
        voices: Mapping[str, Voice | str] | None = None,
        seed: int | None = None,
        generator: torch.Generator | None = None,
        language: str = "en-us",
        stop_threshold: float | None = None,
        speed: float | None = None,
        max_retries: int = MAX_RETRIES,
        lexicon: Lexicon | Mapping[str, str] | str | Path | None = None,
        timestamps: bool = False,
        adapt: bool | str = False,
        **options,
    ) -> SpeechOutput:
        """Speak `text` in the voice of a reference clip, or in a `voice` made before. The same seed gives the same
        samples on the same machine with the same number of threads.

        Args:
            text: what to say, of any length: a text that does not fit into one call is spoken sentence by sentence, as
                on the command line. It may have pauses, pronunciations and SSML in it, see `text.controls`.
            prompt_audio, prompt_text, sample_rate, adapt: see `create_voice`.
            voice: instead of these; a name or a file means what it does on the command line, see `find_voice`.
            voices: instead of these, by the names of speakers: the text is a script, see `text.script`.
            seed, generator: one of them; with neither, a seed is drawn, and the output says which.
            language: espeak-ng's name of the text's.
            stop_threshold: in [0, 1], the speech ends when the stop head exceeds it; None: the checkpoint's.
            speed: in [0.5, 2], 2 is twice as fast, at the same pitch.
            max_retries: 0 to 100; an output that never stops, is silent or is far too short is made again that often,
                with other seeds; if it is still wrong, its `warnings` say so.
            lexicon: pronunciations of words, in the IPA or CMU's symbols, or a file of them, see `text.lexicon`.
            timestamps: whether the output says, in its `timing`, when each word is spoken; for a model with monotonic
                alignment.
            options: how it is sampled, see `batch`.

        Raises TextError, AudioError, VoiceError and ValueError, each with the value and the remedy.
        """
        check_asked(text, seed, generator, voice, prompt_audio, prompt_text)
        check_adapt(adapt)
        options, lexicon, config = self._checked(options), as_lexicon(lexicon), self.text_config
        if voices is not None:
            if not isinstance(voices, Mapping):
                raise ValueError(f"voices must be a mapping of speakers to voices, got {type(voices).__name__}")
            if any(given is not None for given in (voice, prompt_audio, prompt_text)):
                raise ValueError("give the voices of a script's speakers, or one voice, not both")
            voices = {speaker: self._named(one, language, adapt) for speaker, one in voices.items()}
            turns = [turn.pronounced(lexicon, language=language) for turn in read_script(text)]
            pieces, left_out = script_to_speak(turns, voices, config, language)
        else:
            if voice is None:
                voice = self.create_voice(
                    prompt_audio, prompt_text, sample_rate=sample_rate, language=language, adapt=adapt
                )
                adapt = False
            voice = self._named(voice, language, adapt)
            pieces, left_out = pieces_to_speak(lexicon.apply(text, language), voice, config, language, whole=True)
        return speak_pieces(
            self, pieces, left_out, seed=seed, generator=generator, language=language,
            request_options={"stop_threshold": stop_threshold, "speed": speed, "timestamps": timestamps},
            batch_options={"max_retries": max_retries, **options},
        )  # fmt: skip

    def _named(self, voice: Voice | str, language: str, adapt: bool | str) -> Voice:
        if isinstance(voice, str):
            return make_voice(read_voice(voice, language=language, of_model=self.own_voices), self, adapt)
        if adapt is True and voice.embedding is None:
            raise VoiceError(f"the voice {voice.name!r} is made already; give adapt to create_voice, or give its clip")
        return voice

    @abstractmethod
    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options of `batch`, checked before anything is read."""

    @abstractmethod
    def batch(self, requests: Sequence[SpeechRequest | str], **options) -> list[SpeechOutput]:
        """Speak several requests, or texts; outputs in their order, each as if it were alone."""

    def create_voice(
        self,
        prompt_audio: Any = None,
        prompt_text: str | None = None,
        *,
        sample_rate: int | None = None,
        name: str | None = None,
        language: str = "en-us",
        adapt: bool | str = False,
        on_step: Callable[[int, int], None] | None = None,
        learnt: Path | None = None,
        denoise: bool = False,
    ) -> Voice:
        """Read a reference once. Without arguments, the voice that the model was fine-tuned on or, if there is no such
        one, the voice that ships with the package. TextError, AudioError; with
        `adapt` see `synthesis.adapt.adapt_voice`.

        Args:
            prompt_audio: 0.5 to 30 s of speech: a file, an open file, or its bytes; samples, (S,) or with channels, of
                numpy, torch or lists, alone or with their rate, (rate, samples); or what `read_reference` made of them.
            prompt_text: exactly what is said in it; None: unknown, and more words may go wrong; "auto": what a
                recogniser hears in it, see `read_reference`.
            sample_rate: of samples, in Hz; None: 24 kHz.
            name: of the voice; None: the file's.
            language: espeak-ng's name of the transcript's.
            adapt: whether the voice is also learnt from the clip, in some seconds, which makes it more alike; for a
                DiTAR that is not distilled and a clip with its transcript. "auto": if the model can, the words are
                known, and the recording is clean; the voice's `warnings` say why not. What ships is only heard then.
            on_step: called before each step of learning with its number and that of all; what it raises ends it.
            learnt: a folder that keeps what was learnt for the next time, as `synthesis.learnt.learnt_folder()` does.
            denoise: whether noise is taken out of a recording that has some; needs the extra `denoise`.
        """
        check_adapt(adapt)
        if prompt_audio is None and prompt_text is None and (own := default_of(self.own_voices)) is not None:
            voice = make_voice(own, self, adapt)
            return voice if name is None else replace(voice, name=name)
        reference = read_reference(prompt_audio, prompt_text, name, language, sample_rate, denoise)
        trained = self.text_config.trained_languages
        if reference.ships and adapt is not True and not has_heard(reference.language, trained):
            # For all models to have a voice: what one does not know of it is then what is said in its clip.
            reference = replace(reference, text="")
        voice = Voice(
            reference.name,
            latents=self._encode(reference),
            symbols=tuple(self._symbols(reference)),
            text=reference.text,
            seconds=reference.seconds,
            vae=self.fingerprints[0],
            vocabulary=self.fingerprints[1],
            warnings=reference.warnings,
        )
        if adapt == AUTO:
            return adapt_if_better(self, voice, reference, partial(self._adapted, on_step=on_step, learnt=learnt))
        return self._adapted(voice, reference, on_step, learnt) if adapt else voice

    def _adapted(self, voice: Voice, reference: Reference, *_: Any, **__: Any) -> Voice:
        """The voice, also learnt from its clip, for `on_step`, `learnt` and `sure`: see `create_voice` and
        `synthesis.adapt`. VoiceError: not by this kind of model."""
        raise VoiceError(f"a {self.class_name}, which this model is, adapts no voices; leave `adapt` out")

    @abstractmethod
    def _encode(self, reference: Reference) -> torch.Tensor:
        """A clip as a voice's latents (T, C)."""

    def _symbols(self, reference: Reference) -> list[str]:
        if not reference.text:
            return []
        frontend = TextFrontend.of(self.text_config, reference.language)
        symbols = frontend.of_transcript(reference.text, reference.name)
        check_transcript(reference, len(symbols))
        return symbols

    def _read(self, requests: Sequence[SpeechRequest]) -> Iterator[tuple[SpeechRequest, Voice, TextFrontend]]:
        """Each request, which the model can follow, with its voice, which fits, and the front end for its text."""
        shipped = cache(self.create_voice)
        frontend = cache(lambda language: TextFrontend.of(self.text_config, language))
        for request in requests:
            voice = shipped() if request.voice is None else request.voice
            check_voice(voice, self)
            check_timestamps(self.text_config, request.timestamps)
            yield request, voice, frontend(request.language)

    @property
    def text_config(self) -> TextConfig:
        """What the model knows about texts: symbols, trained_symbols, trained_seconds, seconds_per_symbol."""
        return self.model.config

    @cached_property
    def fingerprints(self) -> tuple[str, str]:
        """Of the autoencoder and of the vocabulary: a Voice must have been made with both."""
        return self._autoencoder_fingerprint(), vocabulary_fingerprint(self.text_config.symbols)

    @property
    def speaker_space(self) -> tuple[str, int] | None:
        """What an adapted voice must have been learnt for: a fingerprint, and the size of its embedding; None: this
        kind of model adapts no voices."""
        return None

    @property
    def adapts_voices(self) -> bool:
        """Whether `create_voice` can adapt."""
        return False

    @abstractmethod
    def _autoencoder_fingerprint(self) -> str:
        """Equal if latents or codes mean the same."""

    def to(self, device: torch.device | str | torch.dtype | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move in place. A dtype applies to the model only: the autoencoder stays in float32, which phases need, and on
        which codes depend."""
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        self.autoencoder.to(device=device)
        self.model.to(device=device, dtype=dtype)
        return self

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.device

    @property
    def dtype(self) -> torch.dtype:
        """What the model computes in."""
        return self.model.dtype

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path | None = None,
        *,
        torch_dtype: torch.dtype | str | None = None,
        device: torch.device | str | None = None,
        threads: int | None = None,
        adapter: str | Path | None = None,
        **hub_options,
    ) -> Self:
        """Load from a folder, or a model on the Hugging Face hub; None and "shipped": the model that ships with the
        package, "fast": its distilled form.

        Args:
            torch_dtype: of the model; "auto": bfloat16 on a GPU, float32 elsewhere; None: float32.
            device: "auto": a GPU if there is one; None: the CPU.
            threads: of torch in this process; None: on a CPU as many as are fastest now, which takes a twentieth of a
                second to find (`nn.threads`), unless OMP_NUM_THREADS or `torch.set_num_threads` was used before.
                Another number rounds differently.
            adapter: a folder of `ditar finetune --lora`, whose base this model is: it is merged into the weights.
            hub_options: for `snapshot_download` (revision, token, cache_dir, local_files_only).

        ModelError says what is missing or broken, or does not fit.
        """
        device = choose_device(device)
        folder = model_folder(pretrained_model_name_or_path, hub_options, cls.class_name)
        pipeline = cls(*cls._load(folder))
        pipeline.own_voices = voices_of(folder, adapter)
        if adapter is not None:
            merge_adapter(pipeline.model, adapter)
        pipeline.to(device, choose_dtype(torch_dtype, device))
        set_threads(threads, largest_weight(pipeline.model))
        return pipeline

    @staticmethod
    @abstractmethod
    def _load(folder: Path) -> tuple[Any, ...]:
        """The components in the order of the constructor."""

    def save_pretrained(
        self, save_directory: str | os.PathLike, dtype: torch.dtype | None = None, safe_serialization: bool = True, **_
    ) -> None:
        """Write model_index.json and a folder for each component; weights as safetensors, in `dtype` (None:
        unchanged)."""
        if not safe_serialization:
            raise ValueError("safe_serialization=False would write pickles; models are only written as safetensors")
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        parts = {name: [home, kind] for name, (home, kind) in sorted(self._save(folder, dtype).items())}
        with atomic_write(folder / INDEX) as partial:
            partial.write_text(json.dumps({"_class_name": self.class_name, **parts}, indent=2) + "\n", "utf-8")

    @abstractmethod
    def _save(self, folder: Path, dtype: torch.dtype | None) -> dict[str, tuple[str, str]]:
        """Write the components; returns the module and the class of each folder."""

    @property
    @abstractmethod
    def components(self) -> dict[str, Any]:
        """The parts by name."""

    def set_progress_bar_config(self, **options: Any) -> None:
        """Options of tqdm for the progress bar, which is shown on terminals only unless `disable` says otherwise."""
        self._bar = options

    def progress_bar(self, total: int) -> tqdm:
        """A bar up to `total`, see `unit`."""
        return tqdm(total=total, **{"disable": None, "leave": False, "unit": self.unit, **getattr(self, "_bar", {})})
