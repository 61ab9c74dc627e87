"""Ids that can be guessed from one another are told from random ones."""

from __future__ import annotations

import secrets
import uuid

import pytest

from conformance.guessing import guessable


@pytest.mark.parametrize(
    "ids",
    [
        ["task-1", "task-2", "task-3"],
        ["1764028800000-1", "1764028800001-2"],
        ["1764028800001", "1764028800352", "1764028801000"],
        ["a", "b", "c"],
    ],
)
def test_what_counts_or_is_short_can_be_guessed(ids: list[str]) -> None:
    assert guessable(ids)


def test_random_ids_cannot_whatever_they_begin_with() -> None:
    assert not guessable([secrets.token_urlsafe() for _ in range(3)])
    assert not guessable([f"task-{uuid.uuid4()}" for _ in range(3)])
    assert not guessable([secrets.token_hex(8) for _ in range(3)])
    assert not guessable(["b7Kq0xV1sT", "Zp3LmQw8uA"])
    assert not guessable(["786512e2-9e0d-44bd-8f29-789f320fe840", "786512e2-5b1c-4c9d-9a53-0f7f4b1f2d11"])
