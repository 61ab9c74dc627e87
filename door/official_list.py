"""The official suite's list of expected failures, in YAML, as entries of a baseline of ours.

    server:
      - tools-call-with-progress                     # a scenario
      - server-stateless:sep-2575-some-check         # one check of a scenario
    client:
      - sse-retry

`conformance/official.toml` says which of our checks judge the same.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from door.errors import Refusal
from reports.baseline import Known

__all__ = ["ROLES", "read_official", "table"]

ROLES = ("server", "client")

Table = dict[str, dict[str, list[str]]]


@cache
def table() -> Table:
    """Return role to scenario (or `SCENARIO:CHECK`) to patterns of our check ids."""
    return tomllib.loads(files("conformance").joinpath("official.toml").read_text("utf-8"))


def read_official(text: str, file: str, ids: Iterable[str]) -> tuple[tuple[Known, ...], tuple[str, ...]]:
    """Return what a list excuses, and which of its entries nothing of ours corresponds to.

    Raises `Refusal` for what is no such list, and where YAML cannot be read.
    """
    known = tuple(ids)
    excuses: list[Known] = []
    lost: list[str] = []
    for role, entry in _entries(_parsed(text, file), file):
        patterns = table()[role].get(entry, [])
        found = [name for pattern in patterns for name in fnmatch.filter(known, pattern)]
        if not found:
            lost.append(entry)
        excuses += [Known(check=name, reason=f"{entry} is listed in {file}") for name in dict.fromkeys(found)]
    return tuple(excuses), tuple(lost)


# `Any`: whatever YAML holds.
def _parsed(text: str, file: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise Refusal(f"{file}: reading YAML takes PyYAML: install mcp-touchstone[yaml]") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Refusal(f"{file}: no YAML: {' '.join(str(error).split())}") from None


def _entries(lists: Any, file: str) -> Iterator[tuple[str, str]]:
    if lists is None:
        return
    if not isinstance(lists, dict) or not lists.keys() <= set(ROLES):
        raise Refusal(f"{file}: a list of expected failures has the keys server and client, and nothing else")
    for role, entries in lists.items():
        if entries is not None and not isinstance(entries, list):
            raise Refusal(f"{file}: {role} is no list of scenarios")
        for entry in entries or ():
            if not isinstance(entry, str):
                raise Refusal(
                    f"{file}: {role}: {entry!r} is no name of a scenario (write SCENARIO:CHECK without a space)"
                )
            yield role, entry
