"""What two targets advertise held against each other: what would break a client that worked with the first.

For arguments, a client breaks where the second takes less; for results, where it may give more. A description, a title
or an argument that is added and optional breaks nobody.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from reports.advertised import Advertised, Surface
from reports.comparison import SurfaceChange
from reports.schema_changes import Narrowing, narrowings
from reports.text import shorten

__all__ = ["compare_surfaces"]

_VALUE_CHARACTERS = 60


class _Change(NamedTuple):
    """`SurfaceChange` at one revision."""

    subject: str
    change: str
    breaking: bool


def compare_surfaces(
    before: Iterable[Surface], after: Iterable[Surface]
) -> tuple[tuple[str, ...], list[SurfaceChange]]:
    """Return the revisions at which both advertised something, and what differs there, breaking changes first."""
    ours, theirs = _by_revision(before), _by_revision(after)
    both = tuple(revision for revision in ours if revision in theirs)
    seen: dict[_Change, list[str]] = {}
    for revision in both:
        for change in _changes(ours[revision], theirs[revision]):
            seen.setdefault(change, []).append(revision)
    changes = [
        SurfaceChange(revisions=tuple(revisions), subject=each.subject, change=each.change, breaking=each.breaking)
        for each, revisions in seen.items()
    ]
    return both, sorted(changes, key=lambda change: not change.breaking)


def _by_revision(surfaces: Iterable[Surface]) -> dict[str, Surface]:
    found: dict[str, Surface] = {}
    for surface in surfaces:
        found.setdefault(surface.revision, surface)
    return found


def _changes(before: Surface, after: Surface) -> Iterator[_Change]:
    yield from _capabilities(before.capabilities, after.capabilities, "")
    yield from _lists("tool", before.tools, after.tools)
    yield from _lists("prompt", before.prompts, after.prompts)
    yield from _lists("resource template", before.templates, after.templates)
    yield from _lists("resource", before.resources, after.resources)


# `Any`: what stands where capabilities should.
def _capabilities(before: Any, after: Any, path: str) -> Iterator[_Change]:
    """Compare what is declared: a capability, or a flag of one, that goes away is one that somebody leans on."""
    ours, theirs = (each if isinstance(each, dict) else {} for each in (before, after))
    for name in dict.fromkeys([*ours, *theirs]):
        place = f"{path}.{name}" if path else name
        left, right = ours.get(name, False), theirs.get(name, False)
        if (left is False) != (right is False):
            yield _Change(f"capability {place}", "added" if left is False else "removed", right is False)
        elif isinstance(left, dict):
            yield from _capabilities(left, right, place)


def _lists(kind: str, before: Sequence[Advertised], after: Sequence[Advertised]) -> Iterator[_Change]:
    ours, theirs = ({each.name: each for each in items} for items in (before, after))
    new = [each for name, each in theirs.items() if name not in ours]
    renamed: set[str] = set()
    for name, item in ours.items():
        subject = f"{kind} {name}"
        if name in theirs:
            yield from _item(subject, item, theirs[name])
            continue
        alike = [each.name for each in new if kind == "tool" and _same_shape(item, each)]
        if len(alike) == 1:
            renamed.add(alike[0])
            yield _Change(subject, f"renamed to {alike[0]}", breaking=True)
        else:
            # What is to be read comes and goes with its data.
            yield _Change(subject, "removed", breaking=kind != "resource")
    for each in new:
        if each.name not in renamed:
            yield _Change(f"{kind} {each.name}", "added", breaking=False)


def _same_shape(one: Advertised, other: Advertised) -> bool:
    shape = (one.input_schema, one.output_schema)
    members = shape[0].get("properties") if isinstance(shape[0], dict) else None
    return bool(members) and shape == (other.input_schema, other.output_schema)


def _item(subject: str, before: Advertised, after: Advertised) -> Iterator[_Change]:
    if before.digest == after.digest:
        return
    found = [
        *_inputs(subject, before.input_schema, after.input_schema),
        *_outputs(subject, before.output_schema, after.output_schema),
        *_arguments(subject, before.arguments, after.arguments),
    ]
    yield from found or [_Change(subject, "described otherwise", breaking=False)]


def _inputs(subject: str, before: Any, after: Any) -> Iterator[_Change]:
    for each in narrowings(before, after):
        yield _Change(subject, _NARROWED[each.kind](each), each.kind != "other")
    for each in narrowings(after, before):
        if each.kind == "removed":
            required = any(found.kind == "required" and found.path == each.path for found in narrowings(before, after))
            if not required:
                yield _Change(subject, f"optional argument {each.path} added", breaking=False)
        elif each.kind != "other":
            yield _Change(subject, f"takes more than before{_at(each)}: {each.keyword}", breaking=False)


def _outputs(subject: str, before: Any, after: Any) -> Iterator[_Change]:
    if (before is None) != (after is None):
        yield _Change(subject, f"output schema {'added' if before is None else 'removed'}", breaking=after is None)
        return
    for each in narrowings(after, before):
        if each.kind == "removed":
            yield _Change(subject, f"output {each.path} added", breaking=False)
        else:
            yield _Change(subject, _WIDENED[each.kind](each), each.kind != "other")
    for each in narrowings(before, after):
        if each.kind == "removed":
            yield _Change(subject, f"output {each.path} removed", breaking=True)
        elif each.kind != "other":
            yield _Change(subject, f"output says more than before{_at(each)}: {each.keyword}", breaking=False)


def _arguments(subject: str, before: dict[str, bool], after: dict[str, bool]) -> Iterator[_Change]:
    """Compare the arguments of a prompt."""
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield _Change(subject, f"argument {name} removed", breaking=True)
        elif after[name] and not before.get(name):
            yield _Change(subject, f"argument {name} is required now", breaking=True)
        elif name not in before:
            yield _Change(subject, f"optional argument {name} added", breaking=False)


_NARROWED: dict[str, Callable[[Narrowing], str]] = {
    "required": lambda found: f"argument {found.path} is required now",
    "removed": lambda found: f"argument {found.path} removed",
    "type": lambda found: f"type narrowed{_at(found)}: {found.wide} to {found.narrow}",
    "value": lambda found: f"values removed{_at(found)}: {_values(found.wide) or f'all but {_values(found.narrow)}'}",
    "bound": lambda found: f"bounded more{_at(found)}: {found.keyword} {_value(found.wide)} to {_value(found.narrow)}",
    "closed": lambda found: f"takes no other arguments now{_at(found)}",
    "other": lambda found: f"changed{_at(found)}, in a way that is not judged: {found.keyword}",
}
"""How arguments take less, by the kind of narrowing."""

_WIDENED: dict[str, Callable[[Narrowing], str]] = {
    "required": lambda found: f"output {found.path} is not always there now",
    "type": lambda found: f"output type widened{_at(found)}: {found.narrow} to {found.wide}",
    "value": lambda found: f"output has new values{_at(found)}: {_values(found.wide) or 'any'}",
    "bound": lambda found: (
        f"output bounded less{_at(found)}: {found.keyword} {_value(found.narrow)} to {_value(found.wide)}"
    ),
    "closed": lambda found: f"output may have other members now{_at(found)}",
    "other": lambda found: f"output changed{_at(found)}, in a way that is not judged: {found.keyword}",
}
"""How results may be more; the narrower schema is the one from before."""


def _at(found: Narrowing) -> str:
    return f" of {found.path}" if found.path else ""


def _values(values: list[Any] | None) -> str:
    return ", ".join(map(_value, values or ()))


def _value(value: Any) -> str:
    return "none" if value is None else shorten(repr(value), _VALUE_CHARACTERS)
