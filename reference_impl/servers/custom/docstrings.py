"""What a docstring says: of the function, and of each of its parameters (Google's, NumPy's and Sphinx' ways)."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from itertools import takewhile

__all__ = ["Words", "words_of"]

_SECTION = re.compile(
    r"(args|arguments|parameters|params|returns?|yields?|raises|examples?|notes?)\s*:?", re.IGNORECASE
)
_LISTS = ("args", "arguments", "parameters", "params")
_ITEM = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<words>.*)")
_NUMPY_ITEM = re.compile(r"(?P<name>\w+)(?:\s*:\s*.*)?")
_FIELD = re.compile(r":param\s+(?:[\w\[\], |.]+\s+)?(?P<name>\w+)\s*:\s*(?P<words>.*)")


@dataclass(frozen=True, slots=True)
class Words:
    """The description of a function, and of its parameters by name."""

    description: str
    parameters: dict[str, str]


def words_of(docstring: str | None) -> Words:
    """Take a docstring apart."""
    lines = inspect.cleandoc(docstring if isinstance(docstring, str) else "").splitlines()
    end = next((number for number, line in enumerate(lines) if _is_end(lines, number, line)), len(lines))
    parameters: dict[str, str] = {}
    for number, line in enumerate(lines[end:], end):
        if _FIELD.fullmatch(line.strip()):
            found = _FIELD.fullmatch(line.strip())
            assert found is not None
            parameters[found["name"]] = " ".join([found["words"], *_deeper(lines, number)]).strip()
        elif line.strip().rstrip(":").strip().casefold() in _LISTS:
            parameters |= _listed(lines, number)
    return Words(" ".join(" ".join(lines[:end]).split()), parameters)


def _is_end(lines: list[str], number: int, line: str) -> bool:
    """Tell whether a line ends what is said of the function as a whole."""
    if line.startswith((":param", ":return", ":raise", ":type", ">>>")):
        return True
    if _SECTION.fullmatch(line.strip()) is None:
        return False
    return line.rstrip().endswith(":") or _is_ruler(lines, number + 1)


def _is_ruler(lines: list[str], number: int) -> bool:
    return number < len(lines) and re.fullmatch(r"-{3,}", lines[number].strip()) is not None


def _listed(lines: list[str], start: int) -> dict[str, str]:
    """Return the parameters listed below a heading."""
    numpy = _is_ruler(lines, start + 1)
    pattern, first = (_NUMPY_ITEM, start + 2) if numpy else (_ITEM, start + 1)
    found: dict[str, str] = {}
    depth = _depth(lines[first]) if first < len(lines) else 0
    for number in range(first, len(lines)):
        line = lines[number]
        if line.strip() and (_depth(line) < depth or (not numpy and depth == 0) or _is_ruler(lines, number + 1)):
            break
        match = pattern.fullmatch(line.strip()) if _depth(line) == depth else None
        if match is not None:
            words = [] if numpy else [match["words"]]
            found[match["name"]] = " ".join([*words, *_deeper(lines, number)]).strip()
    return found


def _deeper(lines: list[str], number: int) -> list[str]:
    """Return the lines that go on with the one at `number`."""
    depth = _depth(lines[number])
    return [line.strip() for line in takewhile(lambda line: _depth(line) > depth, lines[number + 1 :])]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip()) if line.strip() else 0
