"""Files that hold secrets: replaced whole, and readable by their owner alone from the first moment on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, data: bytes, *, private: bool = True) -> None:
    """Write a file at once and whole: who reads meanwhile sees the old one or the new one. Raises `OSError`.

    What is not `private` can be read by all. The temporary file beside it is new for certain: nobody can have put a
    link in its place.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if not private:
            beside.chmod(0o644)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
