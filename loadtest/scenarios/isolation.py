"""Nobody gets another's answer, although many conversations use the same request ids at the same time.

Each call carries a number that no other has, sizes vary so that answers overtake each other, and every answer is looked
through for numbers of others.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from loadtest.found import Found, holds_of
from loadtest.sample import Failure
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes, with_argument
from loadtest.wire import FIRST_MARKER
from loadtest.workload import MARKER, Workload
from reference_impl.metrics import ErrorClass
from reports.records import LoadJudgement, WireEntry, excerpt

if TYPE_CHECKING:
    from loadtest.exchange import Exchange, Underway
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor
    from loadtest.wire import Template

__all__ = ["ISOLATION"]

_SIZES = {"20 B": 0, "2 KiB": 2_000, "60 KiB": 60_000}
_AT_ONCE = 4
"""Calls that one conversation has under way."""
_REMEMBERED = 20_000
"""Calls that are known by their number: far more than are under way, and an answer may come late."""
_SHOWN = 200
_FOREIGN = "foreign-answer"
_NUMBERS = re.compile(rb"\d{10,}")


class _Sent(NamedTuple):
    """A call as it was sent: by which conversation, with which request id and body, at which second of the run."""

    conversation: int
    request_id: int
    body: bytes
    at: float


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    del wishes
    if offer.echo is None:
        raise Unavailable(
            "no tool that may be called repeats a text argument (text, message, input), which would tell whose answer "
            "is whose; --allow NAME lets one be called"
        )
    echo = offer.echo
    operations = (
        msgspec.structs.replace(with_argument(echo, f"{MARKER}{'.' * size} {MARKER}"), name=f"echo {name}")
        for name, size in _SIZES.items()
    )
    return Workload(name="isolation", operations=tuple(operations), scenario="isolation")


def _turn(visitor: Visitor) -> Sample:
    """Have several calls under way at once, and look through each answer."""
    if not visitor.conversation.is_open and visitor.open() is not None:
        return visitor.ask()
    due: float | None = visitor.due()
    begun = [_begin(visitor, visitor.traffic.next_template()) for _ in range(_AT_ONCE)]
    for template, marker, call in begun:
        exchange = _verified(visitor, marker, call.finish())
        sample = visitor.record(template.name, exchange, due)
        due = None
    return sample


def _begin(visitor: Visitor, template: Template) -> tuple[Template, int, Underway]:
    marker = visitor.marker()
    call = visitor.conversation.begin(template, marker)
    sent: OrderedDict[int, _Sent] = visitor.shared.setdefault("sent", OrderedDict())
    body = template.body(call.request_id, marker)[:_SHOWN]
    sent[marker] = _Sent(visitor.number, call.request_id, body, visitor.elapsed())
    if len(sent) > _REMEMBERED:
        sent.popitem(last=False)
    return template, marker, call


def _verified(visitor: Visitor, marker: int, exchange: Exchange) -> Exchange:
    """Return the exchange, as a failure where its answer holds the number of another's call, and keep the proof."""
    message = exchange.message
    data = message.encode() if isinstance(message, str) else message or b""
    sent: OrderedDict[int, _Sent] = visitor.shared["sent"]
    numbers = {int(digits) for digits in _NUMBERS.findall(data)} - {marker}
    foreign = [sent[number] for number in sorted(numbers) if number >= FIRST_MARKER and number in sent]
    if foreign and marker in sent:
        proof = tuple(_proof(visitor, sent[marker], data, foreign[0]))
        visitor.remark(_FOREIGN, {"asked": float(marker)}, proof[1].note, proof)
        return exchange._replace(failure=Failure(ErrorClass.JSON_RPC, _FOREIGN, proof[1].note))
    return exchange


def _proof(visitor: Visitor, asked: _Sent, answer: bytes, other: _Sent) -> Iterable[WireEntry]:
    """What the one asked, what it was answered, and what the other had asked."""
    who, whose = (f"conversation {each.conversation}, id {each.request_id}" for each in (asked, other))
    yield _entry(asked.at, "sent", asked.body, who)
    yield _entry(visitor.elapsed(), "received", answer, f"{who}: holds the text of {whose}")
    yield _entry(other.at, "sent", other.body, whose)


def _entry(at: float, direction: str, data: bytes, note: str) -> WireEntry:
    text, truncated = excerpt(data.decode("utf-8", "backslashreplace"), _SHOWN)
    return WireEntry(at=round(max(at, 0.0), 4), direction=direction, text=text, truncated=truncated, note=note)  # type: ignore[arg-type] # one of the two that there are


def _judge(found: Found) -> Iterable[LoadJudgement]:
    remarks = found.of_kind(_FOREIGN)
    wrong = max(found.failed(_FOREIGN), len(remarks))
    answered = sum(counts.ok for counts in found.counts.values()) + wrong
    first = remarks[0] if remarks else None
    if wrong:
        said = f"{wrong:,} of {answered:,} answers were another's" + (f": {first.text}" if first else "")
    elif answered:
        said = f"{answered:,} answers were looked through, and each was its asker's own"
    else:
        said = "no call was answered"
    yield LoadJudgement(
        name="nobody gets another's answer",
        holds=holds_of(wrong, answered),
        explanation=said,
        measured=float(wrong),
        limit=0.0,
        unit="answers",
        evidence=first.evidence if first else (),
    )


ISOLATION = Scenario(
    "isolation",
    "equal request ids, a number in each call, every answer looked through: nobody gets another's",
    _workload,
    _turn,
    needs="a tool that repeats its text",
    judge=_judge,
)
