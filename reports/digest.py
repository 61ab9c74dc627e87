"""A run as a reader wants it: one verdict, each failure once, what is blocked by its cause, counts by place.

The same failure on several revisions and transports is one failure seen in several places. All renderings show this
digest, so that they never disagree.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from reports.baseline import Known
from reports.rows import Finding, Judgement, Level, Load, Outcome, RequirementRef
from reports.severity import (
    SEVERITIES,
    Severity,
    broken_under_load,
    count_severities,
    exit_code,
    missed,
    severity,
    stale,
)
from reports.store import Run
from reports.units import share

Standing = Literal["failed", "passed", "inconclusive", "fault"]

_STANDING: dict[int, Standing] = {0: "passed", 2: "inconclusive", 3: "inconclusive", 5: "fault", 130: "inconclusive"}
OUTCOMES: tuple[Outcome, ...] = ("failed", "broken", "blocked", "passed", "inapplicable")
NOUNS: dict[Severity, tuple[str, str]] = {
    "violation": ("violation", "violations"),
    "warning": ("warning", "warnings"),
    "note": ("note", "notes"),
    "fault": ("fault of Touchstone", "faults of Touchstone"),
    "known": ("known failure", "known failures"),
}
_WORSE, _FAULT = 4, 5
"""Exit codes: worse than what it was held against, and a fault of Touchstone."""
_STRENGTH: tuple[Level, ...] = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "advice")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was judged."""

    revision: str
    transport: str


@dataclass(frozen=True, slots=True)
class Group:
    """One check with one result, wherever it was seen; of `judgements` the one on the newest revision comes first."""

    severity: Severity
    judgements: tuple[Judgement, ...]
    also: tuple["Group", ...] = ()
    """Other checks that fail on the same rule: more of the same, not as many causes."""
    listed: Known | None = None
    """The entry of the baseline that covers it, in force or expired."""

    @property
    def first(self) -> Judgement:
        """The judgement that is shown for all."""
        return self.judgements[0]

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it was seen, in order, each once."""
        return tuple(sorted({place_of(judgement) for judgement in self.judgements}))


@dataclass(frozen=True, slots=True)
class Blockage:
    """One root cause and the checks that could not be exercised for it."""

    cause: str
    groups: tuple[Group, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        """The ids of the checks, in order, each once."""
        return tuple(sorted({group.first.check for group in self.groups}))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many judgements of each outcome there are at one place."""

    place: Place
    counts: dict[Outcome, int]


@dataclass(frozen=True, slots=True)
class Digest:
    """Everything the renderings show of a run, besides its load."""

    standing: Standing
    headline: str
    failures: tuple[Group, ...]
    faults: tuple[Group, ...]
    known: tuple[Group, ...]
    stale: tuple[Known, ...]
    blocked: tuple[Blockage, ...]
    tallies: tuple[Tally, ...]
    groups: tuple[Group, ...]
    counts: dict[Outcome, int]
    severities: dict[Severity, int]

    def number_of(self, group: Group) -> int | None:
        """Return the number under which a group is shown among what is wrong, counted from 1; None where it is not."""
        for number, shown in enumerate((*self.failures, *self.faults, *self.known), 1):
            if any(group.first is each.first for each in (shown, *shown.also)):
                return number
        return None


def digest(run: Run) -> Digest:
    """Return the digest of `run`."""
    groups = tuple(_groups(run))
    return Digest(
        standing=standing(run),
        headline=headline(run),
        failures=tuple(_by_rule(groups)),
        faults=tuple(group for group in groups if group.severity == "fault"),
        known=tuple(group for group in groups if group.severity == "known"),
        stale=stale(run),
        blocked=tuple(_blockages(groups)),
        tallies=tuple(_tallies(run.judgements)),
        groups=groups,
        counts=_counts(run.judgements),
        severities=count_severities(run.judgements, run.baseline),
    )


def code_of(run: Run) -> int:
    """Return the exit code that the run ended with; for a file without footer, the one that its rows amount to."""
    return exit_code(run) if run.footer is None else run.footer.exit


