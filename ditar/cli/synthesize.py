"""`ditar synthesize`: speak a text in the voice of a reference clip."""

import argparse
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ditar.cli.arguments import DefaultsShown, add_model_options
from ditar.cli.checks import TOKEN_OPTIONS, check_adapting, check_options, check_text_options
from ditar.cli.interrupt import starting
from ditar.cli.script_checks import check_script
from ditar.cli.synthesize_options import add_output_options, add_sampling_options, add_text_options, add_voice_options
from ditar.storage.json_lines import MANIFEST

REQUEST_OPTIONS = ("temperature", "guidance_scale", "stop_threshold", "speed")
BATCH_OPTIONS = (
    "num_inference_steps", "solver", "time_grid", *TOKEN_OPTIONS, "guidance_rise", "guidance_steps", "max_retries",
)  # fmt: skip


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "synthesize",
        help="speak a text in the voice of a recording",
        description="Speak a text in the voice of a recording. Without --model and a voice, those that come with the "
        "package are used. A text of several sentences is spoken sentence by sentence. If it is interrupted, finished "
        "sentences are kept, and the same command goes on from there.",
        formatter_class=DefaultsShown,
    )
    add_text_options(command)
    add_output_options(command)
    add_voice_options(command)
    add_sampling_options(command)
    add_model_options(command, adapter=True, fast=True)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Speak; 0 when all of it is written."""
    check_options(options)
    script = check_script(options)
    text, utterances, reference = ("", None, None) if script is not None else check_text_options(options)
    check_adapting([reference] if script is None else script.sources.values(), options.model, options.adapt)

    from ditar.cli import printing

    if utterances is not None:
        source = "standard input" if options.text_file == "-" else options.text_file
        printing.say(f"{source}: {utterances.reading}")
    # torch and all the rest, after the checks that do not need them
    with starting():
        from ditar.audio.encode import Pipe
        from ditar.audio.growing import GrowingWav
        from ditar.cli.learning import chosen_voice
        from ditar.synthesis.finished import partial_files
        from ditar.synthesis.long_text import speak_text, stream_text
        from ditar.synthesis.pieces import pieces_to_speak
        from ditar.synthesis.pretrained import load_pipeline, require_options
        from ditar.synthesis.request import check_timestamps
        from ditar.synthesis.script import script_to_speak
        from ditar.synthesis.time_files import time_format, write_times
        from ditar.synthesis.timing import joined
        from ditar.synthesis.utterance_list import SpeechTask, model_settings, speak_many
        from ditar.synthesis.voice import voice_key
        from ditar.units import SAMPLE_RATE_HZ

        pipeline = load_pipeline(
            options.model,
            device=options.device,
            torch_dtype=options.dtype,
            threads=options.threads,
            adapter=options.adapter,
        )
    require_options(pipeline, _given(options, (*TOKEN_OPTIONS, "guidance_rise", "guidance_steps")))
    asked = {"language": options.language, **_given(options, REQUEST_OPTIONS)}
    check_timestamps(pipeline.text_config, options.timestamps is not None)
    shared = _given(options, BATCH_OPTIONS)
    settings = model_settings(
        pipeline, options.model, options.device, options.dtype, options.adapter, **asked, **shared
    )

    if utterances is not None:
        pipeline.set_progress_bar_config(disable=True)
        voice = chosen_voice(reference, pipeline, options.adapt)
        key = voice_key(voice)
        tasks = [SpeechTask(utt, said, voice, key, None, asked, shared) for utt, said in utterances.rows]
        with printing.Progress(sum(len(said) for _, said in utterances.rows)) as progress:
            result = speak_many(
                pipeline, tasks, options.output_dir, seed=options.seed, settings=settings,
                times=None if options.timestamps is None else time_format(options.timestamps),
                batch_size=options.batch_size,
                on_progress=lambda tasks, made: progress(sum(len(task.text) for task in tasks), made),
                on_resume=printing.of_what_was_there,
            )  # fmt: skip
        return printing.of_list(result, Path(options.output_dir) / MANIFEST, options.strict)

    config = pipeline.text_config
    if script is None:
        voice = chosen_voice(reference, pipeline, options.adapt)
        pieces, warnings = pieces_to_speak(text, voice, config, options.language)
    else:
        voices = {speaker: chosen_voice(source, pipeline, options.adapt) for speaker, source in script.sources.items()}
        pieces, warnings = script_to_speak(script.turns, voices, config, options.language, script.name)
    if options.stream:
        if not hasattr(pipeline, "stream"):
            raise ValueError(f"a {pipeline.class_name}, which this model is, has no --stream; leave it out")
        pipeline.set_progress_bar_config(disable=True)
        printing.warn(warnings)
        piped, timings = options.output == "-", []
        pipe = Pipe(sys.stdout.buffer, options.output_format or "pcm") if piped else None
        with nullcontext(pipe) if piped else GrowingWav(options.output, SAMPLE_RATE_HZ) as sink:
            try:
                failed = stream_text(
                    pipeline, pieces, sink, seed=options.seed, request_options=asked, stream_options=shared,
                    on_timing=None if options.timestamps is None else timings.append, warn=printing.warn,
                )  # fmt: skip
                if piped:
                    pipe.finish()
            except BrokenPipeError:
                return printing.of_lost_reader(sink)
        if options.timestamps is not None:
            whole = joined([(timing, 0) for timing in timings])
            write_times(options.timestamps, whole, sink.samples / SAMPLE_RATE_HZ)
        return printing.of_stream(options.output, sink, failed)

    if len(pieces) > 1:
        pipeline.set_progress_bar_config(disable=True)  # a bar of patches would break the bar of sentences
    with printing.Progress(sum(len(piece.text) for piece in pieces) if len(pieces) > 1 else None) as progress:
        try:
            speech = speak_text(
                pipeline, pieces, options.output, seed=options.seed, settings=settings, request_options=asked,
                batch_options=shared, batch_size=options.batch_size, timestamps=options.timestamps is not None,
                warn=printing.warn,
                on_progress=lambda some, made: progress(sum(len(piece.text) for piece in some), made),
            )  # fmt: skip
        except KeyboardInterrupt:
            printing.of_interrupted(*partial_files(options.output))
            raise
    if options.timestamps is not None:
        write_times(options.timestamps, speech.timing, speech.seconds)
    return printing.of_text(options.output, speech, warnings, options.strict)


def _given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """The options that a user gave; the model decides the others."""
    return {name: getattr(options, name) for name in names if hasattr(options, name)}
