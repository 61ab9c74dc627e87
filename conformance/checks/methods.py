"""One root cause, one finding: a declared method that is missing is told of once, by the checks of capabilities."""

from __future__ import annotations

from conformance.expect import Blocked
from conformance.links import Answer

__all__ = ["require_method"]


def require_method(answer: Answer) -> Answer:
    """Return the answer. Raises `Blocked` if the target does not know the method at all."""
    if answer.code == -32601:
        raise Blocked(f"the target knows no {answer.method}")
    return answer
