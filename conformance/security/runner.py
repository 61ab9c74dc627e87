"""Runs the probes against a live target: attack, confirm on a fresh connection with a fresh canary, report."""

from __future__ import annotations

import fnmatch
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.abc

from conformance.bench import Bench
from conformance.catalogue import load as load_catalogue
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.patience import Patience
from conformance.properties.script import script_of
from conformance.readers import beside_readers
from conformance.scout import Scouted, chosen
from conformance.security.evidence import listening, set_traps
from conformance.security.probe import Attempt, Caught, Probe, Scene, told
from conformance.security.probes import PROBES
from conformance.target import Target, shown
from conformance.transcript import Direction, owner
from conformance.verdicts import refs, wire_entry
from reference_impl.protocol.revisions import Revision
from reports.records import Finding

__all__ = ["ProbePlan", "run_probes"]

_ENTRIES = 20
_PROBE_ENDS = 120.0
"""Seconds after which a probe makes no more attempts."""


def _ignore(*_: object) -> None:
    """Take an event that nobody asked for."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """What to attack. `sandbox` is the only directory that the target is meant to touch, where the user named one;
    `seconds` is what all probes may take together, an even share of what is left each (None: two minutes each)."""

    target: Target
    emit: Callable[[Finding], None]
    started: Callable[[Revision, int], None] = _ignore
    revisions: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)
    sandbox: Path | None = None
    seed: int = 0
    seconds: float | None = None
    probes: tuple[Probe, ...] = PROBES

    def wants(self, identifier: str) -> bool:
        """Whether a probe is among those asked for."""
        return not self.only or any(fnmatch.fnmatchcase(identifier, pattern) for pattern in self.only)


@dataclass(slots=True)
class _Found:
    """What became of a probe: the first canary that moved, whether another moved too, where else one did (`also`), and
    what a reader has to know besides (`told`)."""

    outcome: str = "passed"
    summary: str = ""
    caught: Caught | None = None
    confirmed: bool = True
    also: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    seconds: float = 0.0


class _Shares:
    """Shares out the seconds of a plan: what one probe leaves, those that are `waiting` get."""

    def __init__(self, seconds: float | None, waiting: int) -> None:
        self.waiting = waiting
        self._ends = None if seconds is None else time.monotonic() + seconds

    def next(self) -> float:
        """Return the seconds that the next probe may take."""
        share = _PROBE_ENDS if self._ends is None else (self._ends - time.monotonic()) / max(self.waiting, 1)
        self.waiting -= 1
        return max(share, 0.0)


async def run_probes(plan: ProbePlan, scouted: Scouted) -> None:
    """Run every probe at one revision, since what a tool does hangs on none; those of sessions where there are some."""

    async def run(readers: anyio.abc.TaskGroup) -> None:
        revisions = chosen(scouted.eras, plan.revisions)
        newest = max(revisions, key=lambda revision: revision.name)
        legacy = max((each for each in revisions if not each.modern), key=lambda each: each.name, default=None)
        wanted = [probe for probe in plan.probes if plan.wants(probe.id)]
        shares = _Shares(plan.seconds, len(wanted))
        for revision in dict.fromkeys((newest, legacy)):
            if revision is not None:
                mine = [each for each in wanted if (legacy if each.in_sessions else newest) == revision]
                await _run_revision(plan, scouted, Bench(plan.target, revision, plan.patience, readers), mine, shares)

    await beside_readers(run)


async def _run_revision(
    plan: ProbePlan, scouted: Scouted, bench: Bench, probes: Sequence[Probe], shares: _Shares
) -> None:
    bench.surface = scouted.surfaces[bench.revision.name]
    bench.spoken = tuple(scouted.eras.revisions)
    binding = partial(load_catalogue().binding, revision=bench.revision, transport=plan.target.transport)
    bound = [probe for probe in probes if binding(probe.requirements)]
    shares.waiting -= len(probes) - len(bound)
    if bound:
        plan.started(bench.revision, len(bound))
    for probe in bound:
        plan.emit(_finding(plan, probe, bench, await _run(plan, probe, bench, shares.next())))


async def _run(plan: ProbePlan, probe: Probe, bench: Bench, longest: float) -> _Found:
    owner.set(probe.id)
    began = time.perf_counter()
    try:
        async with set_traps(plan.sandbox) as traps, listening() as first, listening() as second:
            scene = Scene(bench, traps, (first, second), plan.sandbox)
            try:
                found = await _besiege(probe, scene, longest)
            finally:
                await scene.close()
    except Inapplicable as error:
        found = _Found("inapplicable", error.reason)
    except Blocked as error:
        found = _Found("blocked", error.reason)
    except Mismatch as mismatch:
        found = _Found("blocked", f"the target did not take part: {mismatch}")
    except Exception as error:  # noqa: BLE001 - design: whatever else a probe raises is our own fault
        found = _Found("broken", f"{type(error).__name__}: {error}")
    found.seconds = round(time.perf_counter() - began, 3)
    return found


async def _besiege(probe: Probe, scene: Scene, longest: float) -> _Found:
    """Make one attempt after the other, the first however little time there is; what falls is left alone."""
    found, fallen, ends = _Found(), set[str](), time.monotonic() + longest
    for number, attempt in enumerate(await probe.attempts(scene)):
        if number and time.monotonic() > ends:
            scene.notes.append(f"not all was tried in {longest:.3g} s")
            break
        if attempt.place in fallen:
            continue
        try:
            caught = await _try(attempt, scene)
        except (Blocked, Inapplicable) as error:
            if found.caught is None:
                raise
            scene.notes.append(error.reason)
            break
        if caught is None:
            continue
        fallen.add(attempt.place)
        if found.caught is not None:
            found.also.append(attempt.place)
            continue
        # Again, with another canary, on a new connection: one that does not move then was no evidence.
        await scene.close()
        found.outcome, found.caught, found.confirmed = "failed", caught, False
        with suppress(Blocked, Inapplicable):
            found.confirmed = await _try(attempt, scene) is not None
    found.summary, found.told = told(scene), list(dict.fromkeys(scene.notes))
    return found


async def _try(attempt: Attempt, scene: Scene) -> Caught | None:
    try:
        await attempt.go(scene)
    except Caught as caught:
        return caught
    except Mismatch:
        # It died or hung in the middle, which is for other properties to tell.
        await scene.close()
    return None


def _finding(plan: ProbePlan, probe: Probe, bench: Bench, found: _Found) -> Finding:
    revision, caught = bench.revision, found.caught
    rows = load_catalogue().binding(probe.requirements, revision, plan.target.transport)
    wire = caught.wire[-_ENTRIES:] if caught else ()
    said = [entry.data.decode("utf-8", "backslashreplace") for entry in wire if entry.direction is Direction.SENT]
    script = script_of(plan.target, revision, wire) if caught and wire and caught.scripted else ""
    also = "".join(f"; {text}" for text in ([f"also {', '.join(found.also)}"] if found.also else []) + found.told)
    return Finding(
        check=probe.id,
        property=probe.id,
        title=probe.title,
        requirements=refs(rows, revision),
        level=rows[0].level,  # type: ignore[arg-type] # the catalogue has checked that it is one of the levels
        revision=revision.name,
        transport=plan.target.transport,
        outcome=found.outcome,  # type: ignore[arg-type] # one of the outcomes, all written above
        summary=f"{caught.expected}: {caught.actual}{also}" if caught else found.summary,
        expected=caught.expected if caught else "",
        actual=f"{caught.actual}{also}" if caught else "",
        evidence=tuple(wire_entry(entry) for entry in wire),
        repeat=_repeat(plan, probe, bench) if caught else "",
        seconds=found.seconds,
        conversation=tuple(text for text in said if text),
        seed=plan.seed,
        script=f"{caught.before}{script}{caught.after}" if caught else "",
        confirmed="confirmed" if found.confirmed else "flaky",
    )


def _repeat(plan: ProbePlan, probe: Probe, bench: Bench) -> str:
    """Return the command that runs the probe alone: a canary is good for once, so it is laid out anew."""
    options = [f"--only {probe.id}"]
    options += [f"--allow {shlex.quote(tool)}" for tool in sorted(bench.surface.permission.allowed)]
    options += [f"--sandbox {shlex.quote(str(plan.sandbox))}"] if plan.sandbox is not None else []
    return f"touchstone fuzz --active {' '.join(options)} --revision {bench.revision.name} {shown(plan.target)}"
