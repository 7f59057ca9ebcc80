"""`python -m ditar.cli`."""

import sys

from ditar.cli import main

sys.exit(main())
