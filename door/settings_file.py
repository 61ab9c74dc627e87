"""`touchstone.toml` as it is written: its tables, read and checked."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from door.errors import Refusal
from loadtest.mixing import Mixed

__all__ = ["DEFAULT_FILE", "TOKENS", "Authorization", "File", "Given", "Tools", "Value", "read_file", "worded"]

DEFAULT_FILE = "touchstone.toml"
_OVERALL = "overall"
TOKENS = ("good", "second", "expired", "foreign", "narrow")

Value = str | int | float | bool


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A target as a file or the command line describes it, before `env:NAME` is looked up.

    `type` is what hosts call its transport: "sse" makes a difference, since URLs do not tell it from the later one.
    `start` is the command line that serves `url`, where it is ours to start.
    """

    command: str | list[str] | None = None
    url: str | None = None
    start: str | list[str] | None = None
    type: str | None = None
    env: dict[str, Value] = {}
    headers: dict[str, Value] = {}
    cwd: str | None = None

    def words(self) -> list[str]:
        """Return TARGET as it would be typed; nothing where there is none. Raises `Refusal` where there are two."""
        if self.url is not None and self.command is not None:
            raise Refusal("[target] has both a command and a url")
        if self.url is not None:
            if "://" not in self.url:
                raise Refusal(f"{self.url!r} is no URL; it begins with http:// or https://")
            over_sse = (self.type or "").lower() == "sse" and self.url.startswith("http")
            return [f"sse+{self.url}" if over_sse else self.url]
        if isinstance(self.command, str):
            return [self.command]
        # One word of a list is one word, whatever is in it; one that was typed may be a quoted command.
        return [shlex.join(self.command)] if self.command and len(self.command) == 1 else list(self.command or ())


class Tools(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tools may be called, with which arguments, and which of them ask their client for something."""

    allow: list[str] = []
    samples: dict[str, dict[str, Any]] = {}
    asks: list[str] = []


class Authorization(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens for the target, before `env:NAME` is looked up, or whose to make: see `conformance.identities`."""

    good: str | None = None
    second: str | None = None
    expired: str | None = None
    foreign: str | None = None
    narrow: str | None = None
    issuer: str | None = None
    scopes: list[str] = []
    resource: str | None = None
    readable: list[str] = []

    @property
    def tokens(self) -> dict[str, Value]:
        """Those that were given, by name."""
        named = {name: getattr(self, name) for name in TOKENS}
        return {name: token for name, token in named.items() if token is not None}


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is expected under load, and what it is made of.

    `objectives` is a list, or a table of what is expected of each operation, and overall.
    """

    objectives: list[str] | dict[str, str | list[str]] = []
    mix: list[Mixed] = []

    def expected(self) -> tuple[str, ...]:
        """Return the objectives as they would be typed."""
        if isinstance(self.objectives, list):
            return tuple(self.objectives)
        return tuple(
            text if operation == _OVERALL else f"{operation}: {text}"
            for operation, given in self.objectives.items()
            for text in ([given] if isinstance(given, str) else given)
        )


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    target: Given = Given()
    authorization: Authorization = Authorization()
    tools: Tools = Tools()
    load: Load = Load()
    baseline: str | None = None
    rules: str | None = None


def read_file(name: str | None) -> File:
    """Read a settings file; without a name the default one, if it is there. Raises `Refusal`."""
    path = Path(name or DEFAULT_FILE)
    if name is None and not path.is_file():
        return File()
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        read = msgspec.convert(table, File)
    except OSError as error:
        raise Refusal(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{path}: {error}") from None
    except msgspec.ValidationError as error:
        raise Refusal(f"{path}: {worded(str(error))}{_guess(str(error))}") from None
    if "mix" in table.get("load", {}) and not read.load.mix:
        raise Refusal(f"{path}: load.mix is empty: each request is a [[load.mix]]; without any, leave it out")
    return read


_TABLES: dict[str, type[msgspec.Struct]] = {"$.load": Load, "$.load.mix[]": Mixed}
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)` - at `(.*)`")


def _guess(error: str) -> str:
    """Return which key was probably meant by one that a table of load does not have."""
    from door.guessing import meant  # what it needs of the targets is not for every command to import

    found = _UNKNOWN.fullmatch(error)
    table = _TABLES.get(re.sub(r"\[.*?\]", "[]", found[2])) if found else None
    return meant(found[1], table.__struct_fields__) if found and table else ""


def worded(error: str) -> str:
    """Return what msgspec says, in the words of TOML: a place such as `tools.allow` for its path."""
    what, _, place = error.partition(" - at `$.")
    where = f"{place.removesuffix('`')}: " if place else ""
    return where + what.replace("Object contains unknown field", "no such key:").replace("`", "'")
