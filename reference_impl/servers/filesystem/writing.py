"""Tools that write files, where the server may: as a whole, or by exact replacements."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from reference_impl.server import ToolError
from reference_impl.server import text as text_block
from reference_impl.servers.filesystem.beneath import holder, regular
from reference_impl.servers.filesystem.differences import unified
from reference_impl.servers.filesystem.failures import told
from reference_impl.servers.filesystem.offers import Arguments, Errand, Offer, PathText, Shown
from reference_impl.servers.filesystem.replacing import put, signature
from reference_impl.servers.filesystem.roots import demand_plain_name
from reference_impl.servers.filesystem.text import pread
from reference_impl.servers.filesystem.walking import shown

__all__ = ["OFFERS"]

_MOST_EDITS = 100
_REPLACES: dict[str, Any] = {
    "readOnlyHint": False,
    "destructiveHint": True,
    "idempotentHint": True,
    "openWorldHint": False,
}
_EDITS = _REPLACES | {"idempotentHint": False}


class WriteFile(Arguments, frozen=True):
    """Arguments of `write_file`."""

    path: PathText
    content: Annotated[str, Meta(description="The whole new content")]
    encoding: Annotated[Literal["utf-8", "base64"], Meta(description="How content stands for bytes")] = "utf-8"
    overwrite: Annotated[bool, Meta(description="Whether a file that is there may be replaced")] = True


class Written(msgspec.Struct, frozen=True):
    """A file that was written."""

    path: str
    size: Annotated[int, Meta(description="Bytes")]
    created: bool


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One replacement."""

    old_text: Annotated[str, Meta(min_length=1, description="Text of the file, exactly; it must occur once")]
    new_text: Annotated[str, Meta(description="What stands there afterwards")]
    replace_all: Annotated[bool, Meta(description="Replace every occurrence")] = False


class EditFile(Arguments, frozen=True):
    """Arguments of `edit_file`."""

    path: PathText
    edits: Annotated[
        tuple[Edit, ...],
        Meta(min_length=1, max_length=_MOST_EDITS, description="Made one after the other, all of them or none"),
    ]
    dry_run: Annotated[bool, Meta(description="Only show the difference")] = False


class Edited(msgspec.Struct, frozen=True):
    """What edits did, or would do."""

    path: str
    diff: Annotated[str, Meta(description="Unified diff")]
    replacements: int
    written: Annotated[bool, Meta(description="False for a dry run, and where nothing changed")]


def write_file(errand: Errand, arguments: WriteFile) -> Written:
    """Write a whole file."""
    body = _body(arguments)
    _demand_size(len(body), errand)
    place = errand.place(arguments.path)
    with told(arguments.path), holder(place) as (above, name):
        _demand_name(above, name)
        expected: Literal["any"] | None = "any" if arguments.overwrite else None
        created = put(above, name, body, errand.job.step, expected=expected)
    return Written(shown(place.path), len(body), created)


def _body(arguments: WriteFile) -> bytes:
    try:
        if arguments.encoding == "base64":
            return base64.b64decode(arguments.content, validate=True)
        return arguments.content.encode()
    except (binascii.Error, ValueError):
        raise ToolError(f"content is not valid {arguments.encoding}") from None


def _demand_size(size: int, errand: Errand) -> None:
    if size > errand.limits.write_bytes:
        raise ToolError(f"{size} bytes are more than the {errand.limits.write_bytes} that may be written at once")


def _demand_name(above: int, name: str) -> None:
    """Check the name of something new."""
    if not _is_there(above, name):
        demand_plain_name(name)


def _is_there(above: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def edit_file(errand: Errand, arguments: EditFile) -> Shown:
    """Replace texts in a file; it has to be the same file from the reading to the writing."""
    place = errand.place(arguments.path)
    with told(arguments.path):
        with regular(place) as descriptor:
            known = os.fstat(descriptor)
            _demand_size(known.st_size, errand)
            old = _decoded(pread(descriptor, known.st_size, 0), arguments.path)
        new, count = _replaced(old, arguments.edits, errand)
        written = not arguments.dry_run and new != old
        if written:
            with holder(place) as (above, name):
                put(above, name, new.encode(), errand.job.step, expected=signature(known))
    diff = _short(unified(old, new, shown("/".join(place.parts))), errand.limits.read_bytes)
    return Shown(Edited(shown(place.path), diff, count, written), [text_block(diff or "Nothing changes")])


def _short(diff: str, limit: int) -> str:
    return diff if len(diff) <= limit else f"{diff[:limit]}\n(and more)\n"


def _decoded(raw: bytes, path: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is no UTF-8 text (at byte {error.start}): it cannot be edited, only written") from None


def _replaced(text: str, edits: tuple[Edit, ...], errand: Errand) -> tuple[str, int]:
    total = 0
    for number, edit in enumerate(edits, 1):
        errand.job.step()
        count = text.count(edit.old_text)
        if count == 0:
            raise ToolError(
                f"Edit {number}: old_text does not occur in the file{_hint(text, edit)}. Nothing was changed"
            )
        if count > 1 and not edit.replace_all:
            raise ToolError(
                f"Edit {number}: old_text occurs {count} times: make it longer, or set replace_all. Nothing was changed"
            )
        _demand_size(len(text) + count * (len(edit.new_text) - len(edit.old_text)), errand)
        text = text.replace(edit.old_text, edit.new_text)
        total += count
    _demand_size(len(text.encode()), errand)
    return text, total


def _hint(text: str, edit: Edit) -> str:
    if "\n" in edit.old_text and "\r\n" in text and "\r\n" not in edit.old_text:
        return " (its lines end with \\r\\n)"
    if edit.old_text.strip() and edit.old_text.strip() in text:
        return " (but without the white space around it, it does)"
    return ""


OFFERS: tuple[Offer, ...] = (
    Offer(
        "write_file",
        "Write file",
        "Writes a whole file, in place of one that is there unless overwrite is false. The directory must exist. "
        "Readers see the old content or the new one, never a part.",
        WriteFile,
        Written,
        write_file,
        _REPLACES,
        renames=True,
    ),
    Offer(
        "edit_file",
        "Edit file",
        "Replaces exact texts in a UTF-8 file, all of them or none, and shows the difference; with dry_run it only "
        "shows it.",
        EditFile,
        Edited,
        edit_file,
        _EDITS,
    ),
)
