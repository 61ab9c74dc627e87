"""What changes a repository: staging, commits, branches, checkouts. No hook and no filter program runs in any of them:
libgit2 knows neither (it converts line ends and `$Id$`, and that is all)."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reference_impl.server import ToolError
from reference_impl.servers.git.finding import commit_at, head_commit
from reference_impl.servers.git.names import branch_name, revision_of, worktree_parts
from reference_impl.servers.git.refs import head_told, status_of
from reference_impl.servers.git.told import shown
from reference_impl.servers.git.trees import tree_of
from reference_impl.servers.git.worktree import check_tree, check_worktree

if TYPE_CHECKING:
    from pygit2 import Commit, Oid, Signature

    from reference_impl.servers.git.opening import Repo

__all__ = ["Author", "checkout", "commit", "create_branch", "stage"]

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What opening a file below its folders fails with where there is none, or a link in the place of a folder."""
_LONGEST_MESSAGE = 64 * 1024
_LINK, _PROGRAM, _PLAIN, _SUBMODULE = 0o120000, 0o100755, 0o100644, 0o160000


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a commit; empty: whom the configuration names."""

    name: str = ""
    email: str = ""


def stage(repo: Repo, paths: list[str]) -> dict[str, Any]:
    """Put files as they are now, or their absence, into the index; a folder stands for all that changed in it.

    Raises `ToolError` for what is outside the work tree, belongs to git, is ignored or is not there; nothing is staged
    then.
    """
    workdir = repo.workdir
    changed = status_of(repo, "all")
    chosen: dict[str, None] = {}
    for path in paths:
        chosen.update(dict.fromkeys(_chosen(repo, path, changed)))
    index = repo.git.index
    for path in chosen:
        repo.job.check()
        _take(repo, workdir, path)
    index.write()
    return {"staged": [shown(os.fsencode(path)) for path in chosen][: repo.limits.entries], "count": len(chosen)}


def _chosen(repo: Repo, path: str, changed: dict[str, Any]) -> list[str]:
    """Return the changed files that a path stands for. Raises `ToolError`."""
    parts = worktree_parts(path)
    full = "/".join(parts)
    found = [name for name in changed if not parts or name == full or name.startswith(f"{full}/")]
    files = [name for name in found if not _is_submodule(repo, name)]
    if files:
        return files
    if full in repo.git.index or not parts or any(entry.path.startswith(f"{full}/") for entry in repo.git.index):
        return []  # as it was
    if not os.path.lexists(repo.workdir / full):
        raise ToolError(f"There is no file {path[:80]!r} in the work tree")
    if repo.git.path_is_ignored(full):
        raise ToolError(f"{path[:80]!r} is ignored by the repository's rules, so it is not staged")
    raise ToolError(f"{path[:80]!r} holds nothing that could be staged")


def _is_submodule(repo: Repo, path: str) -> bool:
    """Tell whether a path of a status is a repository of its own, known to this one (in the index) or not (a slash)."""
    index = repo.git.index
    return path.endswith("/") or (path in index and index[path].mode == _SUBMODULE)


def _take(repo: Repo, workdir: Path, path: str) -> None:
    """Put one file into the index: read here, below a descriptor of the work tree, so that no link leads elsewhere."""
    from pygit2 import IndexEntry

    worktree_parts(shown(os.fsencode(path)))
    found = _contents(workdir, path, repo.limits.blob)
    index = repo.git.index
    if found is None:
        if path in index:
            index.remove(path)
        return
    data, mode = found
    if mode != _LINK:
        data = _cleaned(repo, path, data)
    index.add(IndexEntry(path, repo.git.create_blob(data), mode))  # type: ignore[arg-type]  # a mode of git's


def _cleaned(repo: Repo, path: str, data: bytes) -> bytes:
    """Return a file's contents as git keeps them: with line ends as the attributes say. No program is run."""
    from pygit2.enums import FilterMode

    filters = repo.git.load_filter_list(path, FilterMode.CLEAN)
    return data if filters is None else filters.apply_to_buffer(data)


def _contents(workdir: Path, path: str, most: int) -> tuple[bytes, int] | None:
    """Return what a file of the work tree holds and its mode in git; None if it is gone. Links are never followed."""
    *folders, name = path.split("/")
    below = os.open(workdir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=below)
            os.close(below)
            below = inner
        return _entry(below, name, path, most)
    except OSError as error:
        if error.errno not in _GONE:
            raise
        return None
    finally:
        os.close(below)


def _entry(below: int, name: str, path: str, most: int) -> tuple[bytes, int] | None:
    facts = os.lstat(name, dir_fd=below)
    if stat.S_ISLNK(facts.st_mode):
        return os.fsencode(os.readlink(name, dir_fd=below)), _LINK
    if stat.S_ISDIR(facts.st_mode):
        raise ToolError(f"{path[:80]!r} is a repository of its own: it is not staged")
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > most:
        raise ToolError(f"{path[:80]!r} is no plain file of at most {most} bytes")
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=below)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return file.read(most), _PROGRAM if facts.st_mode & stat.S_IXUSR else _PLAIN


