"""A terminal whose reader may leave."""

from __future__ import annotations

import pytest

from door.terminal import complain, write


def test_text_goes_out_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    write("é\n")
    assert capsys.readouterr().out == "é\n"


def test_a_complaint_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("it said \x1b]0;title\x07 and\nleft")
    assert capsys.readouterr().err == "touchstone: it said \\x1b]0;title\\x07 and\nleft\n"
