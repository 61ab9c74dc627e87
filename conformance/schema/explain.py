"""From the validator's errors to the defects a reader can act on.

A union reports that none of its alternatives matched, which helps nobody. Here the alternative that the sender
evidently meant is chosen, the one whose constant members (`type`, `method`, `mode`) agree and that lacks the least, and
its defects are told instead.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema.exceptions import ValidationError

_LONGEST = 60

_Branch = list[ValidationError]


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a value departs from its type."""

    pointer: str
    """JSON pointer (RFC 6901) of the offending value; of the object, where a member is missing."""

    message: str
    """What is wrong there, in a few words."""

    keyword: str
    """The JSON Schema keyword that was broken; `not` for a member that must not be there."""


def explained(errors: Iterable[ValidationError]) -> list[Violation]:
    """The defects behind the errors, each once, in the order of the validator."""
    found: dict[Violation, None] = {}
    for error in errors:
        found |= dict.fromkeys(_defects(error))
    return list(found)


def _defects(error: ValidationError) -> list[Violation]:
    keyword, rule = _rule(error)
    if keyword == "anyOf":
        return _union_defects(error, rule)
    if keyword == "required":
        missing = _lacking(error)
        return [Violation(_pointer(error), f"member {name!r} is missing", keyword) for name in missing]
    return [Violation(_pointer(error), _WORDING[keyword](error.instance, rule), keyword)]


def _union_defects(error: ValidationError, alternatives: list[Any]) -> list[Violation]:
    if lacking := _some(alternatives):
        return [Violation(_pointer(error), f"none of the members {lacking} is there", "anyOf")]
    branches = _branches(error)
    nearest = min(map(_distance, branches))
    best = [branch for branch in branches if _distance(branch) == nearest]
    if nearest[0]:
        expected = _constants(best, "type", depth=0)
        return [Violation(_pointer(error), _wrong_type(error.instance, expected), "type")]
    if tag := _wrong_tag(best[0]):
        return [_tag_violation(tag, branches)]
    told = [explained(branch) for branch in best]
    # Alternatives equally near: what they all find wrong is beyond doubt.
    beyond_doubt = [violation for violation in told[0] if all(violation in other for other in told)]
    return beyond_doubt or _any_member(error, best) or told[0]


def _any_member(error: ValidationError, best: Sequence[_Branch]) -> list[Violation]:
    """One defect for alternatives that want nothing but a member more, each another one."""
    if any(len(branch) != 1 or branch[0].validator != "required" or branch[0].relative_path for branch in best):
        return []
    lacking = dict.fromkeys(name for branch in best for name in _lacking(branch[0]))
    listed = ", ".join(map(repr, lacking))
    return [Violation(_pointer(error), f"none of the members {listed} is there", "anyOf")]


def _branches(error: ValidationError) -> list[_Branch]:
    """The errors of each alternative; the alternatives of a union within the union stand beside the others."""
    branches: dict[int | str, _Branch] = {}
    for part in error.context:
        branches.setdefault(part.relative_schema_path[0], []).append(part)
    found: list[_Branch] = []
    for branch in branches.values():
        inner, (keyword, rule) = branch[0], _rule(branch[0])
        nested = len(branch) == 1 and keyword == "anyOf" and not inner.relative_path and not _some(rule)
        found.extend(_branches(inner) if nested else [branch])
    return found


def _distance(branch: _Branch) -> tuple[bool, bool, int, bool, float, int, int]:
    """How far a value is from an alternative, worst sign first."""
    here = [part.validator for part in branch if not part.relative_path]
    return (
        "type" in here,
        _wrong_tag(branch) is not None,
        here.count("required"),
        any(part.validator == "not" for part in branch),
        # Further in, a type of one member is not near for lacking only that: what counts is the share.
        sum(1 / len(_rule(part)[1]) for part in branch if part.validator == "required" and part.relative_path),
        len(branch),
        -max(len(part.relative_path) for part in branch),
    )


def _wrong_tag(branch: _Branch) -> ValidationError | None:
    """The error that says a constant member of this alternative has another value."""
    tags = (part for part in branch if part.validator in {"const", "enum"} and len(part.relative_path) == 1)
    return next(tags, None)


def _tag_violation(tag: ValidationError, branches: Iterable[_Branch]) -> Violation:
    rivals = [[part for part in branch if part.relative_path == tag.relative_path] for branch in branches]
    known = [*_constants(rivals, "const", depth=1), *_constants(rivals, "enum", depth=1)]
    return Violation(_pointer(tag), _one_of(tag.instance, known), "enum" if len(known) > 1 else "const")


def _constants(branches: Iterable[_Branch], keyword: str, depth: int) -> list[Any]:
    """What the errors of one keyword, so deep in their alternatives, would have allowed; each once."""
    parts = (part for branch in branches for part in branch)
    rules = (_rule(part)[1] for part in parts if part.validator == keyword and len(part.relative_path) == depth)
    return list(dict.fromkeys(item for rule in rules for item in (rule if isinstance(rule, list) else [rule])))


def _some(alternatives: Sequence[Any]) -> str:
    """The members of which one has to be there, where that is all that the union says."""
    if any(schema.keys() != {"required"} for schema in alternatives):
        return ""
    return ", ".join(repr(schema["required"][0]) for schema in alternatives)


def _rule(error: ValidationError) -> tuple[str, Any]:
    """The broken keyword and its value; the library leaves either unset only on errors that were made by hand."""
    return str(error.validator), error.validator_value


def _lacking(error: ValidationError) -> list[str]:
    """The required members that are not there, all of them: the library tells of each apart, and of the rule whole."""
    return [name for name in _rule(error)[1] if name not in _members(error)]


def _members(error: ValidationError) -> dict[str, Any]:
    return error.instance if isinstance(error.instance, dict) else {}


def _pointer(error: ValidationError) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)


def shown(value: object) -> str:
    """A value in a message: scalars as JSON, shortened; of arrays and objects only the kind."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _wrong_type(value: object, expected: Any) -> str:
    kinds = expected if isinstance(expected, list) else [expected]
    listed = " or ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]]))
    return f"{shown(value)} where {listed} belongs"


def _one_of(value: object, known: Sequence[Any]) -> str:
    return f"{shown(value)} is {'none of' if len(known) > 1 else 'not'} {', '.join(map(shown, known))}"


# Every keyword that `conformance.schema.notation` can write, but for the two that `_defects` takes apart.
_WORDING: dict[str, Callable[[Any, Any], str]] = {
    "type": _wrong_type,
    "const": lambda value, known: _one_of(value, [known]),
    "enum": _one_of,
    "minimum": lambda value, bound: f"{shown(value)} is less than {bound}",
    "maximum": lambda value, bound: f"{shown(value)} is more than {bound}",
    "maxItems": lambda value, bound: f"{len(value)} elements where at most {bound} belong",
    "not": lambda value, _: f"{shown(value)} where nothing belongs",
}
