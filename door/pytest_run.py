"""The one run behind the tests of a pytest session: what was selected is judged at once, on shared conversations.

With pytest-xdist the first worker that comes to one of these tests runs for all of them; the others wait, and read the
records.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from door.checking import check
from door.commands import check_plan
from door.errors import Refusal
from door.fuzzing import fuzz
from door.looking import look
from door.options import CheckingOptions
from door.plans import FuzzSettings
from door.progress import Live
from door.pytest_options import Asked
from door.pytest_target import Reached, Subject
from door.session import Output, Session, describe
from door.settings_file import read_file
from door.terminal import Terminal
from reports.records import Run, read
from reports.redaction import redact

__all__ = ["Engine", "Results", "Selected"]


@dataclass(frozen=True, slots=True)
class Selected:
    """The ids of what is to be judged; `whole` says that it is everything there is."""

    checks: tuple[str, ...]
    properties: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Results:
    """What became of a run: its records, held against the baseline, and in a line the trouble that it met, if any."""

    run: Run
    trouble: str


class _Told(msgspec.Struct, frozen=True):
    """What the worker that ran tells the others."""

    session: str
    trouble: str


@dataclass(slots=True)
class Engine:
    """Runs once for a session of pytest; `session` tells it from others where several workers share it. `bound` is the
    number of all that can be selected."""

    subject: Subject
    bound: int
    session: str | None = None
    results: Results | None = field(default=None, init=False)

    def judge(self, selected: Selected) -> Results:
        """Judge what was selected, unless that has been done. Raises `Refusal` if nothing came of it."""
        if self.results is None:
            options = self.subject.asked.output
            trouble = _once(options.records, self.session, lambda: self._run(selected))
            try:
                run = read(options.records)
            except (OSError, ValueError):
                raise Refusal(trouble) from None
            self.results = Results(replace(run, baseline=self._output(selected).baseline), trouble)
        return self.results

    def _output(self, selected: Selected) -> Output:
        asked = self.subject.asked
        only = None if selected.whole else [*selected.checks, *selected.properties]
        narrowed = CheckingOptions(only=only, revision=asked.revision)
        of_the_file = read_file(asked.config)
        output = Output.of(asked.output, narrowed, of_the_file.baseline, of_the_file.rules)
        return replace(output, console=Terminal(quiet=True))

    def _run(self, selected: Selected) -> str:
        """Judge what was selected; return the trouble that there was. Ctrl-C is kept until all is written down."""
        said, interrupted = "", False
        asked, output = self.subject.asked, self._output(selected)
        seed = asked.output.seed or 0
        try:
            with self.subject.reached() as reached:
                secrets, header = reached.settings.secrets, describe(reached.target)
                session = Session(self.subject.typed, header, output, seed=seed, secrets=secrets, named=reached.named)
                with session:
                    try:
                        _judge(session, reached, selected, asked)
                    except Refusal as refusal:
                        said = redact(str(refusal), secrets)
                        raise
                    except KeyboardInterrupt:
                        interrupted = True
                        raise
        except Refusal as refusal:
            said = said or str(refusal)
        if interrupted:
            raise KeyboardInterrupt
        return said


def _judge(session: Session, reached: Reached, selected: Selected, asked: Asked) -> None:
    plan = check_plan(reached.settings, asked.checking)
    with Live(quiet=True) as live:
        eras = None
        if selected.checks:
            only = () if selected.whole else selected.checks
            eras = check(session, live, reached.target, replace(plan, only=only)).eras
        if selected.properties:
            scouted = look(session, live, reached.target, plan, eras)
            trying = replace(plan, only=selected.properties)
            settings = FuzzSettings(trying, asked.cases, session.seed, alone=False)
            fuzz(session, live, reached.target, scouted, settings)


def _once(records: Path, session: str | None, work: Callable[[], str]) -> str:
    """Do a piece of work in one of the workers of a session, while the others wait; return in all what came of it."""
    if session is None:
        return work()
    lock = records.with_name(f"{records.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("a+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            told = _told(lock)
            if told is None or told.session != session:
                told = _Told(session, work())
                lock.write_bytes(msgspec.json.encode(told))
            return told.trouble
    except OSError as error:
        raise Refusal(f"{lock}: {(error.strerror or 'cannot be written').lower()}") from None


def _told(lock: Path) -> _Told | None:
    try:
        return msgspec.json.decode(lock.read_bytes(), type=_Told)
    except msgspec.DecodeError:
        return None
