"""The tools that change a repository; they are there with `--write` alone."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.servers.git import schemas
from reference_impl.servers.git.schemas import takes
from reference_impl.servers.git.service import Git
from reference_impl.servers.git.writing import Author, checkout, commit, create_branch, stage

__all__ = ["register"]

_ADDS = {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": False, "openWorldHint": False}
_SETS = _ADDS | {"idempotentHint": True}
_REPLACES = _SETS | {"destructiveHint": True}


def register(server: AdvancedMCPServer, git: Git) -> None:
    """Add the tools of this module."""
    for add in (_add_stage, _add_commit, _add_branch, _add_checkout):
        add(server, git)


def _add_stage(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_stage",
        "Puts files of the work tree into the index, as they are now; files that are gone are taken out.",
        takes("repository", "paths", required=("paths",)),
        title="Stage",
        annotations=_REPLACES,
        outputSchema=schemas.STAGED,
    )
    async def git_stage(context: Context, paths: list[str], repository: str | None = None) -> dict[str, Any]:
        return await git.write(context, repository, lambda repo: stage(repo, paths))


def _add_commit(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_commit",
        "Commits what is staged to the current branch. No hooks run, and the commit is not signed.",
        takes("repository", "message", "author_name", "author_email", required=("message",)),
        title="Commit",
        annotations=_ADDS,
        outputSchema=schemas.COMMITTED,
    )
    async def git_commit(
        context: Context, message: str, repository: str | None = None, author_name: str = "", author_email: str = ""
    ) -> dict[str, Any]:
        return await git.write(
            context, repository, lambda repo: commit(repo, message, Author(author_name, author_email))
        )


def _add_branch(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_create_branch",
        "Makes a branch at a revision, without going there.",
        takes("repository", "name", "ref", required=("name",)),
        title="Create a branch",
        annotations=_ADDS,
        outputSchema=schemas.CREATED,
    )
    async def git_create_branch(
        context: Context, name: str, repository: str | None = None, ref: str = "HEAD"
    ) -> dict[str, Any]:
        return await git.write(context, repository, lambda repo: create_branch(repo, name, ref))


def _add_checkout(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_checkout",
        "Goes to a branch, or to a commit with HEAD detached. Refuses where changes or unknown files would be lost.",
        takes("repository", "ref", required=("ref",)),
        title="Check out",
        annotations=_REPLACES,
        outputSchema=schemas.CHECKED_OUT,
    )
    async def git_checkout(context: Context, ref: str, repository: str | None = None) -> dict[str, Any]:
        return await git.write(context, repository, lambda repo: checkout(repo, ref))
