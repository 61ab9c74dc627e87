"""`touchstone serve filesystem`."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from typing import Annotated, Any

import typer

from door.errors import Refusal
from door.serve.listening import ServingOptions, Transport, serve

__all__ = ["filesystem"]


def filesystem(
    serving: ServingOptions,
    roots: Annotated[
        list[str] | None,
        typer.Argument(metavar="ROOT", help="Directories to use; over stdio, without any, those of the client."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Also write, edit, move and delete.")] = False,
    client_roots: Annotated[
        bool, typer.Option("--client-roots", help="Use of each ROOT only what is in the client's own roots.")
    ] = False,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=NUMBER", help="What one call may cost, such as read_bytes=1000000."),
    ] = None,
) -> int:
    """The files beneath some directories: list, search and read, and change them with --write."""
    if os.open not in os.supports_dir_fd:
        raise Refusal("this system cannot open files relative to a directory, which keeps this server in its roots")
    if not roots and serving.transport is not Transport.stdio:
        raise Refusal("name at least one directory: whoever can reach this address could name any of this machine")
    from reference_impl.servers.filesystem import Limits, make_server

    limits = Limits(**_numbers(limit or [], {field.name for field in fields(Limits)}))
    return serve(
        lambda: make_server(roots or (), write=write, client_roots=client_roots or not roots, limits=limits), serving
    )


def _numbers(limits: list[str], known: set[str]) -> dict[str, Any]:
    """Read `NAME=NUMBER`. Raises `Refusal`."""
    found: dict[str, Any] = {}
    for limit in limits:
        name, _, text = limit.partition("=")
        if name not in known or re.fullmatch("[1-9][0-9]{0,17}", text) is None:
            raise Refusal(f"--limit {limit}: give a whole number to one of {', '.join(sorted(known))}")
        found[name] = int(text)
    return found
