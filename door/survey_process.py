"""The process that judges one target of a survey: started, waited for, and ended with all that it started."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc
import msgspec
import psutil

from door.errors import Exit
from door.surveyed import Order

__all__ = ["ERRORS", "REPORT", "Ended", "run_order"]

REPORT, ERRORS = "report.txt", "errors.txt"
"""Files that take what is printed."""
_MARK = "TOUCHSTONE_SURVEY"
"""A variable that every process of one target inherits."""
_GRACE = 15.0
"""Seconds that the process gets to stop the target and write down what it has."""
_BY_ITSELF = frozenset(Exit) - {Exit.FAULT, Exit.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: its exit code (negative: a signal), and whether that was at its deadline."""

    code: int
    late: bool = False


async def run_order(order: Order, limit: float) -> Ended:
    """Judge one target; after `limit` seconds, and when cancelled, the process is ended first."""
    folder, mark = Path(order.folder), uuid.uuid4().hex
    with (folder / REPORT).open("wb") as said, (folder / ERRORS).open("wb") as complained:
        process = await anyio.open_process(
            [sys.executable, "-P", "-m", "door.surveyed"],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=complained,
            env={**os.environ, _MARK: mark, "COLUMNS": "100"},
            start_new_session=True,
        )
    late = False
    try:
        assert process.stdin is not None
        with suppress(anyio.BrokenResourceError):
            await process.stdin.send(msgspec.json.encode(order))
            await process.stdin.aclose()
        with anyio.move_on_after(limit) as scope:
            await process.wait()
        late = scope.cancelled_caught
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process, mark)
    assert process.returncode is not None
    return Ended(process.returncode, late)


async def _end(process: anyio.abc.Process, mark: str) -> None:
    """End the process if it goes on; where it did not end by itself, also whatever it has left behind."""
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(_GRACE):
            await process.wait()
    if process.returncode not in _BY_ITSELF:
        for left in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if left.environ().get(_MARK) == mark:
                    left.kill()
    await process.wait()
    await process.aclose()