def commit(repo: Repo, message: str, author: Author) -> dict[str, Any]:
    """Commit what is staged to the branch that HEAD is on. Raises `ToolError` if there is nothing, or no author."""
    words = message.strip()
    if not words or len(words) > _LONGEST_MESSAGE or "\0" in words:
        raise ToolError(f"A commit needs a message, of {_LONGEST_MESSAGE} characters at the most")
    _require_rest(repo)
    index = repo.git.index
    if index.conflicts is not None:
        raise ToolError("The index has conflicts: resolve and stage them first")
    parent = head_commit(repo)
    tree = index.write_tree()
    if tree == parent.tree_id if parent is not None else not len(index):
        raise ToolError("Nothing is staged, so there is nothing to commit: git_stage comes first")
    committer = _signature(repo, author)
    writer = committer if not author.name else _signed(author)
    parents: list[Oid] = [] if parent is None else [parent.id]
    made = repo.git.create_commit("HEAD", writer, committer, words + "\n", tree, parents)
    return {"commit": str(made), "branch": head_told(repo)["branch"]}


def _require_rest(repo: Repo) -> None:
    state = repo.git.state().name.lower()
    if state != "none":
        raise ToolError(f"The repository is in the middle of a {state}: finish that with git first")


def _signature(repo: Repo, author: Author) -> Signature:
    """Return whom the configuration names, else the author."""
    if bool(author.name) is not bool(author.email):
        raise ToolError("author_name and author_email go together")
    try:
        return repo.git.default_signature
    except KeyError:
        if author.name:
            return _signed(author)
        raise ToolError(
            "No author: give author_name and author_email, or set user.name and user.email in git's configuration"
        ) from None


def _signed(author: Author) -> Signature:
    from pygit2 import Signature

    if any(mark in author.name + author.email for mark in "<>\n\0"):
        raise ToolError("An author's name and address have no <, >, line break or NUL in them")
    try:
        return Signature(author.name, author.email)
    except ValueError:
        raise ToolError("An author's name and address are more than blanks") from None


def create_branch(repo: Repo, name: str, start: str = "HEAD") -> dict[str, Any]:
    """Make a branch, without going there. Raises `ToolError` if it is there already."""
    name, target = branch_name(name), commit_at(repo, start)
    if repo.git.references.get(f"refs/heads/{name}") is not None:
        raise ToolError(f"There is a branch {name!r} already")
    others = (shown(other) for other in repo.git.raw_listall_branches())
    crowd = next(
        (other for other in others if f"{other}/".startswith(f"{name}/") or name.startswith(f"{other}/")), None
    )
    if crowd is not None:
        raise ToolError(f"There is a branch {crowd!r}, beside which none can be called {name!r}")
    repo.git.branches.local.create(name, target)
    return {"branch": name, "commit": str(target.id)}


def checkout(repo: Repo, ref: str) -> dict[str, Any]:
    """Make the work tree and HEAD what a branch is at, or a commit (HEAD is detached then).

    Raises `ToolError` if that would lose a change or a file that is not in git; nothing is altered then.
    """
    assert repo.workdir
    check_worktree(repo)
    _require_rest(repo)
    wanted = revision_of(ref)
    branch = f"refs/heads/{wanted.name}"
    on_branch = ref != "HEAD" and not wanted.steps and repo.git.references.get(branch) is not None
    target = commit_at(repo, branch if on_branch else ref)  # a tag may have the branch's name
    check_tree(repo, tree_of(repo, target))
    if (Path(repo.git.path) / "HEAD.lock").exists():
        raise OSError("HEAD.lock is there")  # the files would be others already when HEAD cannot follow
    _replace(repo, target, ref)
    if ref != "HEAD":
        repo.git.set_head(branch if on_branch else target.id)
    return head_told(repo)


def _replace(repo: Repo, target: Commit, ref: str) -> None:
    """Make the work tree what a commit holds, unless that would lose something."""
    from pygit2 import GitError
    from pygit2.enums import CheckoutStrategy

    here = head_commit(repo)
    if here is not None:
        tree_of(repo, here)  # libgit2 goes through this one too
    try:
        strategy = CheckoutStrategy.SAFE | CheckoutStrategy.DONT_OVERWRITE_IGNORED
        repo.git.checkout_tree(target, strategy=strategy)  # type: ignore[no-untyped-call]  # it has no types
    except GitError as error:
        if "conflict" not in str(error):
            raise
        raise ToolError(
            f"Refused: going to {ref!r} would lose changes that are not committed, or files that git does not know. "
            "Commit them first; git_status lists them"
        ) from None
