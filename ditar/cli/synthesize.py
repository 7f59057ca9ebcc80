"""`ditar synthesize`: speak a text in the voice of a reference clip."""

import argparse
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ditar.audio.formats import STREAMED
from ditar.cli.arguments import (
    DefaultsShown,
    add_clip_options,
    add_lexicon_option,
    add_model_options,
    number,
    part,
    whole,
)
from ditar.cli.checks import TOKEN_OPTIONS, check_adapting, check_options, check_text_options
from ditar.cli.interrupt import starting
from ditar.cli.script_checks import check_script
from ditar.config.numbers import MAX_SEED
from ditar.config.sampling import (
    BATCH_SIZE,
    MAX_RETRIES,
    MOST_RETRIES,
    MOST_ROWS,
    MOST_STEPS,
    RANGES,
    RISES,
    SOLVERS,
    TIME_GRIDS,
)
from ditar.storage.json_lines import MANIFEST
from ditar.text.lines import LIST_FORMATS

REQUEST_OPTIONS = ("temperature", "guidance_scale", "stop_threshold", "speed")
BATCH_OPTIONS = (
    "num_inference_steps", "solver", "time_grid", *TOKEN_OPTIONS, "guidance_rise", "guidance_steps", "max_retries",
)  # fmt: skip


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "synthesize",
        help="speak a text in the voice of a reference clip",
        description="Speak a text in the voice of a reference clip. With no --model and no voice, those that come with "
        "the package are used. A text of several sentences is spoken sentence by sentence; finished sentences are kept "
        "when it is interrupted, and the same command resumes from there.",
        formatter_class=DefaultsShown,
    )
    text = command.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", help="what to say")
    text.add_argument(
        "--text-file",
        metavar="F|-",
        help="a UTF-8 file with what to say; - reads standard input. With --output it is one text; with --output-dir "
        "each line is an utterance, see --list-format",
    )
    text.add_argument(
        "--script",
        metavar="F|-",
        help="a UTF-8 file with lines '[anna] text' of several speakers, for one file; lines without a speaker go on "
        "with the previous one's. Each is spoken by the voice of that name, see --voice and --script-voice",
    )
    command.add_argument(
        "--script-voice",
        metavar="NAME=VOICE",
        action="append",
        help="the voice, as --voice takes it, of a speaker of the script; may be given several times",
    )
    command.add_argument(
        "--list-format",
        choices=LIST_FORMATS,
        default="auto",
        help="for the lines of --output-dir: tab: 'id<TAB>text'; kaldi: 'id text'; text: a text only, whose id is the "
        "line's number; auto: tab if every line has one, kaldi if every line begins with an id that cannot be a word "
        "(utt1, spk_003, 84-121123-0000), otherwise text; it reports how they were read",
    )
    output = command.add_mutually_exclusive_group(required=True)
    output.add_argument(
        "--output",
        metavar="FILE|-",
        help="audio file to write: .wav, .flac, .mp3, .opus or .ogg (Vorbis); - is standard output, see "
        "--output-format",
    )
    output.add_argument(
        "--output-dir",
        metavar="DIR",
        help="folder for <id>.wav of each line of --text-file, and manifest.jsonl of what is done; files made with the "
        "same settings are kept",
    )
    command.add_argument(
        "--timestamps",
        metavar="FILE|FORMAT",
        help="file for the times of words and sounds: .json, .srt or .vtt (subtitles), .TextGrid (Praat); with "
        "--output-dir only one of these endings, for a file beside each WAV. For a model with monotonic alignment (its "
        "configuration says so)",
    )
    command.add_argument(
        "--stream",
        action="store_true",
        help="write while speaking: a growing WAV file, or with --output - to standard output, see --output-format",
    )
    command.add_argument(
        "--output-format",
        choices=STREAMED,
        help="of --output -, which is written while it is made, but for flac; pcm: raw samples, 16 bit, little endian, "
        "mono, 24 kHz (default: pcm)",
    )
    command.add_argument(
        "--voice",
        metavar="NAME|FILE",
        help="a voice: a file that `ditar voice create` made, or a name that `ditar voice list` shows",
    )
    add_clip_options(command)
    command.add_argument(
        "--temperature",
        type=number(*RANGES["temperature"]),
        default=argparse.SUPPRESS,
        help="where noise enters the reverse ODE, from 0 (deterministic) to 1 (ordinary sampling; default: the model's, "
        "0.1 for the one that ships); arXiv 2502.03930, equations 3 and 4. For a model that draws tokens: it divides "
        "their logits, and may exceed 1",
    )
    command.add_argument(
        "--guidance-scale",
        type=number(*RANGES["guidance_scale"]),
        default=argparse.SUPPRESS,
        help="LM guidance, 1 + w in the paper's terms (default: the model's, 2 for the one that ships); 1 turns it off "
        "and halves the cost of LocDiT. For a model that draws tokens: the same for the text",
    )
    command.add_argument("--top-k", type=whole(1, 1000), default=argparse.SUPPRESS, help="draw from this many tokens")
    command.add_argument(
        "--top-p", type=number(1e-6, 1.0), default=argparse.SUPPRESS, help="draw from this share of the probability"
    )
    command.add_argument(
        "--steps",
        dest="num_inference_steps",
        metavar="STEPS",
        type=whole(1, MOST_STEPS),
        default=argparse.SUPPRESS,
        help="diffusion steps per patch, NFE (default: the model's, 8 for the one that ships)",
    )
    command.add_argument(
        "--solver",
        choices=SOLVERS,
        default=argparse.SUPPRESS,
        help="how the reverse ODE is solved; all but ddim are diffusers' and need temperature 1 (default: the model's, "
        "ddim for the one that ships)",
    )
    command.add_argument(
        "--time-grid",
        choices=TIME_GRIDS,
        default=argparse.SUPPRESS,
        help="how the steps of ddim are spaced; cosine: denser at both ends, sway: denser at the noise (F5-TTS) "
        "(default: the model's, sway for the one that ships)",
    )
    command.add_argument(
        "--guidance-rise",
        type=number(*RISES),
        metavar="R",
        default=argparse.SUPPRESS,
        help="guidance is R times as strong at the data as at the noise, and as --guidance-scale says in the middle; 1: "
        "the same at all times, as in the paper (default: the model's, 4 for the one that ships)",
    )
    command.add_argument(
        "--guidance-steps",
        type=part,
        metavar="LOW,HIGH",
        default=argparse.SUPPRESS,
        help="guidance at this part of the steps only, such as 0,0.5; the others cost half (default: 0,1)",
    )
    command.add_argument(
        "--stop-threshold",
        type=number(*RANGES["stop_threshold"]),
        default=argparse.SUPPRESS,
        help="the speech ends when the stop head exceeds this (default: the model's); lower ends sooner",
    )
    command.add_argument(
        "--speed",
        type=number(*RANGES["speed"]),
        default=argparse.SUPPRESS,
        help="2 is twice as fast, 0.5 half as fast, at the same pitch (default: the voice's own pace)",
    )
    command.add_argument(
        "--max-retries",
        type=whole(0, MOST_RETRIES),
        default=argparse.SUPPRESS,
        help="new attempts, with other seeds, at speech that never ends, is silent or far too short; none at "
        f"temperature 0, where every seed says the same (default: {MAX_RETRIES})",
    )
    command.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 if speech is still cut off, silent or far too short after its retries; it is written, and "
        "marked `wrong` in manifest.jsonl, in any case",
    )
    command.add_argument(
        "--seed",
        type=whole(0, MAX_SEED, "2^63 - 1"),
        default=0,
        help="same seed, machine, settings and --threads: same samples",
    )
    command.add_argument(
        "--batch-size", type=whole(1, MOST_ROWS), default=BATCH_SIZE, help="sentences that are spoken at the same time"
    )
    add_lexicon_option(command)
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
