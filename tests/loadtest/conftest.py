"""Targets for load: the small server in `target.py`, started and ended with a test."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loadtest.workload import HttpTarget, StdioTarget, Target

PROGRAM = str(Path(__file__).with_name("target.py"))

MakeTarget = Callable[[str, str], Target]


@contextlib.contextmanager
def served(fault: str) -> Iterator[HttpTarget]:
    with subprocess.Popen(
        [sys.executable, PROGRAM, "http", fault], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield HttpTarget(url=f"http://127.0.0.1:{int(process.stdout.readline())}/mcp")
        process.stdin.close()


@pytest.fixture
def make_target() -> Iterator[MakeTarget]:
    with contextlib.ExitStack() as stack:

        def make(transport: str, fault: str = "") -> Target:
            if transport == "http":
                return stack.enter_context(served(fault))
            return StdioTarget(argv=(sys.executable, PROGRAM, "stdio", fault))

        yield make
