"""The shapes of what the tools take and return."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ARGUMENTS",
    "BLAME",
    "BRANCHES",
    "CHECKED_OUT",
    "COMMITTED",
    "CREATED",
    "DIFF",
    "FILE",
    "FOLDER",
    "LOG",
    "REPOSITORIES",
    "SEARCH",
    "SHOW",
    "STAGED",
    "STATUS",
    "TAGS",
    "takes",
]

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MAYBE_COUNT: Schema = {"type": ["integer", "null"]}
_FLAG: Schema = {"type": "boolean"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


ARGUMENTS: dict[str, Schema] = {
    "repository": _TEXT | {"description": "Path of the repository from the root; not needed if there is only one"},
    "ref": _TEXT | {"default": "HEAD", "description": "Branch, tag or commit id, perhaps with ~N or ^N behind it"},
    "path": _TEXT | {"default": "", "description": "File or folder, from the top of the repository"},
    "limit": _COUNT | {"minimum": 1, "maximum": 100, "default": 20, "description": "Most commits of this answer"},
    "cursor": _TEXT | {"description": "`next` of the answer before, to get what follows it"},
    "offset": _COUNT | {"default": 0, "description": "`next_offset` of the answer before, to get what follows it"},
    "contains": _TEXT | {"default": "", "description": "Only names with this in them"},
    "author": _TEXT | {"default": "", "description": "Part of the author's name or address"},
    "since": _TEXT | {"default": "", "description": "Not before this date or time (ISO 8601)"},
    "until": _TEXT | {"default": "", "description": "Not after this date or time (ISO 8601)"},
    "staged": _FLAG | {"default": False, "description": "Compare what is staged, in place of the work tree"},
    "base": _TEXT | {"description": "Revision to compare with"},
    "head": _TEXT | {"description": "Revision to compare; without it, the work tree"},
    "merge_base": _FLAG | {"default": False, "description": "Compare head with where it parted from base"},
    "context_lines": _COUNT | {"maximum": 100, "default": 3, "description": "Lines around each change"},
    "text": _TEXT | {"minLength": 1, "description": "What to look for; plain text, no pattern"},
    "where": {
        "type": "string",
        "enum": ["messages", "changes"],
        "default": "messages",
        "description": "In messages (any case), or in changes: commits after which the text occurs more or less often",
    },
    "start": _COUNT | {"minimum": 1, "default": 1, "description": "First line, counted from 1"},
    "end": _COUNT | {"minimum": 1, "description": "Last line"},
    "paths": _list(_TEXT) | {"minItems": 1, "maxItems": 1000, "description": "Files or folders; . is all that changed"},
    "message": _TEXT | {"minLength": 1, "description": "The commit message"},
    "author_name": _TEXT | {"default": "", "description": "Who wrote it, if not whom git's configuration names"},
    "author_email": _TEXT | {"default": "", "description": "The address of that author"},
    "name": _TEXT | {"minLength": 1, "description": "Name of the new branch"},
}
"""Every argument of every tool."""


def takes(*names: str, required: tuple[str, ...] = ()) -> Schema:
    """Return the input schema of a tool with these arguments."""
    schema = {"type": "object", "properties": {name: ARGUMENTS[name] for name in names}, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


_PERSON = _object(name=_TEXT, email=_TEXT, date=_TEXT)
_COMMIT = _object(
    id=_TEXT, parents=_list(_TEXT), author=_PERSON, committer=_PERSON, summary=_TEXT, message=_TEXT
)  # fmt: skip
_CHANGED = _object(path=_TEXT, change=_TEXT)
_PATCH = _object(
    path=_TEXT,
    old_path=_MAYBE_TEXT,
    change=_TEXT,
    additions=_COUNT,
    deletions=_COUNT,
    binary=_FLAG,
    patch=_TEXT,
    left_out=_MAYBE_TEXT,
)
_PATCHES = {"files": _list(_PATCH), "total_files": _COUNT, "next_offset": _MAYBE_COUNT}
_TIP = {"commit": _TEXT, "date": _TEXT, "author": _TEXT, "summary": _TEXT}

REPOSITORIES = _object(repositories=_list(_TEXT), complete=_FLAG)
STATUS = _object(
    repository=_TEXT,
    branch=_MAYBE_TEXT,
    commit=_MAYBE_TEXT,
    operation=_MAYBE_TEXT,
    staged=_list(_CHANGED),
    unstaged=_list(_CHANGED),
    untracked=_list(_TEXT),
    conflicted=_list(_TEXT),
    total=_COUNT,
    clean=_FLAG,
)
LOG = _object(commits=_list(_COMMIT), seen=_COUNT, next=_MAYBE_TEXT)
SEARCH = LOG
DIFF = _object(**_PATCHES)
SHOW = _object(commit=_COMMIT, tag={"type": ["object", "null"]}, **_PATCHES)
_RUN = _object(start=_COUNT, end=_COUNT, commit=_TEXT, author=_TEXT, date=_TEXT, summary=_TEXT, text=_TEXT)
BLAME = _object(path=_TEXT, commit=_TEXT, lines=_COUNT, runs=_list(_RUN), next_start=_MAYBE_COUNT)
BRANCHES = _object(
    items=_list(_object(name=_TEXT, remote=_FLAG, current=_FLAG, **_TIP)), total=_COUNT, next=_MAYBE_TEXT
)
TAGS = _object(items=_list(_object(name=_TEXT, message=_MAYBE_TEXT, **_TIP)), total=_COUNT, next=_MAYBE_TEXT)
FILE = _object(
    path=_TEXT,
    commit=_TEXT,
    size=_COUNT,
    encoding={"type": "string", "enum": ["utf-8", "base64"]},
    content=_TEXT,
    next_offset=_MAYBE_COUNT,
)
_ENTRY = _object(
    name=_TEXT, kind={"type": "string", "enum": ["file", "folder", "link", "submodule"]}, size=_MAYBE_COUNT, id=_TEXT
)
FOLDER = _object(path=_TEXT, commit=_TEXT, entries=_list(_ENTRY), next_offset=_MAYBE_COUNT)
STAGED = _object(staged=_list(_TEXT), count=_COUNT)
COMMITTED = _object(commit=_TEXT, branch=_MAYBE_TEXT)
CREATED = _object(branch=_TEXT, commit=_TEXT)
CHECKED_OUT = _object(branch=_MAYBE_TEXT, commit=_MAYBE_TEXT)
