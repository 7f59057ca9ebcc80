"""What `ditar synthesize` imports: what a sentence does not need stays out until something does."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import tiny_pipeline

ROOT = Path(__file__).parents[2]
# Seconds of CPU each, where it is installed; torch itself takes one and a half.
HEAVY = "accelerate diffusers encodec huggingface_hub lhotse librosa matplotlib peft scipy sympy torchaudio transformers "
HEAVY += "vocos torch._dynamo torch._inductor torch.fx.experimental.symbolic_shapes numpy.ma "
HEAVY += "ditar.baseline ditar.data.latents ditar.train ditar.synthesis.token_pipeline yaml"
SPEAK = """
import sys
from ditar.cli import main
assert main({arguments}) in (0, 1)  # 1: a random model speaks too short
print(*(name for name in {heavy} if name in sys.modules))
"""


def imported(*arguments):
    """What of the heavy packages a command has imported."""
    program = SPEAK.format(arguments=list(arguments), heavy=HEAVY.split())
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("more", [["--output={}/a.wav"], ["--output={}/b.wav", "--stream"]], ids=["whole", "stream"])
def test_speaking_imports_nothing_heavy_but_torch(tmp_path, more):
    tiny_pipeline(stop_bias=20.0).save_pretrained(tmp_path / "model")
    options = ["--text=Good.", f"--model={tmp_path / 'model'}", "--device=cpu", "--steps=1", "--max-retries=0"]
    assert imported("synthesize", *options, *(one.format(tmp_path) for one in more)) == ""


def test_a_process_ends_without_looking_for_garbage():
    program = "import gc, sys; from ditar.cli import program; print(program(), gc.get_freeze_count() > 10_000)"
    done = subprocess.run([sys.executable, "-c", program, "text", "Good."], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "0 True", done.stderr


def test_the_test_sees_what_is_imported(tmp_path):
    """A solver of diffusers needs its package."""
    tiny_pipeline(stop_bias=20.0).save_pretrained(tmp_path / "model")
    options = ["--text=Good.", f"--model={tmp_path / 'model'}", "--device=cpu", "--solver=unipc", "--steps=2"]
    assert "diffusers" in imported("synthesize", *options, f"--output={tmp_path / 'a.wav'}").split()
