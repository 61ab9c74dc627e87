"""What a load test does: a scenario chooses the operations by what the target offers, and says what one arrival does.

The first half, `workload`, runs at the door and is pure; the second, `turn`, runs in the Locust process by means of a
`Visitor`. What crosses between the two is the `Workload`: operations, the scenario's name, and its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from loadtest.knowing import known
from loadtest.mixing import Mixed
from loadtest.recorded import Step
from loadtest.serving import Serving
from loadtest.workload import Operation, Workload
from reference_impl.protocol.revisions import revision_named

if TYPE_CHECKING:
    from loadtest.found import Found
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor
    from reports.records import LoadJudgement

__all__ = ["Offer", "Scenario", "Sized", "Transport", "Unavailable", "Wishes", "next_operation", "with_argument"]

Transport = Literal["http", "stdio", "sse", "ws"]


class Unavailable(Exception):  # noqa: N818 - the name says what a target lacks
    """A target lacks what a scenario needs. The message is one line: what is missing, and what would unlock it.

    `asked` says that the user named what is missing, so that the command is wrong and not the target.
    """

    def __init__(self, message: str, *, asked: bool = False) -> None:
        super().__init__(message)
        self.asked = asked


class Sized(Struct, frozen=True, kw_only=True):
    """A call, and the name of the argument that says how much of something it does: seconds, bytes, characters."""

    operation: Operation
    argument: str


class Offer(Struct, frozen=True, kw_only=True):
    """What a target offers at the revision that is spoken: calls that may be made, none that may not.

    `cheap` is the request that costs the least. `calls` are the tools that may be called, in the order of the
    target's list, `quick` those that look neither slow nor as if they asked; arguments that are free text hold
    `MARKER`, unless the user gave samples. `texts` take a text of any size, `echo` repeats it (proved, not
    guessed); both hold `MARKER`. `slow` lasts as long as its argument says; `progress` reports progress; `asking`
    ask their client for something; `large` give as much as their argument says; `changing` change a list that the
    target has (all told by names and schemas). `lists` are the first pages of the lists, named by their methods.
    `proven` is a quick call that was answered well on trial, and `refused` what others were answered, by tool, where
    nothing echoes. `tokens` are good bearer tokens, of which the target has seen the first alone; `expired` is one that
    was good once. `tools` are the names of all tools; `permitted` are the input schemas of those that may be called, by
    name, also of those for which no arguments were found. `serving` is what serves the target's URL, where that is ours
    to start and to end.
    """

    revision: str
    transport: Transport
    capabilities: dict[str, Any]
    cheap: Operation
    tools: tuple[str, ...] = ()
    calls: tuple[Operation, ...] = ()
    quick: tuple[Operation, ...] = ()
    texts: tuple[Sized, ...] = ()
    echo: Sized | None = None
    proven: Operation | None = None
    refused: dict[str, str] = {}
    slow: tuple[Sized, ...] = ()
    progress: tuple[Operation, ...] = ()
    asking: tuple[Operation, ...] = ()
    large: tuple[Sized, ...] = ()
    changing: tuple[Operation, ...] = ()
    lists: tuple[Operation, ...] = ()
    resources: tuple[str, ...] = ()
    prompts: tuple[Operation, ...] = ()
    permitted: dict[str, dict[str, Any] | None] = {}
    tokens: tuple[str, ...] = ()
    expired: str | None = None
    serving: Serving | None = None

    @property
    def modern(self) -> bool:
        """Whether requests describe themselves, without a handshake."""
        revision = revision_named(self.revision)
        return revision is not None and revision.modern

    def call(self, tool: str) -> Operation:
        """Return the call of a tool. Raises `Unavailable` if there is none that may be made."""
        echo = () if self.echo is None else (self.echo.operation,)
        found: Operation | None = next((each for each in (*echo, *self.calls) if each.params.get("name") == tool), None)
        if found is None:
            raise Unavailable(self.why_not(tool), asked=True)
        return found

    def why_not(self, tool: str) -> str:
        """Return why a tool cannot be called: there is none, it may not be, or nothing is known to call it with."""
        if tool in self.permitted:
            return f"{tool}: no arguments are known for it; [tools.samples] gives them"
        if tool in self.tools:
            return f"{tool} may not be called, for it does not say readOnlyHint: --allow {tool} lets it"
        return f"the target has no tool {tool!r}{known(tool, self.tools)}"

    def usual(self) -> Operation:
        """Return the call to make where none was named: what echoes, else a quick tool that answered a trial call, else
        a list, else `cheap`. Raises `Unavailable` where there are quick tools, and all refused their trial."""
        if self.echo is not None:
            return self.echo.operation
        if self.proven is not None:
            return self.proven
        if self.refused:
            said = "; ".join(f"{tool}: {why}" for tool, why in self.refused.items())
            raise Unavailable(f"no tool answered a trial call well ({said}); --tool and [tools.samples] choose others")
        tools = (each for each in self.lists if each.method == "tools/list")
        return next(iter(self.quick), None) or next(tools, self.cheap)

    def why_usual(self) -> str:
        """Return in a sentence why `usual` is what it is."""
        name, method = (usual := self.usual()).name, usual.method
        if self.echo is not None:
            return f"{name}: it repeats its text, so that each answer is checked"
        if self.proven is not None:
            before = f" ({', '.join(self.refused)} refused theirs)" if self.refused else ""
            return f"{name}: no tool repeats its text, and this one answered a trial call{before}; --tool names others"
        if method == "tools/call":
            return f"{name}: the first quick one that may be called"
        lacking = "no quick tool may be called; --allow and --tool name some" if self.tools else "there are no tools"
        return f"{name}: {lacking}"


class Wishes(Struct, frozen=True, kw_only=True):
    """What the user asked for: `tools` to call and how often, relative to each other; a `mix` of their own; what a
    `recording` holds."""

    tools: tuple[tuple[str, float], ...] = ()
    mix: tuple[Mixed, ...] = ()
    recording: tuple[Step, ...] = ()


def with_argument(sized: Sized, value: Any) -> Operation:
    """Return the call with its argument set."""
    params = sized.operation.params
    arguments = {**params.get("arguments", {}), sized.argument: value}
    return msgspec.structs.replace(sized.operation, params={**params, "arguments": arguments})


def next_operation(visitor: Visitor) -> Sample:
    """Ask the next operation of the mix: what one arrival does in most scenarios."""
    return visitor.ask()


def _nothing(found: Found) -> Iterable[LoadJudgement]:
    del found
    return ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to put a target under load.

    `needs` says in a few words what of the target. `workload` raises `Unavailable`; it gives its result the scenario's
    name, and parameters for `turn` if that has any. `turn` is what one arrival (open model) or iteration (closed model)
    does; it returns the sample that stands for the whole. `opens` says that the conversation of a user is opened before
    its first turn; a scenario whose turns do that themselves sets it to False. `alone` says that over stdio each user
    has a process of its own, `answers` what the target gets, by method, when it asks its client for something;
    `tokens` is how many it can use, where the door makes them. `rests` says that turns take time of their own, in which
    users are not busy. `judge` says in the end what the run shows beside latency; it is pure, and runs where the
    records are made. `eras` says that it is played at the newest revision of either era, in turns.
    """

    name: str
    summary: str
    workload: Callable[[Offer, Wishes], Workload]
    turn: Callable[[Visitor], Sample] = next_operation
    needs: str = "nothing"
    opens: bool = True
    alone: bool = False
    tokens: int = 1
    answers: Mapping[str, Any] = field(default_factory=dict)
    rests: bool = False
    judge: Callable[[Found], Iterable[LoadJudgement]] = _nothing
    eras: bool = False

    @property
    def judges(self) -> bool:
        """Whether it says more of a run than how long things took."""
        return self.judge is not _nothing
