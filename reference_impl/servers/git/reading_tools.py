"""The tools that only read."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.servers.git import schemas
from reference_impl.servers.git.diffs import DiffQuery, diff, show
from reference_impl.servers.git.files import blame, list_files, read_file
from reference_impl.servers.git.history import LogQuery, SearchQuery, log, search
from reference_impl.servers.git.refs import branches, status, tags
from reference_impl.servers.git.schemas import takes
from reference_impl.servers.git.service import Git

__all__ = ["register"]

_READ_ONLY = {"readOnlyHint": True, "openWorldHint": False}


def register(server: AdvancedMCPServer, git: Git) -> None:
    """Add the tools of this module."""
    for add in (_add_finding, _add_history, _add_search, _add_diff, _add_show, _add_refs, _add_files, _add_blame):
        add(server, git)


def _add_finding(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_repositories",
        "Lists the repositories under the root; their names are what `repository` takes everywhere else.",
        title="Repositories",
        annotations=_READ_ONLY,
        outputSchema=schemas.REPOSITORIES,
    )
    async def repositories(context: Context) -> dict[str, Any]:
        found = await git.repositories(context)
        return {"repositories": found.names, "complete": found.complete}

    @server.tool(
        "git_status",
        "Shows the branch, and which files are staged, changed, unknown to git or in conflict.",
        takes("repository"),
        title="Status",
        annotations=_READ_ONLY,
        outputSchema=schemas.STATUS,
    )
    async def git_status(context: Context, repository: str | None = None) -> dict[str, Any]:
        return await git.read(context, repository, status)


def _add_history(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_log",
        "Lists commits, newest first: all of them, or those of a path, an author or a time. One page an answer; when "
        "time runs short a page has fewer commits, and `next` leads on.",
        takes("repository", "ref", "path", "author", "since", "until", "limit", "cursor"),
        title="Log",
        annotations=_READ_ONLY,
        outputSchema=schemas.LOG,
    )
    async def git_log(context: Context, repository: str | None = None, **query: Any) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: log(repo, LogQuery(**query)))


def _add_search(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_search",
        "Searches the history for a text: in commit messages, or in what commits changed (like git log -S). When time "
        "runs short the answer is what was found until then, and `next` leads on.",
        takes("repository", "text", "where", "ref", "path", "limit", "cursor", required=("text",)),
        title="Search in history",
        annotations=_READ_ONLY,
        outputSchema=schemas.SEARCH,
    )
    async def git_search(context: Context, repository: str | None = None, **query: Any) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: search(repo, SearchQuery(**query)))


def _add_diff(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_diff",
        "Shows differences as patches: of the work tree (what is not staged), with `staged` of the index, with `base` "
        "of the work tree and a revision, with `base` and `head` of two revisions. Files that are too large, or do not "
        "fit in the answer, say so in `left_out`.",
        takes("repository", "base", "head", "staged", "merge_base", "path", "context_lines", "offset"),
        title="Differences",
        annotations=_READ_ONLY,
        outputSchema=schemas.DIFF,
    )
    async def git_diff(context: Context, repository: str | None = None, **query: Any) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: diff(repo, DiffQuery(**query)))


def _add_show(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_show",
        "Shows one commit: who made it, its message, and its changes against its first parent.",
        takes("repository", "ref", "path", "offset"),
        title="Show a commit",
        annotations=_READ_ONLY,
        outputSchema=schemas.SHOW,
    )
    async def git_show(
        context: Context, repository: str | None = None, ref: str = "HEAD", path: str = "", offset: int = 0
    ) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: show(repo, ref, path, offset))


def _add_refs(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_branches",
        "Lists local and remote-tracking branches with their last commits, and how far they are from their upstreams.",
        takes("repository", "contains", "cursor"),
        title="Branches",
        annotations=_READ_ONLY,
        outputSchema=schemas.BRANCHES,
    )
    async def git_branches(
        context: Context, repository: str | None = None, contains: str = "", cursor: str | None = None
    ) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: branches(repo, cursor, contains))

    @server.tool(
        "git_tags",
        "Lists tags with the commits that they stand for, and the words of those that have some.",
        takes("repository", "contains", "cursor"),
        title="Tags",
        annotations=_READ_ONLY,
        outputSchema=schemas.TAGS,
    )
    async def git_tags(
        context: Context, repository: str | None = None, contains: str = "", cursor: str | None = None
    ) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: tags(repo, cursor, contains))


def _add_files(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_read_file",
        "Reads a file as it was at a revision; Base64 where it is no text.",
        takes("repository", "path", "ref", "offset", required=("path",)),
        title="Read a file of a revision",
        annotations=_READ_ONLY,
        outputSchema=schemas.FILE,
    )
    async def git_read_file(
        context: Context, path: str, repository: str | None = None, ref: str = "HEAD", offset: int = 0
    ) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: read_file(repo, path, ref, offset))

    @server.tool(
        "git_list_files",
        "Lists a folder as it was at a revision.",
        takes("repository", "path", "ref", "offset"),
        title="List a folder of a revision",
        annotations=_READ_ONLY,
        outputSchema=schemas.FOLDER,
    )
    async def git_list_files(
        context: Context, repository: str | None = None, path: str = "", ref: str = "HEAD", offset: int = 0
    ) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: list_files(repo, path, ref, offset))


def _add_blame(server: AdvancedMCPServer, git: Git) -> None:
    @server.tool(
        "git_blame",
        "Tells for each line of a file which commit it comes from; at most 500 lines an answer.",
        takes("repository", "path", "ref", "start", "end", required=("path",)),
        title="Blame",
        annotations=_READ_ONLY,
        outputSchema=schemas.BLAME,
    )
    async def git_blame(context: Context, path: str, repository: str | None = None, **more: Any) -> dict[str, Any]:
        return await git.read(context, repository, lambda repo: blame(repo, path, **more))
