"""`ditar synthesize`: speak a text in the voice of a reference clip."""

import argparse
import json
import sys
from pathlib import Path

from ditar.cli.arguments import DefaultsShown, device, number, part, whole
from ditar.config.sampling import SOLVERS, TIME_GRIDS

MAX_TEXT_BYTES = 1_000_000  # some 18 hours of speech; a file larger than this is not a text to be spoken


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "synthesize",
        help="speak a text in the voice of a reference clip",
        description="Speak a text in the voice of a reference clip. With no --model and no voice, those that come with "
        "the package are used. A text of several sentences is spoken sentence by sentence; what was finished when it "
        "is interrupted stays, and the same command goes on from there.",
        formatter_class=DefaultsShown,
    )
    text = command.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", help="what to say")
    text.add_argument(
        "--text-file",
        metavar="F|-",
        help="a UTF-8 file with what to say; - reads standard input. With --output it is one text; with --output-dir "
        "each line is an utterance: 'id<TAB>text', Kaldi's 'id text', or a text alone, whose id is the line's number",
    )
    output = command.add_mutually_exclusive_group(required=True)
    output.add_argument("--output", metavar="FILE|-", help="audio file to write: .wav, .flac or .ogg; - see --stream")
    output.add_argument(
        "--output-dir",
        metavar="DIR",
        help="folder for <id>.wav of each line of --text-file, and manifest.jsonl of what is done; what is done with "
        "the same settings is kept",
    )
    command.add_argument(
        "--stream",
        action="store_true",
        help="write while speaking: a WAV file that grows, or with --output - raw samples (16 bit, little endian, mono,"
        " 24 kHz) to standard output",
    )
    command.add_argument(
        "--voice",
        metavar="NAME|FILE",
        help="a voice: a file that `ditar voice create` made, or a name that `ditar voice list` shows",
    )
    command.add_argument("--prompt-audio", metavar="FILE", help="reference clip: WAV, FLAC, OGG or MP3, from 0.5 s on")
    command.add_argument(
        "--prompt-text",
        metavar="TEXT",
        help="exactly what is said in the reference clip; without it, more words may go wrong",
    )
    command.add_argument("--model", metavar="DIR|HUB-ID", help="a model's folder, or its name on the Hugging Face hub")
    command.add_argument(
        "--temperature",
        type=number(0.0, 100.0),
        default=argparse.SUPPRESS,
        help="where noise enters the reverse ODE, from 0 (deterministic) to 1 (ordinary sampling, the default); arXiv "
        "2502.03930, equations 3 and 4. Of a model that draws tokens: what divides their logits, above 1 too (default: "
        "the model's)",
    )
    command.add_argument(
        "--guidance-scale",
        type=number(1.0, 100.0),
        default=argparse.SUPPRESS,
        help="LM guidance, 1 + w in the paper's terms (default 2); 1 turns it off and halves the cost of LocDiT. Of a "
        "model that draws tokens: the same for the text (default: the model's)",
    )
    command.add_argument("--top-k", type=whole(1, 1000), default=argparse.SUPPRESS, help="draw from so many tokens")
    command.add_argument(
        "--top-p", type=number(1e-6, 1.0), default=argparse.SUPPRESS, help="draw from this share of the probability"
    )
    command.add_argument(
        "--steps",
        type=whole(1, 1000),
        default=argparse.SUPPRESS,
        help="diffusion steps per patch, NFE (default: the model's, 10 in the one that ships)",
    )
    command.add_argument(
        "--solver",
        choices=SOLVERS,
        default=argparse.SUPPRESS,
        help="how the reverse ODE is solved; all but ddim are diffusers' and need temperature 1 (default: the model's, "
        "ddim in the one that ships)",
    )
    command.add_argument(
        "--time-grid",
        choices=TIME_GRIDS,
        default=argparse.SUPPRESS,
        help="where the steps of ddim lie; cosine: closer at both ends, sway: closer at the noise (F5-TTS) (default: "
        "the model's, uniform in the one that ships)",
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
        type=number(0.0, 1.0),
        default=argparse.SUPPRESS,
        help="the speech ends where the stop head gives more than this (default: the model's); lower ends sooner",
    )
    command.add_argument(
        "--max-retries",
        type=whole(0, 100),
        default=argparse.SUPPRESS,
        help="new attempts, with other seeds, at speech that never ends, is silent or far too short (default: 2)",
    )
    command.add_argument(
        "--seed",
        type=whole(0, 2**63 - 1, "2^63 - 1"),
        default=0,
        help="same seed, machine and settings: same samples",
    )
    command.add_argument(
        "--batch-size", type=whole(1, 1000), default=8, help="sentences that are spoken at the same time"
    )
    command.add_argument("--language", default="en-us", help="espeak-ng's name of the language of the texts")
    command.add_argument("--device", type=device, default="auto", help="auto, cpu, cuda, cuda:1, ...")
    command.add_argument(
        "--dtype",
        choices=["auto", "float32", "bfloat16", "float16"],
        default="auto",
        help="what the model computes in; auto: bfloat16 on a GPU, float32 elsewhere",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Speak; 0 when all of it is written."""
    text, utterances = _check(options)

    from ditar.cli import speaking  # torch and all, behind what can be wrong without them

    if options.output_dir is not None:
        return speaking.speak_lines(options, utterances)
    if options.stream:
        return speaking.speak_as_it_comes(options, text)
    return speaking.speak_text(options, text)


def _check(options: argparse.Namespace) -> tuple[str, list[tuple[str, str]]]:
    """Everything that can be wrong and found in a moment; returns the text and, of a list, its (id, text) rows.
    ValueError."""
    from ditar.audio.write import check_writable
    from ditar.storage.atomic_write import check_folder
    from ditar.text import Phonemiser
    from ditar.text.lines import read_utterances

    if options.output == "-":
        options.stream = True
        if sys.stdout.isatty():
            raise ValueError(
                "--output - writes raw samples, and standard output is a terminal; pipe them into a program, "
                "| aplay -f S16_LE -r 24000, or give the name of a file"
            )
    elif options.output is not None:
        check_writable(options.output)
        if options.stream and not options.output.lower().endswith(".wav"):
            raise ValueError(f"--stream writes a WAV file that grows, or - for standard output, got {options.output!r}")
    if options.output_dir is not None:
        if options.text_file is None or options.stream:
            raise ValueError("--output-dir takes the lines of --text-file, and no --stream; give --output")
        folder = Path(options.output_dir).resolve()
        if folder.is_file() or not folder.parent.is_dir():
            raise ValueError(f"--output-dir {options.output_dir} is a file, or {folder.parent} does not exist")
        check_folder(folder if folder.is_dir() else folder.parent)
    if getattr(options, "solver", "ddim") != "ddim" and getattr(options, "temperature", 1.0) != 1.0:
        raise ValueError(f"solver {options.solver!r} has temperature 1 only, got {options.temperature}; use ddim")
    _check_utf8(options.text, "--text")
    _check_kind(options, check_model(options.model))
    check_reference(options.voice, options.prompt_audio, options.prompt_text)
    phonemise = Phonemiser(options.language)
    text = options.text if options.text_file is None else _read_text(options.text_file)
    if options.output_dir is not None:
        return text, read_utterances(text, "standard input" if options.text_file == "-" else options.text_file)
    if len(text) < 1000:  # what is longer says something
        phonemise(text, [])
    return text, []


def check_model(model: str | None) -> str | None:
    """The class of the pipeline in a model's folder; None where it is on the hub. ValueError where a folder is named
    that is not there, or holds no model."""
    if model is None:
        return "DiTARPipeline"
    folder = Path(model)
    # `exp/run` may be a name on the hub; what has no slash, or more than one, is none
    if not folder.is_dir() and model.count("/") != 1:
        raise ValueError(f"model folder {model!r} does not exist; give a folder that save_pretrained wrote")
    if not folder.is_dir():
        return None
    try:
        return json.loads((folder / "model_index.json").read_text(encoding="utf-8"))["_class_name"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder / 'model_index.json'} cannot be read; give a folder that save_pretrained wrote"
        ) from None


def _check_kind(options: argparse.Namespace, kind: str | None) -> None:
    """ValueError where an option is not for the kind of model; those of the hub look themselves when they are there."""
    given = vars(options)
    if kind == "DiTARPipeline":
        for name in ("top_k", "top_p"):
            if name in given:
                raise ValueError(f"--{name.replace('_', '-')} is for models that draw tokens; leave it out")
        if given.get("temperature", 1.0) > 1.0:
            raise ValueError(f"--temperature must be a number from 0 to 1 for this model, got {options.temperature:g}")
    elif kind == "TokenPipeline":
        defaults = {"steps": 10, "solver": "ddim", "time_grid": "uniform", "stream": False}
        defaults |= {"guidance_steps": None, "stop_threshold": None}
        for name, default in defaults.items():
            if given.get(name, default) != default:
                piped = name == "stream" and options.output == "-"
                option = "--output -" if piped else f"--{name.replace('_', '-')}"
                remedy = "give the name of a file" if piped else "leave it out"
                raise ValueError(f"{option} is for models with diffusion, and this one draws tokens; {remedy}")
        if options.prompt_audio is not None and not (options.prompt_text or "").strip():
            raise ValueError("--prompt-text is missing: this model needs the transcript of --prompt-audio")


def check_reference(voice: str | None, prompt_audio: str | None, prompt_text: str | None) -> None:
    """ValueError where a voice file or a reference clip cannot be used."""
    from ditar.audio.read import read_audio
    from ditar.audio.trim import prepare_reference
    from ditar.synthesis.voice_file import describe_voice
    from ditar.synthesis.voice_names import find_voice
    from ditar.units import SAMPLE_RATE_HZ

    _check_utf8(prompt_text, "--prompt-text")
    if voice is not None:
        if prompt_audio is not None or prompt_text is not None:
            raise ValueError("give --voice, or --prompt-audio and --prompt-text, not both")
        named = find_voice(voice)
        if named.transcript is None:
            describe_voice(named.path)
        else:
            check_reference(None, str(named.path), named.transcript)
    elif prompt_audio is not None:
        clip = read_audio(prompt_audio)
        prepare_reference(clip, SAMPLE_RATE_HZ, prompt_audio, None if (prompt_text or "").strip() else [])
    elif prompt_text is not None:
        raise ValueError("--prompt-text is the transcript of --prompt-audio, which is missing; give both or neither")


def _check_utf8(text: str | None, name: str) -> None:
    """ValueError where bytes of a command line are no UTF-8 text: Python hands them on as halves of characters."""
    try:
        (text or "").encode("utf-8")
    except UnicodeEncodeError as error:
        byte = f"0x{ord(text[error.start]) & 0xFF:02x}"
        raise ValueError(f"{name} is not UTF-8 text (byte {byte} behind {text[: error.start]!r})") from None


def _read_text(name: str) -> str:
    """The text of a file or of standard input; ValueError where it is not UTF-8 or far too large to be spoken."""
    source = "standard input" if name == "-" else name
    if name != "-" and not Path(name).is_file():
        raise ValueError(f"text file {name} does not exist")
    with sys.stdin.buffer if name == "-" else open(name, "rb") as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"{source} holds more than {MAX_TEXT_BYTES} bytes; speak it in parts")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{source} is not UTF-8 text (byte {error.start}); convert it with iconv -t UTF-8") from None
