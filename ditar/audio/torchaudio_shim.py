"""torchaudio with a torch that its binary does not match: its pure-Python part, without the compiled one.

PyPI's torchaudio 2.11 is linked to CUDA 13.0. With a CPU-only torch `import torchaudio` raises OSError, with a torch
for another CUDA RuntimeError, and vocos and diffusers import it. What they and we use of it (mel spectra, filter banks)
is Python on top of torch, so an extension that cannot load is left out. Later imports of torchaudio find this one in
`sys.modules`; a torchaudio that loads as it is remains untouched.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path

_EXTENSION = "torchaudio._extension"


def import_torchaudio() -> types.ModuleType:
    """Import torchaudio and return it, without its compiled extension if that does not load here.

    Call it before importing any package that imports torchaudio. Raises ImportError with the remedy if torchaudio is
    not installed, or if even its Python part does not import.
    """
    loaded = sys.modules.get("torchaudio")
    if loaded is not None:
        return loaded
    spec = importlib.util.find_spec("torchaudio")
    if spec is None:
        raise ImportError("torchaudio is not installed; run: pip install 'torchaudio>=2.11,<2.12'")
    try:
        return importlib.import_module("torchaudio")
    except (OSError, RuntimeError, ImportError) as error:
        reason = error
    _forget()
    folder = str(Path(spec.origin).parent / "_extension")
    sys.modules[_EXTENSION] = _extension_left_out(folder, reason)
    try:
        torchaudio = importlib.import_module("torchaudio")
    except Exception as error:
        _forget()
        raise ImportError(
            f"torchaudio cannot be imported, with its compiled extension ({reason}) or without it ({error}); "
            "install a version that fits torch: pip install 'torchaudio>=2.11,<2.12' 'torch>=2.11,<2.15'"
        ) from reason
    torchaudio._extension = sys.modules[_EXTENSION]
    return torchaudio


def _forget() -> None:
    """Drop the remains of a failed import, or the next attempt would mix old and new modules."""
    for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
        del sys.modules[name]


def _extension_left_out(folder: str, reason: BaseException) -> types.ModuleType:
    """A stand-in for `torchaudio._extension` with the names that torchaudio's own Python code asks it for."""
    module = types.ModuleType(_EXTENSION, "Left out by ditar.audio.torchaudio_shim: the binary does not fit torch.")
    spec = importlib.machinery.ModuleSpec(_EXTENSION, loader=None, is_package=True)
    spec.submodule_search_locations = [folder]
    module.__spec__, module.__path__, module.__package__ = spec, [folder], _EXTENSION

    def fail_if_no_align(function):
        def refuse(*_args, **_kwargs):
            name = function.__name__
            raise RuntimeError(f"{name} needs torchaudio's compiled extension, which did not load: {reason}")

        return refuse

    module._IS_TORCHAUDIO_EXT_AVAILABLE = False
    module._IS_ALIGN_AVAILABLE = False
    module._load_lib = lambda lib: False
    module._check_cuda_version = lambda: None
    module.fail_if_no_align = fail_if_no_align
    return module
