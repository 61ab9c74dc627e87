"""The peers' own environments, made once in a cache folder: nothing of theirs is installed beside Touchstone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
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

    def python(self, name: str, requirements: Sequence[str]) -> str:
        """Return the interpreter of an environment that has what `requirements` name. Raises `CalledProcessError`."""
        folder = self.cache / name
        python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        ready = folder / "ready"
        wanted = "\n".join(requirements)
        if not ready.exists() or ready.read_text() != wanted:
            venv.create(folder, with_pip=True, clear=True)
            _run([str(python), "-m", "pip", "install", "--quiet", *requirements])
            ready.write_text(wanted)
        return str(python)

    def node(self, name: str, packages: Sequence[str]) -> tuple[str, Path]:
        """Return Node, and a folder with these packages of npm. Raises `FileNotFoundError`, `CalledProcessError`."""
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            raise FileNotFoundError(f"{name} needs node and npm")
        folder = self.cache / name
        ready, wanted = folder / "ready", "\n".join(packages)
        if not ready.exists() or ready.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _run([npm, "install", "--silent", "--ignore-scripts", "--prefix", str(folder), *packages])
            ready.write_text(wanted)
        return node, folder

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
