"""The options of `ditar synthesize`, in the groups of its --help."""

import argparse

from ditar.audio.formats import STREAMED
from ditar.cli.arguments import add_clip_options, add_lexicon_option, number, part, whole
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
from ditar.text.lines import LIST_FORMATS


def add_text_options(command: argparse.ArgumentParser) -> None:
    """A text, a file or a script, and how it is read."""
    group = command.add_argument_group("what to say")
    text = group.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", help="what to say")
    text.add_argument(
        "--text-file",
        metavar="F|-",
        help="a UTF-8 file with what to say; - is standard input. With --output it is one text, with --output-dir each "
        "line is one, see --list-format",
    )
    text.add_argument(
        "--script",
        metavar="F|-",
        help="a UTF-8 file of lines '[anna] text', for a dialogue in one file; a line without a name goes on with the "
        "previous speaker. Anna's voice is that of --voice anna, or of --script-voice",
    )
    group.add_argument(
        "--script-voice",
        metavar="NAME=VOICE",
        action="append",
        help="the voice of a speaker of the script, as --voice takes it, or a clip, whose words stand beside it in a "
        ".txt file of the same name; may be repeated",
    )
    group.add_argument(
        "--list-format",
        choices=LIST_FORMATS,
        default="auto",
        help="how lines for --output-dir are read. tab: 'id<TAB>text'; kaldi: 'id text'; text: a text, whose id is the "
        "line's number. auto: tab if every line has one, else kaldi if every line begins with an id that cannot be a "
        "word (utt1, spk_003, 84-121123-0000), else text; it says which",
    )
    group.add_argument(
        "--speed",
        metavar="X",
        type=number(*RANGES["speed"]),
        default=argparse.SUPPRESS,
        help="2 is twice as fast, 0.5 half as fast, at the same pitch (default: the voice's own pace)",
    )
    add_lexicon_option(group)


def add_output_options(command: argparse.ArgumentParser) -> None:
    """A file, a folder or standard output, and what else is written."""
    group = command.add_argument_group("where it goes")
    output = group.add_mutually_exclusive_group(required=True)
    output.add_argument(
        "--output",
        metavar="FILE|-",
        help="audio file to write: .wav, .flac, .mp3, .opus or .ogg (Vorbis); - is standard output, see "
        "--output-format",
    )
    output.add_argument(
        "--output-dir",
        metavar="DIR",
        help="folder for <id>.wav of each line of --text-file, and for manifest.jsonl, which tells what is done; files "
        "that are there with the same settings are kept",
    )
    group.add_argument(
        "--output-format",
        choices=STREAMED,
        help="format of --output - (default: pcm, which is raw samples: 16 bit, little endian, mono, 24 kHz); all but "
        "flac are written while they are made",
    )
    group.add_argument("--stream", action="store_true", help="write while speaking: a WAV file that grows")
    group.add_argument(
        "--timestamps",
        metavar="FILE|FORMAT",
        help="file for the times of words and sounds: .json, .srt or .vtt (subtitles), .TextGrid (Praat); with "
        "--output-dir only the ending, for a file beside each WAV. For models with monotonic alignment, such as the "
        "one that ships",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 if speech is still cut off, silent or far too short after --max-retries; it is written all "
        "the same, and marked `wrong` in manifest.jsonl",
    )


def add_voice_options(command: argparse.ArgumentParser) -> None:
    """A voice by name or from a clip, and whether it is learnt."""
    group = command.add_argument_group("whose voice")
    group.add_argument(
        "--voice",
        metavar="NAME|FILE",
        help="a name that `ditar voice list` shows, a file of `ditar voice create`, a recording with its words in a "
        ".txt file beside it, or a blend of two voices by their shares: heart:0.7+michael:0.3",
    )
    add_clip_options(group)


def add_sampling_options(command: argparse.ArgumentParser) -> None:
    """How it is sampled: what is not given is not in the namespace, and the model decides it."""
    group = command.add_argument_group("sampling", "Defaults are the model's; those of the one that ships are given.")
    group.add_argument(
        "--seed",
        type=whole(0, MAX_SEED, "2^63 - 1"),
        default=0,
        help="same seed, machine, settings and --threads: same samples",
    )
    group.add_argument(
        "--temperature",
        metavar="T",
        type=number(*RANGES["temperature"]),
        default=argparse.SUPPRESS,
        help="when noise enters the reverse ODE: 0 is deterministic, 1 is ordinary sampling (0.1 for the one that "
        "ships; arXiv 2502.03930, equations 3 and 4). For a model of tokens: divides their logits, and may exceed 1",
    )
    group.add_argument(
        "--guidance-scale",
        metavar="G",
        type=number(*RANGES["guidance_scale"]),
        default=argparse.SUPPRESS,
        help="LM guidance, 1 + w of the paper; 1 turns it off and halves the cost of LocDiT (2 for the one that ships)."
        " For a model of tokens: guidance by the text",
    )
    group.add_argument(
        "--guidance-rise",
        type=number(*RISES),
        metavar="R",
        default=argparse.SUPPRESS,
        help="guidance is R times as strong at the data as at the noise, and --guidance-scale in the middle; 1: the "
        "same at all times, as in the paper (4 for the one that ships)",
    )
    group.add_argument(
        "--guidance-steps",
        type=part,
        metavar="LOW,HIGH",
        default=argparse.SUPPRESS,
        help="guide this part of the steps only, such as 0,0.5; the others cost half (0,1)",
    )
    group.add_argument(
        "--steps",
        dest="num_inference_steps",
        metavar="N",
        type=whole(1, MOST_STEPS),
        default=argparse.SUPPRESS,
        help="diffusion steps per patch, NFE (8 for the one that ships)",
    )
    group.add_argument(
        "--solver",
        choices=SOLVERS,
        default=argparse.SUPPRESS,
        help="how the reverse ODE is solved (ddim for the one that ships); the others are diffusers' and need "
        "temperature 1",
    )
    group.add_argument(
        "--time-grid",
        choices=TIME_GRIDS,
        default=argparse.SUPPRESS,
        help="how the steps of ddim are spaced (sway for the one that ships); cosine: dense at both ends, sway: dense "
        "at the noise (F5-TTS)",
    )
    group.add_argument(
        "--stop-threshold",
        metavar="P",
        type=number(*RANGES["stop_threshold"]),
        default=argparse.SUPPRESS,
        help="speech ends when the stop head exceeds this; lower ends sooner",
    )
    group.add_argument(
        "--top-k", metavar="K", type=whole(1, 1000), default=argparse.SUPPRESS,
        help="for a model of tokens: draw from so many",
    )  # fmt: skip
    group.add_argument(
        "--top-p", metavar="P", type=number(1e-6, 1.0), default=argparse.SUPPRESS,
        help="for a model of tokens: draw from this share of the probability",
    )  # fmt: skip
    group.add_argument(
        "--max-retries",
        metavar="N",
        type=whole(0, MOST_RETRIES),
        default=argparse.SUPPRESS,
        help="how often speech that never ends, is silent or far too short is made again, with other seeds; never at "
        f"temperature 0, where every seed says the same (default: {MAX_RETRIES})",
    )
    group.add_argument(
        "--batch-size", metavar="N", type=whole(1, MOST_ROWS), default=BATCH_SIZE, help="sentences spoken at once"
    )
