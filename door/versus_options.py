"""The options of a load test of two targets, or of one at two revisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

__all__ = ["VersusOptions"]


@dataclass(frozen=True, slots=True)
class VersusOptions:
    """What the target is measured against, in turns."""

    versus: Annotated[
        str | None,
        typer.Option("--versus", metavar="TARGET", help="A URL or a quoted command: loaded in turns, and compared."),
    ] = None
    versus_revision: Annotated[
        str | None,
        typer.Option("--versus-revision", metavar="DATE", help="At which it is spoken to; without --versus, the same."),
    ] = None
    versus_header: Annotated[
        list[str] | None,
        typer.Option("--versus-header", metavar="'NAME: VALUE'", help="Sent to the target of --versus."),
    ] = None

    @property
    def asked(self) -> bool:
        """Whether there are two to measure."""
        return self.versus is not None or self.versus_revision is not None
