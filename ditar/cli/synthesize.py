"""`ditar synthesize`: speak a text in the voice of a reference clip."""

import argparse
import sys
from pathlib import Path

from ditar.cli.arguments import count, number, seed
from ditar.diffusion import SOLVERS, TIME_GRIDS

MAX_TEXT_BYTES = 1_000_000  # a file larger than this is not a text to be spoken


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "synthesize",
        help="speak a text in the voice of a reference clip",
        description="Speak a text in the voice of a reference clip. With no --model and no --prompt-audio, the model "
        "and the voice that come with the package are used.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    text = command.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", help="what to say")
    text.add_argument("--text-file", metavar="F|-", help="a UTF-8 file with what to say; - reads standard input")
    command.add_argument("--output", required=True, metavar="FILE", help="audio file to write: .wav, .flac or .ogg")
    command.add_argument("--prompt-audio", metavar="FILE", help="reference clip: WAV, FLAC, OGG or MP3, 0.5 to 30 s")
    command.add_argument("--prompt-text", metavar="TEXT", help="exactly what is said in the reference clip")
    command.add_argument("--model", metavar="DIR|HUB-ID", help="a model's folder, or its name on the Hugging Face hub")
    command.add_argument(
        "--temperature",
        type=number(0.0, 1.0),
        default=1.0,
        help="where noise enters the reverse ODE, from 0 (deterministic) to 1 (ordinary sampling); arXiv 2502.03930, "
        "equations 3 and 4",
    )
    command.add_argument(
        "--guidance-scale",
        type=number(1.0, 100.0),
        default=2.0,
        help="LM guidance, 1 + w in the paper's terms; 1 turns it off and halves the cost of LocDiT",
    )
    command.add_argument("--steps", type=count, default=10, help="diffusion steps per patch (NFE)")
    command.add_argument(
        "--solver",
        choices=SOLVERS,
        default="ddim",
        help="how the reverse ODE is solved; all but ddim are diffusers' and need temperature 1",
    )
    command.add_argument(
        "--time-grid",
        choices=TIME_GRIDS,
        default="uniform",
        help="where the steps of ddim lie; cosine: closer at both ends, sway: closer at the noise (F5-TTS)",
    )
    command.add_argument("--seed", type=seed, default=0, help="same seed, machine and settings: same samples")
    command.add_argument("--language", default="en-us", help="espeak-ng's name of the language of the texts")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    command.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Speak; 0 when the file is written."""
    from ditar.audio.write import check_writable, write_audio

    check_writable(options.output)  # before seconds of imports and minutes of work
    text = options.text if options.text_file is None else _read_text(options.text_file)

    from ditar.pipeline import DiTARPipeline

    pipeline = DiTARPipeline.from_pretrained(options.model, device=options.device, torch_dtype=options.dtype)
    speech = pipeline(
        text,
        prompt_audio=options.prompt_audio,
        prompt_text=options.prompt_text,
        temperature=options.temperature,
        guidance_scale=options.guidance_scale,
        num_inference_steps=options.steps,
        solver=options.solver,
        time_grid=options.time_grid,
        seed=options.seed,
        language=options.language,
    )
    for warning in speech.warnings:
        print(f"ditar: warning: {warning}", file=sys.stderr)
    write_audio(options.output, speech.audio, speech.sample_rate)
    print(f"{options.output}: {len(speech.audio) / speech.sample_rate:.2f} s of speech")
    return 0


def _read_text(name: str) -> str:
    """The text of a file or of standard input; ValueError where it is not UTF-8 or far too large to be spoken."""
    source = "standard input" if name == "-" else name
    if name != "-" and not Path(name).is_file():
        raise ValueError(f"text file {name} does not exist")
    with sys.stdin.buffer if name == "-" else open(name, "rb") as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"{source} holds more than {MAX_TEXT_BYTES} bytes; give one sentence at a time")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{source} is not UTF-8 text (byte {error.start}); convert it with iconv -t UTF-8") from None
