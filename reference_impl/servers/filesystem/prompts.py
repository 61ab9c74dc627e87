"""Prompts about files, and the completion of paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server import AdvancedMCPServer, Context, ToolError
from reference_impl.servers.filesystem.beneath import OutsideError, Root, directory
from reference_impl.servers.filesystem.failures import told
from reference_impl.servers.filesystem.job import Job, run
from reference_impl.servers.filesystem.looking import Tree, directory_tree
from reference_impl.servers.filesystem.offers import Errand, Files
from reference_impl.servers.filesystem.resources import contents
from reference_impl.servers.filesystem.roots import located
from reference_impl.servers.filesystem.uris import TEMPLATE
from reference_impl.servers.filesystem.walking import page, shown

__all__ = ["register"]

_PATH = {"name": "path", "description": "Which one: an absolute path, or relative to the only root", "required": True}
_FOCUS = {"name": "focus", "description": "What to look at above all", "required": False}
_MOST_COMPLETIONS = 1000


def register(server: AdvancedMCPServer, files: Files) -> None:
    """Add prompts and completions."""
    _add_prompts(server, files)

    async def complete(value: str, _known: dict[str, str]) -> list[str]:
        """Complete a path. Clients with roots of their own cannot be asked for them here, and get nothing."""
        if files.roots.asks:
            return []
        return await run(lambda job: _completed(value, files.roots.given, job), files.limits.seconds)

    for reference in ("summarize_file", "review_directory", TEMPLATE):
        server.completion(reference, "path")(complete)


def _add_prompts(server: AdvancedMCPServer, files: Files) -> None:
    @server.prompt("summarize_file", "Asks for a summary of a file.", [_PATH], title="Summarize a file")
    async def summarize_file(context: Context, path: str) -> list[Any]:
        try:
            found = await files.errand(context, lambda errand: _contents(errand, path))
        except ToolError as error:
            raise _refused(error) from None
        return [{"type": "resource", "resource": found}, f"Please summarize the file {path}."]

    @server.prompt(
        "review_directory", "Asks for a review of what is in a directory.", [_PATH, _FOCUS], title="Review a directory"
    )
    async def review_directory(context: Context, path: str, focus: str = "") -> str:
        try:
            found = await files.errand(context, lambda errand: directory_tree(errand, Tree(path=path)), long=True)
        except ToolError as error:
            raise _refused(error) from None
        names = "\n".join(entry.path + ("/" if entry.type == "directory" else "") for entry in found.entries)
        more = "\n(and more)" if found.truncated else ""
        wish = f" Look above all at {focus}." if focus else ""
        return (
            f"Please review the directory {found.path}: read what seems important, and judge it.{wish}\n\n{names}{more}"
        )


def _contents(errand: Errand, path: str) -> dict[str, Any]:
    with told(path):
        return contents(errand, errand.place(path))


def _refused(error: ToolError) -> RemoteProtocolError:
    return RemoteProtocolError(Code.INVALID_PARAMS, f"Invalid params: {error}")


def _completed(value: str, roots: Sequence[Root], job: Job) -> list[str]:
    """Return the paths that begin with what was typed: names in a directory, or roots."""
    above, slash, begins = value.rpartition("/")
    whole = [shown(root.path) for root in roots if shown(root.path).startswith(value)] if value[:1] in ("", "/") else []
    try:
        with directory(located(above or slash or ".", roots)) as descriptor:
            found = page(descriptor, job, "", _MOST_COMPLETIONS, begins)
    except (ToolError, OutsideError, OSError):
        return whole
    ends = {"directory": "/"}
    return whole + [above + slash + shown(item.name) + ends.get(item.kind, "") for item in found]
