"""Where the strangers live, and how they are started.

They are installed once into the folder that `TOUCHSTONE_PEERS` names, or below pytest's cache: the newest of a pinned
major version. A stranger that cannot be had skips its tests, except in CI, where it fails them.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fixtures.strangers import Node, UnavailableError, find_node, npm_folder, python_environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPTS = HERE / "peers"

PYTHON = {
    "mcp1": ("mcp[ws]>=1.30,<2",),
    "mcp2": ("mcp>=2,<3",),
    "fastmcp": ("fastmcp[tasks]>=4,<5",),
}
NPM = {
    "everything": ("@modelcontextprotocol/server-everything@2026",),
    "ts1": ("@modelcontextprotocol/sdk@1",),
    "ts2": (
        "@modelcontextprotocol/client@2",
        "@modelcontextprotocol/server@2",
        "@modelcontextprotocol/node@2",
        "zod@4",
    ),
}
OLDEST_NODE = 22  # the first with a WebSocket of its own
_OPENING = 60.0


def home() -> Path:
    """The folder of all strangers."""
    named = os.environ.get("TOUCHSTONE_PEERS")
    return Path(named).expanduser().resolve() if named else ROOT / ".pytest_cache" / "peers"


class Strangers:
    """The installed strangers, below one folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def python(self, name: str, script: str) -> tuple[str, ...]:
        """The command that runs a script of `peers/` in the environment of that name."""
        with _or_skip():
            interpreter = python_environment(self.home / name, PYTHON[name])
        return (str(interpreter), str(SCRIPTS / script))

    def node(self, name: str, script: str) -> tuple[str, ...]:
        """The command that runs a script of `peers/`, or of the packages, in the npm folder of that name."""
        with _or_skip():
            node = self._node()
            folder = npm_folder(self.home / name, node.npm, NPM[name])
        own = SCRIPTS / script
        if own.is_file():  # Node looks for packages beside the script
            copy = folder / script
            copy.write_bytes(own.read_bytes())
            return (str(node.node), str(copy))
        return (str(node.node), str(folder / "node_modules" / script))

    def _node(self) -> Node:
        return find_node(self.home / "node", OLDEST_NODE)


@contextmanager
def _or_skip() -> Iterator[None]:
    try:
        yield
    except UnavailableError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs every stranger: {error}", pytrace=False)
        pytest.skip(str(error))


@contextmanager
def serving(command: tuple[str, ...], pattern: str = r"\w+://\S+", **variables: str) -> Iterator[str]:
    """Run a server until the block ends; gives what `pattern` finds in its output: that it listens, and where."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    said: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, said), daemon=True)
    reader.start()
    try:
        yield _first(said, pattern, command)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        with suppress(ProcessLookupError):  # what it left behind lives on in its group
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()


def _read(process: subprocess.Popen[str], said: queue.Queue[str | None]) -> None:
    for line in process.stdout:
        said.put(line)
    said.put(None)


def _first(said: queue.Queue[str | None], pattern: str, command: tuple[str, ...]) -> str:
    lines = []
    while (line := said.get(timeout=_OPENING)) is not None:
        lines.append(line)
        if found := re.search(pattern, line):
            return found[0]
    raise AssertionError(f"{' '.join(command)} ended: {''.join(lines)[-2000:]}")
