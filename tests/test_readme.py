"""What the README shows is run, or held against the program it describes."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import soundfile

from ditar import DiTARPipeline, SpeechRequest
from ditar.cli import build_parser
from ditar.synthesis.loading import load_sampling
from ditar.synthesis.model_folder import SHIPPED_MODEL
from ditar.synthesis.voice_names import SHIPPED

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [  # every page of documentation
    "README.md", "egs/README.md", "recipes/README.md", "packaging/onnx/README.md", "ditar/assets/model/README.md",
    "ditar/assets/fast/README.md", "ditar/assets/voices/README.md",
]  # fmt: skip
INSTALL = "python3 -m venv .venv && .venv/bin/pip install "


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.S | re.M)  # an opening with its end, whatever the language
    return [block.strip() for of, block in found if of == language]


def run(command, folder, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, **options)


@pytest.fixture
def clone(tmp_path):
    """A folder that looks like a fresh clone and where commands may leave files."""
    (tmp_path / "ditar").symlink_to(ROOT / "ditar")
    return tmp_path


def test_both_commands_are_one_line_that_begins_with_the_installation():
    first, second = blocks("bash")
    assert "\n" not in first and "\n" not in second
    assert first.startswith(INSTALL + ". && .venv/bin/ditar synthesize ")
    assert second.startswith(INSTALL + "'.[test]' && .venv/bin/python -m pytest")


def test_the_first_command_clones_a_voice(clone):
    command = blocks("bash")[0].removeprefix(INSTALL + ". && ")
    command = command.replace(".venv/bin/ditar", f"'{sys.executable}' -m ditar.cli")
    done = run(["bash", "-c", command], clone)
    assert done.returncode == 0, done.stderr
    audio, rate_hz = soundfile.read(clone / "hello.wav")
    assert rate_hz == 24_000 and 1.0 < len(audio) / rate_hz < 15.0 and abs(audio).max() > 0.05


def test_the_python_example_runs(clone):
    example, _ = blocks("python")
    done = run([sys.executable, "-c", example], clone)
    assert done.returncode == 0, done.stderr
    assert "24000" in done.stdout


def test_the_calls_of_the_python_table_run():
    python = README.partition("\n## Python\n")[2].partition("\n## ")[0]
    calls = re.findall(r"^\| `(pipeline.*?)` \|", python, re.M)
    clip, words = SHIPPED / "heart.flac", (SHIPPED / "heart.txt").read_text(encoding="utf-8")
    names = {
        "pipeline": DiTARPipeline.from_pretrained(), "SpeechRequest": SpeechRequest, "script": "[anna] A tomato.",
        "clip": clip, "words": words,
    }  # fmt: skip
    made = {}
    for call in calls:
        call = call.replace(", ...", "").replace('"ann.wav", "..."', "clip, words").replace('"..."', '"Good morning."')
        result = eval(call, names)
        made[call] = list(result) if "stream" in call else result
        if "create_voice" in call:
            names["voice"] = result
    kinds = {name: next(made[call] for call in made if name in call) for name in ("adapt", "times", "batch", "stream")}
    assert kinds["adapt"].embedding is not None
    first = kinds["times"].timing.words[0]
    assert first.text == "Good" and 0 <= first.start_s < first.end_s
    assert all(len(audio) for audio in kinds["stream"]) and len(kinds["batch"][0].audio) > 10_000
    assert len(made) == len(calls) == 5


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt-get install curl)")
def test_the_server_answers_curl_and_the_official_client(clone):
    serve, curl, browse = (block.replace("python3", f"'{sys.executable}'") for block in blocks("sh"))
    _, example = blocks("python")
    serve = serve.replace("ditar serve --port 8000", f"exec '{sys.executable}' -m ditar.cli serve --port 0")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(["bash", "-c", serve], cwd=clone, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().split()[-1]
        done = run(["bash", "-c", curl.replace("http://127.0.0.1:8000", url) + " --fail --silent --show-error"], clone)
        assert done.returncode == 0, done.stderr
        browse = f"BROWSER='curl --fail --silent --output page.html %s' {browse.replace('http://127.0.0.1:8000', url)}"
        assert run(["bash", "-c", browse], clone).returncode == 0
        assert (clone / "page.html").read_text() == (ROOT / "ditar" / "assets" / "serve.html").read_text()
        done = run([sys.executable, "-c", example.replace("http://127.0.0.1:8000", url)], clone)
        assert done.returncode == 0, done.stderr
        for name, least in (("morning.mp3", 0.5), ("morning.wav", 1.0)):
            audio, rate_hz = soundfile.read(clone / name)
            assert rate_hz == 24_000 and least < len(audio) / rate_hz < 10.0 and abs(audio).max() > 0.05
        server.terminate()
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.stdout.close()


def test_continuous_integration_runs_the_second_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (extract,) = re.findall(r'^eval "\$\((.*)\)"', script, re.M)
    assert run(["bash", "-c", extract], ROOT).stdout.strip() == blocks("bash")[1]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def subcommands(parser):
    """{name: parser} of a parser's subcommands."""
    return next((a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)), {})


