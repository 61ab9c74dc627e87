"""Moves through lists in pages: several walks at once, cursors used twice, and cursors of nobody's.

A list may change. So a walk counts as wrong only where plain walks found the same before everything else and, in a
conversation of their own, after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conformance.expect import Mismatch, brief
from conformance.lists import IDENTIFIED_BY, leads_on
from conformance.properties.machines.play import Play
from conformance.properties.machines.seats import Seat
from conformance.properties.machines.steps import Step
from reference_impl.protocol.methods import PAGINATED

__all__ = ["again", "foreign", "named", "turn"]

_PAGES = 50
"""Pages of one list that are followed; a longer list is judged by its beginning."""
_NOBODYS = "touchstone-no-such-cursor"


@dataclass(slots=True)
class Walk:
    """One walk: the cursors that it used, in order, the names on each page, and the cursor to go on with.

    `known` is false once the list gave an error: then nothing is to be judged.
    """

    cursors: list[str | None] = field(default_factory=list)
    pages: list[list[str]] = field(default_factory=list)
    following: Any = None
    known: bool = True

    @property
    def names(self) -> list[str]:
        """All names so far."""
        return [name for page in self.pages for name in page]

    @property
    def done(self) -> bool:
        """Whether there is no further page, or none that is asked for."""
        return bool(self.pages) and (self.following is None or len(self.pages) >= _PAGES)


async def turn(play: Play, seat: Seat, step: Step) -> None:
    """Go on to the next page, in the walk of a slot."""
    if seat.ended:
        return
    walk = await _walk_of(play, seat, step)
    if not walk.done:
        await _advance(seat, step, walk)


async def again(play: Play, seat: Seat, step: Step) -> None:
    """Use the last cursor of a walk once more: it leads to the same page."""
    if seat.ended:
        return
    walk = await _walk_of(play, seat, step)
    if walk.pages:
        names, _ = await _page(seat, step, walk.cursors[-1])
        walks = play.walks[_key(step)]
        walks.seconds.append((walk, len(walk.pages) - 1, names))


async def foreign(play: Play, seat: Seat, step: Step) -> None:
    """Ask with a cursor that the list never gave out, or with one of another list: either answer is right."""
    if seat.ended:
        return
    given = [walk.following for each in play.walks.values() for walk in each.walks.values() if walk.following]
    cursor = given[0] if step.slot and given else _NOBODYS
    message = seat.peer.message(step.method, {"cursor": cursor}, id=seat.new_id())
    await seat.peer.call(message, defect="a cursor of nobody's")


@dataclass(slots=True)
class Walks:
    """What was seen of one list in one conversation: a plain walk before everything, walks, and pages seen again."""

    plain: Walk
    walks: dict[int, Walk] = field(default_factory=dict)
    seconds: list[tuple[Walk, int, list[str] | None]] = field(default_factory=list)


def _key(step: Step) -> tuple[int, str]:
    return step.on, step.method


async def _walk_of(play: Play, seat: Seat, step: Step) -> Walk:
    """Return a walk; before the first of a list it is walked through plainly."""
    if _key(step) not in play.walks:
        play.walks[_key(step)] = Walks(await _through(seat, step, Walk()))
        play.closing.append(partial(_compare, play, step))
    walks: Walks = play.walks[_key(step)]
    return walks.walks.setdefault(step.slot, Walk())


async def _through(seat: Seat, step: Step, walk: Walk) -> Walk:
    """Walk on to the end."""
    while walk.known and not walk.done:
        await _advance(seat, step, walk)
    return walk


async def named(seat: Seat, method: str) -> list[str] | None:
    """Return the names on all pages of a list, None where it gives an error."""
    walk = await _through(seat, Step("turn the page", method=method), Walk())
    return walk.names if walk.known else None


async def _advance(seat: Seat, step: Step, walk: Walk) -> None:
    cursor = walk.following
    names, following = await _page(seat, step, cursor)
    if names is None:
        walk.known, walk.following = False, None
        return
    walk.cursors.append(cursor)
    walk.pages.append(names)
    walk.following = following if leads_on(seat.peer.revision, following) else None
    if walk.following is not None and walk.following in walk.cursors:
        mismatch = Mismatch(f"a cursor of {step.method} that leads on", f"{brief(walk.following)} again")
        mismatch.breaks = "pagination.ends"
        raise mismatch


async def _page(seat: Seat, step: Step, cursor: str | None) -> tuple[list[str] | None, Any]:
    """Return the names on a page, None where there is no result, and its `nextCursor`."""
    params = None if cursor is None else {"cursor": cursor}
    message = seat.peer.message(step.method, params, id=seat.new_id())
    result = (await seat.peer.call(message)).result
    if not isinstance(result, dict):
        return None, None
    items = result.get(PAGINATED[step.method])
    member = IDENTIFIED_BY[step.method]
    found = [item.get(member) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return [str(name) for name in found], result.get("nextCursor")


async def _compare(play: Play, step: Step) -> None:
    """Compare all walks, each to its end, with the plain one. Raises `Mismatch`."""
    seat = await play.seats.take(step.on)
    walks: Walks = play.walks[_key(step)]
    if seat.ended or not walks.plain.known:
        return
    for walk in walks.walks.values():
        await _through(seat, step, walk)
    wrong = _wrong(step, walks)
    if wrong is None or _told_of_change(seat):
        return
    for number in _APART:
        fresh = await play.seats.take(number)
        if (await _through(fresh, step, Walk())).names != walks.plain.names:
            return
    raise wrong


_APART = (2, 3)
"""The numbers of conversations in which nothing is done but to walk plainly, once."""


def _wrong(step: Step, walks: Walks) -> Mismatch | None:
    """Return what was seen that differs from the plain walk."""
    for walk, place, names in walks.seconds:
        if names != walk.pages[place]:
            wanted = f"the same page of {step.method} for the same cursor: {brief(walk.pages[place])}"
            return _unstable(wanted, "an error" if names is None else brief(names))
    for walk in walks.walks.values():
        if not walk.known or walk.names != walks.plain.names:
            wanted = f"the items of {step.method} that a plain walk finds: {brief(walks.plain.names)}"
            return _unstable(wanted, brief(walk.names) if walk.known else f"an error after {brief(walk.names)}")
    return None


def _unstable(expected: str, actual: str) -> Mismatch:
    mismatch = Mismatch(expected, actual)
    mismatch.breaks = "pagination.stable"
    return mismatch


def _told_of_change(seat: Seat) -> bool:
    """Whether a list was said to have changed."""
    return any(entry.is_notification() and entry.value["method"].endswith("list_changed") for entry in seat.peer.heard)
