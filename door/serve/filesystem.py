"""`touchstone serve filesystem`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from door.errors import Refusal
from door.serve.listening import ServingOptions, Transport, serve

__all__ = ["filesystem"]


def filesystem(
    serving: ServingOptions,
    roots: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[ROOT]...", help="Directories to use; over stdio, without any, those of the client."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Also write, edit, move and delete.")] = False,
    client_roots: Annotated[
        bool, typer.Option("--client-roots", help="Use of each ROOT only what is in the client's own roots.")
    ] = False,
) -> int:
    """The files beneath some directories: list, search and read, and change them with --write."""
    if not roots and serving.transport is not Transport.stdio:
        raise Refusal("name at least one directory: whoever can reach this address could name any of this machine")
    from reference_impl.servers.filesystem import make_server

    return serve(lambda: make_server(roots or (), write=write, client_roots=client_roots or not roots), serving)
