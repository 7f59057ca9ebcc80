"""`ditar serve`: speech over HTTP and WebSocket."""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Any

from ditar.cli.arguments import DefaultsShown, add_lexicon_option, add_model_options, whole
from ditar.cli.checks import check_model, lexicon_of
from ditar.cli.interrupt import starting
from ditar.serve.settings import ServeSettings, bind, read_keys


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "serve",
        help="speak for others over HTTP, in the form of OpenAI's speech endpoint",
        description="Speak over HTTP, in the form of OpenAI's speech endpoint (POST /v1/audio/speech), and over "
        "WebSocket (/v1/audio/stream). In a browser / is a page to speak with, and /docs describes every request. "
        "SIGTERM and Ctrl-C end it when what it has accepted is spoken; a second one ends it at once. Needs the extra "
        "`serve`.",
        formatter_class=DefaultsShown,
    )
    command.add_argument(
        "--host", default=ServeSettings.host, help="address to listen on; one that others reach needs --api-key-file"
    )
    command.add_argument(
        "--port", type=whole(0, 65535), default=ServeSettings.port, help="0: any free one, which is printed"
    )
    command.add_argument(
        "--voices", metavar="DIR", help="folder of voices by name; uploads are kept there, too (default: "
        "~/.local/share/ditar/voices)",
    )  # fmt: skip
    command.add_argument(
        "--api-key-file", metavar="F", help="file of keys, one a line; every request but /health must bring one"
    )
    command.add_argument(
        "--max-concurrent",
        metavar="N",
        type=whole(1, 1024),
        default=ServeSettings.max_concurrent,
        help="requests that are spoken at once, as rows of a batch",
    )
    command.add_argument(
        "--max-queue",
        metavar="N",
        type=whole(0, 100_000),
        default=ServeSettings.max_queue,
        help="requests that wait; further ones are refused with 429",
    )
    command.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME", help="another name in the Host header, such as "
        "that of a proxy; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--cors-origin", action="append", default=[], metavar="ORIGIN", help="origin of web pages that may use the "
        "server, such as https://example.org; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--insecure", action="store_true", help="listen on an address that others reach without --api-key-file"
    )
    add_lexicon_option(command)
    add_model_options(command, adapter=True, fast=True)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal."""
    settings = ServeSettings(
        host=options.host,
        port=options.port,
        keys=() if options.api_key_file is None else read_keys(options.api_key_file),
        max_queue=options.max_queue,
        max_concurrent=options.max_concurrent,
        voices=None if options.voices is None else Path(options.voices),
        allowed_hosts=tuple(options.allowed_host),
        origins=tuple(options.cors_origin),
        insecure=options.insecure,
        lexicon=lexicon_of(options),
        language=options.language,
    )
    check_model(options.model, options.adapter)
    check_extra()
    bound = bind(settings)

    with starting():
        from ditar.nn.threads import in_own_thread
        from ditar.serve.program import serve
        from ditar.synthesis.pretrained import load_pipeline

        pipeline = in_own_thread(
            lambda: load_pipeline(
                options.model,
                device=options.device,
                torch_dtype=options.dtype,
                threads=options.threads,
                adapter=options.adapter,
            )
        )
    _tell_of_voices(pipeline, settings.voices)
    serve(pipeline, settings, bound, lambda url: print(f"ditar: listening on {url}", flush=True))
    return 0


def _tell_of_voices(pipeline: Any, folder: Path | None) -> None:
    """A warning of a user's folder that cannot be read, and a line on the clips that could be learnt from, which no
    request waits for."""
    from ditar.cli import printing
    from ditar.synthesis.voice_file import VoiceFileError
    from ditar.synthesis.voice_names import SHIPPED, folder_fault, list_voices, user_folder

    printing.warn(filter(None, [folder_fault(folder or user_folder())]))
    clips = []
    for voice in list_voices(folder):
        with suppress(VoiceFileError, OSError):  # a damaged transcript: told when the voice is asked for
            clips += [voice.name] if voice.transcript and voice.path.parent != SHIPPED else []
    if clips and pipeline.adapts_voices:
        names = ", ".join(clips[:3]) + (f" and {len(clips) - 3} more" if len(clips) > 3 else "")
        printing.say(
            f"the voices of clips ({names}) are heard and not learnt; more alike are files, beside the clips, of: "
            "ditar voice create NAME.safetensors --prompt-audio CLIP --prompt-text ..."
        )


def check_extra() -> None:
    """ServeError if the extra is not installed: before seconds of other imports."""
    from ditar.extras import load_extra
    from ditar.serve.settings import ServeError

    for module in ("fastapi", "fastapi_offline", "uvicorn", "websockets", "prometheus_client", "python_multipart"):
        load_extra(module, "serve", ServeError)
