"""`touchstone serve custom` as a process: its streams stay clean whatever the module does, and mistakes end it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from reference_impl.client import StdioCommand, connect
from reference_impl.protocol.revisions import LATEST

CAPABILITIES: tuple[str, Any] = ("clientCapabilities", {})
SERVE = (sys.executable, "-m", "touchstone", "serve", "custom")

NOISY = """
import os, subprocess, sys
print("printed while loading")
os.system("echo a program while loading")

def noise() -> str:
    print("printed in a call")
    os.write(1, b"written to the descriptor\\n")
    os.system("echo a program in a call")
    sys.stdout.write("without a line end")
    return "quiet"

def read() -> str:
    took = sys.stdin.read() + subprocess.run(["cat"], capture_output=True, text=True).stdout
    return f"took {len(took)}"

def fail() -> str:
    raise KeyError("private words")

def leave() -> str:
    sys.exit(7)
"""


def test_what_a_module_prints_reads_or_raises_stays_off_the_wire(tmp_path: Path) -> None:
    path = tmp_path / "noisy.py"
    path.write_text(NOISY, "utf-8")

    async def session() -> list[str]:
        async with connect(StdioCommand((*SERVE, str(path)))) as client:
            told = []
            for tool in ("noise", "read", "fail", "leave", "noise"):
                result = await client.call_tool(tool)
                told.append(("error: " if result.get("isError") else "") + result["content"][0]["text"])
            return told

    told = anyio.run(session)
    failed = "error: An unexpected error occurred"
    assert told == ["quiet", "took 0", failed, failed, "quiet"]


def test_the_stack_of_a_failure_is_on_standard_error_and_nothing_else_on_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "noisy.py"
    path.write_text(NOISY, "utf-8")
    meta = {f"io.modelcontextprotocol/{key}": value for key, value in (("protocolVersion", LATEST.name), CAPABILITIES)}
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "_meta": meta}})
        for number, tool in enumerate(("noise", "fail"), 1)
    ]
    with subprocess.Popen(
        (*SERVE, str(path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        answers = []
        for line in lines:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            answers.append(process.stdout.readline())
        rest, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert [json.loads(answer)["id"] for answer in answers] == [1, 2]
    assert rest == ""
    for words in ("printed while loading", "a program while loading", "printed in a call", "written to the descriptor"):
        assert words in err
    assert "a program in a call" in err
    assert "KeyError: 'private words'" in err
    assert "private words" not in "".join(answers)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(:\n", "mine.py:1: SyntaxError: "),
        ("import nowhere_at_all\n", "mine.py:1: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        (None, "mine.py: there is no such file"),
    ],
)
def test_a_module_that_cannot_be_loaded_ends_the_command(tmp_path: Path, source: str | None, said: str) -> None:
    path = tmp_path / "mine.py"
    if source is not None:
        path.write_text(source, "utf-8")
    done = subprocess.run((*SERVE, str(path)), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
