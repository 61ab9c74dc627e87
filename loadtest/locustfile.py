"""A plan, carried out by Locust: the users of its target, an environment for them, and one phase of a run.

`locust -f` takes this file as well: with the plan's JSON in the file that `TOUCHSTONE_LOAD_PLAN` names, `PlannedUser`
is the user of its target, paced by Locust's own options (`--users`, `--processes`, `--master`, `--worker`).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gevent.event import Event
from locust import constant
from locust.env import Environment
from locust.exception import RPCError

from loadtest.scenarios import scenario_named
from loadtest.users import McpHttpUser, McpSseUser, McpStdioUser, McpUser, McpWebSocketUser
from loadtest.workload import ClosedModel, HttpTarget, SseTarget, StdioTarget, Target, WebSocketTarget, decode_plan

__all__ = ["PLAN_VARIABLE", "master_runner", "run_users", "user_class", "worker_runner"]

PLAN_VARIABLE = "TOUCHSTONE_LOAD_PLAN"
_POLL_SECONDS = 0.1
_USERS: dict[type[Target], type[McpUser]] = {
    HttpTarget: McpHttpUser,
    SseTarget: McpSseUser,
    WebSocketTarget: McpWebSocketUser,
}


def user_class(target: Target, **attributes: Any) -> type[McpUser]:
    """Return the Locust user of a target; `attributes` are those of `McpUser`."""
    if isinstance(target, StdioTarget):
        base: type[McpUser] = McpStdioUser
        attributes |= {"target": target}
    else:
        base = _USERS[type(target)]
        attributes |= {"host": target.url, "headers": target.headers}
    return type("PlannedUser", (base,), {"abstract": False, "__module__": __name__, **attributes})


def run_users(
    kind: type[McpUser], count: int, deadline: float, stop: Event, settle: Callable[[], None] = lambda: None
) -> bool:
    """Let `count` users work until their pace ends, `deadline` seconds pass or `stop` is set; return whether it ended.

    `settle` is called before users are ended in the middle of their work. Raises whatever a user raised: a target
    cannot make it raise, so that is a fault of ours.
    """
    environment = Environment(user_classes=[kind], catch_exceptions=False)
    faults: list[Exception] = []
    user_error: Any = environment.events.user_error
    user_error.add_listener(lambda exception, **_: faults.append(exception))
    runner = environment.create_local_runner()
    runner.start(count, spawn_rate=count)
    assert runner.spawning_greenlet is not None
    runner.spawning_greenlet.join(timeout=deadline)
    latest = time.monotonic() + deadline
    ended = False
    while not (ended or stop.is_set() or faults) and time.monotonic() < latest:
        ended = runner.user_greenlets.join(timeout=_POLL_SECONDS)
    if not (ended or faults):
        settle()
    runner.quit()
    if faults:
        raise faults[0]
    return ended


def master_runner(host: str, port: int) -> Any:
    """Return Locust's master, listening. Raises `OSError` where it cannot."""
    try:
        return Environment().create_master_runner(host, port)
    except (RPCError, SystemExit) as problem:  # it exits where the port is taken
        said = "the port is taken" if isinstance(problem, SystemExit) else str(problem)
        raise OSError(f"{host}:{port}: {said}") from None


def worker_runner(host: str, port: int) -> Any:
    """Return Locust's worker, connected; that takes until the master is there. Raises `ConnectionError` in the end."""
    # Locust would tell of each of its attempts.
    logging.getLogger("locust").setLevel(logging.ERROR)
    return Environment().create_worker_runner(host, port)


def _planned() -> type[McpUser]:
    plan = decode_plan(Path(os.environ[PLAN_VARIABLE]).read_bytes())
    think = plan.model.think if isinstance(plan.model, ClosedModel) else 0.0
    return user_class(
        plan.target,
        revision=plan.revision,
        timeout=plan.timeout,
        operations=plan.workload.operations,
        scenario=scenario_named(plan.workload.scenario),
        parameters=plan.workload.parameters,
        wait_time=constant(think),
    )


if PLAN_VARIABLE in os.environ:
    PlannedUser = _planned()
