"""How a target is named on a command line so that the same one is reached again, as in the commands of a report."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from itertools import pairwise

from door.hosts_file import is_entry
from door.options import TargetOptions
from door.typed import typed

__all__ = ["Named", "name_target", "target_again"]

_CONFIG = "--config"
_OWN = "--"


@dataclass(frozen=True, slots=True)
class Named:
    """`given` is TARGET, with the settings file it needs, where the target's address alone would not lead there again;
    `options` are the headers, variables and token of the command line, their values masked;
    `pytest` is the beginning of a command of pytest, for a target that lives inside of it alone."""

    given: str | None = None
    options: str = ""
    pytest: str | None = None

    def again(self, command: str, revision: str, check: str = "") -> str:
        """Return a command that repeats a check at a revision of the target, so that it reaches the same target."""
        if self.pytest is not None:
            named = [value for name, value in pairwise(shlex.split(command)) if name == "--only"] or [check]
            return f"{self.pytest} -k {shlex.quote(' or '.join(named))}"
        before, found, address = command.partition(f"--revision {revision} ")
        target = self.given if self.given is not None and found else address
        return " ".join(filter(None, [f"{before}{found}".strip(), self.options, target]))


def name_target(options: TargetOptions) -> Named:
    """Return how the target of a command line is named again."""
    words = options.target or []
    pairs = [*(("--env", pair) for pair in options.env or []), *(("--header", pair) for pair in options.header or [])]
    pairs += [] if options.token is None else [("--token", options.token)]
    pairs += [] if options.start is None else [("--start", options.start)]
    masked = typed([word for pair in pairs for word in pair]).removeprefix("touchstone").strip()
    of_a_file = not words or is_entry(words[0])
    if options.config is None and not of_a_file:
        return Named(None, masked)
    config = [] if options.config is None else [_CONFIG, options.config]
    return Named(shlex.join([*config, *(words if of_a_file or "://" in words[0] else [_OWN, *words])]), masked)


def target_again(given: str) -> TargetOptions:
    """Read `Named.given` back."""
    words = shlex.split(given)
    config = None
    if words[:1] == [_CONFIG]:
        config, words = words[1], words[2:]
    return TargetOptions(target=words[1:] if words[:1] == [_OWN] else words, config=config)
