"""`touchstone serve NAME`: one module for each server, with its options; `COMMANDS` is the list of them."""

from __future__ import annotations

from collections.abc import Callable

import typer

from door.options import flattened
from door.serve.custom import custom
from door.serve.database import database
from door.serve.everything import everything
from door.serve.filesystem import filesystem
from door.serve.gateway import gateway
from door.serve.git import git
from door.serve.web import web

__all__ = ["COMMANDS", "app"]

COMMANDS: tuple[Callable[..., int], ...] = (everything, custom, database, filesystem, gateway, git, web)
"""What serves, each by the name of its function."""

app = typer.Typer(rich_markup_mode="rich")
for _command in COMMANDS:
    app.command()(flattened(_command))
