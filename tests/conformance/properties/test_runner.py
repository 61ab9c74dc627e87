"""A search for failing cases: found, shrunk, confirmed, within its deadline, whatever becomes of the target."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import strategies as st

from conformance.expect import Blocked, Inapplicable
from conformance.patience import Patience
from conformance.properties import runner
from conformance.properties.case import Case, Kin
from conformance.properties.expectation import Expectation
from conformance.properties.findings import case_of
from conformance.properties.property import Property
from conformance.properties.runner import FuzzPlan, run_case, run_properties
from conformance.scout import scout
from conformance.surface import Permission
from reference_impl.protocol.revisions import LATEST_LEGACY
from reports.records import Finding

from ..scripted import BRISK, HASTY, Message, Scripted, Wire

NUMBER = st.integers(0, 1000)


def _case(number: int) -> Case:
    message = {"jsonrpc": "2.0", "id": 7, "method": "take", "params": {"number": number}}
    return Case(f"the number {number}", Expectation.RESULT, message)


TAKES = Property("property.takes", ("property.survives",), "It takes any number.", lambda _: NUMBER.map(_case))

ENDLESS = Property("property.endless", TAKES.requirements, "It never ends.", lambda _: st.integers(0, 2**60).map(_case))


async def _takes(wire: Wire, message: Message) -> None:
    await wire.reply(message, {})


def _worse_from(limit: int, what: str) -> Any:
    async def handler(wire: Wire, message: Message) -> None:
        if message["params"]["number"] < limit:
            await wire.reply(message, {})
        elif what == "refuses":
            await wire.refuse(message)
        elif what == "dies":
            await wire.leave()

    return handler


def fuzz(server: Scripted, *properties: Property, patience: Patience = BRISK, **more: Any) -> dict[str, Finding]:
    findings: list[Finding] = []

    async def run() -> None:
        scouted = await scout(server.target, BRISK, Permission())
        settings = {"examples": 60, "seed": 3} | more
        await run_properties(
            FuzzPlan(server.target, findings.append, patience=patience, properties=properties or (TAKES,), **settings),
            scouted,
        )

    anyio.run(run)
    return {finding.property: finding for finding in findings}


def test_a_property_that_holds_passes_and_says_how_often_it_was_tried() -> None:
    finding = fuzz(Scripted({"take": _takes}))["property.takes"]
    assert (finding.outcome, finding.summary, finding.seed) == ("passed", "60 cases", 3)


def test_without_any_budget_there_are_the_usual_cases() -> None:
    assert fuzz(Scripted({"take": _takes}), examples=None)["property.takes"].summary == "50 cases"


def test_a_property_whose_cases_take_their_time_draws_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_ENOUGH", 0.0)
    finding = fuzz(Scripted({"take": _takes}))["property.takes"]
    assert (finding.outcome, finding.ended) == ("passed", "seconds")
    assert finding.summary == "1 case, and no more since they took 0 s"


def test_the_record_says_that_the_cases_were_used_up() -> None:
    finding = fuzz(Scripted({"take": _takes}), seconds=600)["property.takes"]
    assert (finding.summary, finding.ended) == ("60 cases", "examples")


def test_seconds_alone_allow_as_many_cases_as_there_is_time_for() -> None:
    finding = fuzz(Scripted({"take": _takes}), ENDLESS, examples=None, seconds=0.5)["property.endless"]
    assert (finding.outcome, finding.ended) == ("passed", "seconds")
    assert re.fullmatch(r"\d+ cases?, and no more since the --seconds were over", finding.summary)


def test_a_search_ends_when_there_is_nothing_left_to_draw() -> None:
    few = Property("property.few", TAKES.requirements, "Few.", lambda _: st.integers(1, 3).map(_case))
    finding = fuzz(Scripted({"take": _takes}), few, examples=None, seconds=60)["property.few"]
    assert (finding.summary, finding.ended) == ("3 cases, all that could be drawn", "exhausted")


def test_each_property_that_has_cases_tries_one_however_little_time_there_is() -> None:
    findings = fuzz(Scripted({"take": _takes}), _raising(Inapplicable("no")), ENDLESS, TAKES, seconds=1e-9)
    assert {name: finding.ended for name, finding in findings.items()} == {
        "property.odd": "",
        "property.endless": "seconds",
        "property.takes": "seconds",
    }
    assert findings["property.takes"].summary.startswith("1 case,")


def test_a_failure_ends_a_search_of_many_rounds_and_is_shrunk() -> None:
    finding = fuzz(Scripted({"take": _worse_from(999, "refuses")}), examples=None, seconds=60)["property.takes"]
    assert (finding.outcome, finding.ended, finding.confirmed) == ("failed", "found", "confirmed")
    assert "the number 999" in finding.summary


@pytest.mark.parametrize("what", ["refuses", "dies"])
def test_a_failure_shrinks_to_the_smallest_case_and_is_confirmed(what: str) -> None:
    finding = fuzz(Scripted({"take": _worse_from(137, what)}))["property.takes"]
    assert (finding.outcome, finding.confirmed) == ("failed", "confirmed")
    assert "the number 137" in finding.summary
    assert case_of(finding) == _case(137)
    assert finding.evidence
    assert finding.repeat == "touchstone replay property.takes"


def test_silence_is_shrunk_in_haste_and_confirmed_at_leisure() -> None:
    finding = fuzz(Scripted({"take": _worse_from(500, "ignores")}), patience=HASTY, examples=20)["property.takes"]
    assert (finding.outcome, finding.confirmed) == ("failed", "confirmed")
    assert "the number 500" in finding.summary


def test_a_failure_that_does_not_come_back_is_flaky() -> None:
    async def once(wire: Wire, message: Message) -> None:
        await (wire.refuse(message) if not failed else wire.reply(message, {}))
        failed.append(message)

    failed: list[Message] = []
    assert fuzz(Scripted({"take": once}))["property.takes"].confirmed == "flaky"


def test_a_case_that_kills_the_target_for_good_is_a_confirmed_failure() -> None:
    async def opens(wire: Wire, message: Message) -> None:
        await (wire.leave() if dead else wire.reply(message, server.greeting()))

    async def dies(wire: Wire, message: Message) -> None:
        dead.append(1)
        await wire.leave()

    dead: list[int] = []
    server = Scripted({"initialize": opens, "take": dies})
    findings = fuzz(server, TAKES, Property("property.next", TAKES.requirements, "Next.", TAKES.cases))
    assert (findings["property.takes"].outcome, findings["property.takes"].confirmed) == ("failed", "confirmed")
    assert findings["property.next"].outcome == "blocked"
    assert server.connections < 30


def _raising(error: Exception) -> Property:
    def cases(_: Any) -> Any:
        raise error

    return Property("property.odd", TAKES.requirements, "It is odd.", cases)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Blocked("no tool"), "blocked"), (Inapplicable("no"), "inapplicable"), (KeyError(), "broken")],
)
def test_a_property_without_cases_says_why(error: Exception, outcome: str) -> None:
    assert fuzz(Scripted(), _raising(error))["property.odd"].outcome == outcome


def test_a_search_ends_with_its_deadline_and_leaves_no_thread() -> None:
    threads = threading.active_count()
    patience = Patience(start=5, answer=60, quiet=0.05, stop=1, check=60, run=0.3)
    findings = fuzz(
        Scripted({"take": _worse_from(0, "ignores")}),
        TAKES,
        Property("property.next", TAKES.requirements, "Next.", TAKES.cases),
        patience=patience,
    )
    assert {finding.outcome for finding in findings.values()} == {"blocked"}
    assert "--deadline" in findings["property.takes"].summary
    assert findings["property.takes"].ended == "deadline"
    assert threading.active_count() <= threads + 1


def test_a_search_that_is_cancelled_ends_soon() -> None:
    async def run() -> None:
        scouted = await scout(server.target, BRISK, Permission())
        plan = FuzzPlan(server.target, lambda _: None, patience=BRISK, properties=(TAKES,), examples=100_000)
        with anyio.fail_after(5), anyio.move_on_after(0.3) as scope:
            await run_properties(plan, scouted)
        assert scope.cancelled_caught

    server = Scripted({"take": _takes})
    anyio.run(run)


def test_failing_examples_are_kept_for_the_next_run(tmp_path: Path) -> None:
    server = Scripted({"take": _worse_from(990, "refuses")})
    assert fuzz(server, database=tmp_path, examples=400, seed=1)["property.takes"].outcome == "failed"
    server.heard.clear()
    assert fuzz(server, database=tmp_path, examples=1, seed=2)["property.takes"].outcome == "failed"


def test_the_same_seed_makes_the_same_cases() -> None:
    def said(seed: int) -> list[Any]:
        server = Scripted({"take": _takes})
        fuzz(server, seed=seed, examples=20)
        return [message["params"] for message in server.heard if message["method"] == "take"]

    assert said(5) == said(5) != said(6)


def test_one_case_can_be_tried_alone() -> None:
    server = Scripted({"take": _worse_from(10, "refuses")})
    for number, outcome in ((9, "passed"), (10, "failed")):
        tried = anyio.run(run_case, server.target, LATEST_LEGACY, BRISK, _case(number))
        assert tried.judged.outcome == outcome


def _near(number: int) -> Case:
    case = _case(number)
    return replace(case, kin=Kin(smaller=lambda: map(_near, (0, number // 2, number - 1) if number else ())))


def test_what_is_near_a_draw_is_tried_with_it_and_made_smaller_by_its_own_means() -> None:
    relatives = Kin(lambda _: map(_near, (700, 1, 2)))
    # The first draw is tried alone, to see how long one takes.
    draws = st.integers(0, 9).map(lambda number: replace(_case(number), kin=relatives))
    near = Property("property.near", TAKES.requirements, "It takes any number.", lambda _: draws)
    finding = fuzz(Scripted({"take": _worse_from(500, "refuses")}), near)["property.near"]
    assert (finding.outcome, finding.confirmed) == ("failed", "confirmed")
    assert case_of(finding).message["params"] == {"number": 500}


def test_a_known_case_that_fails_is_made_smaller_too() -> None:
    known = Property("property.known", TAKES.requirements, TAKES.title, TAKES.cases, lambda _: [_near(900)])
    finding = fuzz(Scripted({"take": _worse_from(800, "dies")}), known)["property.known"]
    assert case_of(finding).message["params"] == {"number": 800}
