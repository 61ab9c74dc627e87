"""The plan of a load run: which operations, how often, in which model, against what. Values only, valid once built.

A plan crosses into the Locust process as JSON (`encode_plan`, `decode_plan`); the two worlds share nothing else.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from loadtest.objectives import Objective
from loadtest.stages import Shape
from reference_impl.protocol.revisions import revision_named

__all__ = [
    "MARKER",
    "NUMBER_MARKER",
    "ClosedModel",
    "HttpTarget",
    "LoadPlan",
    "Model",
    "OpenModel",
    "Operation",
    "SseTarget",
    "StdioTarget",
    "Target",
    "WebSocketTarget",
    "Workload",
    "check_headers",
    "decode_plan",
    "encode_plan",
    "operations_meant",
]

MARKER = "{n}"
"""Replaced in every string of an operation's params by a number that no other call of the run has."""
NUMBER_MARKER = "{n:number}"
"""A string of just this becomes that number itself, for parameters of type integer or number."""


class Operation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of request.

    `params` may hold `MARKER` and `NUMBER_MARKER`, so that no cache answers for the target. `echoes` says that the
    answer repeats the marker, which is then checked: nobody must get another's answer. `schema` is the called tool's
    input schema, for the headers that it mirrors (2026-07-28 `server/tools#x-mcp-header`).
    """

    name: str
    method: str
    params: dict[str, Any] = {}
    weight: float = 1.0
    echoes: bool = False
    schema: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be sent."""
        _require(self.name != "" and self.method != "", "an operation has a name and a method")
        _require(self.weight > 0, f"operation {self.name!r}: the weight must be above 0")


class Workload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named mix of operations, each as frequent as its weight says.

    `scenario` names what one arrival does (`loadtest.scenarios`), and `parameters` are plain values for it. `why` says
    why it is these operations, where nobody named them.
    """

    name: str
    operations: tuple[Operation, ...]
    scenario: str = "steady"
    parameters: dict[str, Any] = {}
    why: str = ""

    def __post_init__(self) -> None:
        """Refuse an empty or ambiguous mix."""
        _require(len(self.operations) > 0, "a workload has at least one operation")
        names = {operation.name for operation in self.operations}
        _require(len(names) == len(self.operations), "operations of a workload have different names")


class OpenModel(Struct, frozen=True, kw_only=True, tag="open", tag_field="model", forbid_unknown_fields=True):
    """Arrivals that do not wait for answers: `rate` a second, evenly spaced or as a Poisson process.

    `users` bounds how many requests are in flight; an arrival that finds all of them busy waits, and its wait counts.
    With a `shape` the rate follows it, and `rate` is its highest.
    """

    rate: float
    arrivals: Literal["constant", "poisson"] = "constant"
    users: int = 64
    shape: Shape | None = None

    def __post_init__(self) -> None:
        """Refuse a model without load."""
        _require(self.rate > 0, "the rate of an open model must be above 0")
        _require(self.users > 0, "an open model needs at least one user")
        _require(self.shape is None or self.shape.peak == self.rate, "the rate of a shape is its highest")


class ClosedModel(Struct, frozen=True, kw_only=True, tag="closed", tag_field="model", forbid_unknown_fields=True):
    """Users that each wait for an answer before they ask again, after `think` seconds.

    With a `shape` their number follows it, and `users` is its highest, rounded.
    """

    users: int
    think: float = 0.0
    shape: Shape | None = None

    def __post_init__(self) -> None:
        """Refuse a model without load."""
        _require(self.users > 0, "a closed model needs at least one user")
        _require(self.think >= 0, "the think time cannot be negative")
        _require(self.shape is None or round(self.shape.peak) == self.users, "the users of a shape are its highest")


class HttpTarget(Struct, frozen=True, kw_only=True, tag="http", tag_field="transport", forbid_unknown_fields=True):
    """A Streamable HTTP endpoint. `headers` go with every request (authorization, for example)."""

    url: str
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse what is no HTTP address."""
        _require(self.url.startswith(("http://", "https://")), f"{self.url!r} is no http:// or https:// URL")
        check_headers(self.headers)


