"""Values near a drawn one: what a draw gives is varied by chance and by tables, at a small part of what a draw costs.

Each variant of valid arguments is certainly valid; those of invalid ones are wrong where and as the drawn ones are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain
from random import Random
from typing import Any

from conformance.accepting import acceptor
from conformance.properties.json_schema_breaks import Break, Path, breaks, put
from conformance.properties.json_schema_document import Document

__all__ = ["Variants", "sites", "vocabulary"]

_SITES = 64
"""Places of a value that are varied at most."""
_TRIES = 6
"""Variants that are made of a value for each of its places at most: some do not fit, others were there before."""
_CROSSED = 0.5
_ONWARDS = 0.1
_LARGE = 2000
"""How often a variant is gone on from, and how many characters it may have then."""
_LENDERS = 64
_KEPT = 500_000
"""Values that are remembered, each by a number."""
_SAFE = 2**53 - 1
_MARKS = (
    *("\0", "\n", "\t", " ", "\\", '"', "'", "/", "%s", "{}", "${x}", "<", "&", "..", "\u2028", "\u00e9", "\u4e2d"),
    *("\U0001f600", "\ufeff", "\x1b[0m", "\x7f", "e\u0301", "\u202e", "0", "-", "null", "true", "__proto__"),
)
_ALPHABETS = (
    *((0x20, 0x7E), (0x61, 0x7A), (0x00, 0x1F), (0x80, 0x17F), (0x600, 0x6FF), (0x4E00, 0x9FFF), (0x1F300, 0x1F6FF)),
)
_LENGTHS = (1, 2, 3, 5, 8, 13)
_LONG = 0.03
_TIMES = (8, 40, 200, 1025)


def sites(value: Any) -> list[tuple[Path, Any]]:
    """Return the places within a value, those further out first, and what is there; the value itself left out."""
    found: list[tuple[Path, Any]] = [((), value)]
    for path, inner in found:
        if len(found) > _SITES:
            break
        if isinstance(inner, dict):
            found += [((*path, name), part) for name, part in inner.items()]
        elif isinstance(inner, list):
            found += [((*path, index), part) for index, part in enumerate(inner)]
    return found[1 : _SITES + 1]


def vocabulary(schema: Any) -> list[Any]:
    """Return the values that a schema names: those it lists, takes for granted, shows, and the bounds of numbers."""
    told, left = [], [schema]
    while left:
        match left.pop():
            case dict() as part:
                lists = [part[name] for name in ("enum", "examples") if isinstance(part.get(name), list)]
                told += [each for listed in lists for each in listed]
                told += [part[name] for name in ("const", "default", "minimum", "maximum") if name in part]
                left += part.values()
            case list() as parts:
                left += parts
    return told


class Variants:
    """The variants of what is drawn for one schema; each value once, and what was drawn before lends its members."""

    def __init__(self, schema: Any) -> None:
        self.accepts = acceptor(schema, forms=False)
        """Whether a value certainly fits."""
        self._named = vocabulary(schema)
        self._drawn: list[Any] = []
        self._seen: set[int] = set()

    def valid(self, value: Any, random: Random) -> Iterator[Any]:
        """Yield values near a valid one that certainly fit too, until hardly any is new."""
        others, places = list(self._drawn), sites(value)
        self._remember(value, random)
        self._is_new(value)
        for _ in range(_TRIES * _SITES if places or others else 0):
            near = _varied(value, places, self._named, random) if places else value
            if others and random.random() < _CROSSED:
                near = _crossed(near, random.choice(others), random)
            if self.accepts(near) and self._is_new(near):
                yield near
                if random.random() < _ONWARDS and len(json.dumps(near)) < _LARGE:
                    value, places = near, sites(near)

    def broken(self, document: Document, value: Any, random: Random) -> Iterator[tuple[Break, Any]]:
        """Yield what breaks a valid value, or one near it, in one way, and what comes of it."""
        for near in chain((value,), self.valid(value, random)):
            ways = [way for way in breaks(document.root, near, document) if way.path or way.keyword != "type"]
            for way in ways:
                broken = put(near, way.path, _worse(way, random))
                if self._is_new(broken):
                    yield way, broken

    def _is_new(self, value: Any) -> bool:
        if len(self._seen) >= _KEPT:
            self._seen.clear()
        known = len(self._seen)
        self._seen.add(hash(json.dumps(value)))
        return len(self._seen) > known

    def _remember(self, value: Any, random: Random) -> None:
        if len(self._drawn) < _LENDERS:
            self._drawn.append(value)
        else:
            self._drawn[random.randrange(_LENDERS)] = value


def _varied(value: Any, places: list[tuple[Path, Any]], told: list[Any], random: Random) -> Any:
    """Return the value with another part at one place, or at two."""
    path, part = random.choice(places)
    near = put(value, path, _other(part, places, told, random))
    if random.random() < 0.3:
        second, part = random.choice(places)
        # What lay within the first is no longer there.
        if path[: len(second)] != second[: len(path)]:
            near = put(near, second, _other(part, places, told, random))
    return near


def _crossed(value: Any, other: Any, random: Random) -> Any:
    """Return an object with a member of another, or without one of its own."""
    if not isinstance(value, dict) or not isinstance(other, dict) or not (value or other):
        return value
    name = random.choice([*value, *other])
    if name in other:
        return {**value, name: other[name]}
    return {each: part for each, part in value.items() if each != name}


def _other(part: Any, places: list[tuple[Path, Any]], told: list[Any], random: Random) -> Any:
    """Return something in place of a part: mostly of its own type, sometimes what stands elsewhere or is listed."""
    chance = random.random()
    if told and chance < 0.15:
        return random.choice(told)
    if chance < 0.25:
        return random.choice(places)[1]
    vary = _VARY.get(type(part))
    return _text("", random) if vary is None else vary(part, random)


def _text(text: str, random: Random) -> str:
    place = random.randrange(len(text) + 1)
    match random.randrange(6):
        case 0:
            return text[:place] + random.choice(_MARKS) + text[place:]
        case 1:
            return text[:place]
        case 2:
            return (text or "a") * 2
        case 3:
            return text[place:] + text[:place] + random.choice(_MARKS)
        case _:
            first, last = random.choice(_ALPHABETS)
            codes = random.choices(range(first, last + 1), k=random.choice(_LENGTHS))
            return "".join(map(chr, codes)) * (random.choice(_TIMES) if random.random() < _LONG else 1)


def _integer(number: int, random: Random) -> int:
    match random.randrange(5):
        case 0:
            return number + random.choice((-1, 1))
        case 1:
            return -number
        case 2:
            return max(-_SAFE, min(_SAFE, number * 2))
        case 3:
            return random.choice((-1, 1)) * ((1 << random.randint(0, 52)) - random.choice((0, 1)))
        case _:
            bound = 10 ** random.randint(1, 12)
            return random.randint(-bound, bound)


def _fraction(number: float, random: Random) -> float:
    # Six places, as drawn ones have; no -0.0.
    drawn = random.uniform(-1, 1) * 10 ** random.randint(0, 9)
    return round(random.choice((drawn, drawn, -number, number / 2)), random.randint(1, 6)) + 0.0


def _array(items: list[Any], random: Random) -> list[Any]:
    if not items:
        return []
    place = random.randrange(len(items))
    match random.randrange(4):
        case 0:
            return items[:place] + items[place + 1 :]
        case 1:
            return items[: place + 1] + items[place:]
        case 2:
            return items[place:] + items[:place]
        case _:
            return items * 2


def _object(members: dict[str, Any], random: Random) -> dict[str, Any]:
    gone = random.choice([*members, None]) if members else None
    return {name: part for name, part in members.items() if name != gone}


_VARY: dict[type, Callable[[Any, Random], Any]] = {
    str: _text,
    int: _integer,
    float: _fraction,
    list: _array,
    dict: _object,
    bool: lambda part, _: not part,
}


def _worse(way: Break, random: Random) -> Any:
    """Return another value that breaks the same rule in the same way, where it is plain that it does."""
    more = random.randrange(10**6)
    match way.keyword, way.value:
        case (("type" | "enum"), str(word)):
            return f"{word}-{more}"
        case "type", bool():
            return way.value
        case (("type" | "maximum" | "exclusiveMaximum"), (int() | float()) as number):
            return number + more
        case (("minimum" | "exclusiveMinimum"), (int() | float()) as number):
            return number - more
    return way.value
