"""Turns of scenarios, played one after the other as the Locust process would: plans on standard input, JSON out.

Each line is a plan; the model says how many users there are, and the seed how many turns each of them takes. gevent
lives here and nowhere in the process of the tests.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 - before anything opens a socket
import sys  # noqa: E402 - after the patch
from typing import Any  # noqa: E402 - after the patch

import gevent  # noqa: E402 - after the patch

from loadtest.locustfile import user_class  # noqa: E402 - after the patch
from loadtest.recorder import Recorder  # noqa: E402 - after the patch
from loadtest.scenarios import scenario_named  # noqa: E402 - after the patch
from loadtest.traffic import Traffic  # noqa: E402 - after the patch
from loadtest.visitor import Visitor  # noqa: E402 - after the patch
from loadtest.workload import LoadPlan, decode_plan  # noqa: E402 - after the patch
from reference_impl.protocol.revisions import LATEST, revision_named  # noqa: E402 - after the patch


def play(plan: LoadPlan) -> dict[str, Any]:
    scenario, recorder = scenario_named(plan.workload.scenario), Recorder()
    traffic = Traffic(plan.workload.operations, revision_named(plan.revision) or LATEST, recorder)
    facts = {"revision": plan.revision, "timeout": plan.timeout, "traffic": traffic, "scenario": scenario}
    kind = user_class(plan.target, **facts, parameters=plan.workload.parameters)
    visitors = [
        Visitor(traffic, kind.converse, scenario.turn, plan.workload.parameters) for _ in range(plan.model.users)
    ]
    gevent.joinall([gevent.spawn(take_turns, visitor, plan.seed) for visitor in visitors], raise_error=True)
    kind.farewell()
    state = recorder.state()
    return {
        "operations": {name: [each.total, each.failed] for name, each in state.operations.items()},
        "errors": {f"{row.operation}: {row.code}": f"{row.count} {row.example}" for row in state.errors},
        "progress": [name for name, each in state.operations.items() if "first progress" in each.phases],
        "opened": 0 if state.opening is None else state.opening.total,
        "in flight": traffic.in_flight,
    }


def take_turns(visitor: Visitor, turns: int) -> None:
    for _ in range(turns):
        visitor.visit()
    visitor.end()


if __name__ == "__main__":
    for line in sys.stdin.buffer:
        sys.stdout.write(json.dumps(play(decode_plan(line))) + "\n")
        sys.stdout.flush()
