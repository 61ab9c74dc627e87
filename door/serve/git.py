"""`touchstone serve git`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from door.serve.listening import ServingOptions, need, serve

__all__ = ["git"]


def git(
    serving: ServingOptions,
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder whose repositories may be used.")],
    write: Annotated[bool, typer.Option("--write", help="Also stage, commit, make branches, check out.")] = False,
) -> int:
    """Git repositories under a folder: status, history, differences, blame, and with --write commits."""
    need("pygit2")
    from reference_impl.servers.git import make_server

    return serve(partial(make_server, root, write=write), serving)
