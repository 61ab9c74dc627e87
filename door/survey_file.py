"""The file of a survey: its targets, each written as `touchstone.toml` writes one.

```toml
[[target]]
name = "everything"
command = ["npx", "-y", "@modelcontextprotocol/server-everything@2026.8.31"]

[[target]]
name = "my server"
url = "http://127.0.0.1:3000/mcp"
headers = { Authorization = "env:TOKEN" }
tools = { allow = ["search"] }
baseline = "known.toml"

[[target]]
name = "from my editor"
from = "~/.config/mcp.json#files"

[[target]]
name = "my client"
client = ["python", "client.py"]
```
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from door.errors import Refusal
from door.hosts_file import is_entry
from door.settings_file import Authorization, File, Given, Tools, Value, worded

__all__ = ["Subject", "fingerprint", "read_survey", "slug"]

_WAYS = {"command": "command", "url": "url", "from": "from_", "client": "client"}


class Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """One target of a survey. `client` is the command of a client, which with `stdio` starts its server; `deadline` is
    in seconds."""

    name: str
    command: str | list[str] | None = None
    url: str | None = None
    start: str | list[str] | None = None
    from_: str | None = None
    client: list[str] | None = None
    stdio: bool = False
    env: dict[str, Value] = {}
    headers: dict[str, Value] = {}
    cwd: str | None = None
    authorization: Authorization = Authorization()
    tools: Tools = Tools()
    revisions: list[str] = []
    baseline: str | None = None
    deadline: float | None = None

    @property
    def words(self) -> list[str]:
        """TARGET of a server, as it would be typed."""
        return [str(Path(self.from_).expanduser())] if self.from_ is not None else self.settings.target.words()

    @property
    def settings(self) -> File:
        """A server as a settings file of its own would describe it."""
        given = Given(
            command=self.command, url=self.url, start=self.start, env=self.env, headers=self.headers, cwd=self.cwd
        )
        return File(target=given, authorization=self.authorization, tools=self.tools, baseline=self.baseline)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: list[Subject] = []


def read_survey(path: Path) -> tuple[Subject, ...]:
    """Read the targets of a survey. Raises `Refusal` for anything wrong with them, in one line."""
    try:
        subjects = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).target
    except OSError as error:
        raise Refusal(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{path}: {error}") from None
    except msgspec.ValidationError as error:
        raise Refusal(f"{path}: {worded(str(error))}") from None
    if not subjects:
        raise Refusal(f"{path} names no target: each is a [[target]] with a name and a command, url, from or client")
    for subject in subjects:
        if wrong := _wrong(subject):
            raise Refusal(f"{path}: target {subject.name!r} {wrong}")
    alike = Counter(slug(subject.name) for subject in subjects)
    if twice := [repr(subject.name) for subject in subjects if alike[slug(subject.name)] > 1]:
        raise Refusal(f"{path}: the names {' and '.join(twice)} are too much alike to tell two targets by")
    return tuple(subjects)


def _wrong(subject: Subject) -> str | None:
    """Say what is wrong with a target, if anything is."""
    ways = {name: getattr(subject, attribute) for name, attribute in _WAYS.items()}
    given = [name for name, value in ways.items() if value is not None]
    servers = (subject.headers, subject.cwd, subject.tools != Tools(), subject.authorization != Authorization())
    faults = {
        "needs a name with letters or digits in it": not slug(subject.name),
        f"has {' and '.join(given) or 'none'} of {', '.join(_WAYS)}; give one of them": len(given) != 1,
        f"comes from {subject.from_!r}; write FILE.json#NAME": not is_entry(subject.from_ or "x.json#x"),
        "has start, which is for a server with a url": subject.start is not None and subject.url is None,
        "is a client with an empty command": subject.client == [],
        "is a client, which has no headers, cwd, tools or authorization": subject.client is not None and any(servers),
        "has stdio, which is for a client that starts its server": subject.client is None and subject.stdio,
        "has a deadline that is no number of seconds": not 0 < (subject.deadline or 1.0) < float("inf"),
    }
    return next((fault for fault, found in faults.items() if found), None)


def slug(name: str) -> str:
    """Return a name as one of a folder."""
    return re.sub(r"[^a-z0-9._]+", "-", name.lower()).strip("-.")


# `Any`: JSON values.
def fingerprint(subject: Subject, options: Any) -> bytes:
    """Return what tells whether a target would be judged now as it was judged before."""
    return msgspec.json.encode([subject, options], order="deterministic")
