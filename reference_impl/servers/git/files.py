"""Files as they were: their contents, the folders they lay in, and who wrote which line."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from reference_impl.server import ToolError
from reference_impl.servers.git.errors import NotThereError
from reference_impl.servers.git.finding import blob_at, commit_at, entry_at, size_of
from reference_impl.servers.git.names import parts_of
from reference_impl.servers.git.told import message_of, person, shown, summary_of, text_or_none

if TYPE_CHECKING:
    from pygit2 import Commit

    from reference_impl.servers.git.opening import Repo

__all__ = ["blame", "list_files", "read_file"]

_KINDS = {0o120000: "link", 0o160000: "submodule", 0o040000: "folder"}


def read_file(repo: Repo, path: str, ref: str = "HEAD", offset: int = 0) -> dict[str, Any]:
    """Return what a file held, from byte `offset` on as far as an answer goes; Base64 where it is no text."""
    commit = commit_at(repo, ref)
    blob = blob_at(repo, commit, parts_of(path))
    part = blob.data[max(0, offset) :][: repo.limits.answer]
    end = max(0, offset) + len(part)
    if end < blob.size:
        part = _whole_characters(part)
        end = max(0, offset) + len(part)
    content = None if blob.is_binary else text_or_none(part)
    return {
        "path": path,
        "commit": str(commit.id),
        "size": blob.size,
        "encoding": "base64" if content is None else "utf-8",
        "content": base64.b64encode(part).decode() if content is None else content,
        "next_offset": end if end < blob.size else None,
    }


def _whole_characters(part: bytes) -> bytes:
    """Return `part` without the beginning of a character at its end."""
    for cut in range(1, min(4, len(part)) + 1):
        if part[-cut] >= 0xC0:
            return part[:-cut]
        if part[-cut] < 0x80:
            break
    return part


def list_files(repo: Repo, path: str = "", ref: str = "HEAD", offset: int = 0) -> dict[str, Any]:
    """Return what a folder held, in git's order."""
    commit = commit_at(repo, ref)
    tree = entry_at(commit.tree, parts_of(path))
    if tree is None or tree.type_str != "tree":
        raise NotThereError(f"There is no folder {path[:80]!r} at this revision")
    entries, start = list(tree), max(0, offset)  # type: ignore[call-overload]  # it is a tree
    page = entries[start : start + repo.limits.entries]
    told = []
    for entry in page:
        repo.job.check()
        kind = _KINDS.get(entry.filemode, "file")
        size = size_of(repo, entry.id) if kind in ("file", "link") else None
        told.append({"name": shown(entry.raw_name), "kind": kind, "size": size, "id": str(entry.id)})
    end = start + len(page)
    return {
        "path": path,
        "commit": str(commit.id),
        "entries": told,
        "next_offset": end if end < len(entries) else None,
    }


def blame(repo: Repo, path: str, ref: str = "HEAD", start: int = 1, end: int | None = None) -> dict[str, Any]:
    """Return which commit each line of a file comes from, lines `start` to `end` counted from 1, as runs of lines."""
    commit = commit_at(repo, ref)
    blob = blob_at(repo, commit, parts_of(path))
    if blob.is_binary:
        raise ToolError(f"{path[:80]!r} is no text, so it has no lines")
    lines = blob.data.removesuffix(b"\n").split(b"\n") if blob.size else []  # as libgit2 counts: no other line ends
    last = min(len(lines) if end is None else end, len(lines), start + repo.limits.lines - 1)
    if not lines or start > last:
        return {"path": path, "commit": str(commit.id), "lines": len(lines), "runs": [], "next_start": None}
    raw = _raw_path(commit, parts_of(path))
    runs = []
    for hunk in repo.git.blame(raw, newest_commit=commit.id, min_line=start, max_line=last):  # type: ignore[arg-type]  # bytes
        repo.job.check()
        first = max(hunk.final_start_line_number, start)
        final = min(hunk.final_start_line_number + hunk.lines_in_hunk - 1, last)
        text = b"\n".join(lines[first - 1 : final]).decode("utf-8", "replace")
        runs.append({"start": first, "end": final, **_author(repo.git[hunk.final_commit_id]), "text": text})  # type: ignore[arg-type]  # an Oid
    more = last < (len(lines) if end is None else min(end, len(lines)))
    return {
        "path": path,
        "commit": str(commit.id),
        "lines": len(lines),
        "runs": runs,
        "next_start": last + 1 if more else None,
    }


def _author(commit: Commit) -> dict[str, str]:
    who = person(commit.author)
    summary = summary_of(message_of(commit))
    return {"commit": str(commit.id), "author": who["name"], "date": who["date"], "summary": summary}


def _raw_path(commit: Commit, parts: tuple[str, ...]) -> bytes:
    """Return a path as git has it, where some of it is no text."""
    names = []
    for number in range(1, len(parts) + 1):
        entry = entry_at(commit.tree, parts[:number])
        assert entry is not None
        names.append(entry.raw_name or b"")
    return b"/".join(names)
