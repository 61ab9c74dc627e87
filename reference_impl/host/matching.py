"""The planner that needs no model and no network: it matches what is asked for to the tools that there are.

It does what the words say and nothing else. Where no tool shares enough words with a step of the request, or one that
does lacks an argument, it says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reference_impl.client.settings import JsonObject
from reference_impl.host.errors import NothingFits
from reference_impl.host.extraction import Found, extract, without_literals
from reference_impl.host.plan import MOST_STEPS, Plan, Step, argument_fault, has_sound_schema
from reference_impl.host.planner import Assignment, summarised
from reference_impl.host.ranking import Match, Ranking
from reference_impl.host.words import Clause, clauses, words

__all__ = ["MatchingPlanner"]

_LEAST_COVERED = 0.34
"""The share of a step's words (by how much they tell) that a tool has to know."""
_CLOSE = 0.7
"""How near a tool's score has to be to the best one's, to be taken because its arguments can be had."""
_LONGEST = 4_000
_BACK = re.compile(
    r"\b(it|them|that|this|those|(?:the |its )(?:results?|outputs?|answers?|contents?|rows?))\b", re.IGNORECASE
)


class MatchingPlanner:
    """Plans once, by the words of the request."""

    rounds = 1

    async def plan(self, assignment: Assignment) -> Plan:
        """Return a step for each part of the request. Raises `NothingFits`."""
        if assignment.outcomes:
            return Plan()
        request = assignment.request.strip()
        if not request or len(request) > _LONGEST:
            raise NothingFits(f"a request has words, and at most {_LONGEST} characters")
        ranking = Ranking(tool for tool in assignment.tools.values() if has_sound_schema(tool))
        parts = clauses(request, ranking.begins)
        if not 0 < len(parts) <= MOST_STEPS:
            raise NothingFits(f"{request[:60]!r} asks for {len(parts)} steps; from 1 to {MOST_STEPS} can be planned")
        steps: list[Step] = []
        for part in parts:
            steps.append(_step(part, ranking, steps))
        return Plan(tuple(steps))

    async def answer(self, assignment: Assignment) -> str:
        """Return what the tools said."""
        return summarised(assignment.outcomes)


def _step(part: Clause, ranking: Ranking, before: Sequence[Step]) -> Step:
    matches = [match for match in ranking.matches(without_literals(part.text)) if match.named or len(match.shared) > 1]
    matches = [match for match in matches if match.covered >= _LEAST_COVERED]
    if not matches:
        raise NothingFits(f"no tool fits {part.text!r}")
    close = [match for match in matches if match.score >= _CLOSE * matches[0].score]
    found = [(match, _arguments(part, match, before)) for match in close]
    fitting = [(match, taken) for match, taken in found if not taken.missing]
    if not fitting:
        best, taken = found[0]
        what = f"{best.tool.server}/{best.tool.tool}"
        raise NothingFits(f"{part.text!r} looks like {what}, but does not say {', '.join(taken.missing)}")
    match, taken = min(fitting, key=lambda pair: pair[1].unused)  # the first of those: the best score
    fault = argument_fault(match.tool, taken.arguments)
    if fault is not None:
        raise NothingFits(f"{part.text!r} looks like {match.tool.server}/{match.tool.tool}, but {fault}")
    after = (before[-1].id,) if part.follows and before else ()
    why = f"it shares the words {', '.join(match.shared)}"
    return Step(f"step{len(before) + 1}", match.tool.server, match.tool.tool, taken.arguments, after, why)


def _arguments(part: Clause, match: Match, before: Sequence[Step]) -> Found:
    schema = match.tool.definition.get("inputSchema")
    found = extract(part.text, schema)
    texts = [name for name in found.missing if _is_text(schema, name)]
    if before and texts and _BACK.search(without_literals(part.text)):
        # "it" is what the step before has found.
        found.arguments[texts[-1]] = {"$from": before[-1].id, "path": "/content/0/text"}
        found.missing.remove(texts[-1])
    elif texts == found.missing and len(texts) == 1:
        rest = _rest(part, match)
        if rest:
            found.arguments[texts[0]] = rest
            found.missing.clear()
    return found


def _is_text(schema: JsonObject | None, name: str) -> bool:
    value = ((schema or {}).get("properties") or {}).get(name)
    return isinstance(value, dict) and value.get("type") == "string" and "enum" not in value


def _rest(part: Clause, match: Match) -> str:
    """Return what follows the tool's own name, where the step begins with that: `echo hello world`."""
    own = words(match.tool.tool)
    pieces = part.text.split()
    if words(" ".join(pieces[: len(own)])) != own:
        return ""
    return " ".join(pieces[len(own) :])
