"""`touchstone serve custom`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from door.serve.listening import ServingOptions, serve

if TYPE_CHECKING:
    from reference_impl.server import AdvancedMCPServer

__all__ = ["custom"]


def custom(
    serving: ServingOptions,
    module: Annotated[str, typer.Argument(metavar="MODULE", help="A Python file, or a module's dotted name.")],
    reload: Annotated[bool, typer.Option("--reload", help="Load it again when it changes, while developing.")] = False,
) -> int:
    """Your own Python functions as tools."""

    def make() -> AdvancedMCPServer:
        from reference_impl.servers.custom import make_server

        with _output_aside():
            return make_server(module, reload=reload)

    return serve(make, serving)


@contextmanager
def _output_aside() -> Iterator[None]:
    """Send what the module prints while it is loaded, and what programs print that it starts, to standard error:
    standard output is for the protocol, and not claimed yet."""
    sys.stdout.flush()
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(output, 1)
        os.close(output)
