"""One target of a survey, judged in a process of its own, which is told by its standard input what to do.

python -m door.surveyed < order.json
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import msgspec

from door.baselines import NONE
from door.options import CheckingOptions, FailOn, OutputOptions, TargetOptions
from door.survey_file import Subject

__all__ = ["Order", "target_of"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to judge, how, and the folder where the results go."""

    subject: Subject
    folder: str
    seed: int
    fail_on: str = "must"
    only: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    patience: float
    deadline: float


def target_of(subject: Subject) -> TargetOptions:
    """Return a server as it would be named on a command line."""
    return TargetOptions(
        target=subject.words,
        header=[f"{name}: {value}" for name, value in subject.headers.items()],
        env=[f"{name}={value}" for name, value in subject.env.items()],
        allow=list(subject.tools.allow),
    )


def judge(order: Order) -> int:
    """Judge the target and return the exit code. Raises `Refusal`."""
    subject, folder = order.subject, Path(order.folder)
    baseline = NONE if subject.baseline is None else Path(subject.baseline)
    output = OutputOptions(
        records=folder / "records.jsonl",
        reports={"html": folder / "report.html"},
        fail_on=FailOn(order.fail_on),
        baseline=baseline,
        seed=order.seed,
        quiet=True,
        verbose=True,
    )
    checking = CheckingOptions(
        only=list(order.only),
        revision=list(order.revisions or subject.revisions),
        patience=order.patience,
        deadline=subject.deadline or order.deadline,
    )
    sys.argv = _typed(subject, checking)
    if subject.client is not None:
        from door.clients import Meeting, run_client_check

        env = [f"{name}={value}" for name, value in _resolved(subject).items()]
        meeting = Meeting.of(None, None, stdio=subject.stdio)
        return run_client_check(subject.client, env, meeting=meeting, output=output, checking=checking)
    from door.commands import run_check

    return run_check(target_of(subject), replace(output, baseline=baseline), checking, subject.settings)


def _resolved(subject: Subject) -> dict[str, str]:
    from door.secrets import Secrets

    return Secrets().resolved(subject.env)


def _typed(subject: Subject, checking: CheckingOptions) -> list[str]:
    """Return the command line that does the same, for the header of the records."""
    words = ["touchstone", "check" if subject.client is None else "client"]
    words += ["--stdio"] if subject.stdio else []
    for name, values in (
        ("--only", checking.only),
        ("--revision", checking.revision),
        ("--allow", subject.tools.allow),
    ):
        words += [word for value in values or () for word in (name, value)]
    words += [word for name, value in subject.env.items() for word in ("--env", f"{name}={value}")]
    words += [word for name, value in subject.headers.items() for word in ("--header", f"{name}: {value}")]
    if subject.client is not None:
        return [*words, "--", *subject.client]
    target = subject.words
    if subject.from_ is not None or subject.url is not None:
        return [*words, *target]
    return [*words, "--", *(shlex.split(target[0]) if len(target) == 1 else target)]


def _main() -> None:
    from touchstone import guarded

    guarded(lambda: judge(msgspec.json.decode(sys.stdin.buffer.read(), type=Order)))


if __name__ == "__main__":
    _main()
