"""What is said of tools that the user named and the target does not list."""

from __future__ import annotations

import pytest

from conformance.surface import Permission, Surface
from door.checking import warn_of_unlisted

_SURFACE = Surface(tools=[{"name": "delete_note"}, {"name": "search"}])


def test_a_misspelt_tool_is_told_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_unlisted(Permission(frozenset({"delete_notes", "search"})), [_SURFACE])
    assert capsys.readouterr().err == (
        "touchstone: the target lists no tool 'delete_notes'; did you mean 'delete_note'?\n"
    )


def test_samples_for_a_tool_that_is_not_there_are_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_unlisted(Permission(samples={"xyz": {}}), [_SURFACE])
    assert capsys.readouterr().err == "touchstone: the target lists no tool 'xyz'\n"


def test_a_tool_that_is_listed_at_one_revision_alone_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_unlisted(Permission(frozenset({"search"})), [Surface(), _SURFACE])
    assert capsys.readouterr().err == ""
