"""Completes the pages of a copy of `docs/reference`: `python -m door.reference FOLDER`."""

import sys
from pathlib import Path

from door.reference.pages import complete

if len(sys.argv) != 2:
    sys.exit("what is to be completed? python -m door.reference FOLDER, a copy of docs/reference")
complete(Path(sys.argv[1]))
