"""Loading the user's module from its source, and saying in one line where it went wrong.

The source is compiled here each time: what Python keeps compiled beside it may be older than an edit of a moment ago.
"""

from __future__ import annotations

import importlib.util
import linecache
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from reference_impl.server.errors import SetupError

__all__ = ["Source", "find", "loaded", "place_of", "where"]


@dataclass(frozen=True, slots=True)
class Source:
    """A module that can be loaded: its name in `sys.modules`, and its file."""

    name: str
    path: Path

    @property
    def stem(self) -> str:
        """The name that people know it by."""
        return self.name.rpartition(".")[2].removeprefix(_PREFIX)


_PREFIX = "touchstone_custom_"


def find(argument: str) -> Source:
    """Return the module that a file's path or a dotted name stands for. Raises `SetupError`."""
    path = Path(argument)
    if argument.endswith(".py") or os.sep in argument or path.is_file():
        if not path.is_file():
            raise SetupError(f"{argument}: there is no such file")
        path = path.resolve()
        _let_import(path.parent)
        return Source(_PREFIX + "".join(mark if mark.isalnum() else "_" for mark in path.stem), path)
    _let_import(Path.cwd())
    try:
        spec = importlib.util.find_spec(argument)
    except (ImportError, ValueError):  # a package above it that is not there; `..` in it
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise SetupError(f"{argument}: there is no such file or module")
    return Source(argument, Path(spec.origin))


def _let_import(folder: Path) -> None:
    """Let the module import what lies beside it, as a script can."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@contextmanager
def loaded(source: Source) -> Iterator[ModuleType]:
    """Run the module's source in a fresh module, which takes the place of an earlier one; if that fails, or the block
    does, the earlier one stays.

    Raises `SetupError` with file and line for whatever the module raises.
    """
    before = sys.modules.get(source.name)
    try:
        yield _run(source)
    except BaseException:
        if before is None:
            sys.modules.pop(source.name, None)
        else:
            sys.modules[source.name] = before
        raise


def _run(source: Source) -> ModuleType:
    linecache.checkcache(str(source.path))
    try:
        code = compile(source.path.read_bytes(), str(source.path), "exec", dont_inherit=True)
        module = importlib.util.module_from_spec(_spec(source))
        sys.modules[source.name] = module
        exec(code, module.__dict__)  # noqa: S102 - the user's own module, which they asked to run
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the module's own kinds too: one of them would end the watch for new versions
        raise SetupError(where(error, source.path)) from error
    return module


def _spec(source: Source) -> ModuleSpec:
    submodules = [str(source.path.parent)] if source.path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(source.name, source.path, submodule_search_locations=submodules)
    assert spec is not None
    return spec


def where(error: BaseException, path: Path) -> str:
    """Return an error in one line: the last line of the user's file that led to it, and what was wrong there."""
    words = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        return f"{error.filename or path}:{error.lineno or 1}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)
    place = f"{path}:{line}" if line is not None else str(path)
    return f"{place}: {type(error).__name__}: {words}" if words else f"{place}: {type(error).__name__}"


def place_of(function: object, path: Path) -> str:
    """Return where a function is defined."""
    code = getattr(function, "__code__", None)
    return f"{path}:{code.co_firstlineno}" if code is not None else str(path)
