"""What the pytest plugin puts to the test: a TARGET as on the command line, or a server that lives in this process."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.target import HttpTarget, Target
from door.commands import settings_of
from door.config import Settings
from door.errors import Refusal
from door.in_process import in_process, kind_of, named_server
from door.naming import Named, name_target
from door.pytest_options import Asked

__all__ = ["Reached", "Subject"]

_TRANSPORTS = ("stdio", "http", "sse", "ws", "memory")
_OF_KIND = {"asgi": ("http",), "streams": ("memory",)}
_NO_TARGET = "no target: --mcp-target, mcp_target in pytest's settings, or a pytest_mcp_target hook names one"


@dataclass(frozen=True, slots=True)
class Reached:
    """A target that is there now, the settings that hold for it, and how it is named again."""

    settings: Settings
    target: Target
    named: Named


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be tested. `server` is what a hook has returned, or what MODULE:NAME names: a server, TARGET as a
    text, or a context manager around one of them; None: the target is that of the options or of `touchstone.toml`."""

    asked: Asked
    server: Any = None

    @classmethod
    def of(cls, asked: Asked, hooked: Any, folder: Path) -> Subject:
        """Return what the options name, else what the hook returned. Raises `Refusal` for what cannot be imported."""
        if asked.target is not None:
            return cls(asked, named_server(asked.target, str(folder)))
        return cls(asked, hooked)

    @property
    def typed(self) -> str:
        """The beginning of a command line that tests it again."""
        return "pytest" if self.asked.target is None else f"pytest --mcp-target {shlex.quote(self.asked.target)}"

    @property
    def transports(self) -> tuple[str, ...]:
        """The transports that it may turn out to be reached over. Raises `Refusal` where nothing is named."""
        match self.server:
            case None:
                return (self._named(self.asked.target).target.transport,)
            case str():
                return (self._named(self.server).target.transport,)
            case AbstractContextManager():
                return _TRANSPORTS
        return _OF_KIND.get(kind_of(self.server) or "", _TRANSPORTS)

    def _named(self, target: str | None) -> Reached:
        options = self.asked.naming(target)
        settings = settings_of(options)
        if settings.target is None:
            raise Refusal(_NO_TARGET)
        return Reached(settings, settings.target, name_target(options))

    @contextmanager
    def reached(self) -> Iterator[Reached]:
        """Reach the target for the time of the block. Raises `Refusal` if there is none, or it does not start."""
        held = self.server if isinstance(self.server, AbstractContextManager) else nullcontext(self.server)
        with held as server:
            if server is None or isinstance(server, str):
                reached = self._named(server or self.asked.target)
                with reached.settings.ready():
                    yield reached
                return
            with in_process(server, self.asked.path or "/mcp") as target:
                url = target.url if isinstance(target, HttpTarget) else None
                settings = settings_of(self.asked.naming(url))
                found = settings.target if url is not None else None
                yield Reached(settings, found or target, Named(pytest=self.typed))
