"""What is loaded before the first output: time is what a user waits for, modules are what a test can count."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HEAVY = {
    *("hypothesis", "jsonschema", "referencing", "jinja2", "h11", "asyncio", "http.client", "ssl"),
    *("locust", "gevent", "aiohttp", "uvicorn", "starlette", "websockets", "cryptography", "pygit2", "sqlglot"),
    *("conformance.runner", "conformance.properties", "conformance.checks.server", "loadtest.run"),
}
_TELLS = """
import os, sys
import door.progress
def tell(self, *_, **__):
    print(" ".join(sys.modules)); sys.stdout.flush(); os._exit(0)
door.progress.Live.__enter__ = tell
import touchstone
sys.argv = ["touchstone", *sys.argv[1:]]
touchstone.main()
"""
_STARTED = [
    ["run"],
    ["run", "--profile", "quick", "--", sys.executable, "server.py"],
    ["check", "--", sys.executable, "server.py"],
    ["fuzz", "--", sys.executable, "server.py"],
    ["load", "--rate", "10", "--", sys.executable, "server.py"],
]


def loaded(program: str, words: list[str], folder: Path) -> set[str]:
    """Return the names of the modules that a program says it has loaded, and of those that hold them."""
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("words", _STARTED, ids=lambda words: " ".join(words[:2]))
def test_what_a_stage_works_with_is_loaded_after_the_display_is_up(words: list[str], tmp_path: Path) -> None:
    assert not _HEAVY & loaded(_TELLS, words, tmp_path)


def test_the_list_of_commands_needs_nothing_of_what_they_work_with(tmp_path: Path) -> None:
    modules = loaded("import sys, touchstone; print(*sys.modules)", [], tmp_path)
    assert not (_HEAVY | {"psutil", "anyio", "conformance", "loadtest"}) & modules
