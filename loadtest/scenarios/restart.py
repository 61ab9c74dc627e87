"""The target is killed and started again in the middle of the run: how long until everybody is served again?

Errors in the gap are counted like all others. Over stdio each user has a process, kills it and starts it again, as a
host would; at a URL the server that `--start` started is killed. A client whose session is gone learns that by 404 and
begins a new one (`basic/transports#session-management`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import psutil

from loadtest.found import Found, holds_of
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes
from loadtest.scenarios.steady import chosen
from loadtest.serving import Served
from loadtest.workload import Workload
from reports.records import LoadJudgement

if TYPE_CHECKING:
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["RESTART"]

_AFTER = 1.0
"""Seconds of the measurement before the target is killed: long enough to see that it worked."""
_PAUSE = 0.01


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    if offer.transport != "stdio" and offer.serving is None:
        raise Unavailable("what listens at a URL is not ours to kill; give what serves it with --start, or a command")
    serving = {} if offer.serving is None else {"serving": offer.serving.parameters()}
    return Workload(
        name="restart", operations=chosen(offer, wishes), scenario="restart", parameters={"after": _AFTER, **serving}
    )


def _turn(visitor: Visitor) -> Sample:
    """Ask; kill and start again when it is time; notice when this user is served again."""
    if visitor.elapsed() >= visitor.parameters["after"]:
        _see_to_it(visitor)
    time.sleep(_PAUSE)
    sample = visitor.ask()
    killed = visitor.memory.get("killed", visitor.shared.get("killed"))
    if killed is None or sample.sent < killed or "back" in visitor.memory:
        return sample
    if sample.failure is None:
        visitor.memory["back"] = sample.done
        errors = float(visitor.memory.get("errors", 0))
        visitor.remark("back", {"user": visitor.number, "seconds": sample.done - killed, "errors": errors})
        return sample
    if "errors" not in visitor.memory:
        visitor.remark("gone", {"user": visitor.number}, f"{sample.failure.error_class} {sample.failure.code}")
    visitor.memory["errors"] = visitor.memory.get("errors", 0) + 1
    return sample


def _see_to_it(visitor: Visitor) -> None:
    """Kill the target, once; over stdio also start another in the place of the one that was found gone."""
    if "serving" not in visitor.parameters:
        if "killed" not in visitor.memory:
            _kill_own(visitor)
        elif "errors" in visitor.memory and "back" not in visitor.memory:
            visitor.renew()
    elif visitor.number == 0 and "killed" not in visitor.shared:
        served = Served(visitor.parameters["serving"])
        visitor.shared["killed"] = time.perf_counter()
        served.kill()
        listens = served.start()
        took = time.perf_counter() - visitor.shared["killed"]
        visitor.remark("restarted", {"seconds": took, "listens": float(listens)})


def _kill_own(visitor: Visitor) -> None:
    """Kill this user's own process; the call after that finds it gone, and the one after starts another."""
    pid: int | None = getattr(visitor.conversation, "pid", None)
    visitor.memory["killed"] = time.perf_counter()
    if pid is not None:
        psutil.Process(pid).kill()


def _judge(found: Found) -> Iterable[LoadJudgement]:
    back = {remark.numbers["user"]: remark.numbers for remark in found.of_kind("back")}
    gone = {remark.numbers["user"]: remark.text for remark in found.of_kind("gone")}
    restarted = next((remark.numbers for remark in found.of_kind("restarted")), None)
    lost = sorted(gone.keys() - back.keys())
    name = "everybody is served again after a restart"
    listens = f"; it listened again after {restarted['seconds']:.2f} s" if restarted is not None else ""
    errors = sum(each["errors"] for each in back.values())
    slowest = max((each["seconds"] for each in back.values()), default=None)
    if restarted is not None and not restarted["listens"]:
        yield LoadJudgement(name=name, holds=False, explanation="the target could not be started again")
        return
    if lost:
        said = f"{len(lost)} of {len(lost) + len(back)} users were never served again ({gone[lost[0]]}){listens}"
    elif slowest is not None:
        said = f"{len(back)} users were served again after {slowest:.2f} s at most, {errors:,.0f} errors later{listens}"
    else:
        said = "the run ended before the target was killed and asked again: a longer --duration"
    yield LoadJudgement(
        name=name,
        holds=holds_of(len(lost), len(back)),
        explanation=said,
        measured=None if lost or slowest is None else round(slowest, 3),
        unit="s",
    )


RESTART = Scenario(
    "restart",
    "the target is killed and started again: errors in the gap, and how long until everybody is served",
    _workload,
    _turn,
    needs="a command, or --start",
    rests=True,
    judge=_judge,
    alone=True,
)
