"""`ditar voice create|list|show|delete`: reference clips, read once and kept in files."""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ditar.cli.arguments import DefaultsShown, add_clip_options, add_model_options
from ditar.cli.checks import check_adapting, check_model, check_utf8, input_files, prompt_clip
from ditar.cli.interrupt import starting
from ditar.cli.streams import one_line

NO_TRANSCRIPT = "(none: quality suffers)"


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "voice",
        help="keep voices in files: create, list, show, delete",
        description="Keep voices for `ditar synthesize --voice` and `ditar serve`. A voice file holds a recording in "
        "the form that a model reads, what is said in it, and what was learnt of the voice. Voices in the user's "
        "folder, and those that ship, have names.",
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    create = actions.add_parser(
        "create",
        help="make a voice of a recording, or of other voices",
        description="Make a voice of a recording and keep it, by a name or in a file. Give --prompt-text: then the "
        "voice is learnt from the recording, and is much more alike. Or keep a blend of two voices, by --voice.",
        formatter_class=DefaultsShown,
    )
    create.add_argument(
        "output", metavar="NAME|FILE", help="a name, by which --voice finds it; or a file to write: FILE.safetensors"
    )
    source = create.add_mutually_exclusive_group(required=True)
    add_clip_options(create, instead=source)
    source.add_argument(
        "--voice",
        metavar="NAME|BLEND",
        help="in place of a recording: a voice, as of `ditar synthesize`, or a blend, such as heart:0.7+michael:0.3",
    )
    create.add_argument("--force", action="store_true", help="replace a voice that is there")
    create.add_argument("--name", help="the voice's name in the file (default: that of the file)")
    add_model_options(create, dtype=False, adapter=True)
    create.set_defaults(run=_create)
    listing = actions.add_parser("list", help="the voices that have names, or the voice files of a folder")
    listing.add_argument("folder", metavar="DIR", nargs="?", help="a folder of voice files; without it, voices by name")
    listing.set_defaults(run=_list)
    show = actions.add_parser("show", help="what a voice holds")
    show.add_argument("voice", metavar="NAME|FILE", help="a voice's name or file, as of --voice")
    show.add_argument("--json", action="store_true", help="print JSON")
    show.set_defaults(run=_show)
    delete = actions.add_parser("delete", help="delete a voice of the user's folder")
    delete.add_argument("name", metavar="NAME", help="of a voice that `ditar voice list` says can be deleted")
    delete.set_defaults(run=_delete)


def _create(options: argparse.Namespace) -> int:
    from ditar.cli import printing
    from ditar.storage.atomic_write import check_not_input
    from ditar.synthesis.model_folder import voices_of
    from ditar.synthesis.reference import Reference
    from ditar.synthesis.user_voices import path_of_new
    from ditar.synthesis.voice_file import check_voice_path, save_voice
    from ditar.synthesis.voice_names import SHIPPED, BlendSource, list_voices, read_voice

    check_model(options.model, options.adapter)
    by_name, options.output = options.output, str(path_of_new(options.output))
    if options.output == by_name:
        check_voice_path(options.output)
    if Path(options.output).exists() and not options.force:
        raise ValueError(f"{options.output} exists already; give another name, or --force to replace it")
    own = voices_of(options.model, options.adapter)
    check_not_input(options.output, "FILE", input_files(options.voice, options.prompt_audio, of_model=own))
    check_utf8(options.prompt_text, "--prompt-text")
    name = options.name or Path(options.output).stem
    of_voice = options.voice, prompt_clip(options), options.prompt_text, options.language, own
    source = read_voice(*of_voice, denoise=options.denoise)
    if isinstance(source, Reference):
        source = replace(source, name=name)
    check_adapting([source], options.model, options.adapt)
    with starting():
        from ditar.cli.learning import chosen_voice
        from ditar.synthesis.pipeline import ContinuousPipeline
        from ditar.synthesis.pretrained import load_pipeline
        from ditar.synthesis.voice import VoiceError, no_blend, voice_warnings

        pipeline = load_pipeline(
            options.model, device=options.device, threads=options.threads, adapter=options.adapter
        )
    if isinstance(source, BlendSource) and not isinstance(pipeline, ContinuousPipeline):
        raise VoiceError(no_blend(source.name))
    voice = replace(chosen_voice(source, pipeline, options.adapt), name=name)
    printing.warn(voice_warnings(voice))
    if options.output != by_name:
        Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    save_voice(voice, options.output)
    adapted = "heard only" if all(one.embedding is None for one in voice.all) else "learnt from its clip"
    between = "".join(f", with {share:.2f} of {other.name!r}" for other, share in voice.others)
    print(f"{one_line(options.output)}: voice {name!r} of {voice.seconds:.2f} s{between}, {adapted}")
    if options.output != by_name and by_name in {voice.name for voice in list_voices(SHIPPED)}:
        printing.say(f"from now on --voice {by_name} is this voice, and not the one that ships")
    return 0


def _list(options: argparse.Namespace) -> int:
    from ditar.cli import printing
    from ditar.synthesis.voice_file import VoiceFileError, describe_voice
    from ditar.synthesis.voice_names import folder_fault, list_voices, user_folder

    if options.folder is None:
        for named in list_voices():
            try:
                what = "a voice file" if named.transcript is None else named.transcript
            except (VoiceFileError, OSError) as error:
                what = f"(no transcript: {error})"
            whose = "can be deleted" if named.path.parent == user_folder() else "ships"
            print("\t".join(map(one_line, (named.name, str(named.path), what, whose))))
        printing.warn(filter(None, [folder_fault(user_folder())]))
        return 0
    folder = Path(options.folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    found = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            voice = describe_voice(path)
        except VoiceFileError:  # weights of a model, for example
            continue
        found += 1
        said = voice.text or "(no transcript)"
        print("\t".join(map(one_line, (str(path), voice.name, f"{voice.seconds:.2f} s", said))))
    if not found:
        printing.say(f"no voice files in {folder}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from ditar.cli import printing
    from ditar.synthesis.voice_file import describe_voice
    from ditar.synthesis.voice_names import find_voice

    named = find_voice(options.voice)
    printing.warn(filter(None, [named.told]))
    if named.transcript is not None:  # a clip, which belongs to no model yet
        rows = {"name": named.name, "transcript": named.transcript or NO_TRANSCRIPT, "clip": str(named.path)}
        return _print(rows, options.json)
    voice = describe_voice(named.path)
    if options.json:
        return _print(asdict(voice), as_json=True)
    rows = {
        "name": voice.name,
        "transcript": voice.text or NO_TRANSCRIPT,
        "phonemes": "".join(voice.symbols) or "(none)",
        "length": f"{voice.seconds:.2f} s, latents ({voice.frames}, {voice.channels})",
        "VAE": voice.vae,
        "vocabulary": voice.vocabulary,
        "adapted for": voice.adapted_for or "(not adapted)",
    }
    if voice.other is not None:
        rows["blended"] = f"with {voice.share:.2f} of {voice.other.name!r}: {voice.other.text or NO_TRANSCRIPT}"
    return _print(rows, as_json=False)


def _delete(options: argparse.Namespace) -> int:
    from ditar.cli import printing
    from ditar.synthesis.user_voices import delete_voice
    from ditar.synthesis.voice_names import list_voices

    for path in delete_voice(options.name):
        print(f"{one_line(str(path))}: deleted")
    for named in list_voices():
        if named.name == options.name:
            printing.say(f"from now on --voice {named.name} is {named.path}")
    return 0


def _print(rows: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    for name, value in rows.items():
        print(f"{name:<11} {one_line(str(value))}")
    return 0