class SseTarget(Struct, frozen=True, kw_only=True, tag="sse", tag_field="transport", forbid_unknown_fields=True):
    """The event stream of HTTP with SSE (2024-11-05), as an `http` or `https` URL. `headers` go with every request."""

    url: str
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse what is no HTTP address."""
        _require(self.url.startswith(("http://", "https://")), f"{self.url!r} is no http:// or https:// URL")
        check_headers(self.headers)


class WebSocketTarget(Struct, frozen=True, kw_only=True, tag="ws", tag_field="transport", forbid_unknown_fields=True):
    """A WebSocket endpoint. `headers` go with the handshake."""

    url: str
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse what is no WebSocket address."""
        _require(self.url.startswith(("ws://", "wss://")), f"{self.url!r} is no ws:// or wss:// URL")
        check_headers(self.headers)


class StdioTarget(Struct, frozen=True, kw_only=True, tag="stdio", tag_field="transport", forbid_unknown_fields=True):
    """A server that is started from a command line. `env` is added to the environment.

    All users share one process, as a host's conversations do; with `process_each` every user starts its own.
    """

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    cwd: str | None = None
    process_each: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty command."""
        _require(len(self.argv) > 0, "the command of a stdio target is empty")


Model = OpenModel | ClosedModel
Target = HttpTarget | SseTarget | StdioTarget | WebSocketTarget


class LoadPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a run needs to know. Times are seconds.

    `revision` is the name of the one spoken; finding out which the target speaks is the caller's business. What starts
    within `warm_up` is sent but not counted; `duration` follows it. `timeout` bounds each request. `target_pid` is the
    root of the target's processes where it runs on this machine (stdio targets are found without it). The run ends
    early when nothing was answered for `silence` seconds; it never asks more than `rate_cap` a second. `pins` say at
    which addresses host names are to be found. `calibration` is how long the generator is first tried against a null
    server; 0 skips that, and the verdict on the generator then rests on its lag and CPU alone, and on `calibrated`,
    what an earlier run of the same generator made (operations a second).
    """

    target: Target
    revision: str
    workload: Workload
    model: Model
    duration: float
    warm_up: float = 0.0
    timeout: float = 10.0
    seed: int = 0
    objectives: tuple[Objective, ...] = ()
    target_pid: int | None = None
    silence: float = 10.0
    rate_cap: float | None = None
    pins: dict[str, tuple[str, ...]] = {}
    calibration: float = 1.0
    calibrated: float | None = None

    def __post_init__(self) -> None:
        """Refuse times and revisions that make no run."""
        revision = revision_named(self.revision)
        _require(revision is not None, f"there is no revision {self.revision!r} of the protocol")
        http, sse = isinstance(self.target, HttpTarget), isinstance(self.target, SseTarget)
        streamable = revision is not None and revision.streamable_http
        _require(not http or streamable, f"{self.revision} has no Streamable HTTP; load it over stdio")
        _require(not (sse and revision is not None and revision.modern), f"{self.revision} has no HTTP with SSE")
        _require(self.duration > 0 and self.timeout > 0, "duration and timeout must be above 0 seconds")
        _require(self.warm_up >= 0 and self.calibration >= 0, "warm-up and calibration cannot be negative")
        _require(self.silence > 0, "how long a target may be silent must be above 0 seconds")
        asked = self.model.rate if isinstance(self.model, OpenModel) else 0.0
        cap = self.rate_cap
        _require(cap is None or 0 < cap >= asked, f"a rate of {asked:g}/s is above the cap of {cap or 0:g}/s")


def operations_meant(name: str, workload: Workload) -> frozenset[str]:
    """Return the names of the operations that `name` stands for: the one of this name, or all calls of this tool.

    A name that no operation of the workload has stands for itself: turns of some scenarios have operations besides.
    """
    if any(operation.name == name for operation in workload.operations):
        return frozenset({name})
    calls = (each for each in workload.operations if each.method == "tools/call")
    return frozenset(each.name for each in calls if each.params.get("name") == name) or frozenset({name})


def check_headers(headers: dict[str, str]) -> None:
    """Raise ValueError for a header that would break the request or split it in two (RFC 9110, section 5.5)."""
    for name, value in headers.items():
        text = name + value
        _require(name != "" and text.isascii() and text.isprintable(), f"header {name!r} holds what no header may")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def encode_plan(plan: LoadPlan) -> bytes:
    """Write a plan as one line of JSON."""
    return msgspec.json.encode(plan)


def decode_plan(line: bytes) -> LoadPlan:
    """Read a plan back. Raises `msgspec.ValidationError` (a ValueError) that says what is wrong with it."""
    return msgspec.json.decode(line, type=LoadPlan)
