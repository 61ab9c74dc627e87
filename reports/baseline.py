"""Failures that are known and put up with for a while: a list in TOML, held against what a run found.

An entry excuses the failures of one check, at one revision and over one transport where it names them. It is stale
when what it covers was judged and nothing of it failed; from the day it `expires` it excuses nothing. Records never
hold any of this: the same records can be read with a baseline and without.

    BaselineError    the text is no baseline; the message is one line that says why
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import msgspec

from reports.rows import Judgement

__all__ = ["Baseline", "BaselineError", "Known", "parse_baseline", "render_baseline", "renew"]

_HEADING = """\
# Failures that are known. Each excuses one check, at one revision and over one transport where it names them.
# Fill in why, a link to where it is being dealt with, and the day from which it counts again:
#
#   reason = "the SDK answers -32602"
#   link = "https://github.com/owner/project/issues/1"
#   expires = 2030-01-31
"""


class BaselineError(ValueError):
    """The text is no baseline; the message is one line that says why."""


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry. Without `revision` or `transport` it covers every one; from the day `expires` it excuses nothing."""

    check: str
    reason: str = ""
    link: str = ""
    expires: date | None = None
    revision: str | None = None
    transport: str | None = None

    def covers(self, judgement: Judgement) -> bool:
        """Whether it is about this check at this place."""
        return (
            judgement.check == self.check
            and self.revision in (None, judgement.revision)
            and self.transport in (None, judgement.transport)
        )

    @property
    def place(self) -> str:
        """Where it holds, in words; empty where it holds everywhere."""
        over = f"over {self.transport}" if self.transport else ""
        return " ".join(filter(None, [self.revision, over]))


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries that a run is held against, on the `day` it began.

    `excuses` are entries of a list that says less exactly what is known: they excuse, and are never stale. `only` and
    `revisions` say that the run was narrowed to some checks or revisions, so that a pass may not be the whole truth.
    """

    day: date
    known: tuple[Known, ...] = ()
    excuses: tuple[Known, ...] = ()
    only: bool = False
    revisions: bool = False

    def listed(self, judgement: Judgement) -> Known | None:
        """Return the entry that covers a failure, one that excuses it before one that has expired."""
        if judgement.outcome != "failed":
            return None
        found = [entry for entry in (*self.known, *self.excuses) if entry.covers(judgement)]
        return next((entry for entry in found if not self.expired(entry)), found[0] if found else None)

    def excused(self, judgement: Judgement) -> bool:
        """Whether it is a failure that is known."""
        entry = self.listed(judgement)
        return entry is not None and not self.expired(entry)

    def lapsed(self, judgement: Judgement) -> bool:
        """Whether it is a failure that was known, and whose entry has expired."""
        entry = self.listed(judgement)
        return entry is not None and self.expired(entry)

    def expired(self, entry: Known) -> bool:
        """Whether an entry excuses nothing any more."""
        return entry.expires is not None and self.day >= entry.expires

    def stale(self, judgements: Iterable[Judgement]) -> tuple[Known, ...]:
        """Return the entries of which something passed and nothing failed in a run that came to its end."""
        judged = [judgement for judgement in judgements if judgement.outcome in ("passed", "failed")]
        return tuple(entry for entry in self.known if self._can_be_told(entry) and _outlived(entry, judged))

    def _can_be_told(self, entry: Known) -> bool:
        return not self.only and not (self.revisions and entry.revision is None)


def _outlived(entry: Known, judged: list[Judgement]) -> bool:
    outcomes = {judgement.outcome for judgement in judged if entry.covers(judgement)}
    return outcomes == {"passed"}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    known: tuple[Known, ...] = ()


def parse_baseline(text: str) -> tuple[Known, ...]:
    """Read the entries of a baseline. Raises `BaselineError`."""
    try:
        return msgspec.convert(tomllib.loads(text), _File).known
    except tomllib.TOMLDecodeError as error:
        raise BaselineError(str(error)) from None
    except msgspec.ValidationError as error:
        raise BaselineError(_worded(str(error))) from None


def _worded(error: str) -> str:
    what, _, place = error.partition(" - at `$.")
    where = f"{place.removesuffix('`')}: " if place else ""
    return where + what.replace("Object contains unknown field", "no such key:").replace("`", "'")


def render_baseline(entries: Iterable[Known]) -> str:
    """Return a baseline file with these entries; one without a reason shows the place for it."""
    ordered = sorted(entries, key=lambda entry: (entry.check, entry.transport or "", entry.revision or ""))
    return _HEADING + "".join(f"\n[[known]]\n{''.join(_lines(entry))}" for entry in ordered)


def _lines(entry: Known) -> Iterator[str]:
    for name, value in msgspec.structs.asdict(entry).items():
        if value or name == "reason":
            yield f"{name} = {_toml(value)}\n"


# `Any`: a text or a date.
def _toml(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    # A basic string of TOML takes what JSON writes, once what TOML forbids is written out too.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def renew(baseline: Baseline, judgements: Iterable[Judgement], failing: Iterable[Judgement]) -> tuple[Known, ...]:
    """Return the entries for what fails now: those that still hold, as they are, and a new one for all else in
    `failing`.

    A new entry names its transport, and its revision unless the check failed at every one that it was judged at.
    """
    judged = [judgement for judgement in judgements if judgement.outcome in ("passed", "failed")]
    stale = baseline.stale(judged)
    kept = [entry for entry in baseline.known if entry not in stale]
    new = [judgement for judgement in failing if not any(entry.covers(judgement) for entry in kept)]

    def place(judgement: Judgement) -> tuple[str, str]:
        return judgement.check, judgement.transport

    for (check, transport), together in groupby(sorted(new, key=place), key=place):
        revisions = {judgement.revision: judgement for judgement in together}
        everywhere = {judgement.revision for judgement in judged if place(judgement) == (check, transport)}
        reason = next((_reason(baseline, judgement) for judgement in revisions.values()), "")
        whole = everywhere == set(revisions) and not baseline.revisions
        kept += [
            Known(check=check, reason=reason, transport=transport, revision=revision)
            for revision in ([None] if whole else sorted(revisions))
        ]
    return tuple(kept)


def _reason(baseline: Baseline, judgement: Judgement) -> str:
    return next((entry.reason for entry in baseline.excuses if entry.covers(judgement)), "")
