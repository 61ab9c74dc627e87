"""Tools that make, move and delete names, where the server may."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from reference_impl.server import ToolError
from reference_impl.servers.filesystem.beneath import Parts, Place, holder, strictly
from reference_impl.servers.filesystem.failures import told
from reference_impl.servers.filesystem.job import Job
from reference_impl.servers.filesystem.limits import MOST_DEPTH
from reference_impl.servers.filesystem.looking import kind_of
from reference_impl.servers.filesystem.offers import Arguments, Errand, Offer, PathText
from reference_impl.servers.filesystem.replacing import without_replacing
from reference_impl.servers.filesystem.roots import demand_plain_name
from reference_impl.servers.filesystem.walking import Found, Kind, shown, walk

__all__ = ["OFFERS"]

_MAKES: dict[str, Any] = {
    "readOnlyHint": False,
    "destructiveHint": False,
    "idempotentHint": True,
    "openWorldHint": False,
}
_DESTROYS = _MAKES | {"destructiveHint": True, "idempotentHint": False}


class CreateDirectory(Arguments, frozen=True):
    """Arguments of `create_directory`."""

    path: PathText


class Created(msgspec.Struct, frozen=True):
    """A directory that is there."""

    path: str
    created: Annotated[bool, Meta(description="False if it was there already")]


class MoveFile(Arguments, frozen=True):
    """Arguments of `move_file`."""

    source: PathText
    destination: PathText
    overwrite: Annotated[bool, Meta(description="Whether a file at the destination may be replaced")] = False


class Moved(msgspec.Struct, frozen=True):
    """What has another name now."""

    source: str
    destination: str
    type: Kind


class DeleteFile(Arguments, frozen=True):
    """Arguments of `delete_file`."""

    path: PathText
    recursive: Annotated[bool, Meta(description="Delete a directory with all that is in it")] = False


class Deleted(msgspec.Struct, frozen=True):
    """What is gone."""

    path: str
    type: Kind
    count: Annotated[int, Meta(description="Files and directories that were deleted")]


def create_directory(errand: Errand, arguments: CreateDirectory) -> Created:
    """Make a directory, and those on the way to it."""
    place = errand.place(arguments.path)
    made = False
    with told(arguments.path):
        for depth in range(1, len(place.parts) + 1):
            with holder(Place(place.root, place.parts[:depth])) as (above, name):
                made = _made(above, name, place.parts[depth:])
    return Created(shown(place.path), made)


def _made(above: int, name: str, ahead: Parts) -> bool:
    """Make a directory unless it is there. Nothing is made if a name of those `ahead`, which are new then too, is not
    admitted."""
    try:
        known = os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        for new in (name, *ahead):
            demand_plain_name(new)
        os.mkdir(name, dir_fd=above)
        return True
    if not stat.S_ISDIR(known.st_mode):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return False


def move_file(errand: Errand, arguments: MoveFile) -> Moved:
    """Give a file, directory or link another name."""
    source, destination = errand.place(arguments.source), errand.place(arguments.destination)
    _demand_no_root(source, destination)
    with told(arguments.source), holder(source, follow=False) as (old_above, old):
        kind = kind_of(os.stat(old, dir_fd=old_above, follow_symlinks=False).st_mode)
        with told(arguments.destination), holder(destination, follow=False) as (new_above, new):
            demand_plain_name(new)
            _move(kind, (old_above, old), (new_above, new), overwrite=arguments.overwrite)
    return Moved(shown(source.path), shown(destination.path), kind)


def _demand_no_root(*places: Place) -> None:
    for place in places:
        if not place.parts:
            raise ToolError(f"{shown(place.path)} is a directory that was allowed as a whole: it stays where it is")


def _move(kind: Kind, old: tuple[int, str], new: tuple[int, str], *, overwrite: bool) -> None:
    """Rename; without `overwrite` nothing that is there is lost, even if it appears in this very moment."""
    if not overwrite:
        if kind != "directory" and without_replacing(*old, *new):
            _unlink_or_undo(old, new)
            return
        _demand_absent(*new)  # what appears from here on is replaced only if it is an empty directory
    else:
        _demand_no_further_name(old, new)
    os.rename(old[1], new[1], src_dir_fd=old[0], dst_dir_fd=new[0])


def _unlink_or_undo(old: tuple[int, str], new: tuple[int, str]) -> None:
    """Take the old name away, or the new one if the old one has to stay."""
    try:
        os.unlink(old[1], dir_fd=old[0])
    except OSError:
        os.unlink(new[1], dir_fd=new[0])
        raise


def _demand_no_further_name(old: tuple[int, str], new: tuple[int, str]) -> None:
    """Refuse what `rename` takes for done: of two names of one file (hard links) it leaves both."""
    try:
        known, there = (os.stat(name, dir_fd=above, follow_symlinks=False) for above, name in (old, new))
    except FileNotFoundError:
        return
    if os.path.samestat(known, there) and known.st_nlink > 1 and not stat.S_ISDIR(known.st_mode):
        raise ToolError("Source and destination are two names of one file: delete the one that is to go")


def _demand_absent(above: int, name: str) -> None:
    try:
        os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))


def delete_file(errand: Errand, arguments: DeleteFile) -> Deleted:
    """Delete a file, a link (not what it points to), or a directory."""
    place = errand.place(arguments.path)
    _demand_no_root(place)
    with told(arguments.path), holder(place, follow=False) as (above, name):
        kind = kind_of(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
        if kind != "directory":
            os.unlink(name, dir_fd=above)
            return Deleted(shown(place.path), kind, 1)
        found = _counted(place, errand) if arguments.recursive else []
        with told(f"{arguments.path}, of which a part may be gone" if found else arguments.path):
            if found:
                _emptied(above, name, found, errand.job)
            os.rmdir(name, dir_fd=above)
    return Deleted(shown(place.path), kind, len(found) + 1)


def _counted(place: Place, errand: Errand) -> list[Found]:
    """Return all that is in a directory. Raises `ToolError` before anything is lost if that is too much or too deep."""
    found: list[Found] = []
    for item in walk(place, errand.job, lambda _: True):
        found.append(item)
        if item.kind == "directory" and len(item.parts) == MOST_DEPTH:
            raise ToolError(f"It is more than {MOST_DEPTH} directories deep: move its parts up. Nothing was deleted")
        if len(found) > errand.limits.deleted:
            raise ToolError(
                f"There are more than {errand.limits.deleted} files in it: delete its parts. Nothing was deleted"
            )
    return found


def _emptied(above: int, name: str, found: list[Found], job: Job) -> None:
    """Delete what was found in a directory, the inner before the outer, and nothing else."""
    top = strictly(above, (name,))
    try:
        for count, item in enumerate(reversed(found), 1):
            job.step()
            _delete(top, item.parts, item.kind)
            job.report(count, f"{count} of {len(found)} deleted")
    finally:
        os.close(top)


def _delete(top: int, parts: Parts, kind: Kind) -> None:
    """Delete one name, unless another has done so meanwhile."""
    try:
        within = strictly(top, parts[:-1])
    except FileNotFoundError:
        return
    try:
        with contextlib.suppress(FileNotFoundError):
            (os.rmdir if kind == "directory" else os.unlink)(parts[-1], dir_fd=within)
    finally:
        os.close(within)


OFFERS: tuple[Offer, ...] = (
    Offer(
        "create_directory",
        "Create directory",
        "Creates a directory and those on the way to it; one that is there already is left as it is.",
        CreateDirectory,
        Created,
        create_directory,
        _MAKES,
    ),
    Offer(
        "move_file",
        "Move file",
        "Moves or renames a file, directory or symbolic link. Nothing at the destination is replaced unless overwrite "
        "is true.",
        MoveFile,
        Moved,
        move_file,
        _DESTROYS,
        renames=True,
    ),
    Offer(
        "delete_file",
        "Delete file",
        "Deletes a file, a symbolic link or an empty directory; with recursive, a directory with all that is in it.",
        DeleteFile,
        Deleted,
        delete_file,
        _DESTROYS,
        long=True,
        renames=True,
    ),
)
