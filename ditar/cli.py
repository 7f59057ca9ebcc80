"""`ditar <command>`: argument parsing only. Commands import what they need when they run, so --help needs no torch."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ditar.diffusion import SOLVERS, TIME_GRIDS

MAX_TEXT_BYTES = 1_000_000  # a file larger than this is not a text to be spoken


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed (one line says why), 2 bad use, 130 interrupted."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 2
    # Two programs that spin on the same cores while they wait slow each other down many times over. OpenMP reads this
    # when torch is imported, which a command does when it runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        print("ditar: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except (ValueError, OSError, ImportError) as error:  # every error class of the package is a ValueError
        print(f"ditar: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="ditar", description="Zero-shot speech synthesis over continuous latents.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_synthesize(commands)
    _add_info(commands)
    _add_evaluate(commands)
    _add_validate_data(commands)
    return parser


def _add_synthesize(commands) -> None:
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
        type=_number(0.0, 1.0),
        default=argparse.SUPPRESS,
        help="where noise enters the reverse ODE, from 0 (deterministic) to 1 (ordinary sampling, the default); arXiv "
        "2502.03930, equations 3 and 4. Of a model that draws tokens: what divides their logits (default: the model's)",
    )
    command.add_argument(
        "--guidance-scale",
        type=_number(1.0, 100.0),
        default=argparse.SUPPRESS,
        help="LM guidance, 1 + w in the paper's terms (default 2); 1 turns it off and halves the cost of LocDiT. Of a "
        "model that draws tokens: the same for the text (default: the model's)",
    )
    command.add_argument("--top-k", type=_count, default=argparse.SUPPRESS, help="draw from so many tokens")
    command.add_argument(
        "--top-p", type=_number(0.0, 1.0), default=argparse.SUPPRESS, help="draw from this share of the probability"
    )
    command.add_argument("--steps", type=_count, default=10, help="diffusion steps per patch (NFE)")
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
    command.add_argument("--seed", type=_seed, default=0, help="same seed, machine and settings: same samples")
    command.add_argument("--language", default="en-us", help="espeak-ng's name of the language of the texts")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    command.add_argument("--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto")
    command.set_defaults(run=_synthesize)


def _synthesize(options: argparse.Namespace) -> int:
    from ditar.audio.write import check_writable, write_audio

    check_writable(options.output)  # before seconds of imports and minutes of work
    text = options.text if options.text_file is None else _read_text(options.text_file)

    from ditar.pretrained import load_pipeline, require_options

    pipeline = load_pipeline(options.model, device=options.device, torch_dtype=options.dtype)
    given = {n: getattr(options, n) for n in ("temperature", "guidance_scale", "top_k", "top_p") if hasattr(options, n)}
    require_options(pipeline, given)
    speech = pipeline(
        text,
        prompt_audio=options.prompt_audio,
        prompt_text=options.prompt_text,
        **given,
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


def _add_info(commands) -> None:
    command = commands.add_parser(
        "info",
        help="parameters and FLOPs of a configuration",
        description="Parameters per part, and FLOPs of a 3 s reference + 10 s of output + 130 text tokens at NFE 10 "
        "with guidance, counted on the meta device: nothing is allocated.",
    )
    command.add_argument("config", metavar="CONFIG", help="a file such as configs/ditar/0.6b.yaml")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=_info)


def _info(options: argparse.Namespace) -> int:
    import json

    from ditar.config import BaselineConfig, DiTARConfig, is_baseline, load_config

    if is_baseline(options.config):
        config, settings = load_config(options.config, BaselineConfig), "its own guidance"
        from ditar.baseline.info import describe
    else:
        config, settings = load_config(options.config, DiTARConfig), "NFE 10, guidance"
        from ditar.model.info import describe

    description = describe(config)
    if options.json:
        print(json.dumps(description, indent=2))
        return 0
    for part, count in description["parameters"].items():
        print(f"{part:<20} {count / 1e6:10.2f} M parameters")
    for name, count, ours in description.get("published", []):
        print(f"{'published':<20} {count / 1e6:10.2f} M, here {ours / 1e6:.2f} M: {name}")
    print(f"{'cost':<20} {description['tflops']:10.3f} TFLOPs for 3 s reference + 10 s output, {settings}")
    return 0


def _add_evaluate(commands) -> None:
    command = commands.add_parser(
        "evaluate",
        help="score synthesised audio files",
        description="Word error, closed-set recognition, speaker similarity and failed outputs of audio files. Needs "
        "the extra: pip install '.[eval]'.",
    )
    command.add_argument("audio", metavar="DIR", help="<utt>.wav files, or a Kaldi folder with wav.scp")
    command.add_argument("text", metavar="TEXT", help="a Kaldi text file: what each utterance should say")
    command.add_argument("--references", metavar="DIR", help="reference clips, for speaker similarity")
    command.add_argument("--originals", metavar="DIR", help="recordings of the same utterances, to compare with")
    command.add_argument(
        "--closed-set", metavar="FILE", action="append", default=[], help="more sentences, as decoys; may be repeated"
    )
    command.add_argument("--output", metavar="DIR", help="folder for score.json, utterances.jsonl and score.md")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    import json

    from ditar.evaluate.report import markdown
    from ditar.evaluate.score import score

    result = score(
        options.audio,
        options.text,
        reference_dir=options.references,
        original_dir=options.originals,
        closed_set=options.closed_set,
        out=options.output,
    )
    print(json.dumps(result, indent=2) if options.json else markdown(result), end="\n" if options.json else "")
    return 0


def _add_validate_data(commands) -> None:
    command = commands.add_parser(
        "validate-data",
        help="check Kaldi data directories",
        description="Apply Kaldi's rules to data directories, open the header of every audio file, and say everything "
        "that is wrong with file, line and remedy. Prints a line for each directory that is good; exit code 1 if one "
        "is not.",
    )
    command.add_argument("data", metavar="DIR", nargs="+", help="data directory; no utterance may be in two")
    command.add_argument(
        "--manifests", metavar="DIR", help="if all are good, write lhotse cuts to DIR/<directory's name>.jsonl.gz"
    )
    command.set_defaults(run=_validate_data)


def _validate_data(options: argparse.Namespace) -> int:
    from ditar.data.validate import validate_data_dirs

    problems, summaries = validate_data_dirs(options.data)
    for line in summaries:
        print(line)
    for problem in problems:
        print(f"ditar: error: {problem}", file=sys.stderr)
    if options.manifests and not problems:
        from ditar.data.manifests import write_manifest

        for folder in map(Path, options.data):
            write_manifest(folder, Path(options.manifests) / f"{folder.resolve().name}.jsonl.gz")
    return 1 if problems else 0


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


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a number from {low:g} to {high:g}, got {text!r}")
        return value

    return parse


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 1000, got {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2^63 - 1, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