def standing(run: Run) -> Standing:
    """Return the verdict on the run in one word. What failed has failed, however mild the exit code was told to be."""
    violated = any(severity(judgement, run.baseline) == "violation" for judgement in run.judgements)
    if violated or broken_under_load(run) or any(map(missed, run.loads)):
        return "failed"
    return _STANDING.get(code_of(run), "failed")


def headline(run: Run) -> str:
    """Return the verdict on the run in one line."""
    worse = "" if run.footer is None else run.footer.worse
    return worse if worse and not _wrong(run) else "; ".join(filter(None, [_headline(run), worse]))


def ended_early(run: Run) -> str:
    """Return, in a sentence, why a run is not whole; empty for one that came to its end."""
    footer = run.footer
    if footer is None:
        return "The records end before the run did: what follows is what was written until then."
    if footer.complete:
        return ""
    if footer.interrupted and not footer.ended:
        return "The run was interrupted: what follows is what there was until then."
    whose = "Touchstone failed" if footer.exit == _FAULT else "The run could not go on"
    why = f" ({footer.ended})" if footer.ended else ""
    return f"{whose}{why}: what follows is what there was until then."


def why_inconclusive(run: Run) -> str:
    """Return, in a clause, what kept an inconclusive run from its verdict; empty for any other, and one cut short."""
    if standing(run) != "inconclusive" or (run.footer is not None and not run.footer.complete):
        return ""
    return next(filter(None, (*map(_why_no_result, run.loads), *(each.cause for each in _blockages(_groups(run))))), "")


def _why_no_result(load: Load) -> str:
    if not load.valid:
        reasons = load.generator.reasons if load.generator else ()
        return "; ".join(reasons) or "the generator was the limit"
    unjudged = next((judged.explanation for judged in load.judgements if judged.holds is None), "")
    return unjudged or load.ended or ("" if load.counts.total else f"{load.operation} was never answered")


def _wrong(run: Run) -> bool:
    """Whether anything is wrong but that it is worse than what it was compared with."""
    severities = count_severities(run.judgements, run.baseline)
    return bool(set(severities) & set(NOUNS) or broken_under_load(run) or any(map(missed, run.loads)) or stale(run))


def _headline(run: Run) -> str:
    groups = tuple(_groups(run))
    counts = Counter(group.severity for group in groups if group.first.outcome != "failed" or group.severity == "known")
    counts.update(group.severity for group in _by_rule(groups))
    parts = [count_of(counts[name], *nouns) for name, nouns in NOUNS.items() if counts[name]]
    objectives = sum(not objective.met for load in run.loads if missed(load) for objective in load.objectives)
    if objectives:
        parts.append(count_of(objectives, "missed objective", "missed objectives"))
    if wrong := broken_under_load(run):
        parts.append(count_of(len(wrong), "fault under load", "faults under load"))
    if outlived := stale(run):
        parts.append(count_of(len(outlived), "stale entry of the baseline", "stale entries of the baseline"))
    if parts:
        return _listed(parts if counts["violation"] or not counts["ok"] else ["No violations", *parts])
    return _without_failure(run, counts["ok"])


def _without_failure(run: Run, passed: int) -> str:
    if run.footer is not None and not run.footer.complete:
        anything = run.judgements or run.loads
        return "Cut short, nothing wrong until then" if anything else "Cut short before anything was judged"
    objectives = any(load.objectives for load in run.loads)
    if standing(run) == "inconclusive":
        return "An objective could not be measured" if objectives else _unjudged(run)
    if code_of(run) == _WORSE:
        return "Worse than what it was held against"  # as older records say it, without what
    if passed:
        return f"{count_of(passed, 'check', 'checks')} passed"
    if objectives:
        return "Every objective met"
    # The first row of a scenario is the whole of it; those behind it are its parts, and the openings.
    wholes = {(load.scenario, load.revision): load for load in reversed(run.loads)}.values()
    failed, total = sum(load.counts.failed for load in wholes), sum(load.counts.total for load in wholes)
    return f"Measured, {share(failed / total)} errors and no objective for them" if failed else "Measured"


