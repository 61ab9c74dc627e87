"""The peers' own environments, made once in a cache folder: nothing of theirs is installed beside Touchstone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Environments", "default_cache"]

_SDK = ("mcp>=2,<3", "uvicorn[standard]")
"""The official Python SDK with what makes uvicorn fast: a plain `pip install mcp` has neither uvloop nor httptools."""
_EVERYTHING = "@modelcontextprotocol/server-everything"


def default_cache() -> Path:
    """Return the folder that peers are kept in where no other is named."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "touchstone" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Environments:
    """Peers under `cache`. What is there already is used as it is; remove the folder to get the newest again."""

    cache: Path

    def sdk_python(self) -> str:
        """Return the interpreter that has the official Python SDK 2.x. Raises `CalledProcessError`."""
        folder = self.cache / "mcp2"
        python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        ready = folder / "ready"
        if not ready.exists():
            venv.create(folder, with_pip=True, clear=True)
            _run([str(python), "-m", "pip", "install", "--quiet", *_SDK])
            ready.touch()
        return str(python)

    def sdk_version(self) -> str:
        """Return the version of the SDK that is measured."""
        program = "import importlib.metadata; print(importlib.metadata.version('mcp'))"
        return _run([self.sdk_python(), "-c", program]).strip()

    def everything(self) -> list[str]:
        """Return the command of the TypeScript server-everything. Raises `FileNotFoundError` where Node is missing."""
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            raise FileNotFoundError("server-everything needs node and npm")
        folder = self.cache / "everything"
        script = folder / "node_modules" / _EVERYTHING / "dist" / "index.js"
        if not script.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _run([npm, "install", "--silent", "--prefix", str(folder), _EVERYTHING])
        return [node, str(script)]


def _run(command: list[str]) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)  # noqa: S603 - commands of this file
    return done.stdout
