"""Conversations with a server that is a function: no process, no socket, no clock to wait for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from loadtest.exchange import Exchange
from loadtest.found import Found
from loadtest.incoming import Notice
from loadtest.recorder import Recorder
from loadtest.sample import Failure
from loadtest.scenario import Offer, Scenario, Sized, Wishes
from loadtest.totals import Remark
from loadtest.traffic import Traffic
from loadtest.visitor import Visitor
from loadtest.wire import Expected, Prepared, Sign, judge
from loadtest.workload import MARKER, Operation
from reference_impl.protocol.revisions import LATEST_LEGACY
from reports.records import Counts, LoadJudgement

Answer = Callable[[dict[str, Any]], dict[str, Any] | None]
"""From a request to the members of its answer; None where none ever comes."""

ECHO = Sized(
    operation=Operation(
        name="tools/call echo",
        method="tools/call",
        params={"name": "echo", "arguments": {"text": f"touchstone {MARKER}"}},
        echoes=True,
    ),
    argument="text",
)


def offer(**more: Any) -> Offer:
    facts = {"revision": LATEST_LEGACY.name, "transport": "http", "capabilities": {"tools": {}}}
    return Offer(**(facts | {"cheap": Operation(name="ping", method="ping"), "echo": ECHO} | more))


class Underway:
    def __init__(self, request_id: int, exchange: Callable[[], Exchange]) -> None:
        self.request_id = request_id
        self._exchange = exchange

    def finish(self) -> Exchange:
        return self._exchange()

    def cancel(self) -> None:
        raise AssertionError("nothing here is too long in coming")


class Conversation:
    """Request ids count from 1 in each, as those of an HTTP conversation do."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._id = 0
        self.is_open = False
        self.opened = 0
        self.told: list[str] = []
        self.on_notice: Callable[[Notice], None] | None = None

    def open(self) -> Exchange:
        self.is_open, self.opened = True, self.opened + 1
        now = time.perf_counter()
        return Exchange(now, now, now, 0, None)

    def begin(self, template: Prepared, marker: int) -> Underway:
        self._id += 1
        request_id, sent = self._id, time.perf_counter()
        answer = self._answer(json.loads(template.body(request_id, marker)))

        def finish() -> Exchange:
            message = json.dumps({"jsonrpc": "2.0", "id": request_id, **(answer or {})}).encode()
            verdict = judge(message, Expected(request_id, b"%d" % marker if template.echoes else None))
            failure = None if verdict is Sign.ANSWER else verdict
            assert not isinstance(failure, Sign)
            now = time.perf_counter()
            return Exchange(sent, now, now, len(message), failure, None, message)

        return Underway(request_id, finish)

    def call(self, template: Prepared, marker: int) -> Exchange:
        return self.begin(template, marker).finish()

    def notify(self, method: str, _params: dict[str, Any] | None = None) -> Failure | None:
        self.told.append(method)

    def end_session(self) -> None:
        self.is_open = False

    def close(self) -> None:
        self.is_open = False


def visitors(
    scenario: Scenario, wanted: Offer, answer: Answer, number: int, wishes: Wishes | None = None
) -> list[Visitor]:
    workload = scenario.workload(wanted, wishes or Wishes())
    traffic = Traffic(workload.operations, LATEST_LEGACY, Recorder())
    return [
        Visitor(traffic, lambda: Conversation(answer), scenario.turn, workload.parameters)  # type: ignore[arg-type, return-value] # as much of one as turns use
        for _ in range(number)
    ]


def judgements(scenario: Scenario, visitor: Visitor) -> tuple[LoadJudgement, ...]:
    """What the scenario judges of all that was recorded until now."""
    state = visitor.traffic.recorder.state()
    counts = {
        name: Counts(total=each.total, ok=each.total - each.failed, failed=each.failed)
        for name, each in state.operations.items()
    }
    return tuple(
        scenario.judge(
            Found(parameters=visitor.parameters, remarks=state.remarks, counts=counts, errors=state.errors, seconds=1)
        )
    )


def judged(scenario: Scenario, *remarks: Remark, **facts: Any) -> LoadJudgement:
    """What the scenario judges first of such remarks."""
    return next(iter(scenario.judge(Found(**({"parameters": {}, "remarks": remarks} | facts)))))
