"""`client`: conformance of a client, which is started for each scenario and finds a scripted server of ours."""

from __future__ import annotations

import fnmatch
import math
import random
import shlex
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Self

import anyio
import msgspec

from conformance.catalogue import Requirement
from conformance.clients.declare import ClientJudge, all_judges
from conformance.clients.runner import ClientPlan, NeverCame, run_client
from conformance.clients.scenario import PLAIN, all_scenarios
from conformance.clients.subject import Command, NotStarted
from conformance.patience import Patience
from conformance.target import StdioTarget
from conformance.verdicts import Judged, Place, verdict
from door.catalogue import need_revisions
from door.errors import Exit, Refusal
from door.guessing import meant
from door.options import CheckingOptions, OutputOptions
from door.progress import Live
from door.session import Output, Session
from door.settings_file import read_file
from door.typed import typed
from reference_impl.protocol.revisions import Revision
from reports.records import Target as TargetRow
from reports.records import Verdict

__all__ = ["Meeting", "run_client_check"]


@dataclass(frozen=True, slots=True)
class Meeting:
    """How clients and scripted servers meet: over a transport, in these scenarios ("caching*" is a pattern; none: in
    all)."""

    transport: str = "http"
    scenarios: tuple[str, ...] = ()

    @classmethod
    def of(cls, transport: str | None, scenarios: list[str] | None, *, stdio: bool) -> Self:
        """Return what was typed, where `--stdio` is short for a transport. Raises `Refusal` for a contradiction."""
        if stdio and transport not in (None, "stdio"):
            raise Refusal(f"--stdio and --transport {transport}: a client is met over one of them")
        return cls("stdio" if stdio else transport or "http", tuple(scenarios or ()))

    @property
    def typed(self) -> str:
        """The options that say so, as the start of a command line goes on."""
        over = {"http": "", "stdio": " --stdio"}.get(self.transport, f" --transport {self.transport}")
        return over + "".join(f" --scenario {shlex.quote(name)}" for name in self.scenarios)


@dataclass(frozen=True, slots=True)
class _Client:
    """The client under test as it was typed."""

    argv: tuple[str, ...]
    env: dict[str, str]
    meeting: Meeting

    @property
    def transport(self) -> str:
        """What it is met over."""
        return self.meeting.transport

    @property
    def row(self) -> TargetRow:
        """The client as the header of the records holds it."""
        typed_so = shlex.join(self.argv)
        return TargetRow(name=typed_so, transport=self.transport, address=typed_so, implementation=None)

    def verdict(self, judge: ClientJudge, revision: Revision, rows: list[Requirement], judged: Judged) -> Verdict:
        """Return the row of one judgement."""
        place = Place(StdioTarget(self.argv), revision)
        row = verdict(judge.monitor, rows, place, judged)
        where = judged.conversation.purpose if judged.conversation is not None else PLAIN
        options = f"--only {judge.monitor.id}{Meeting(self.transport, (where,) if where != PLAIN else ()).typed}"
        again = f"touchstone client {options} --revision {revision.name} -- {shlex.join(self.argv)}"
        return msgspec.structs.replace(row, transport=self.transport, repeat=again if row.repeat else "")


def run_client_check(
    command: list[str], env: list[str], *, meeting: Meeting, output: OutputOptions, checking: CheckingOptions
) -> int:
    """Judge a client. Raises `Refusal` for a wrong command line, and (exit 3) for a client that never connects."""
    if not command:
        raise Refusal("no client: give its command after -- (touchstone client -- python my_client.py)")
    _need_known(checking, meeting)
    client = _Client(tuple(command), _variables(env), meeting)
    seed = random.SystemRandom().randrange(2**32) if output.seed is None else output.seed
    of_the_file = read_file(None)
    results = Output.of(output, checking, of_the_file.baseline, of_the_file.rules)
    session = Session(typed(sys.argv[1:]), client.row, results, seed=seed, secrets=tuple(client.env.values()))
    with session, Live(quiet=output.quiet) as live:
        _judge(session, live, client, checking)
    return session.exit


def _judge(session: Session, live: Live, client: _Client, checking: CheckingOptions) -> None:
    stage = live.stage("the client meets scripted servers")

    def emit(judge: ClientJudge, revision: Revision, rows: list[Requirement], judged: Judged) -> None:
        session.record(client.verdict(judge, revision, rows, judged))

    plan = ClientPlan(
        Command(client.argv, client.env),
        client.transport,
        emit,
        spoken=lambda revisions: session.target(client.row, tuple(revision.name for revision in revisions)),
        visited=lambda visit: stage.step(f"{visit.scenario.name} {visit.revision.name}"),
        only=tuple(checking.only or ()),
        scenarios=client.meeting.scenarios,
        revisions=tuple(checking.revision or ()),
        patience=replace(Patience().scaled(checking.patience), run=checking.deadline),
    )
    try:
        anyio.run(run_client, plan)
    except (NeverCame, NotStarted) as error:
        raise Refusal(str(error), Exit.UNREACHABLE) from None


def _need_known(checking: CheckingOptions, meeting: Meeting) -> None:
    known = [judge.monitor.id for judge in all_judges()]
    for pattern in checking.only or ():
        if not fnmatch.filter(known, pattern):
            raise Refusal(f"no judge of clients is called {pattern!r}{_meant(pattern, known)}")
    scenarios = [scenario.name for scenario in all_scenarios()]
    for pattern in meeting.scenarios:
        if not fnmatch.filter(scenarios, pattern):
            raise Refusal(f"no scenario is called {pattern!r}{_meant(pattern, scenarios)}")
    if meeting.transport == "ws" and find_spec("websockets") is None:
        raise Refusal("clients are met over WebSocket with websockets: install mcp-touchstone[servers]")
    need_revisions(checking.revision or ())
    if not (math.isfinite(checking.patience) and math.isfinite(checking.deadline)):
        raise Refusal("--patience and --deadline are numbers of seconds, and end")


def _meant(name: str, known: list[str]) -> str:
    return meant(name, known, f"; there are {', '.join(sorted(known))}")


def _variables(pairs: list[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise Refusal(f"--env {wrong[0]}: write NAME=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)
