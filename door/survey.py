"""`survey`: many targets of one file, each judged in a process of its own, some side by side, and all in one matrix.

A target that brings down what judges it, or never ends, spoils nobody else's result. What is done is written down at
once, so that a survey that was broken off can be resumed.
"""

from __future__ import annotations

import fnmatch
import hashlib
import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import anyio
import msgspec

from door.baselines import read_baseline
from door.catalogue import all_ids, need_known, need_revisions
from door.config import read_settings
from door.errors import Exit, Refusal
from door.options import CheckingOptions, SurveyOptions
from door.progress import Live
from door.session import touchstone_version
from door.survey_file import Subject, fingerprint, read_survey, slug
from door.survey_process import ERRORS, Ended, run_order
from door.surveyed import Order, target_of
from door.terminal import Terminal
from door.typed import typed
from reports.matrix import (
    Implementation,
    Matrix,
    SurveyFooter,
    SurveyHeader,
    encode_row,
    implementation,
    read_matrix,
)
from reports.matrix_console import survey_table, troubles
from reports.matrix_html import headline, render_matrix
from reports.records import RecordsError, Run, read
from reports.units import duration

__all__ = ["run_survey"]

_DONE = (Exit.PASSED, Exit.FAILED, Exit.WORSE)
"""Exit codes of targets that need not be judged again."""
_GRAVEST = (Exit.FAILED, Exit.WORSE, Exit.FAULT, Exit.UNREACHABLE)
"""Exit codes of targets, in the order in which they become that of the survey."""


def run_survey(file: Path, options: SurveyOptions, checking: CheckingOptions) -> int:
    """Judge every target of a file. Raises `Refusal`, before anything runs, for what cannot be read or written."""
    subjects = read_survey(file)
    _need_sense(file, subjects, checking)
    with Live(quiet=options.quiet) as live:
        orders = [_order(subject, options, checking) for subject in subjects]
        survey = _Survey(options, [order for order in orders if order.only or not checking.only])
        stage = live.stage("surveying", len(survey.orders))

        def told(row: Implementation) -> None:
            stage.step(row.name)
            if not options.quiet:
                said = row.trouble if not row.cells else " ".join(filter(None, [row.headline, row.trouble]))
                live.say(f"{len(survey.rows)}/{len(survey.orders)} {row.name}: {said} ({duration(row.seconds)})")

        survey.told = told
        survey.run()
    return survey.conclude()


def _need_sense(file: Path, subjects: Iterable[Subject], checking: CheckingOptions) -> None:
    """Find what would be refused later, target by target. Raises `Refusal`."""
    need_known(checking.only or (), "check", "monitor", "client")
    for subject in subjects:
        try:
            need_revisions([*(checking.revision or ()), *subject.revisions])
            if subject.baseline is not None:
                read_baseline(Path(subject.baseline))
            if subject.client is None:
                target = target_of(subject)
                read_settings(
                    target.target or [], file=subject.settings, headers=target.header or [], env=target.env or []
                )
        except Refusal as refusal:
            raise Refusal(f"{file}: target {subject.name!r}: {refusal}") from None


def _order(subject: Subject, options: SurveyOptions, checking: CheckingOptions) -> Order:
    """Return what is to be done with a target; of the patterns only those that name something of its role."""
    ids = all_ids("check", "monitor") if subject.client is None else all_ids("client")
    return Order(
        subject=subject,
        folder=str(options.output / "targets" / slug(subject.name)),
        seed=options.seed if options.seed is not None else random.SystemRandom().randrange(2**32),
        fail_on=options.fail_on.value,
        only=tuple(pattern for pattern in checking.only or () if fnmatch.filter(ids, pattern)),
        revisions=tuple(checking.revision or ()),
        patience=checking.patience,
        deadline=checking.deadline,
    )


