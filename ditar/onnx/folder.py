"""The folder that `ditar export` wrote: model.json, graphs, tables and voices."""

import json
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime

from ditar.config.cores import MOST_THREADS
from ditar.config.numbers import check_whole
from ditar.onnx.ddim import Sampling
from ditar.storage import ModelError

FORMAT, VERSION = "ditar-onnx", 6
DESCRIPTION, TABLES, VOICES = "model.json", "tables.npz", "voices"
# Of a call, from which more threads than one gain. Waking them for one patch costs more than they save: 0.1B in 8 bits
# took 0.117 s for a second of speech on two threads, and 0.092 on one (avx512_bf16).
PLACES_TO_SHARE = 16


class _OtherVersion(Exception):
    """Of a folder that another version of `ditar export` wrote."""


class Model:
    """Graphs, which are loaded when they are first run, tables, and what model.json says. ModelError: a missing or
    foreign folder.

    Args:
        folder: that `ditar export --format onnx` wrote.
        threads: of onnxruntime, for calls of PLACES_TO_SHARE places and more; they sleep while they wait. With more
            than one, a graph that has calls of both kinds is loaded twice.

    text: what `TextFrontend.of` reads, and seconds_per_symbol, trained_seconds; shape: of patches, latents and LM, and
    the highest guidance scale of a distilled model, 0 of others; vocoder, vae, fingerprints, speaker_space: see
    `ditar.export.write`;
    sampling: how the model samples unless a call says otherwise.
    """

    def __init__(self, folder: str | Path, threads: int = 1):
        # Graphs are loaded when they are first run: by then the program may be in another folder.
        self.folder, self.threads = Path(folder).absolute(), check_whole(threads, "threads", 1, MOST_THREADS)
        path = self.folder / DESCRIPTION
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["format"] != FORMAT:
                raise ValueError(f"it is {found['format']!r}, not {FORMAT!r}")
            if found["version"] != VERSION:
                raise _OtherVersion(f"it is of version {found['version']!r}, and this code reads {VERSION}")
            parts = ("text", "shape", "vocoder", "vae")
            self.text, self.shape, self.vocoder, self.vae = (SimpleNamespace(**found[name]) for name in parts)
            self.fingerprints, self.speaker_space = tuple(found["fingerprints"]), tuple(found["speaker_space"])
            low_high = {"guidance_steps": tuple(found["sampling"]["guidance_steps"])}
            self.sampling = Sampling(**{**found["sampling"], **low_high})
            self.default_voice: str = found["default_voice"]
        except _OtherVersion as error:
            raise ModelError(f"{path} cannot be read ({error}); export the model again") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{path} cannot be read ({error}); give a folder that `ditar export MODEL DIR --format onnx` wrote"
            ) from None
        self._sessions: dict[tuple[str, int], tuple[onnxruntime.InferenceSession, list[str]]] = {}

    @cached_property
    def tables(self) -> Mapping[str, np.ndarray]:
        """Embeddings and tables, by name."""
        try:
            with np.load(self.folder / TABLES) as file:
                return dict(file)
        except (OSError, ValueError) as error:
            raise ModelError(f"{self.folder / TABLES} cannot be read ({error}); export the model again") from None

    def run(self, graph: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of a graph by name. The first input says how much work there is: all axes but the last count
        places (of the LM, say, B and S). ModelError: the graph is missing or broken."""
        places = math.prod(next(iter(inputs.values())).shape[:-1])
        key = graph, self.threads if places >= PLACES_TO_SHARE else 1
        if key not in self._sessions:
            session = self._load(self.folder / f"{graph}.onnx", key[1])
            self._sessions[key] = session, [one.name for one in session.get_outputs()]
        session, names = self._sessions[key]
        return dict(zip(names, session.run(None, inputs), strict=True))

    def _load(self, path: Path, threads: int) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_mem_pattern = False  # lengths differ from call to call
        options.log_severity_level = 3
        # Threads that spin while they wait slow down every other program on the same cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not path.is_file():
            raise ModelError(f"{path} is missing; export the model again")
        try:
            return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class for each of its codes
            reason = str(error).splitlines()[0]
            raise ModelError(f"{path} cannot be loaded ({reason}); export the model again") from None
