"""A first `touchstone.toml`, written from what was seen of a target: what works is said, what is left is commented."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.target import HttpTarget, SseTarget, StdioTarget, Target, WebSocketTarget, shown
from reports.text import visible

__all__ = ["Tried", "Untouched", "render_starter"]

_WORDS = 80
"""Characters of a description that are shown beside a tool."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEAD = """\
# What Touchstone knows of this server; every command reads it from the folder it is started in.
# Values written as env:NAME are read from the environment.
"""
_OBJECTIVES = """
[load]
objectives = ["errors<0.1%"]                # more of them: "p99<100ms", "rate>200/s"
"""


@dataclass(frozen=True, slots=True)
class Tried:
    """A tool that may be called, the arguments it was called with, and what was wrong with the outcome, if anything."""

    name: str
    arguments: Mapping[str, Any]
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Untouched:
    """A tool that does not say that it is read-only, what it says of itself, and whether it says it may destroy."""

    name: str
    description: str
    destroys: bool


def render_starter(
    target: Target, variables: Mapping[str, str], tried: Sequence[Tried], untouched: Sequence[Untouched]
) -> str:
    """Return the file. `variables` gives the `env:NAME` that stands for each header, each variable and `token`."""
    return "".join((_HEAD, *_target(target, variables), *_tools(tried, untouched), *_samples(tried), _OBJECTIVES))


def _target(target: Target, variables: Mapping[str, str]) -> Iterator[str]:
    yield "\n[target]\n"
    names: list[str] = []
    place = "env"
    match target:
        case StdioTarget(argv, env, cwd):
            yield f"command = {_toml(list(argv))}\n"
            if cwd is not None:
                yield f"cwd = {_toml(cwd)}\n"
            names = list(env)
        case HttpTarget() | SseTarget() | WebSocketTarget():
            yield f"url = {_toml(shown(target))}\n"
            names, place = [name for name in target.headers if name in variables], "headers"
    if names:
        pairs = ", ".join(f"{_key(name)} = {_toml(variables[name])}" for name in names)
        yield f"{place} = {{ {pairs} }}\n"
    if "token" in variables:
        yield f"\n[authorization]\ngood = {_toml(variables['token'])}\n"


def _tools(tried: Sequence[Tried], untouched: Sequence[Untouched]) -> Iterator[str]:
    yield "\n[tools]\n"
    if tried:
        names = ", ".join(_line(each.name) for each in tried)
        yield f"# Called without being named here, since they change nothing: {names}\n"
    if not untouched:
        yield "allow = []\n"
        return
    yield "# These may change something. Take the # away from those that may be called as often as a test likes.\n"
    yield "allow = [\n"
    width = max(len(_toml(each.name)) for each in untouched)
    for each in untouched:
        said = "destructive; " if each.destroys else ""
        words = f"{said}{_line(each.description)}"
        yield f"    # {_toml(each.name) + ',':{width + 1}}{f'  # {words}' if words else ''}".rstrip() + "\n"
    yield "]\n"
    yield "# Of those, such as ask their client for a form, a sample or its roots:\nasks = []\n"


def _samples(tried: Sequence[Tried]) -> Iterator[str]:
    troubled = [each for each in tried if each.trouble is not None]
    if not troubled:
        return
    yield "\n[tools.samples]\n"
    yield "# The simplest arguments that their schemas allow did not do here: write some that succeed.\n"
    for each in troubled:
        yield f"# {_line(each.trouble or '')}\n"
        yield f"# {_key(each.name)} = {_inline(each.arguments)}\n"


def _line(text: str) -> str:
    words = visible(" ".join(text.split()))
    return words if len(words) <= _WORDS else f"{words[: _WORDS - 1]}…"


def _inline(value: Any) -> str:
    """Return a JSON value as TOML in one line; TOML knows no null, which is left out."""
    match value:
        case Mapping():
            pairs = (f"{_key(key)} = {_inline(each)}" for key, each in value.items() if each is not None)
            return _braced(pairs)
        case list():
            return f"[{', '.join(_inline(each) for each in value if each is not None)}]"
    return _toml(value)


def _braced(pairs: Iterable[str]) -> str:
    text = ", ".join(pairs)
    return f"{{ {text} }}" if text else "{}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    # A string of JSON is one of TOML, but for DEL, which TOML wants escaped; so are lists of strings and numbers.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
