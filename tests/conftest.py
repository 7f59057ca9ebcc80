"""What all tests share: no state of accelerate from one to the next; and real speech, where flite is installed."""

import shutil
import subprocess
import sys

import pytest


@pytest.fixture(autouse=True)
def precision_of_its_own():
    """accelerate keeps the precision of the first run of a process; each test may choose its own."""
    yield
    if state := sys.modules.get("accelerate.state"):
        state.AcceleratorState._reset_state(True)


@pytest.fixture(scope="session")
def speak(tmp_path_factory):
    """speak(text, voice) -> path of a 16 kHz WAV; skips where there is no flite."""
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed, so there is no speech to judge (apt-get install flite)")
    folder = tmp_path_factory.mktemp("flite")
    made = {}

    def speak(text, voice="rms"):
        if (text, voice) not in made:
            path = folder / f"{len(made)}.wav"
            subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True, capture_output=True)
            made[text, voice] = path
        return made[text, voice]

    return speak
