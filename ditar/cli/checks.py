"""Quick checks of the options of `ditar synthesize` and `ditar voice`, without torch."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ditar.cli.streams import require_open
from ditar.config.sampling import OPTIONS, SamplingOptions
from ditar.storage.inputs import decode_text, read_input
from ditar.storage.json_lines import MANIFEST

if TYPE_CHECKING:
    from ditar.synthesis.voice_names import VoiceSource
    from ditar.text.lexicon import Lexicon
    from ditar.text.lines import UtteranceList

MAX_TEXT_BYTES = 1_000_000  # some 18 hours of speech; a larger file is not a text to be spoken
MAX_CLIP_BYTES = 200_000_000
TOKEN_OPTIONS = ("top_k", "top_p")  # for models that draw tokens
OPTION_NAMES = {"num_inference_steps": "--steps"}  # if it differs from the setting's


def check_options(options: argparse.Namespace) -> None:
    """What can be checked quickly of how and where something is spoken. ValueError, or WriteError."""
    from ditar.audio.write import check_writable
    from ditar.storage.atomic_write import check_folder

    if options.output == "-":
        options.stream = True
        require_open("stdout", "--output -")
        if sys.stdout.isatty():
            raise ValueError(
                "--output - writes audio, but standard output is a terminal; pipe it into a program, "
                "| aplay -f S16_LE -r 24000, or give the name of a file"
            )
    elif options.output_format is not None:
        what = "its format is the ending of its name" if options.output_dir is None else "--output-dir writes WAV files"
        raise ValueError(f"--output-format is for --output -; {what}: leave it out")
    elif options.output is not None:
        check_writable(options.output)
        if options.stream and not options.output.lower().endswith(".wav"):
            raise ValueError(f"--stream writes a growing WAV file, or - for standard output, got {options.output!r}")
    if options.output_dir is not None:
        if options.text_file is None or options.stream:
            raise ValueError("--output-dir takes the lines of --text-file, and no --stream; give --output")
        folder = Path(options.output_dir).resolve()
        if folder.exists() and not folder.is_dir():
            raise ValueError(
                f"--output-dir {options.output_dir} is a file; give another name, or --output for one text"
            )
        if not folder.parent.is_dir():
            raise ValueError(f"the folder {folder.parent} does not exist; create it with: mkdir -p {folder.parent}")
        check_folder(folder if folder.is_dir() else folder.parent)
    elif options.list_format != "auto":
        raise ValueError("--list-format is for the lines of --output-dir; leave it out")
    if options.timestamps is not None:
        _check_timestamps(options)
    if getattr(options, "solver", "ddim") != "ddim" and getattr(options, "temperature", 1.0) != 1.0:
        raise ValueError(f"solver {options.solver!r} allows temperature 1 only, got {options.temperature}; use ddim")
    _check_kind(options, check_model(options.model, options.adapter))


def check_text_options(options: argparse.Namespace) -> "tuple[str, UtteranceList | None, VoiceSource]":
    """What can be checked quickly of one text, or of a list; returns the text, the utterances of the list, and the
    source of the voice. ValueError, or WriteError."""
    from ditar.storage.atomic_write import check_not_input
    from ditar.synthesis.finished import partial_files
    from ditar.synthesis.time_files import time_format
    from ditar.synthesis.model_folder import voices_of
    from ditar.synthesis.voice_names import read_voice
    from ditar.text.frontend import check_language, check_text
    from ditar.text.lines import read_utterances

    check_utf8(options.text, "--text")
    check_utf8(options.prompt_text, "--prompt-text")
    lexicon = lexicon_of(options)
    if options.prompt_audio == "-" == options.text_file:
        raise ValueError("--prompt-audio - and --text-file - would read the same; give the name of a file for one")
    own = voices_of(options.model, options.adapter)
    of_voice = options.voice, prompt_clip(options), options.prompt_text, options.language, own
    reference = read_voice(*of_voice, denoise=options.denoise)
    text = options.text if options.text_file is None else read_text(options.text_file, "--text-file")
    inputs = input_files(options.voice, options.prompt_audio, options.text_file, options.lexicon, of_model=own)
    if options.output_dir is not None:
        folder = Path(options.output_dir).resolve()
        name = "standard input" if options.text_file == "-" else options.text_file
        utterances = read_utterances(text, name, options.list_format)
        endings = ["wav"] if options.timestamps is None else ["wav", time_format(options.timestamps)]
        for file in (MANIFEST, "stopped", *(f"{utt}.{ending}" for utt, _ in utterances.rows for ending in endings)):
            check_not_input(folder / file, "--output-dir", inputs)
        check_language(options.language)
        rows = [(utt, lexicon.apply(said, options.language)) for utt, said in utterances.rows]
        return text, replace(utterances, rows=rows), reference
    if options.output != "-":
        for path in (options.output, *partial_files(options.output)):
            check_not_input(path, "--output", inputs)
    text = lexicon.apply(text, options.language)
    check_text(text, options.language)
    return text, None, reference


def input_files(
    voice: str | None,
    prompt_audio: str | None,
    text_file: str | None = None,
    lexicon: str | None = None,
    script: str | None = None,
    of_model: Path | None = None,
) -> dict[str, Path]:
    """The input files, by the option that names them: none of them may be overwritten."""
    from ditar.synthesis.voice_names import find_voices

    files = {"--prompt-audio": prompt_audio, "--text-file": text_file, "--lexicon": lexicon, "--script": script}
    for named, _ in [] if voice is None else find_voices(voice, of_model):
        files[f"--voice {named.name}"] = named.path
        files[f"the transcript of --voice {named.name}"] = named.path.with_suffix(".txt")
    return {option: Path(file) for option, file in files.items() if file not in (None, "-")}


def prompt_clip(options: argparse.Namespace) -> str | bytes | None:
    """The reference clip: a file's name, or what standard input holds. ValueError: too much, or nothing."""
    if options.prompt_audio != "-" or getattr(options, "voice", None) is not None:
        return options.prompt_audio
    data = read_named("-", "--prompt-audio", MAX_CLIP_BYTES + 1)
    if not 0 < len(data) <= MAX_CLIP_BYTES:
        many = f"more than {MAX_CLIP_BYTES}" if data else "no"
        raise ValueError(f"--prompt-audio -: standard input holds {many} bytes; give a clip of 0.5 to 30 s of speech")
    return data


