"""What all tests share: a core for each process of pytest-xdist, no state of accelerate from one test to the next, and
real speech, where flite is installed."""

import os
import shutil
import subprocess
import sys

import pytest

# Before anything imports torch, which reads it once. With several threads, rows of batches of different sizes need not
# be equal to the last bit, which some tests ask for.
assert "torch" not in sys.modules
os.environ.setdefault("OMP_NUM_THREADS", "1")

from ditar.config.cores import usable_cores  # noqa: E402

MOST_PROCESSES = 8  # each holds torch and what it loads: up to 3 GiB


@pytest.hookimpl(optionalhook=True)  # the tests run without pytest-xdist too
def pytest_xdist_auto_num_workers(config) -> int | None:
    """What `-n auto` is: the cores that a container allows, not those of its machine."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # pytest-xdist reads it
    return min(usable_cores(), MOST_PROCESSES)


@pytest.fixture(scope="session", autouse=True)
def cache_of_their_own(tmp_path_factory):
    """What was learnt of voices is neither found in the user's cache nor left there, by commands of tests either."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


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
