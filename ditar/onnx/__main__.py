"""`ditar-onnx`, or `python -m ditar.onnx`: speak a text from an exported model."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from ditar.audio.encode import Pipe
from ditar.audio.formats import FORMATS
from ditar.audio.growing import GrowingWav
from ditar.audio.write import check_writable, write_audio
from ditar.config.sampling import MAX_RETRIES
from ditar.onnx.ddim import TIME_GRIDS
from ditar.onnx.speaker import Speaker
from ditar.storage.inputs import decode_text, read_input
from ditar.units import samples_to_seconds

SAMPLING = ("temperature", "guidance_scale", "guidance_rise", "num_inference_steps", "time_grid")


def build_parser() -> argparse.ArgumentParser:
    """The options, which mean what they do for `ditar synthesize`."""
    parser = argparse.ArgumentParser("ditar-onnx", description=__doc__.splitlines()[0])
    parser.add_argument("--model", metavar="DIR", required=True, help="a folder that `ditar export` wrote")
    text = parser.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", help="what to say, of any length")
    text.add_argument("--text-file", metavar="F|-", help="a UTF-8 file with it; - is standard input")
    parser.add_argument(
        "--output", metavar="FILE|-", required=True,
        help=f"{', '.join(FORMATS)}; - writes 16-bit samples at 24 kHz to standard output while they are made",
    )  # fmt: skip
    parser.add_argument("--stream", action="store_true", help="write a WAV file that grows while it is made")
    parser.add_argument("--voice", metavar="NAME", help="a voice of the model's folder")
    parser.add_argument("--prompt-audio", metavar="FILE", help="a reference clip instead: 0.5 to 30 s of one voice")
    parser.add_argument("--prompt-text", metavar="TEXT", help="exactly what is said in it")
    parser.add_argument("--lexicon", metavar="FILE", help="pronunciations, word<TAB>IPA on each line")
    parser.add_argument("--language", default="en-us", help="espeak-ng's name of it (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the same one repeats the speech (default: %(default)s)")
    parser.add_argument("--temperature", type=float, help="0 to 1: where noise enters (default: the model's)")
    parser.add_argument("--guidance-scale", type=float, help="1 to 100; 1 is off (default: the model's)")
    parser.add_argument("--guidance-rise", type=float, help="1 to 100: stronger at the data (default: the model's)")
    parser.add_argument("--steps", type=int, dest="num_inference_steps", help="of diffusion (default: the model's)")
    parser.add_argument("--time-grid", choices=TIME_GRIDS, help="how they are spaced (default: the model's)")
    parser.add_argument("--stop-threshold", type=float, help="0 to 1; lower ends sooner (default: the model's)")
    parser.add_argument("--speed", type=float, help="0.5 to 2, 2 is twice as fast")
    parser.add_argument("--max-retries", type=int, default=MAX_RETRIES, help="of failed speech (default: %(default)s)")
    parser.add_argument(
        "--threads", type=int, default=1,
        help="of onnxruntime, for what is read and decoded at once; a patch is made by one (default: %(default)s)",
    )  # fmt: skip
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 done, 1 failed (one line says why)."""
    options = build_parser().parse_args(arguments)
    try:
        return _speak(options)
    except BrokenPipeError:
        return 1
    except (ValueError, OSError) as error:  # every error class of the package is a ValueError
        print(f"ditar-onnx: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _speak(options: argparse.Namespace) -> int:
    piped = options.output == "-"
    if not piped:
        check_writable(options.output)
        if options.stream and Path(options.output).suffix.lower() != ".wav":
            raise ValueError(f"--stream writes a growing WAV file, or - for standard output, got {options.output!r}")
    if options.voice is not None and options.prompt_audio is not None:
        raise ValueError("give --voice, or --prompt-audio and --prompt-text, not both")
    if options.prompt_text is not None and options.prompt_audio is None:
        raise ValueError("--prompt-text is the transcript of --prompt-audio, which is missing; give both or neither")
    text = options.text if options.text_file is None else _read(options.text_file)
    speaker, voice = Speaker(options.model, options.threads), options.voice
    if options.prompt_audio is not None:
        voice = speaker.create_voice(options.prompt_audio, options.prompt_text, language=options.language)
    asked = {name: getattr(options, name) for name in SAMPLING} | {
        name: getattr(options, name)
        for name in ("seed", "lexicon", "language", "stop_threshold", "speed", "max_retries")
    }
    if piped or options.stream:
        pipe = Pipe(sys.stdout.buffer) if piped else None
        with nullcontext(pipe) if piped else GrowingWav(options.output, speaker.sample_rate) as sink:
            for chunk in speaker.stream(text, voice, **asked):
                sink.write(chunk)
        seconds = samples_to_seconds(sink.samples)
    else:
        speech = speaker(text, voice, **asked)
        for warning in dict.fromkeys(speech.warnings):
            print(f"ditar-onnx: warning: {warning}", file=sys.stderr)
        write_audio(options.output, speech.audio, speech.sample_rate)
        seconds = samples_to_seconds(len(speech.audio))
    print(f"{options.output}: {seconds:.2f} s of speech", file=sys.stderr if piped else sys.stdout)
    return 0


def _read(name: str) -> str:
    data = sys.stdin.buffer.read() if name == "-" else read_input(name)
    try:
        return decode_text(data)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


if __name__ == "__main__":
    sys.exit(main())
