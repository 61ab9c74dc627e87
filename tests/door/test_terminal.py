"""A terminal whose reader may leave."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from door.terminal import complain, write


def test_text_goes_out_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    write("é\n")
    assert capsys.readouterr().out == "é\n"


def test_a_complaint_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("it said \x1b]0;title\x07 and\nleft")
    assert capsys.readouterr().err == "touchstone: it said \\x1b]0;title\\x07 and\nleft\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_is_full_is_told_in_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "touchstone", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    line = "touchstone: the output could not be written: no space left on the device\n"
    assert (done.returncode, done.stderr) == (2, line)
