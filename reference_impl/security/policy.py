"""A policy: rules in a TOML file that say what is allowed, denied, or asked for.

    default = "ask"                       # or "deny", which it is where nothing is said

    [[rule]]
    action = "allow"
    operation = "resources/read"
    resource = "filesystem/*"

    [[rule]]
    action = "ask"
    operation = "tools/call"
    resource = "*/delete*"
    sensitive = true
    scope = "session"                     # an answer holds no longer
    seconds = 3600                        # nor longer than this
    expires = 2027-01-01T00:00:00Z        # from then on the rule is not there

A denial that fits wins wherever it stands. Of all other rules the first that fits counts, so that exceptions stand
before what they are exceptions from. What is sensitive, by a rule or by the caller's word, is allowed only by rules
that say `sensitive = true`; others make it a question.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from reference_impl.security.consent import Inquiry, Scope
from reference_impl.security.patterns import covers

__all__ = ["Policy", "PolicyError", "Rule", "Ruling"]

_LARGEST = 1024 * 1024


class PolicyError(Exception):
    """A policy cannot be used; `str()` of it is one line that says why."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. `operation`, `resource` and `principal` are patterns (`*`, `?`); a `principal` of None fits everybody,
    any other only those who are somebody. `scope` and `seconds` bound how long the answer to a question holds."""

    action: Literal["allow", "deny", "ask"]
    operation: str
    resource: str
    principal: str | None = None
    sensitive: bool = False
    scope: Scope | None = None
    seconds: float | None = None
    expires: datetime | None = None

    def __post_init__(self) -> None:
        if self.action != "ask" and (self.scope is not None or self.seconds is not None):
            raise ValueError("scope and seconds are for rules that ask")
        if self.seconds is not None and not self.seconds > 0:  # nan is neither
            raise ValueError("seconds must be more than 0")
        if not self.operation or not self.resource or self.principal == "":
            raise ValueError("an empty pattern fits nothing; * fits everything")
        if self.expires is not None and self.expires.tzinfo is None:
            raise ValueError("expires needs a time zone, such as the Z of 2027-01-01T00:00:00Z")

    def fits(self, inquiry: Inquiry, now: float) -> bool:
        """Tell whether the rule is about this, at this Unix time."""
        if self.expires is not None and now >= self.expires.timestamp():
            return False
        named = self.principal is None or (inquiry.principal is not None and covers(self.principal, inquiry.principal))
        return named and covers(self.operation, inquiry.operation) and covers(self.resource, inquiry.resource)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a policy says: `action`, in words `why`, and how long an answer may hold at most."""

    action: Literal["allow", "deny", "ask"]
    why: str
    sensitive: bool
    scope: Scope = Scope.ALWAYS
    seconds: float | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    default: Literal["ask", "deny"] = "deny"
    rule: list[Rule] = []


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in their order, and what holds where none fits: to ask, to deny, or, which no file can say, to allow."""

    rules: Sequence[Rule] = ()
    default: Literal["ask", "deny", "allow"] = "ask"

    @classmethod
    def from_file(cls, path: str | Path) -> Policy:
        """Read a policy. Raises `PolicyError` for a file that cannot be read, is no policy, or that everybody may
        write."""
        try:
            with Path(path).open("rb") as file:
                mode, data = os.fstat(file.fileno()).st_mode, file.read(_LARGEST + 1)
        except OSError as error:
            raise PolicyError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
        if os.name == "posix" and stat.S_IMODE(mode) & stat.S_IWOTH:
            raise PolicyError(f"{path}: everybody may write this policy; take that away with chmod o-w")
        if len(data) > _LARGEST:
            raise PolicyError(f"{path}: a policy has at most {_LARGEST} bytes")
        return cls.read(data, str(path))

    @classmethod
    def read(cls, data: bytes, name: str = "policy") -> Policy:
        """Read the text of a policy that goes by a name. Raises `PolicyError`."""
        try:
            found = msgspec.convert(tomllib.loads(data.decode("utf-8-sig")), _File)
        except msgspec.ValidationError as error:
            raise PolicyError(f"{name}: {_in_words(str(error))}") from None
        except (ValueError, RecursionError) as error:  # more than `TOMLDecodeError`: numbers and nesting without end
            raise PolicyError(f"{name}: no TOML: {str(error).splitlines()[0]}") from None
        return cls(tuple(found.rule), found.default)

    def rule(self, inquiry: Inquiry, now: float) -> Ruling:
        """Return what holds for an inquiry at a Unix time."""
        fitting = [(number, rule) for number, rule in enumerate(self.rules, 1) if rule.fits(inquiry, now)]
        sensitive = inquiry.sensitive or any(rule.sensitive for _, rule in fitting)
        if not fitting:
            return Ruling(self.default, "no rule fits" if self.rules else "there are no rules", sensitive)
        denials = [(number, rule) for number, rule in fitting if rule.action == "deny"]
        number, rule = (denials or fitting)[0]
        why = f"rule {number} of the policy"
        if rule.action == "allow" and sensitive and not rule.sensitive:
            return Ruling("ask", f"{why} does not cover what is sensitive", sensitive)
        return Ruling(rule.action, why, sensitive, rule.scope or Scope.ALWAYS, rule.seconds)


_HINTS: dict[tuple[str, str], str] = {
    ("rule", "Expected 'array'"): "each rule begins with [[rule]]",
    ("action", "Invalid enum"): "must be one of allow, deny, ask",
    ("scope", "Invalid enum"): "must be one of once, session, always",
    ("default", "Invalid enum"): "must be one of ask, deny",
}
"""Better words for what is wrong, by the member and the beginning of the complaint of msgspec."""


def _in_words(message: str) -> str:
    """Return a complaint of msgspec with the place in front, counted from 1: `rule 2: ...`."""
    text, found, place = message.replace("`", "'").partition(" - at ")
    if not found:
        return text
    place = place.strip("'$.")
    text = _HINTS.get((place.rpartition(".")[2], text.partition(",")[0].partition(" value")[0]), text)
    if place.startswith("rule["):
        number, _, member = place[5:].partition("]")
        place = " ".join(filter(None, (f"rule {int(number) + 1}" if number.isdigit() else "rule", member.strip("."))))
    return f"{place}: {text}"
