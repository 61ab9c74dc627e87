"""Branches, tags, and what stands between HEAD and the work tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_impl.servers.git.finding import head_commit
from reference_impl.servers.git.told import message_of, person, shown, summary_of, when
from reference_impl.servers.git.trees import tree_of
from reference_impl.servers.git.worktree import check_worktree

if TYPE_CHECKING:
    from pygit2 import Commit, Reference

    from reference_impl.servers.git.opening import Repo

__all__ = ["branches", "head_told", "names_of", "status", "status_of", "tags"]

_STAGED = {1: "added", 2: "modified", 4: "deleted", 8: "renamed", 16: "type changed"}
_UNSTAGED = {256: "modified", 512: "deleted", 1024: "type changed", 2048: "renamed", 4096: "unreadable"}
_UNTRACKED, _CONFLICTED = 128, 1 << 15


def head_told(repo: Repo) -> dict[str, Any]:
    """Return where HEAD is: its branch (None where detached) and its commit (None before the first)."""
    commit = head_commit(repo)
    target = repo.git.references["HEAD"].raw_target
    branch = shown(target).removeprefix("refs/heads/") if isinstance(target, bytes) else None
    return {"branch": branch, "commit": None if commit is None else str(commit.id)}


def status(repo: Repo) -> dict[str, Any]:
    """Return what a commit would hold, what it would not, and what is not known to git."""
    found = status_of(repo, "normal")
    lists: dict[str, list[Any]] = {"staged": [], "unstaged": [], "untracked": [], "conflicted": []}
    paths = sorted(found)
    for path in paths[: repo.limits.entries]:
        name, flags = shown(path.encode("utf-8", "surrogateescape")), int(found[path])
        lists["staged"] += [{"path": name, "change": word} for flag, word in _STAGED.items() if flags & flag]
        lists["unstaged"] += [{"path": name, "change": word} for flag, word in _UNSTAGED.items() if flags & flag]
        lists["untracked"] += [name] if flags & _UNTRACKED else []
        lists["conflicted"] += [name] if flags & _CONFLICTED else []
    state = repo.git.state().name.lower()
    return {
        "repository": repo.name,
        **head_told(repo),
        "operation": None if state == "none" else state,
        **lists,
        "total": len(paths),
        "clean": not paths,
    }


def status_of(repo: Repo, untracked: str) -> dict[str, Any]:
    """Return libgit2's status, where that neither leads elsewhere nor holds too much. Raises `ToolError`."""
    check_worktree(repo)
    head = head_commit(repo)
    if head is not None:
        tree_of(repo, head)
    return dict(repo.git.status(untracked_files=untracked))


def branches(repo: Repo, cursor: str | None, contains: str = "") -> dict[str, Any]:
    """Return one page of branches, local ones first; `cursor` is the last one of the page before."""
    head = head_told(repo)["branch"]
    names = [*_named(repo, b"refs/heads/"), *_named(repo, b"refs/remotes/")]

    def told(full: bytes, _reference: Reference, commit: Commit) -> dict[str, Any]:
        local = full.startswith(b"refs/heads/")
        name = _short(full)
        upstream = _upstream(repo, name, commit) if local else {}
        return {"name": name, "remote": not local, "current": local and name == head, **_tip(commit), **upstream}

    return _page(repo, names, cursor, contains, told)


def tags(repo: Repo, cursor: str | None, contains: str = "") -> dict[str, Any]:
    """Return one page of tags, by name."""

    def told(full: bytes, reference: Reference, commit: Commit) -> dict[str, Any]:
        found = repo.git[reference.target]
        message = shown(found.raw_message) if found.type_str == "tag" else None  # type: ignore[attr-defined]  # a tag has one
        return {"name": _short(full), "message": message, **_tip(commit)}

    return _page(repo, _named(repo, b"refs/tags/"), cursor, contains, told)


def names_of(repo: Repo) -> list[str]:
    """Return what may be given as a revision: HEAD, branches, tags."""
    kinds = (b"refs/heads/", b"refs/tags/", b"refs/remotes/")
    return ["HEAD", *(_short(name) for kind in kinds for name in _named(repo, kind))]


def _named(repo: Repo, prefix: bytes) -> list[bytes]:
    """Return references in the order of how they are shown: pages go on by that."""
    return sorted((name for name in repo.git.raw_listall_references() if name.startswith(prefix)), key=shown)


def _short(full: bytes) -> str:
    return shown(full.split(b"/", 2)[2])


def _page(repo: Repo, names: list[bytes], cursor: str | None, contains: str, told: Any) -> dict[str, Any]:
    from pygit2 import Commit

    chosen = [name for name in names if contains.casefold() in _short(name).casefold()]
    start = 0 if cursor is None else sum(shown(name) <= cursor for name in chosen)
    page = chosen[start : start + repo.limits.page]
    items = []
    for name in page:
        repo.job.check()
        reference = repo.git.references.get(name.decode("utf-8", "surrogateescape"))
        if reference is None:  # gone meanwhile
            continue
        try:
            items.append(told(name, reference.resolve(), reference.peel(Commit)))
        except (KeyError, ValueError):  # a remote's HEAD without its branch, a tag of something else than a commit
            continue
    more = start + len(page) < len(chosen)
    return {"items": items, "total": len(chosen), "next": shown(page[-1]) if more else None}


def _tip(commit: Commit) -> dict[str, str]:
    date = when(commit.commit_time, commit.commit_time_offset)
    author = person(commit.author)["name"]
    return {"commit": str(commit.id), "date": date, "author": author, "summary": summary_of(message_of(commit))}


def _upstream(repo: Repo, name: str, commit: Commit) -> dict[str, Any]:
    branch = repo.git.branches.local.get(name)
    upstream = None if branch is None else branch.upstream
    if upstream is None:
        return {}
    ahead, behind = repo.git.ahead_behind(commit.id, upstream.target)
    return {"upstream": upstream.shorthand, "ahead": ahead, "behind": behind}
