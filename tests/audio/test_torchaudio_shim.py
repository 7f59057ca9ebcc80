"""torchaudio beside a torch that it fits, and beside one that it does not. Each case in a process of its own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(code, *path):
    paths = [str(p) for p in path] + [str(ROOT)]
    start = f"import sys\nsys.path[:0] = {paths!r}\n"
    done = subprocess.run([sys.executable, "-c", start + textwrap.dedent(code)], capture_output=True, text=True)
    return done


def package(folder, extension):
    """A small torchaudio with the same way of failing as the real one."""
    home = folder / "torchaudio"
    (home / "_extension").mkdir(parents=True)
    (home / "__init__.py").write_text("from . import _extension\nfrom . import functional\n__version__ = '0'\n")
    (home / "_extension" / "__init__.py").write_text(extension)
    (home / "functional.py").write_text(
        "from torchaudio._extension import _IS_TORCHAUDIO_EXT_AVAILABLE as compiled, fail_if_no_align\n"
        "@fail_if_no_align\ndef forced_align():\n    return 'aligned'\n"
    )
    return folder


LOADS = "_IS_TORCHAUDIO_EXT_AVAILABLE = True\ndef fail_if_no_align(f):\n    return f\n"
REPORT = """
    from ditar.audio.torchaudio_shim import import_torchaudio
    torchaudio = import_torchaudio()
    assert import_torchaudio() is torchaudio
    import importlib.util
    import torchaudio.functional
    assert sys.modules["torchaudio"] is torchaudio
    assert importlib.util.find_spec("torchaudio").origin == torchaudio.__file__
    print(torchaudio.functional.compiled, torchaudio._extension.__doc__)
    print(torchaudio.functional.forced_align())
"""


def test_one_that_loads_is_left_alone(tmp_path):
    done = run(REPORT, package(tmp_path, LOADS))
    assert done.stdout.split("\n")[:2] == ["True None", "aligned"], done.stderr


@pytest.mark.parametrize(
    "failure", ["raise OSError('Could not load this library: x.so')", "raise RuntimeError('different CUDA versions')"]
)
def test_one_that_does_not_fit_comes_without_its_extension(tmp_path, failure):
    done = run(REPORT, package(tmp_path, failure))
    assert done.stdout.startswith("False Left out"), done.stderr
    assert "RuntimeError: forced_align needs torchaudio's compiled extension" in done.stderr


def test_one_that_is_broken_for_good_names_both_reasons(tmp_path):
    package(tmp_path, "raise OSError('first reason')")
    (tmp_path / "torchaudio" / "functional.py").write_text("raise NameError('second reason')")
    done = run(REPORT, tmp_path)
    assert "ImportError: torchaudio cannot be imported" in done.stderr
    assert "first reason" in done.stderr and "second reason" in done.stderr and "pip install" in done.stderr


def test_one_that_is_missing_is_asked_for(tmp_path):
    code = "sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n" + textwrap.dedent(REPORT)
    assert "torchaudio is not installed; run: pip install" in run(code).stderr


def test_the_installed_one_serves_vocos_and_diffusers():
    """Whatever the torch beside it: in an environment with a CPU-only torch this is the case that used to fail."""
    done = run("""
        from ditar.audio.torchaudio_shim import import_torchaudio
        import_torchaudio()
        import torch, torchaudio
        mel = torchaudio.transforms.MelSpectrogram(sample_rate=24_000, n_fft=1024, n_mels=40)(torch.zeros(1, 24_000))
        assert torchaudio.functional.melscale_fbanks(513, 0.0, 12_000.0, 40, 24_000).shape == (513, 40)
        unit = torch.tensor([1.0, 0.0])
        assert torchaudio.functional.lfilter(torch.ones(8), unit, unit).tolist() == [1.0] * 8
        from vocos.models import VocosBackbone
        from vocos.discriminators import MultiPeriodDiscriminator
        from diffusers import DiffusionPipeline
        print("served", tuple(mel.shape)[:2])
    """)
    assert done.stdout == "served (1, 40)\n", done.stderr
