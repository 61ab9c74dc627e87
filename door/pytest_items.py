"""The tests of a target: one for each check, monitor and property, which tells what the run found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from conformance.catalogue import LEVELS, Requirement, load
from conformance.check import Check, Monitor, all_checks, all_monitors
from conformance.properties.every import PROPERTIES
from conformance.properties.property import Property
from door.baselines import baseline_of
from door.commands import check_plan
from door.config import Settings
from door.errors import Refusal
from door.pytest_options import Asked
from door.pytest_run import Engine, Selected
from door.pytest_target import Subject
from reference_impl.protocol.revisions import REVISIONS
from reports.console import failures_to_text
from reports.records import FailOn, Judgement, Run, fails, severity
from reports.severity import stale

__all__ = ["collect"]

_NAME = "mcp-target"
_LEVELS = {"MUST": "must", "MUST NOT": "must", "SHOULD": "should", "SHOULD NOT": "should"}
_MARKERS = {
    "mcp": "a check or property of the target of --mcp-target",
    "must": "its strongest requirement is a MUST or MUST NOT",
    "should": "its strongest requirement is a SHOULD or SHOULD NOT",
    "advice": "it stands on nothing stronger than MAY, or on advice from the field",
    "property": "generated messages and arguments are tried",
}
_TOLD = pytest.StashKey[bool]()
"""Whether a test has said already that the run came to nothing: one cause is one failure."""

What = Check | Monitor | Property


def collect(session: pytest.Session, given: Mapping[str, Any]) -> list[pytest.Item]:
    """Return a test for all that can bind the target; none where the hook gives no target.

    Raises `pytest.UsageError` for what is wrong with the options.
    """
    config, asked = session.config, Asked(**given)
    hooked = config.hook.pytest_mcp_target(config=config) if asked.target is None else None
    if asked.target is None and hooked is None:
        return []
    try:
        subject = Subject.of(asked, hooked, config.rootpath)
        transports = subject.transports
        check_plan(Settings(), asked.checking)
        baseline_of(asked.output, asked.checking)
        assert asked.cases
    except Refusal as refusal:
        raise pytest.UsageError(str(refusal)) from None
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    bound = [(what, rows) for what in _everything() if (rows := _binding(what, asked.revision, transports))]
    engine = Engine(subject, len(bound), None if worker is None else worker["testrunuid"])
    _register(config, (what for what, _ in bound))
    return list(session.genitems(_Target.from_parent(session, name=_NAME, nodeid=_NAME, bound=bound, engine=engine)))


class _Target(pytest.Collector):
    """The target, below which its tests stand."""

    def __init__(self, *, bound: list[tuple[What, list[Requirement]]], engine: Engine, **more: Any) -> None:
        super().__init__(**more)
        self._bound = bound
        self._engine = engine

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        """Return the tests."""
        return [
            _Test.from_parent(self, name=what.id, what=what, rows=rows, engine=self._engine)
            for what, rows in self._bound
        ]


class _Failed(Exception):  # noqa: N818 - the name says what happened
    """A test has failed; the message is all that is to be shown."""


class _Test(pytest.Item):
    """The test of one check, monitor or property, at every revision that the target speaks."""

    def __init__(self, *, what: What, rows: list[Requirement], engine: Engine, **more: Any) -> None:
        super().__init__(**more)
        self.what = what
        self._engine = engine
        markers = ["mcp", _LEVELS.get(rows[0].level, "advice"), _area(what)]
        for name in [*markers, "property"] if isinstance(what, Property) else markers:
            self.add_marker(name)
        if self.config.pluginmanager.hasplugin("timeout"):
            # The first test waits for all of them; the run has deadlines of its own.
            self.add_marker(pytest.mark.timeout(0))

    def reportinfo(self) -> tuple[str, None, str]:
        """Return what is shown above a failure."""
        return _NAME, None, f"{self.what.id}: {self.what.title}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the evidence, or for a fault of ours the traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, _Failed) else super().repr_failure(excinfo, style)

    def runtest(self) -> None:
        """Tell what the run found. Fails, or is skipped or xfailed, with the reason."""
        try:
            results = self._engine.judge(self._selected())
        except Refusal as refusal:
            self._blame(str(refusal))
            return
        found = [judgement for judgement in results.run.judgements if judgement.check == self.what.id]
        if not found and results.trouble:
            self._blame(results.trouble)
        _tell(self.what.id, found, results.run, self._engine.subject.asked.output.fail_on.value)

    def _selected(self) -> Selected:
        chosen = [item.what for item in self.session.items if isinstance(item, _Test)]
        properties = tuple(what.id for what in chosen if isinstance(what, Property))
        checks = tuple(what.id for what in chosen if not isinstance(what, Property))
        return Selected(checks, properties, whole=len(chosen) == self._engine.bound)

    def _blame(self, trouble: str) -> None:
        """Fail for what kept the run from judging this, or be skipped for it if another test has failed for it."""
        if self.session.stash.get(_TOLD, False):
            pytest.skip(f"blocked: {trouble}")
        self.session.stash[_TOLD] = True
        raise _Failed(trouble)


def _tell(identifier: str, found: list[Judgement], run: Run, line: FailOn) -> None:
    """Turn what was found of one check into the outcome of its test; what is worst comes first."""
    run = _only(run, found)
    wrong = [each for each in found if each.outcome == "broken" or fails(each, line, run.baseline)]
    if wrong:
        raise _Failed(failures_to_text(_only(run, wrong)))
    if line != "never" and any(entry.check == identifier for entry in stale(run)):
        raise _Failed(f"the baseline lists {identifier}, but nothing of it failed: remove the entry")
    known = [each for each in found if severity(each, run.baseline) == "known"]
    if known and run.baseline is not None:
        entry = run.baseline.listed(known[0])
        pytest.xfail(f"known: {entry.reason if entry and entry.reason else 'no reason is given'}")
    if mild := [each for each in found if each.outcome == "failed"]:
        pytest.skip(f"{severity(mild[0])}, not counted at --mcp-fail-on {line}: {mild[0].summary}")
    if any(each.outcome == "passed" for each in found):
        return
    reasons = dict.fromkeys(f"{each.outcome}: {each.cause or each.summary}" for each in found)
    pytest.skip("; ".join(reasons) or "binds nothing at the revisions that the target speaks, or over its transport")


def _only(run: Run, judgements: list[Judgement]) -> Run:
    return replace(
        run,
        verdicts=tuple(each for each in run.verdicts if each in judgements),
        findings=tuple(each for each in run.findings if each in judgements),
    )


def _everything() -> tuple[What, ...]:
    return (*all_checks(), *all_monitors(), *PROPERTIES)


def _binding(what: What, revisions: Sequence[str] | None, transports: Iterable[str]) -> list[Requirement]:
    """Return the requirements of `what` that can bind the target, strongest first."""
    asked = [revision for revision in REVISIONS if not revisions or revision.name in revisions]
    found = {
        row
        for revision in asked
        for transport in transports
        for row in load().binding(what.requirements, revision, transport)
    }
    return sorted(found, key=lambda row: LEVELS.index(row.level))


def _area(what: What) -> str:
    return what.id.partition(".")[0].replace("-", "_")


def _register(config: pytest.Config, everything: Iterable[What]) -> None:
    areas = {_area(what): f"a check of the target whose id begins with {_area(what)}" for what in everything}
    for name, text in (areas | _MARKERS).items():
        config.addinivalue_line("markers", f"{name}: {text}")
