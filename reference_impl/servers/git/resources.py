"""Branches, commits and files as resources: `git://REPOSITORY`, `git://REPOSITORY/REF`, `git://REPOSITORY/REF/PATH`.

A slash in the name of a repository or a branch is written `%2F`, as RFC 6570 does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer, Context, ResourceNotFoundError, ToolError
from reference_impl.server.content import resource_contents
from reference_impl.server.uri_template import UriTemplate
from reference_impl.servers.git.diffs import show
from reference_impl.servers.git.errors import NotThereError
from reference_impl.servers.git.finding import commit_at, entry_at, size_of
from reference_impl.servers.git.names import parts_of
from reference_impl.servers.git.opening import attempt
from reference_impl.servers.git.refs import branches, head_told
from reference_impl.servers.git.root import Root
from reference_impl.servers.git.service import Git
from reference_impl.servers.git.told import text_or_none
from reference_impl.servers.git.work import Job

if TYPE_CHECKING:
    from reference_impl.servers.git.opening import Repo

__all__ = ["COMMIT", "FILE", "REPOSITORY", "register"]

T = TypeVar("T")
REPOSITORY = "git://{repository}"
COMMIT = "git://{repository}/{ref}"
FILE = "git://{repository}/{ref}/{+path}"


def register(server: AdvancedMCPServer, git: Git) -> None:
    """Add the resources."""
    about: dict[str, Any] = {"ttlMs": 0, "mimeType": "application/json"}

    @server.resource(REPOSITORY, "repository", "Where HEAD is, and the branches of a repository.", **about)
    async def repository_read(context: Context, repository: str) -> str:
        return _json(await _read(git, context, repository, lambda repo: {**head_told(repo), **branches(repo, None)}))

    @server.resource(COMMIT, "commit", "A commit, by branch, tag or id: its message and its changes.", **about)
    async def commit_read(context: Context, repository: str, ref: str) -> str:
        return _json(await _read(git, context, repository, lambda repo: show(repo, ref)))

    @server.resource(FILE, "file", "A file as it was at a branch, tag or commit.", ttlMs=0)
    async def file_read(context: Context, repository: str, ref: str, path: str) -> list[dict[str, Any]]:
        data = await _read(git, context, repository, partial(_contents, ref=ref, path=path))
        text = text_or_none(data)
        name = UriTemplate(FILE).expand({"repository": repository, "ref": ref, "path": path})
        mime_type = "application/octet-stream" if text is None else "text/plain"
        return [resource_contents(name, data if text is None else text, mime_type)]

    async def more() -> list[dict[str, Any]]:
        return await git.workers.run(None, partial(_listed, git.root))

    server.find_more = more


def _listed(root: Root, job: Job) -> list[dict[str, Any]]:
    """Return the repositories under the root, each with its local branches, as far as a list goes."""
    found: list[dict[str, Any]] = []
    for name in root.search(job).names:
        found.append(_entry(REPOSITORY, name, f"The repository {name}", {"repository": name}))
        with contextlib.suppress(ToolError):  # of what is refused, nothing more is told
            branches_ = attempt(root, name, job, lambda repo: branches(repo, None)["items"])
            local = [branch["name"] for branch in branches_ if not branch["remote"]]
            found += [
                _entry(
                    COMMIT, f"{name} {branch}", f"The branch {branch} of {name}", {"repository": name, "ref": branch}
                )
                for branch in local
            ]
        if len(found) >= root.limits.entries:
            break
    return found[: root.limits.entries]


def _entry(template: str, name: str, description: str, values: dict[str, str]) -> dict[str, Any]:
    uri = UriTemplate(template).expand(values)
    return {"uri": uri, "name": name, "description": description, "mimeType": "application/json"}


async def _read(git: Git, context: Context, name: str, ask: Callable[[Repo], T]) -> T:
    try:
        return await git.read(context, name, ask)
    except NotThereError as error:
        raise ResourceNotFoundError(name) from error


def _json(value: Any) -> str:
    return encode_json(value).decode()


def _contents(repo: Repo, ref: str, path: str) -> bytes:
    found = entry_at(commit_at(repo, ref).tree, parts_of(path))
    if found is None or found.type_str != "blob" or size_of(repo, found.id) > repo.limits.blob:
        raise ResourceNotFoundError(path)
    return bytes(repo.git.read(found.id)[1])
