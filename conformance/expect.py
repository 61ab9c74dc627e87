"""Verifiers: what a check says it expects. Each raises with both the expected and the actual, so bodies stay short."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.links import Answer
    from conformance.transcript import Conversation

__all__ = [
    "Blocked",
    "Inapplicable",
    "Mismatch",
    "Unserved",
    "brief",
    "expect",
    "expect_equal",
    "expect_error",
    "expect_result",
    "expect_status",
    "literal",
]


class Mismatch(AssertionError):  # noqa: N818 - an outcome of judging, not an error of ours
    """The target did something else than a requirement allows. `entries` point at the evidence, where it is known.

    `breaks` is the requirement that it breaks, where a check verifies several of different weight; `seen` the
    conversation of the entries, where that is another than the check's own.
    """

    def __init__(self, expected: str, actual: str, entries: Iterable[int] = ()) -> None:
        super().__init__(f"expected {expected}; got {actual}")
        self.expected = expected
        self.actual = actual
        self.entries = tuple(entries)
        self.breaks: str | None = None
        self.seen: Conversation | None = None


@dataclass(eq=False)
class Inapplicable(Exception):  # noqa: N818 - an outcome, not an error
    """The requirement does not bind this target; the text says why."""

    reason: str


@dataclass(eq=False)
class Blocked(Exception):  # noqa: N818 - an outcome, not an error
    """The requirement binds but could not be exercised; the text says what would unblock it."""

    reason: str


class Unserved(Blocked):
    """Not even the same request without the defect was served; another check on the connection may be to blame."""


def brief(value: Any, limit: int = 200) -> str:
    """Return a value as JSON on one line, cut to `limit` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def literal(value: Any) -> str:
    """Return a value as `brief` does, a string in its quotation marks: where "1" is not 1."""
    return brief(json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value)


def expect(holds: object, expected: str, actual: Any) -> None:
    """Raise `Mismatch` unless `holds`."""
    if not holds:
        raise Mismatch(expected, brief(actual))


def expect_equal(actual: Any, wanted: Any, what: str) -> None:
    """Raise `Mismatch` unless both are equal in value and in JSON type."""
    if type(actual) is not type(wanted) or actual != wanted:
        raise Mismatch(f"{what} {literal(wanted)}", f"{what} {literal(actual)}")


def expect_result(answer: Answer, what: str = "a result") -> dict[str, Any]:
    """Return the answer's result object. Raises `Mismatch` if it is an error, or no object."""
    if not isinstance(answer.result, dict):
        raise Mismatch(f"{what} for {answer.method}", brief(answer.message))
    return answer.result


def expect_error(answer: Answer, codes: Collection[int], what: str) -> dict[str, Any]:
    """Return the answer's error object. Raises `Mismatch` unless its code is among `codes` (empty: any code)."""
    wanted = f"an error{' with code ' + ' or '.join(map(str, sorted(codes, reverse=True))) if codes else ''} for {what}"
    error = answer.error
    if not isinstance(error, dict) or (codes and error.get("code") not in codes):
        raise Mismatch(wanted, brief(answer.message))
    return error


def expect_status(actual: int, wanted: Collection[int], what: str) -> None:
    """Raise `Mismatch` unless an HTTP status is among the wanted ones."""
    if actual not in wanted:
        raise Mismatch(f"HTTP {' or '.join(map(str, sorted(wanted)))} for {what}", f"HTTP {actual}")