def lexicon_of(options: argparse.Namespace) -> "Lexicon":
    """The pronunciations of --lexicon. TextError names bad lines; ValueError: the file does not exist."""
    from ditar.text.lexicon import as_lexicon

    try:
        return as_lexicon(options.lexicon)
    except FileNotFoundError:
        raise ValueError(f"--lexicon: the file {options.lexicon} does not exist") from None


def read_named(name: str, option: str, most_bytes: int = -1) -> bytes:
    """The bytes, or the first of them, of a file, a pipe or, by the name -, of standard input. ValueError: there is no
    such file, or standard input is closed; OSError as `storage.inputs.read_input`."""
    if name == "-":
        require_open("stdin", f"{option} -")
        return sys.stdin.buffer.read(most_bytes)
    try:
        return read_input(name, most_bytes)
    except FileNotFoundError:
        raise ValueError(f"{option}: the file {name} does not exist") from None


def check_model(model: str | None, adapter: str | None = None) -> str | None:
    """The class of the pipeline in a model's folder; None if it is on the hub. ValueError if a named folder does not
    exist, or holds no model or no adapter."""
    if adapter is not None and not (Path(adapter) / "base.json").is_file():  # `model.adapter.BASE`, which imports torch
        raise ValueError(f"--adapter {adapter} holds no base.json; give a folder that `ditar finetune --lora` made")
    from ditar.synthesis.model_folder import FAST_MODEL, NO_FAST_MODEL, class_of, named_folder

    folder = Path(named_folder(model))
    if folder == FAST_MODEL and not folder.is_dir():
        raise ValueError(NO_FAST_MODEL)
    # `exp/run` may be a name on the hub; a name without a slash, or with several, cannot
    if not folder.is_dir() and str(model).count("/") != 1:
        raise ValueError(f"model folder {model!r} does not exist; give a folder that save_pretrained wrote")
    if adapter is not None and _is_distilled(folder):
        raise ValueError(
            f"--adapter {adapter} changes the model that it was trained on, and a distilled one is another; leave "
            "--adapter out, or --fast"
        )
    return class_of(folder) if folder.is_dir() else None


def _is_distilled(folder: Path) -> bool:
    config = folder / "ditar/config.json"
    return config.is_file() and bool(json.loads(config.read_text(encoding="utf-8")).get("distilled_guidance"))


