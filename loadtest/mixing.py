"""The user's own mix, as `[[load.mix]]` of `touchstone.toml` has it, before the target is asked what it offers."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

__all__ = ["Mixed"]


class Mixed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of request: exactly one of `tool`, `prompt`, `resource` (a URI) and `method`.

    `arguments` go with a tool or a prompt, `params` with a method; texts in them may hold the markers of
    `loadtest.workload`. Without arguments a tool or prompt gets those that it would get anywhere. `weight` is how often
    it comes, relative to the others; `echoes` says that the answer repeats `{n}`, which is then checked.
    """

    tool: str | None = None
    prompt: str | None = None
    resource: str | None = None
    method: str | None = None
    arguments: dict[str, Any] | None = None
    params: dict[str, Any] = {}
    name: str | None = None
    weight: float = 1.0
    echoes: bool = False
