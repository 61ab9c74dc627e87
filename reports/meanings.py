"""What a failure means for those who use the implementation, and what its author should look at: one sentence each.

The sentences stand in `meanings.toml`, by the beginning of a rule's id; the longest that fits counts.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reports.digest import area_of, strongest
from reports.rows import Finding, Judgement

__all__ = ["Meaning", "meaning_of", "title_of"]

_TABLE = Path(__file__).with_name("meanings.toml")
_ELSEWHERE = "A client that relies on this rule does not get what it was promised."
_REPEAT = "Repeat it with the command, and compare what comes with what was expected."


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows for users, and where to look."""

    users: str
    fix: str


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(_TABLE.read_text("utf-8"))


def title_of(area: str) -> str:
    """Return what an area is called; its own name where the table does not know it."""
    return _table().get(area, {}).get("title", area)


def meaning_of(judgement: Judgement) -> Meaning:
    """Return what it means that `judgement` failed."""
    rule = strongest(judgement)
    identifier = judgement.check if rule is None else rule.id
    if isinstance(judgement, Finding) and area_of(judgement) not in _table():
        identifier = "property"
    return Meaning(_said("users", identifier) or _ELSEWHERE, _said("fix", identifier) or _REPEAT)


def _said(field: str, identifier: str) -> str:
    """Return the field of the longest beginning of `identifier` that has it."""
    words = identifier.split(".")
    beginnings = (".".join(words[:count]) for count in range(len(words), 0, -1))
    return next((text for each in beginnings if (text := _table().get(each, {}).get(field))), "")
