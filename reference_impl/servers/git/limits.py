"""How much one call may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GitLimits"]


@dataclass(frozen=True, slots=True)
class GitLimits:
    """`seconds` is the time of one call; `threads` run at once, `waiting` calls may wait for one. `repositories` are
    looked for `depth` folders deep, in `folders` folders at the most.

    `page` is the items of one page, `entries` those of a status or a directory, `files` those of one diff. Sizes are in
    bytes: `blob` of a file that is read or compared, `answer` of the text of one answer. `lines` is the lines of a file
    that are blamed at once, `steps` the generations that `HEAD~N` may go back, `tree` the files and folders of a
    revision that is compared.
    """

    seconds: float = 20.0
    threads: int = 4
    waiting: int = 32
    repositories: int = 200
    depth: int = 5
    folders: int = 20_000
    page: int = 100
    entries: int = 1_000
    files: int = 300
    blob: int = 8 * 1024 * 1024
    answer: int = 256 * 1024
    lines: int = 500
    tree: int = 600_000
    steps: int = 10_000
