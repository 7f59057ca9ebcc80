"""`ditar text`: what will be said, and how."""

import argparse

from ditar.cli.arguments import add_lexicon_option
from ditar.cli.checks import lexicon_of, read_text
from ditar.cli.streams import one_line


def add_parser(commands) -> None:
    """Add the command to the subparsers of `ditar`."""
    command = commands.add_parser(
        "text",
        help="show how a text will be read",
        description="Say nothing, but print each sentence as it is written, in words, as symbols, with the pause "
        "after it, and what is left out. A model that was trained on fewer symbols leaves out more.",
    )
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("text", metavar="TEXT", nargs="?", help="the text")
    source.add_argument("--text-file", metavar="FILE", help="a UTF-8 file with the text, - for standard input")
    command.add_argument("--language", metavar="NAME", default="en-us", help="espeak-ng's name (default %(default)s)")
    add_lexicon_option(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the sentences; 1 if one of them cannot be said."""
    from ditar.text.dry_run import dry_run
    from ditar.text.english_numbers import letters_as_written
    from ditar.text.errors import name_characters

    refused = 0
    text = options.text if options.text_file is None else read_text(options.text_file, "--text-file")
    text = lexicon_of(options).apply(text, options.language)
    for number, sentence in enumerate(dry_run(text, options.language), 1):
        lines = [("written", letters_as_written(" ".join(sentence.written.split())))]
        if sentence.refused:
            refused += 1
            lines.append(("refused", sentence.refused))
        else:
            lines += [
                ("said", sentence.said),
                ("symbols", sentence.symbols),
                ("pause", f"{sentence.pause_seconds:g} s"),
                *([("before it", f"{sentence.lead_seconds:g} s")] if sentence.lead_seconds else []),
                *([("rate", f"{sentence.rate:g}")] if sentence.rate != 1 else []),
            ]
        if sentence.left_out:
            lines.append(("left out", name_characters(sentence.left_out)))
        for at, (name, line) in enumerate(lines):
            print(f"{number if at == 0 else '':>3} {name:<9} {one_line(line)}")
    return 1 if refused else 0