def options_of(parser):
    """{name: action} of every name of every option, but --help."""
    return {name: a for a in parser._actions if a.dest != "help" for name in a.option_strings}


def test_the_options_shown_are_the_options_there_are():
    usage = next(b for b in blocks("") if b.startswith("ditar synthesize"))
    commands = subcommands(build_parser())
    parts = {part.split()[0]: part for part in re.split(r"^ditar ", usage, flags=re.M)[1:]}
    assert set(parts) == set(commands)
    for name, part in parts.items():
        parsers = [commands[name], *subcommands(commands[name]).values()]
        known = {option for parser in parsers for option in options_of(parser)}
        assert set(re.findall(r"--[a-z-]+", part)) <= known, name
    shown = dict(re.findall(r"(--[a-z-]+)(?: ([^\s\]]+))?", parts["synthesize"]))
    actions = options_of(commands["synthesize"])
    assert set(shown) == set(actions)
    for option, action in actions.items():
        if action.default not in (None, argparse.SUPPRESS) and action.nargs != 0:  # flags have no value
            assert shown[option] == str(action.default)
    own = load_sampling(SHIPPED_MODEL / "scheduler")
    named = [actions[name].help for name in ("--temperature", "--guidance-scale", "--steps")]
    of_model = own.temperature, own.guidance_scale, own.num_inference_steps
    for name, help_text, value in zip(("--temperature", "--guidance-scale", "--steps"), named, of_model, strict=True):
        assert float(shown[name]) == value and f"{value:g} for the one that ships" in help_text
    for name, value in (("--solver", own.solver), ("--time-grid", own.time_grid)):
        assert shown[name] == value and f"{value} for the one that ships" in " ".join(actions[name].help.split())


def test_the_commands_of_the_console_are_commands():
    for line in (line for block in blocks("console") for line in block.splitlines()):
        program, *arguments = shlex.split(line)
        assert program == "ditar" and callable(build_parser().parse_args(arguments).run)


def anchors(text):
    """What headings can be linked by, as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_point_at_files_and_headings(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", re.sub(r"`[^`\n]*`", "", text))
    for link in (link for link in links if not link.startswith("http")):
        path, _, heading = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not heading or heading in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("name", PAGES)
def test_programs_and_configurations_that_are_named_are_there(name):
    named = re.findall(
        r"(?<![\w/.])(?:\.\./)*((?:recipes|egs|configs|tests|packaging|ditar)/[\w./-]+\.(?:py|sh|yaml|md|txt|json))\b",
        (ROOT / name).read_text(encoding="utf-8"),
    )
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def test_the_model_that_ships_is_small_and_described():
    size = sum(f.stat().st_size for f in SHIPPED_MODEL.rglob("*") if f.is_file())
    assert 0 < size <= 60e6
    card = (SHIPPED_MODEL / "README.md").read_text(encoding="utf-8")
    assert "licen" in card.lower() and "data" in card.lower()


def test_the_range_of_torch_is_the_packages_and_stands_above_the_first_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (torch,) = [line for line in project["dependencies"] if re.match(r"torch\b", line)]
    assert f"'{torch}'" in README[: README.index("```bash")]
