"""What a task of a locustfile gets back: an answer decoded, and the say over whether it was a good one. No Locust."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

import msgspec

from loadtest.exchange import Exchange
from loadtest.sample import Failure
from reference_impl.metrics import ErrorClass

__all__ = ["OperationError", "Response"]

_JUDGED = (AssertionError, LookupError, TypeError, ValueError)


class OperationError(Exception):
    """A failed operation, as Locust's statistics show it; `failure` has the class, the code and what was said."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.error_class} {failure.code}: {failure.message}")
        self.failure = failure


class Response:
    """The answer to one request; true if it is a good one.

    `exchange` has times (`time.perf_counter` seconds), size and the message as it came; `error` is None or an
    `OperationError`. With `caught`, the task judges it in a `with` block, at whose end `caught` is called. Without a
    word from the task it counts as what it is. What judging an answer raises (`AssertionError`, `LookupError`,
    `TypeError`, `ValueError`) makes it a failure and goes on; an `OperationError` does so and ends there.
    """

    def __init__(self, name: str, exchange: Exchange, caught: Callable[[Response], None] | None = None) -> None:
        self.name = name
        self.exchange = exchange
        self._caught = caught
        self.error = None if exchange.failure is None else OperationError(exchange.failure)
        self._message: dict[str, Any] | None = None

    def __bool__(self) -> bool:
        """Whether it is a good answer."""
        return self.error is None

    def __getitem__(self, key: str) -> Any:
        """Return a member of the result. Raises what went wrong (`OperationError`) where that is why there is none,
        else `KeyError`."""
        if key not in self.result:
            self.raise_for_failure()
        return self.result[key]

    @property
    def message(self) -> dict[str, Any]:
        """The JSON-RPC message, decoded; empty where none came that could be."""
        if self._message is None:
            try:
                message = msgspec.json.decode(self.exchange.message or b"{}")
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                message = {}
            self._message = message if isinstance(message, dict) else {}
        return self._message

    @property
    def result(self) -> dict[str, Any]:
        """The result, also one with `isError`; empty where there is none."""
        result = self.message.get("result")
        return result if isinstance(result, dict) else {}

    @property
    def text(self) -> str:
        """The texts of a tool's content, of a resource's or of a prompt's messages, joined by line ends."""
        blocks = [*self._list("content"), *self._list("contents")]
        blocks += [message["content"] for message in self._list("messages") if "content" in message]
        return "\n".join(str(block["text"]) for block in blocks if isinstance(block, dict) and "text" in block)

    @property
    def structured(self) -> Any:
        """The structured content of a tool's result, None where there is none."""
        return self.result.get("structuredContent")

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.exchange.done - self.exchange.sent

    def raise_for_failure(self) -> None:
        """Raise what went wrong, if anything did. Raises `OperationError`."""
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Response:
        """Begin to judge. Raises `RuntimeError` where the request did not say so."""
        if self._caught is None:
            raise RuntimeError("a response is judged in a with block only where catch_response=True was given")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> Literal[True] | None:
        """Record it."""
        if isinstance(problem, OperationError):
            self.error = problem
        elif isinstance(problem, _JUDGED) and self.error is None:
            self.failure(problem)
        assert self._caught is not None
        self._caught(self)
        return True if isinstance(problem, OperationError) else None

    def success(self) -> None:
        """Take it for a good answer."""
        self.error = None

    def failure(self, why: object) -> None:
        """Take it for a failure, and say why: text, or an exception. What was wrong already is told as well."""
        self.error = OperationError(_rejected(why, self.exchange.failure))

    def _list(self, key: str) -> list[Any]:
        value = self.result.get(key)
        return value if isinstance(value, list) else []


def _rejected(why: object, before: Failure | None) -> Failure:
    """Return the failure of an answer that its task does not accept."""
    said = str(why) or type(why).__name__
    if before is None:
        return Failure(ErrorClass.JSON_RPC, "rejected", said)
    return Failure(before.error_class, before.code, f"{said} ({before.message})")
