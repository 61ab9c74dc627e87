"""Tools that look at names: directories, trees, and what is known of a file."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from reference_impl.servers.filesystem.beneath import directory, holder
from reference_impl.servers.filesystem.failures import told
from reference_impl.servers.filesystem.globbing import Glob
from reference_impl.servers.filesystem.media import guessed_type
from reference_impl.servers.filesystem.offers import READS, Arguments, Errand, Offer, PathText
from reference_impl.servers.filesystem.walking import Found, Kind, page, shown, walk

__all__ = ["OFFERS", "Entry", "entry_of", "kind_of"]

_KINDS: dict[int, Kind] = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}
_MOST_ENTRIES = 1000
Bytes = Annotated[int, Meta(ge=0, description="Bytes")]
Time = Annotated[str, Meta(description="Time of the last change of the content, UTC")]


class Nothing(Arguments, frozen=True):
    """No arguments."""


class Allowed(msgspec.Struct, frozen=True):
    """The roots."""

    directories: Annotated[list[str], Meta(description="Absolute paths of the directories that may be used")]


class Entry(msgspec.Struct, frozen=True):
    """One name in a directory."""

    name: str
    type: Kind
    size: Bytes | UnsetType = UNSET
    modified: Time | UnsetType = UNSET


class ListDirectory(Arguments, frozen=True):
    """Arguments of `list_directory`."""

    path: PathText = "."
    after: Annotated[str, Meta(description="Go on behind this name: `next` of the page before")] = ""
    limit: Annotated[int, Meta(ge=1, le=_MOST_ENTRIES, description="Names on one page")] = 200


class Listing(msgspec.Struct, frozen=True):
    """One page of a directory."""

    path: str
    entries: list[Entry]
    next: Annotated[str, Meta(description="There are more: call again with `after` set to this")] | UnsetType = UNSET


class Tree(Arguments, frozen=True):
    """Arguments of `directory_tree`."""

    path: PathText = "."
    depth: Annotated[int, Meta(ge=1, le=50, description="How many directories deep")] = 3
    exclude: Annotated[
        tuple[str, ...], Meta(max_length=50, description="Globs of names or paths to leave out, such as node_modules")
    ] = (".git",)
    limit: Annotated[int, Meta(ge=1, le=_MOST_ENTRIES, description="Names in the answer")] = 500


class Branch(msgspec.Struct, frozen=True):
    """One name in a tree."""

    path: Annotated[str, Meta(description="Relative to the directory asked for")]
    type: Kind


class Branches(msgspec.Struct, frozen=True):
    """A tree, flat: each directory before what is in it."""

    path: str
    entries: list[Branch]
    truncated: Annotated[bool, Meta(description="There is more than `limit` or the time allowed")]


class Info(Arguments, frozen=True):
    """Arguments of `get_file_info`."""

    path: PathText


class Details(msgspec.Struct, frozen=True):
    """What is known of a file."""

    path: str
    type: Kind
    size: Bytes
    permissions: Annotated[str, Meta(description="As `ls -l` writes them")]
    modified: Time | UnsetType = UNSET
    mimeType: Annotated[str, Meta(description="Guessed from the name")] | UnsetType = UNSET  # noqa: N815 - as on the wire


def kind_of(mode: int) -> Kind:
    """Return what a mode says a file is."""
    return _KINDS.get(stat.S_IFMT(mode), "other")


def _time(seconds: float) -> str | UnsetType:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError):  # a file may claim to be of any year
        return UNSET


def entry_of(descriptor: int, found: Found) -> Entry:
    """Return what is known of a name in an open directory; one that has just vanished is known by name alone."""
    try:
        known = os.stat(found.name, dir_fd=descriptor, follow_symlinks=False)
    except OSError:
        return Entry(shown(found.name), found.kind)
    kind = kind_of(known.st_mode)
    size = known.st_size if kind == "file" else UNSET
    return Entry(shown(found.name), kind, size, _time(known.st_mtime))


def list_allowed_directories(errand: Errand, _: Nothing) -> Allowed:
    """Return the roots."""
    return Allowed([shown(root.path) for root in errand.roots])


def list_directory(errand: Errand, arguments: ListDirectory) -> Listing:
    """Return one page of a directory."""
    place = errand.place(arguments.path)
    limit = min(arguments.limit, errand.limits.entries)
    with told(arguments.path), directory(place) as descriptor:
        found = page(descriptor, errand.job, arguments.after, limit + 1)
        entries = [entry_of(descriptor, item) for item in found[:limit]]
    more = shown(found[limit - 1].name) if len(found) > limit else UNSET
    return Listing(shown(place.path), entries, more)


def directory_tree(errand: Errand, arguments: Tree) -> Branches:
    """Return what is beneath a directory, to some depth."""
    place = errand.place(arguments.path)
    limit = min(arguments.limit, errand.limits.entries)
    without = [Glob(pattern) for pattern in arguments.exclude]
    entries: list[Branch] = []
    left_out: set[tuple[str, ...]] = set()

    def enter(found: Found) -> bool:
        return len(found.parts) < arguments.depth and found.parts not in left_out

    with told(arguments.path), closing(walk(place, errand.job, enter)) as everything:
        for found in everything:
            if any(glob.matches(found.parts) for glob in without):
                left_out.add(found.parts)
            elif len(entries) >= limit or errand.job.late:
                return Branches(shown(place.path), entries, truncated=True)
            else:
                entries.append(Branch(shown("/".join(found.parts)), found.kind))
                errand.job.report(len(entries), f"{len(entries)} names")
    return Branches(shown(place.path), entries, truncated=False)


def get_file_info(errand: Errand, arguments: Info) -> Details:
    """Return what is known of a file or directory; a symbolic link in the last place speaks for itself."""
    place = errand.place(arguments.path)
    with told(arguments.path), holder(place, follow=False) as (above, name):
        known = os.stat(name, dir_fd=above, follow_symlinks=False)
    kind = kind_of(known.st_mode)
    guess = guessed_type(place.name) if kind == "file" else UNSET
    permissions = stat.filemode(known.st_mode)
    return Details(shown(place.path), kind, known.st_size, permissions, _time(known.st_mtime), guess)


OFFERS: tuple[Offer, ...] = (
    Offer(
        "list_allowed_directories",
        "List allowed directories",
        "Lists the directories that may be used; every path lies beneath one of them.",
        Nothing,
        Allowed,
        list_allowed_directories,
        READS,
    ),
    Offer(
        "list_directory",
        "List directory",
        "Lists a directory in pages, by name, with type, size and time of change. Symbolic links are named, not "
        "followed.",
        ListDirectory,
        Listing,
        list_directory,
        READS,
    ),
    Offer(
        "directory_tree",
        "Directory tree",
        "Lists what is beneath a directory, some levels deep, as relative paths.",
        Tree,
        Branches,
        directory_tree,
        READS,
        long=True,
    ),
    Offer(
        "get_file_info",
        "File information",
        "Tells type, size, time of change and permissions of a file or directory, without reading it.",
        Info,
        Details,
        get_file_info,
        READS,
    ),
)
