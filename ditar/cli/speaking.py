"""What `ditar synthesize` does when its options are in order: one text, a stream, or a list of utterances."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ditar import __version__
from ditar.audio.growing import GrowingWav, RawPipe
from ditar.audio.write import write_audio
from ditar.seeds import seed_of
from ditar.storage.digests import digest_tensors
from ditar.synthesis.long_text import partial_files, pause, pieces_to_speak, speak_long
from ditar.synthesis.model_folder import SHIPPED_MODEL
from ditar.synthesis.pretrained import load_pipeline, require_options
from ditar.synthesis.reference import SHIPPED_LANGUAGE
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.retry import SpeechError
from ditar.synthesis.utterance_list import MANIFEST, speak_list
from ditar.synthesis.voice import Voice, voice_warnings
from ditar.synthesis.voice_file import check_voice, load_voice
from ditar.synthesis.voice_names import SHIPPED, find_voice
from ditar.units import SAMPLE_RATE_HZ

SHOWN_WARNINGS = 10
SCHEDULER_OPTIONS = ("num_inference_steps", "solver", "time_grid")  # of models with diffusion
TOKEN_OPTIONS = ("top_k", "top_p")  # of models that draw tokens


def speak_text(options: argparse.Namespace, text: str) -> int:
    """One file of one text, of however many sentences."""
    pipeline, voice = load(options)
    pieces, warnings = pieces_to_speak(text, voice, text_config(pipeline), options.language)
    if len(pieces) == 1:
        request = SpeechRequest(pieces[0].text, voice, seed=options.seed, **_request_options(options))
        (speech,) = pipeline.batch([request], **_batch_options(options))
        warn([*warnings, *speech.warnings])
        write_audio(options.output, speech.audio, speech.sample_rate)
        seconds = len(speech.audio) / speech.sample_rate
    else:
        pipeline.set_progress_bar_config(disable=True)  # one of patches under one of sentences
        wav, note = partial_files(options.output)
        with _bar(sum(len(piece.text) for piece in pieces), "character") as bar:
            try:
                speech = speak_long(
                    pipeline,
                    pieces,
                    voice,
                    options.output,
                    seed=options.seed,
                    settings=_settings(options, pipeline, voice),
                    request_options=_request_options(options),
                    batch_options=_batch_options(options),
                    batch_size=options.batch_size,
                    on_progress=lambda piece: bar.update(len(piece.text)),
                )
            except KeyboardInterrupt:
                bar.close()
                if note.is_file():
                    print(f"ditar: what is done is in {wav}; the same command goes on from there", file=sys.stderr)
                raise
        if speech.resumed:
            print(f"ditar: {speech.resumed} of {speech.pieces} sentences were there already", file=sys.stderr)
        warn([*warnings, *speech.warnings])
        seconds = speech.seconds
    print(f"{options.output}: {seconds:.2f} s of speech")
    return 0


def speak_as_it_comes(options: argparse.Namespace, text: str) -> int:
    """A file that grows, or samples to standard output. A reader that goes away is no error: it has heard enough."""
    pipeline, voice = load(options)
    if not hasattr(pipeline, "stream"):
        raise ValueError(f"a {type(pipeline).__name__}, which this model is, has no --stream; leave it out")
    pieces, warnings = pieces_to_speak(text, voice, text_config(pipeline), options.language)
    pipeline.set_progress_bar_config(disable=True)
    of_voice = voice_warnings(voice)  # said once, not for every piece
    warn([*warnings, *of_voice])
    piped = options.output == "-"
    failed: list[str] = []
    with RawPipe(sys.stdout.buffer) if piped else GrowingWav(options.output, SAMPLE_RATE_HZ) as sink:
        try:
            for number, piece in enumerate(pieces):
                seed = options.seed if len(pieces) == 1 else seed_of(options.seed, str(number))
                request = SpeechRequest(piece.text, voice, seed=seed, **_request_options(options))
                with pipeline.stream(request, **_batch_options(options)) as chunks:
                    try:
                        for chunk in chunks:
                            sink.write(chunk)
                    except SpeechError as error:  # heard to its end; what follows is not the worse for it
                        failed.append(f"{piece.text[:40]!r}: {error}")
                warn(line for line in chunks.warnings if line not in of_voice)
                if number < len(pieces) - 1:
                    sink.write(pause(piece))
        except BrokenPipeError:
            # What Python flushes at its end must not fail a second time.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            print(f"ditar: the reader went away after {sink.samples / SAMPLE_RATE_HZ:.2f} s", file=sys.stderr)
            return 0
    for line in failed:
        print(f"ditar: error: {line}", file=sys.stderr)
    seconds = sink.samples / SAMPLE_RATE_HZ
    print(f"{options.output}: {seconds:.2f} s of speech", file=sys.stderr if piped else sys.stdout)
    return 1 if failed else 0


def speak_lines(options: argparse.Namespace, utterances: Sequence[tuple[str, str]]) -> int:
    """A file of each (id, text); 1 where one could not be spoken."""
    pipeline, voice = load(options)
    pipeline.set_progress_bar_config(disable=True)
    with _bar(sum(len(said) for _, said in utterances), "character") as bar:
        result = speak_list(
            pipeline,
            utterances,
            voice,
            options.output_dir,
            config=text_config(pipeline),
            seed=options.seed,
            settings=_settings(options, pipeline, voice),
            request_options=_request_options(options),
            batch_options=_batch_options(options),
            batch_size=options.batch_size,
            on_progress=lambda utt, said: bar.update(len(said)),
        )
    warn(_by_utterance(result.warnings))
    for utt, reason in result.failed:
        print(f"ditar: error: {utt}: {reason}", file=sys.stderr)
    spoken = f"{result.spoken} utterance{'s' * (result.spoken != 1)} spoken"
    done = f"{spoken}, {result.kept} kept, {len(result.failed)} failed"
    print(f"{Path(options.output_dir) / MANIFEST}: {done}")
    return 1 if result.failed else 0


def load(options: argparse.Namespace) -> tuple[Any, Voice]:
    """The model and the voice of a command's options."""
    pipeline = load_pipeline(options.model, device=options.device, torch_dtype=options.dtype)
    require_options(pipeline, _given(options, (*TOKEN_OPTIONS, "guidance_steps")))
    if options.voice is not None:
        named = find_voice(options.voice)
        if named.transcript is None:
            voice = load_voice(named.path)
            check_voice(voice, pipeline)
        else:
            language = SHIPPED_LANGUAGE if named.path.parent == SHIPPED else options.language
            voice = pipeline.create_voice(named.path, named.transcript or None, name=named.name, language=language)
    else:
        voice = pipeline.create_voice(options.prompt_audio, options.prompt_text, language=options.language)
    return pipeline, voice


