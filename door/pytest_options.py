"""The options of the pytest plugin, as they were given, in the terms of the command line."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from door.errors import Refusal
from door.options import CheckingOptions, FailOn, OutputOptions, TargetOptions

__all__ = ["Asked"]

_RECORDS = Path(".touchstone/records.jsonl")
_EXAMPLES = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What was given on the command line of pytest or in its settings; None where neither said anything."""

    target: str | None = None
    path: str | None = None
    config: str | None = None
    token: str | None = None
    fail_on: str | None = None
    baseline: str | None = None
    records: str | None = None
    examples: str | None = None
    seed: str | None = None
    patience: str | None = None
    deadline: str | None = None
    header: list[str] | None = None
    env: list[str] | None = None
    allow: list[str] | None = None
    revision: list[str] | None = None

    def naming(self, target: str | None) -> TargetOptions:
        """Return how a target is reached."""
        words = [] if target is None else [target]
        return TargetOptions(words, self.config, self.header, self.token, self.env, self.allow)

    @property
    def checking(self) -> CheckingOptions:
        """How patiently, and at which revisions. Raises `Refusal` for what is no number."""
        usual = CheckingOptions()
        return CheckingOptions(
            revision=self.revision,
            patience=_number("patience", self.patience, usual.patience),
            deadline=_number("deadline", self.deadline, usual.deadline),
        )

    @property
    def output(self) -> OutputOptions:
        """What is written, and where the line between a failure and a skipped test is. Raises `Refusal`."""
        levels = [level.value for level in FailOn]
        if self.fail_on not in (None, *levels):
            raise Refusal(f"--mcp-fail-on {self.fail_on}: it is one of {', '.join(levels)}")
        return OutputOptions(
            records=_RECORDS if self.records is None else Path(self.records),
            fail_on=FailOn(self.fail_on or FailOn.must),
            baseline=None if self.baseline is None else Path(self.baseline),
            seed=int(_number("seed", self.seed, random.SystemRandom().randrange(2**32))),
        )

    @property
    def cases(self) -> int:
        """How many cases of each property are tried. Raises `Refusal`."""
        return max(1, int(_number("examples", self.examples, _EXAMPLES)))


def _number(name: str, text: str | None, usual: float) -> float:
    try:
        value = usual if text is None else float(text)
    except ValueError:
        raise Refusal(f"--mcp-{name} {text}: it is a number") from None
    if not 0 <= value < float("inf"):
        raise Refusal(f"--mcp-{name} {text}: it is a number that is not below 0, and ends")
    return value
