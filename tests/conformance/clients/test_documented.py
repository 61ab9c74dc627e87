"""docs/clients.md lists every scenario that a client meets, in the words of the scenario itself."""

from __future__ import annotations

from pathlib import Path

from conformance.clients.declare import all_judges
from conformance.clients.scenario import Scenario, all_scenarios
from reference_impl.protocol.revisions import REVISIONS

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
TRANSPORTS = ("stdio", "http", "sse", "ws")


def where(scenario: Scenario) -> str:
    """Over which transports, and in which revisions, a scenario is played."""
    over = "" if set(scenario.transports) >= set(TRANSPORTS) else ", ".join(scenario.transports)
    bound = [revision.name for revision in REVISIONS if scenario.binds(revision)]
    return ", ".join(part for part in (over, _span(bound)) if part)


def _span(bound: list[str]) -> str:
    names = [revision.name for revision in REVISIONS]
    first, last = names.index(bound[0]), names.index(bound[-1])
    assert bound == names[first : last + 1], bound
    if len(bound) == 1:
        return bound[0]
    since = f"since {bound[0]}" if first > 0 else ""
    before = f"before {names[last + 1]}" if last + 1 < len(names) else ""
    return " and ".join(filter(None, (since, before)))


def table() -> str:
    """The table as it has to stand in the page."""
    rows = [f"| `{scenario.name}` | {where(scenario)} | {scenario.title} |" for scenario in all_scenarios()]
    return "\n".join(["| scenario | where | the server |", "|---|---|---|", *rows])


def test_the_page_lists_every_scenario_as_it_is() -> None:
    assert table() in PAGE.read_text("utf-8"), f"docs/clients.md has to hold:\n{table()}"


def test_every_scenario_that_a_judge_names_is_there_and_every_scenario_has_a_judge() -> None:
    named = {name for judge in all_judges() for name in judge.scenarios}
    known = {scenario.name for scenario in all_scenarios()}
    assert named <= known
    assert {scenario.name for scenario in all_scenarios() if scenario.apart} <= named
