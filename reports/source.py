"""The file that a failure is pinned to by services which show failures in the source.

A target is a black box: nobody can tell which line of it is wrong. But a command mostly names the file that it runs,
and services show nothing that has no file.
"""

import shlex
from pathlib import PurePosixPath

from reports.rows import Target

__all__ = ["source_of"]

_SUFFIXES = """
    .c .cjs .clj .cpp .cs .csproj .cts .dart .ex .exs .fs .go .hs .java .jl .js .kt .kts .lua .mjs .ml .mts .php .pl
    .py .rb .rs .scala .sh .swift .ts .tsx .zig
"""
_LANGUAGES = frozenset(_SUFFIXES.split())


def source_of(target: Target) -> str | None:
    """Return the first file of source in a target's command, as a path within the working directory; None where there
    is none, as in a URL."""
    try:
        words = shlex.split(target.address)
    except ValueError:
        return None
    return next((path for word in words if (path := _path(word)) is not None), None)


def _path(word: str) -> str | None:
    path = PurePosixPath(word)
    strange = word.startswith(("-", "/", "@")) or ".." in path.parts or "://" in word or not word.isprintable()
    return None if strange or path.suffix not in _LANGUAGES else str(path)