@dataclass(slots=True)
class _Survey:
    """A survey under way: what is to be judged, and what has become of it, by name."""

    options: SurveyOptions
    orders: list[Order]
    rows: dict[str, Implementation] = field(default_factory=dict)
    told: Callable[[Implementation], None] = lambda _: None
    interrupted: bool = False
    header: SurveyHeader = field(
        default_factory=lambda: SurveyHeader(
            touchstone=touchstone_version(), command=typed(sys.argv[1:]), started=datetime.now(UTC)
        )
    )

    @property
    def file(self) -> Path:
        """Where the rows go."""
        return self.options.output / "survey.jsonl"

    def run(self) -> None:
        """Judge what is not done yet; Ctrl-C ends it with what there is."""
        done = self._done() if self.options.resume else {}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("wb") as out:
                self._write(out, self.header)
                for row in done.values():
                    self._take(out, row)
                pending = [order for order in self.orders if order.subject.name not in done]
                anyio.run(self._judge_all, pending, out)
        except OSError as error:
            raise Refusal(f"{self.file}: {(error.strerror or 'cannot be written').lower()}") from None
        except KeyboardInterrupt:
            self.interrupted = True

    def _done(self) -> dict[str, Implementation]:
        """Return the rows of an earlier survey for targets that would be judged now as they were then."""
        try:
            matrix = read_matrix(self.file.read_bytes())
        except OSError:
            return {}
        before = {row.name: row for row in (matrix.implementations if matrix else ())}
        rows = {order.subject.name: (order, before.get(order.subject.name)) for order in self.orders}
        return {
            name: self._row(order, Ended(row.exit))
            for name, (order, row) in rows.items()
            if row is not None and row.exit in _DONE and row.complete and row.configuration == _configuration(order)
        }

    async def _judge_all(self, orders: list[Order], out: BinaryIO) -> None:
        limiter = anyio.CapacityLimiter(self.options.jobs)

        async def one(order: Order) -> None:
            async with limiter:
                ended = Ended(Exit.INTERRUPTED)
                try:
                    _clear(Path(order.folder))
                    ended = await run_order(order, order.subject.deadline or self.options.target_deadline)
                finally:
                    self._take(out, self._row(order, ended))

        async with anyio.create_task_group() as tasks:
            for order in orders:
                tasks.start_soon(one, order)

    def _take(self, out: BinaryIO, row: Implementation) -> None:
        self.rows[row.name] = row
        self._write(out, row)
        self.told(row)

    def _write(self, out: BinaryIO, row: SurveyHeader | Implementation | SurveyFooter) -> None:
        out.write(encode_row(row) + b"\n")
        out.flush()

    def _row(self, order: Order, ended: Ended) -> Implementation:
        """Return what the records of one target amount to."""
        folder = Path(order.folder)
        run = _records(folder / "records.jsonl", order.subject)
        identity = Implementation(
            name=order.subject.name,
            role="server" if order.subject.client is None else "client",
            configuration=_configuration(order),
            exit=_code(ended),
            complete=False,
            seconds=0.0,
            trouble=_trouble(folder, ended),
            report=self._beside(folder / "report.html"),
            records=self._beside(folder / "records.jsonl"),
        )
        return identity if run is None else msgspec.structs.replace(implementation(run, identity), exit=identity.exit)

    def _beside(self, path: Path) -> str | None:
        written = path.exists() and path.stat().st_size
        return path.relative_to(self.options.output).as_posix() if written else None

    def conclude(self) -> int:
        """Write the matrix and say what there is. Return the exit code. Raises `Refusal` if it cannot be written."""
        codes = {row.exit for row in self.rows.values()}
        code = next((grave for grave in _GRAVEST if grave in codes), Exit.PASSED)
        if self.interrupted and code not in (Exit.FAILED, Exit.WORSE):
            code = Exit.INTERRUPTED
        seconds = (datetime.now(UTC) - self.header.started).total_seconds()
        footer = SurveyFooter(complete=not self.interrupted, exit=code, seconds=round(seconds, 3))
        rows = [self.rows[order.subject.name] for order in self.orders if order.subject.name in self.rows]
        matrix = Matrix(self.header, tuple(rows), footer)
        page = self.options.output / "index.html"
        try:
            with self.file.open("ab") as out:
                self._write(out, footer)
            page.write_text(render_matrix(matrix), "utf-8")
        except OSError as error:
            raise Refusal(f"{page.parent}: {(error.strerror or 'cannot be written').lower()}") from None
        console = Terminal(highlight=False)
        console.print(survey_table(matrix))
        for trouble in troubles(matrix):
            console.print(trouble)
        console.print(f"\n{headline(rows)}; {page}", markup=False, soft_wrap=True)
        return code


def _configuration(order: Order) -> str:
    """Return what tells whether a target would be judged now as it was before; its baseline is a part of that."""
    known = order.subject.baseline and Path(order.subject.baseline).read_text("utf-8")
    options = [order.fail_on, order.only, order.revisions, order.patience, order.deadline, touchstone_version(), known]
    return hashlib.sha256(fingerprint(order.subject, options)).hexdigest()[:16]


def _clear(folder: Path) -> None:
    """Take away what an earlier survey left there, so that it is not taken for this one's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("records.jsonl", "report.html"):
        (folder / name).unlink(missing_ok=True)


def _records(path: Path, subject: Subject) -> Run | None:
    """Return what was recorded of a target, held against its baseline; None where that cannot be read."""
    try:
        run = read(path)
    except (OSError, RecordsError):
        return None
    if subject.baseline is None:
        return run
    known = read_baseline(Path(subject.baseline), run.header.started.date())
    return replace(run, baseline=replace(known, revisions=bool(subject.revisions)))


def _code(ended: Ended) -> Exit:
    """Return what the end of a process counts as: one that was stopped at its deadline came to nothing more."""
    if ended.code in _DONE:
        return Exit(ended.code)
    if ended.late:
        return Exit.UNREACHABLE
    known = (Exit.UNREACHABLE, Exit.INTERRUPTED)
    return Exit(ended.code) if ended.code in known else Exit.FAULT


def _trouble(folder: Path, ended: Ended) -> str:
    """Say why there is no verdict, or not a whole one; empty where all went its way."""
    if ended.late:
        return "stopped at its deadline"
    if ended.code in _DONE:
        return ""
    if ended.code == Exit.INTERRUPTED:
        return "interrupted"
    try:
        lines = (folder / ERRORS).read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    said = lines[-1].removeprefix("touchstone: ") if lines else "it said nothing"
    if ended.code == Exit.UNREACHABLE:
        return said
    how = f"ended by signal {-ended.code}" if ended.code < 0 else f"ended with status {ended.code}"
    return f"what judged it {how}: {said}"
