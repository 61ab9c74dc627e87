"""The git server: reads repositories under one root, and changes them where it may.

libgit2 in this process does the work: there is no shell, no git program and no network in it, and no hook or filter
program of a repository is ever run.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from reference_impl.server import AdvancedMCPServer, ServerOptions
from reference_impl.server.errors import SetupError
from reference_impl.servers.git.limits import GitLimits

__all__ = ["GitLimits", "make_server"]

_INSTRUCTIONS = (
    "Git repositories under one folder. `git_repositories` lists them; with only one, `repository` can be left out "
    "everywhere. Revisions are branches, tags or commit ids, with ~N and ^N. Long answers come in pages: pass `next` "
    "or `next_offset` on as `cursor` or `offset`. "
)
_WRITES = "Changing goes git_stage, then git_commit; git_checkout refuses to lose work."
_READS = "Nothing here changes a repository."


def make_server(root: str | Path | None, *, write: bool = False, limits: GitLimits | None = None) -> AdvancedMCPServer:
    """Return a server of the repositories under `root`; with `write`, one that can stage, commit, branch and check out.

    Raises `SetupError` without a root that is a folder, and without pygit2.
    """
    if find_spec("pygit2") is None:
        raise SetupError("the git server needs pygit2: install mcp-touchstone[servers]")
    from reference_impl.servers.git import prompts, reading_tools, resources, writing_tools
    from reference_impl.servers.git.root import root_at
    from reference_impl.servers.git.service import Git
    from reference_impl.servers.git.work import Workers

    limits = limits or GitLimits()
    git = Git(root_at(root, limits), Workers(limits))
    options = ServerOptions(ttl_ms=5_000, cache_scope="private")
    instructions = _INSTRUCTIONS + (_WRITES if write else _READS)
    server = AdvancedMCPServer("git", "1.0.0", instructions=instructions, options=options)
    for part in (reading_tools, *((writing_tools,) if write else ()), resources, prompts):
        part.register(server, git)
    return server
