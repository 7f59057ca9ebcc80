"""Pipes, closed streams, other encodings, control characters: what a shell does to a command."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import soundfile

from ditar.cli import main
from ditar.cli.streams import one_line, visible
from ditar.storage import inputs
from tests.tiny import clip, tiny_pipeline

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("streams")
    tiny_pipeline().save_pretrained(home / "model")
    soundfile.write(home / "good.wav", clip(1.0), 24_000)
    return home


def shell(line, folder, **environment):
    """Runs a line of bash in which `ditar` is this package; returns code, stdout, stderr."""
    line = f'ditar() {{ "{sys.executable}" -m ditar.cli "$@"; }}; {line}'
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
                          capture_output=True, timeout=100)  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_texts_come_out_of_pipes(folder):
    for line in ("ditar text --text-file <(echo Hello)", "echo Hello | ditar text --text-file /dev/stdin",
                 "echo Hello | ditar text --text-file -", "ditar text --text-file /dev/stdin <<< Hello"):  # fmt: skip
        code, said, _ = shell(line, folder)
        assert code == 0 and "written   Hello\n" in said and "symbols   hə" in said


def test_a_text_and_a_clip_out_of_pipes_are_spoken(folder):
    line = ("ditar synthesize --model model --device cpu --steps 1 --temperature 0 --output piped.wav --text-file"
            " <(echo Good morning.) --prompt-audio <(cat good.wav) --prompt-text 'Hello there.'")  # fmt: skip
    code, said, errors = shell(line, folder)
    assert code == 0 and "piped.wav: " in said, errors
    assert soundfile.info(folder / "piped.wav").duration > 1


@pytest.mark.parametrize("option", ["--text-file", "--prompt-audio"])
def test_a_pipe_that_nobody_writes_to_is_named(folder, option, capsys, monkeypatch):
    monkeypatch.setattr(inputs, "PIPE_SECONDS", 0.05)
    fifo = folder / f"fifo{option}"
    os.mkfifo(fifo)
    others = ["--text=Hi."] if option == "--prompt-audio" else []
    assert main(["synthesize", f"{option}={fifo}", f"--output={folder / 'a.wav'}", *others]) == 1
    assert capsys.readouterr().err.endswith("nobody wrote to this pipe within 0.05 s\n")
    assert not (folder / "a.wav").exists()


def test_a_pipe_is_not_replaced_by_a_file(folder, capsys):
    os.mkfifo(folder / "out.wav")
    assert main(["synthesize", "--text=Hi.", f"--output={folder / 'out.wav'}"]) == 1
    assert "out.wav is a pipe or a device, and a file would take its place" in capsys.readouterr().err
    assert not (folder / "out.wav").is_file()


def test_tables_and_sentences_out_of_pipes(folder):
    from ditar.evaluate.inputs import read_sentences, read_text

    for read, wanted in ((read_text, {"a": "Hello there."}), (read_sentences, ["a Hello there."])):
        fifo = folder / f"{read.__name__}.fifo"
        os.mkfifo(fifo)
        threading.Thread(target=fifo.write_text, args=("a Hello there.\n",), daemon=True).start()
        assert read(fifo) == wanted


@pytest.mark.parametrize(("line", "code", "message"), [
    ("ditar text Hello >&-", 0, ""),
    ("ditar text Hello 2>&- <&-", 0, ""),
    ("ditar text --text-file - <&-", 1, "--text-file - needs standard input, which is closed"),
    ("ditar text --text-file missing 2>&-", 1, ""),
    ("ditar synthesize --text Hi. --output - >&-", 1, "--output - needs standard output, which is closed"),
])  # fmt: skip
def test_closed_streams(folder, line, code, message):
    found, _, errors = shell(line, folder)
    assert found == code and message in errors and "Traceback" not in errors


def test_a_file_does_not_take_a_closed_streams_number(folder):
    """What a library prints would be written into it."""
    line = 'exec >&-; python=$0; "$python" -c "$1"'
    code = (
        "from ditar.cli import main; import os; main(['text', 'Hi']); f = open('out', 'wb'); os.write(1, b'noise'); "
        "f.close(); assert os.path.getsize('out') == 0"
    )
    subprocess.run(["bash", "-c", line, sys.executable, code], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
                   check=True, timeout=60)  # fmt: skip


def test_an_encoding_that_lacks_letters_gets_codes(folder):
    code, said, errors = shell("ditar text 'Hello, café.'", folder, PYTHONIOENCODING="ascii")
    assert code == 0 and "caf\\xe9" in said and "h\\u0259l" in said and not errors


def test_control_characters_of_names_do_not_reach_the_terminal(folder, capsys):
    bad = "\x1b[31mred\x1b]0;title\x07\r\u202egnol\x85"
    for arguments in (["voice", "show", bad], ["text", f"hi {bad}"], ["text", "--language", bad, "hi"],
                      ["synthesize", "--text=Hi", f"--output={bad}.wav", f"--model={bad}"]):  # fmt: skip
        main(arguments)
        printed = capsys.readouterr()
        assert not any(c in printed.out + printed.err for c in "\x1b\x07\r\u202e\x85")
    with pytest.raises(SystemExit):
        main(["text", "hi", f"--{bad}"])
    assert "\\x1b[31mred" in (said := capsys.readouterr().err) and "\x1b" not in said
    assert visible("a\tb\n\x1b\u200f") == "a\tb\n\\x1b\\u200f" and one_line("a\tb\né") == "a\\tb\\né"


@pytest.mark.parametrize("arguments", [
    ["synthesize", "--text=Hi."], ["synthesize", "--text=Hi.", "--output=a.wav", "--steps=0"], ["text"], ["nothing"],
    ["bench", "--what"],
])  # fmt: skip
def test_what_is_wrong_is_one_line_without_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1 and "usage" not in said
    assert said.startswith("ditar") and said.endswith(" --help\n") and ": error: " in said