def _unjudged(run: Run) -> str:
    could_not = any(judged.holds is None for load in run.loads for judged in load.judgements)
    return "Measured, but what the scenario is for could not be judged" if could_not else "Nothing conclusive ran"


def place_of(judgement: Judgement) -> Place:
    """Return where `judgement` was made."""
    return Place(judgement.revision, judgement.transport)


def describe_places(places: Iterable[Place], tested: Iterable[str] = ()) -> str:
    """Return places in words, such as `2025-06-18, 2025-11-25 over stdio`; all of `tested` are `every revision`."""
    by_transport: dict[str, list[str]] = {}
    for place in places:
        by_transport.setdefault(place.transport, []).append(place.revision)
    everything = sorted(tested)
    by_revisions: dict[str, list[str]] = {}
    for transport, revisions in by_transport.items():
        named = "every revision" if len(revisions) > 1 and revisions == everything else ", ".join(revisions)
        by_revisions.setdefault(named, []).append(transport)
    return "; ".join(f"{named} over {_listed(transports)}" for named, transports in by_revisions.items())


def strongest(judgement: Judgement) -> RequirementRef | None:
    """Return the requirement that gives the judgement its level, None where it names none."""
    return min(judgement.requirements, key=lambda found: _STRENGTH.index(found.level), default=None)


def area_of(judgement: Judgement) -> str:
    """Return the area that a judgement belongs to: the first word of its strongest requirement's id."""
    rule = strongest(judgement)
    return (judgement.check if rule is None else rule.id).partition(".")[0]


def count_of(number: int, one: str, many: str) -> str:
    """Return a number with its noun: `1 warning`, `2 warnings`."""
    return f"{number:,} {one if number == 1 else many}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _groups(run: Run) -> Iterator[Group]:
    """Yield the groups, the worst first, then by check."""

    def key(judgement: Judgement) -> tuple[int, str, str, str]:
        named = judgement.property if isinstance(judgement, Finding) else ""
        said = "" if judgement.outcome == "passed" else judgement.cause or judgement.summary
        return SEVERITIES.index(severity(judgement, run.baseline)), judgement.check, named, said

    for _, same in groupby(sorted(run.judgements, key=key), key=key):
        together = tuple(sorted(same, key=place_of, reverse=True))
        listed = None if run.baseline is None else run.baseline.listed(together[0])
        yield Group(severity(together[0], run.baseline), together, listed=listed)


def _by_rule(groups: Iterable[Group]) -> Iterator[Group]:
    """Yield what failed, each rule once, with the other checks that fail on it beside the first.

    Findings stand alone: what one input breaks is not what another breaks, though both leave a request unanswered.
    """
    rules: dict[tuple[Severity, str], list[Group]] = {}
    for group in groups:
        rule = strongest(group.first)
        alone = rule is None or isinstance(group.first, Finding)
        if group.first.outcome == "failed" and group.severity != "known":
            rules.setdefault((group.severity, group.first.check if alone or not rule else rule.id), []).append(group)
    for first, *rest in rules.values():
        yield replace(first, also=tuple(rest))


def _blockages(groups: Iterable[Group]) -> Iterator[Blockage]:
    """Yield the causes, the one that holds up most first."""
    by_cause: dict[str, list[Group]] = {}
    for group in groups:
        if group.severity == "open":
            by_cause.setdefault(group.first.cause or group.first.summary or "no reason given", []).append(group)
    for cause, held_up in sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0])):
        yield Blockage(cause, tuple(held_up))


def _tallies(judgements: Iterable[Judgement]) -> Iterator[Tally]:
    for place, there in groupby(sorted(judgements, key=place_of), key=place_of):
        yield Tally(place, _counts(there))


def _counts(judgements: Iterable[Judgement]) -> dict[Outcome, int]:
    counts = Counter(judgement.outcome for judgement in judgements)
    return {outcome: counts[outcome] for outcome in OUTCOMES}