def check_adapting(sources: "Iterable[VoiceSource]", model: str | None, adapt: bool) -> None:
    """ValueError if voices are to be adapted, and the model, a voice file or a clip without its words does not allow
    it."""
    if not adapt:
        return
    from ditar.synthesis.model_folder import class_of, named_folder
    from ditar.synthesis.voice_names import check_adaptable

    folder = Path(named_folder(model))
    if folder.is_dir() and class_of(folder) == "TokenPipeline":
        raise ValueError(f"--adapt is for models with diffusion, and {model} draws tokens; leave it out")
    if _is_distilled(folder):
        raise ValueError(
            "--adapt: a distilled model learns no voices; make the voice with the model that it was distilled from "
            "(ditar voice create --adapt), and give it as --voice FILE"
        )
    for source in sources:
        check_adaptable(source)


def check_utf8(text: str | None, name: str) -> None:
    """ValueError if bytes of a command line are not UTF-8 text: Python passes them on as halves of characters."""
    try:
        (text or "").encode("utf-8")
    except UnicodeEncodeError as error:
        byte = f"0x{ord(text[error.start]) & 0xFF:02x}"
        raise ValueError(f"{name} is not UTF-8 text (byte {byte} after {text[: error.start]!r})") from None


def _check_kind(options: argparse.Namespace, kind: str | None) -> None:
    """ValueError if an option does not apply to the kind of model; models of the hub are checked when loaded."""
    given = vars(options)
    if kind == "DiTARPipeline":
        for name in TOKEN_OPTIONS:
            if name in given:
                raise ValueError(f"--{name.replace('_', '-')} is for models that draw tokens; leave it out")
        if given.get("temperature", 0.0) > 1.0:
            raise ValueError(f"--temperature must be a number from 0 to 1 for this model, got {options.temperature:g}")
        SamplingOptions().override(**{name: given[name] for name in OPTIONS if name in given})
    elif kind == "TokenPipeline":
        others = {name: getattr(SamplingOptions, name) for name in ("num_inference_steps", "solver", "time_grid")}
        others |= {"guidance_rise": None, "guidance_steps": None, "stop_threshold": None, "stream": False}
        for name, harmless in others.items():
            if given.get(name, harmless) != harmless:
                piped = name == "stream" and options.output == "-"
                option = "--output -" if piped else OPTION_NAMES.get(name, f"--{name.replace('_', '-')}")
                remedy = "give the name of a file" if piped else "leave it out"
                raise ValueError(f"{option} is for models with diffusion, but this one draws tokens; {remedy}")
        if options.prompt_audio is not None and not (options.prompt_text or "").strip():
            raise ValueError("--prompt-text is missing: this model needs the transcript of --prompt-audio")


def _check_timestamps(options: argparse.Namespace) -> None:
    """ValueError, WriteError: the file, or the format, of --timestamps cannot be."""
    from ditar.storage.atomic_write import check_folder, check_not_input
    from ditar.synthesis.time_files import TIME_FORMATS, time_format

    found = time_format(options.timestamps)
    if options.output_dir is not None:
        if options.timestamps.lstrip(".").lower() != found.lower():
            raise ValueError(
                f"--timestamps {options.timestamps} with --output-dir must be {', '.join(TIME_FORMATS[:-1])} or "
                f"{TIME_FORMATS[-1]}: each file of times has the name of its WAV"
            )
        return
    path = Path(options.timestamps)
    if not path.suffix:
        raise ValueError(f"--timestamps must be the name of a file, such as times.{found}, got {options.timestamps!r}")
    if not path.parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist; create it with: mkdir -p {path.parent}")
    check_folder(path.parent)
    voices = [voice.partition("=")[2] for voice in options.script_voice or ()]
    for voice in (options.voice, *filter(None, voices)):
        inputs = input_files(voice, options.prompt_audio, options.text_file, options.lexicon, options.script)
        check_not_input(path, "--timestamps", inputs)


def read_text(name: str, option: str) -> str:
    """The text of a file, a pipe or standard input, that `option` names. ValueError if it is not UTF-8 or far too long
    to be spoken."""
    source = "standard input" if name == "-" else name
    data = read_named(name, option, MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"{source} holds more than {MAX_TEXT_BYTES} bytes; speak it in parts")
    try:
        return decode_text(data)
    except ValueError as error:
        raise ValueError(f"{source} {error}") from None
