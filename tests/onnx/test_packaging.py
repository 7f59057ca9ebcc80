"""The distribution ditar-onnx: the files that it ships speak, in an environment with its dependencies and no torch."""

import os
import re
import subprocess
import tomllib
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.tiny import clip, tiny_pipeline

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from ditar.export.write import export_onnx  # noqa: E402

ROOT = Path(__file__).parents[2]
HOME = ROOT / "packaging" / "onnx"
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))


def requirements(names):
    """The distributions of these names and of all that they need, as installed here."""
    found, waiting = {}, list(names)
    while waiting:
        name = re.match(r"[\w.-]+", waiting.pop()).group().lower().replace("_", "-")
        if name not in found:
            try:
                found[name] = distribution(name)
            except PackageNotFoundError:  # of another platform, or of an older Python
                continue
            waiting += [line for line in found[name].requires or () if "extra ==" not in line]
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A Python without torch: the files that the wheel holds, and links to its dependencies as they are installed."""
    home = tmp_path_factory.mktemp("venv") / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    for name, found in requirements(PROJECT["project"]["dependencies"]).items():
        assert name not in ("torch", "diffusers", "transformers")
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(found.locate_file(top))
    for source, target in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        (site / target).parent.mkdir(parents=True, exist_ok=True)
        (site / target).symlink_to((HOME / source).resolve())
    return home / "bin" / "python"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx") / "model"
    export_onnx(tiny_pipeline(stop_bias=20.0), folder)
    return folder


def run(environment, *arguments, **options):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(environment), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, env=clean, cwd="/", **options)


def test_it_speaks_without_torch(environment, model, tmp_path):
    assert b"No module named 'torch'" in run(environment, "-c", "import torch").stderr
    soundfile.write(tmp_path / "clip.wav", clip(), 24_000)
    asked = ["-m", "ditar.onnx", f"--model={model}", "--text=Good morning.", "--max-retries=0", "--steps=2", "--seed=3"]
    voice = [f"--prompt-audio={tmp_path / 'clip.wav'}", "--prompt-text=Hello there."]
    whole = run(environment, *asked, *voice, f"--output={tmp_path / 'a.wav'}")
    assert whole.returncode == 0, whole.stderr.decode()
    assert re.fullmatch(r".*a\.wav: \d\.\d\d s of speech\n", whole.stdout.decode())
    audio, rate_hz = soundfile.read(tmp_path / "a.wav")
    assert rate_hz == 24_000 and np.abs(audio).max() > 0
    again = run(environment, *asked, *voice, f"--output={tmp_path / 'b.wav'}")
    assert again.returncode == 0 and np.array_equal(soundfile.read(tmp_path / "b.wav")[0], audio)


def test_it_streams_and_says_what_is_wrong(environment, model):
    asked = ["-m", "ditar.onnx", f"--model={model}", "--output=-", "--max-retries=0", "--steps=1"]
    spoken = run(environment, *asked, "--text-file=-", "--voice=heart", input="Good morning.".encode())
    samples = np.frombuffer(spoken.stdout, "<i2")
    assert len(samples) and np.abs(samples).max() > 0
    for wrong, reason in [("--voice=bob", "there are eric, heart"), ("--prompt-text=x", "give both or neither")]:
        refused = run(environment, *asked, "--text=Hello.", wrong)
        assert refused.returncode == 1 and reason in refused.stderr.decode() and not refused.stdout


def test_it_has_the_version_and_the_requirements_of_the_whole():
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert PROJECT["project"]["version"] == whole["version"]
    asked = [*whole["dependencies"], *whole["optional-dependencies"]["onnx"]]
    assert set(PROJECT["project"]["dependencies"]) <= set(asked)
