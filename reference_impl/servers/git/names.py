"""Names that callers give: of revisions and of files. They are looked up and never interpreted: there is no command
line that they could be options of, no pathspec, and of git's revision syntax only `~N` and `^N`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from reference_impl.servers.git.errors import NotThereError

__all__ = ["Revision", "branch_name", "parts_of", "revision_of", "worktree_parts"]

_LONGEST = 1024
_REVISION = re.compile(r"(?P<name>[^~^]+)(?P<steps>(?:[~^]\d{0,5})*)")
_STEP = re.compile(r"([~^])(\d*)")
_SHORT = re.compile(r"git~\d+", re.IGNORECASE)
_LONGEST_PART = 255


@dataclass(frozen=True, slots=True)
class Revision:
    """A name, and the way back from there: `("~", 2)` two generations, `("^", 2)` to the second parent."""

    name: str
    steps: tuple[tuple[str, int], ...] = ()

    @property
    def candidates(self) -> tuple[str, ...]:
        """Full names of references that it may mean, in git's order."""
        if self.name == "HEAD" or self.name.startswith("refs/"):
            return (self.name,)
        return tuple(f"refs/{kind}{self.name}" for kind in ("tags/", "heads/", "remotes/"))


def revision_of(text: str) -> Revision:
    """Take a revision apart. Raises `ToolError` for what is none that this server looks up."""
    match = _REVISION.fullmatch(text) if 0 < len(text) <= _LONGEST else None
    if match is None or not _is_reference(match["name"]):
        raise NotThereError(
            f"{text[:80]!r} is no revision that can be looked up: give a branch, a tag or a commit's id, perhaps with "
            "~N or ^N behind it"
        )
    steps = tuple((kind, int(number) if number else 1) for kind, number in _STEP.findall(match["steps"]))
    return Revision(match["name"], steps)


def branch_name(text: str) -> str:
    """Return the name of a branch to make. Raises `ToolError` for one that git would not make."""
    if not _is_reference(text) or len(text) > _LONGEST_PART or text.startswith(("refs/", "-")) or text == "HEAD":
        raise NotThereError(f"{text[:80]!r} cannot be the name of a branch")
    return text


def _is_reference(name: str) -> bool:
    from pygit2 import reference_is_valid_name

    if name.startswith("-") or name == "@" or not _encodable(name) or "\0" in name:
        return False
    if name == "HEAD":
        return True
    return bool(reference_is_valid_name(name if name.startswith("refs/") else f"refs/heads/{name}"))


def parts_of(path: str) -> tuple[str, ...]:
    """Return the parts of a path inside a repository; none of them for its top (`""`, `"."`).

    Raises `ToolError` for an absolute path, and one with `..` in it.
    """
    if path in ("", "."):
        return ()
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    wrong = path.startswith("/") or "\0" in path or ".." in parts or len(path) > 4 * _LONGEST
    if wrong or not _encodable(path) or any(len(part) > _LONGEST_PART for part in parts):
        raise NotThereError(f"{path[:80]!r} is no path inside the repository: give it relative to the top, without ..")
    return parts


def worktree_parts(path: str) -> tuple[str, ...]:
    """Return the parts of a path to be written to the index. Raises `ToolError` as `parts_of` does, and for what is
    git's own: `.git` in any disguise that a file system may see through."""
    parts = parts_of(path)
    if any(_is_gits_own(part) for part in parts):
        raise NotThereError(f"{path[:80]!r} belongs to git itself: it cannot be staged")
    return parts


def _is_gits_own(part: str) -> bool:
    visible = "".join(mark for mark in part if unicodedata.category(mark) != "Cf")  # HFS+ ignores these
    plain = visible.split(":")[0].rstrip(" .").casefold()  # NTFS: streams, trailing dots and blanks
    return plain == ".git" or _SHORT.fullmatch(plain) is not None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold and UTF-8 cannot
        return False
    return True
