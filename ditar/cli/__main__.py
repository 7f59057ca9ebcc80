"""`python -m ditar.cli`."""

import sys

from ditar.cli import program

sys.exit(program())