def text_config(pipeline: Any) -> Any:
    """The configuration of the part of a pipeline that reads the text."""
    return (pipeline.ditar if hasattr(pipeline, "ditar") else pipeline.token_lm).config


def warn(warnings: Iterable[str]) -> None:
    """Each warning once, and only so many that they can be read."""
    distinct = list(dict.fromkeys(warnings))
    for warning in distinct[:SHOWN_WARNINGS]:
        print(f"ditar: warning: {warning}", file=sys.stderr)
    if len(distinct) > SHOWN_WARNINGS:
        print(f"ditar: warning: and {len(distinct) - SHOWN_WARNINGS} more", file=sys.stderr)


def _by_utterance(warnings: Iterable[tuple[str, str]]) -> list[str]:
    """Each warning once, with the utterance or the number of those that it is about."""
    about: dict[str, list[str]] = {}
    for utt, warning in dict.fromkeys(warnings):  # once, however many pieces it is true of
        about.setdefault(warning, []).append(utt)
    return [
        f"{utts[0]}: {warning}" if len(utts) == 1 else f"{len(utts)} utterances, {utts[0]} the first: {warning}"
        for warning, utts in about.items()
    ]


@contextlib.contextmanager
def _bar(total: int, unit: str) -> Iterator[tqdm]:
    """Progress with the time that is left, on a terminal."""
    with tqdm(total=total, unit=f" {unit}s", disable=None, dynamic_ncols=True) as bar:
        yield bar


def _request_options(options: argparse.Namespace) -> dict[str, Any]:
    return {"language": options.language, **_given(options, ("temperature", "guidance_scale", "stop_threshold"))}


def _batch_options(options: argparse.Namespace) -> dict[str, Any]:
    given = _given(options, ("steps", "solver", "time_grid", *TOKEN_OPTIONS, "guidance_steps", "max_retries"))
    return {"num_inference_steps" if name == "steps" else name: value for name, value in given.items()}


def _given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Those of the options that a user gave; what is not given is the model's to decide."""
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def _settings(options: argparse.Namespace, pipeline: Any, voice: Voice) -> dict[str, Any]:
    """All that the audio depends on beside the text and the seed, as plain values."""
    folder = SHIPPED_MODEL if options.model is None else Path(options.model)
    scheduler = pipeline.scheduler.config if hasattr(pipeline, "scheduler") else {}  # whose settings are used where ...
    weights = sorted(folder.rglob("*.safetensors")) if folder.is_dir() else []
    settings = {
        "model": [str(options.model), [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in weights]],
        "voice": [voice.text, list(voice.symbols), voice.vae, voice.vocabulary, digest_tensors([voice.latents])],
        "version": __version__,
        "device": options.device,
        "dtype": options.dtype,
        **_request_options(options),
        **{name: scheduler[name] for name in SCHEDULER_OPTIONS if name in scheduler},
        **_batch_options(options),  # ... an option does not name others
    }
    return json.loads(json.dumps(settings))  # as a file has them: no tuples
