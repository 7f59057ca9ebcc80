"""Real speech for the tests of the recogniser and the embedder: flite's voices, where flite is installed."""

import shutil
import subprocess

import pytest


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
