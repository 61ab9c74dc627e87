"""Carrying out plans: what runs side by side, what waits, and how far a failure reaches."""

import anyio
import pytest

from reference_impl.client import ConnectionClosed, PermissionDenied
from reference_impl.host import Plan, Step
from reference_impl.host.running import run_plan

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def said(text: str) -> dict:
    return {"content": [{"type": "text", "text": text}]}


def step(name: str, text="x", after=()) -> Step:
    return Step(name, "s", "t", {"text": text}, after)


async def test_steps_that_wait_for_nothing_run_side_by_side():
    running, together = 0, anyio.Event()

    async def call(_, arguments):
        nonlocal running
        running += 1
        if running == 2:
            together.set()
        await together.wait()
        return said("done")

    with anyio.fail_after(5):
        outcomes = await run_plan(Plan((step("a"), step("b"))), call)
    assert [outcome.status for outcome in outcomes] == ["succeeded", "succeeded"]


async def test_results_reach_later_steps():
    async def call(_, arguments):
        return said(arguments["text"] + "!")

    plan = Plan((step("b", {"$from": "a", "path": "/content/0/text"}), step("a")))
    outcomes = await run_plan(plan, call)
    assert [outcome.step.id for outcome in outcomes] == ["b", "a"]
    assert outcomes[0].text == "x!!"
    assert outcomes[0].arguments == {"text": "x!"}


async def test_a_failure_stops_what_depends_on_it_and_nothing_else():
    async def call(step, _):
        match step.id:
            case "lost":
                raise ConnectionClosed("gone")
            case "denied":
                raise PermissionDenied("no")
            case "wrong":
                return said("bad input") | {"isError": True}
        return said("fine")

    steps = [step("lost"), step("denied"), step("wrong"), step("fine")]
    steps += [step(f"after-{each.id}", after=(each.id,)) for each in steps]
    steps.append(step("last", after=("after-lost",)))
    told = []
    outcomes = await run_plan(Plan(tuple(steps)), call, told.append)
    assert {outcome.step.id: (outcome.status, outcome.error) for outcome in outcomes} == {
        "lost": ("failed", "gone"),
        "denied": ("denied", "no"),
        "wrong": ("failed", "bad input"),
        "fine": ("succeeded", None),
        "after-lost": ("skipped", "not done, because lost failed"),
        "after-denied": ("skipped", "not done, because denied denied"),
        "after-wrong": ("skipped", "not done, because wrong failed"),
        "after-fine": ("succeeded", None),
        "last": ("skipped", "not done, because after-lost skipped"),
    }
    assert len(told) == len(outcomes)


async def test_a_reference_that_leads_nowhere_fails_its_step():
    async def call(_, __):
        return said("text")

    outcomes = await run_plan(Plan((step("a"), step("b", {"$from": "a", "path": "/rows"}))), call)
    assert (outcomes[1].status, outcomes[1].error) == ("failed", "the result of a has nothing at /rows")
