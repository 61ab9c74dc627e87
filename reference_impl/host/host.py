"""The AI application: several servers, a request, a plan, its steps, an answer.

async with Host(read_configuration("mcp.json")) as host:
    await host.initialize_system()
    print((await host.execute_ai_request("show the last 3 commits")).answer)
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from reference_impl.client import AdvancedMCPClient, ClientError, ManagerOptions, ServerConfig
from reference_impl.client.manager import PermissionGate
from reference_impl.client.settings import JsonObject
from reference_impl.host.configuration import HostConfiguration
from reference_impl.host.errors import HostError
from reference_impl.host.matching import MatchingPlanner
from reference_impl.host.plan import Plan, Step, argument_fault
from reference_impl.host.planner import Assignment, Planner
from reference_impl.host.questions import Questions
from reference_impl.host.running import Outcome, run_plan
from reference_impl.metrics import ServerMetrics
from reference_impl.security.permissions import PermissionManager
from reference_impl.security.policy import Policy, Rule

__all__ = ["Execution", "Host", "HostOptions"]

_READING = Policy(
    (
        Rule(action="allow", operation="tools/call", resource="*"),
        Rule(action="allow", operation="resources/read", resource="*"),
    ),
    "deny",
)
"""Allows whatever is not sensitive: who wants more says so."""


async def _run_it(_: Plan) -> bool:
    """Approve every plan: each step is asked for by itself, where there is a gate."""
    return True


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How a host goes about it.

    `approve` sees each plan before any of it runs, and says whether it may. `told` hears of each step as it ends.
    """

    questions: Questions = field(default_factory=Questions)
    client: ManagerOptions = field(default_factory=ManagerOptions)
    approve: Callable[[Plan], Awaitable[bool]] = _run_it
    told: Callable[[Outcome], None] = lambda _: None
    max_retries: int = 3


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of a request: its plans in turn, the outcome of every step, the answer, and how long it all took.

    `approved` is False where a plan was not; its steps were not carried out then.
    """

    request: str
    plans: tuple[Plan, ...]
    outcomes: tuple[Outcome, ...]
    answer: str
    seconds: float
    approved: bool = True

    @property
    def succeeded(self) -> bool:
        """Whether every step did what it was to do."""
        return self.approved and all(outcome.status == "succeeded" for outcome in self.outcomes)

    def summary(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "request": self.request,
            "answer": self.answer,
            "succeeded": self.succeeded,
            "approved": self.approved,
            "seconds": round(self.seconds, 4),
            "steps": [outcome.summary() for outcome in self.outcomes],
        }


class Host:
    """Several servers and a planner; open for the length of an `async with` block, which stops the servers.

    `gate` decides on every call (`PermissionManager`); without one, tools that say that they only read are called, and
    no others.
    """

    def __init__(
        self,
        configuration: HostConfiguration,
        planner: Planner | None = None,
        gate: PermissionGate | None = None,
        options: HostOptions | None = None,
        metrics: ServerMetrics | None = None,
    ) -> None:
        self.options = options or HostOptions()
        self.planner: Planner = planner or MatchingPlanner()
        self.gate: PermissionGate = gate or PermissionManager(_READING)
        self.client = AdvancedMCPClient(self.gate, metrics, self.options.client)
        self.failures: dict[str, str] = {}
        """The servers that could not be started, and why."""
        self._configuration = configuration

    async def __aenter__(self) -> Host:
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> bool | None:
        return await self.client.__aexit__(*exception)

    async def initialize_system(self) -> dict[str, list[JsonObject]]:
        """Connect to all servers at once; return the tools of each that is there, in the order of the file.

        One that cannot be started stands in `failures` and stops no other. Raises `HostError` if none can.
        """
        self.failures.clear()
        async with anyio.create_task_group() as tasks:
            for server in self._configuration.servers:
                if server.name not in self.client.sessions:
                    tasks.start_soon(self._connect, server)
        there = [server.name for server in self._configuration.servers if server.name in self.client.sessions]
        if not there:
            said = "; ".join(f"{name}: {why}" for name, why in self.failures.items())
            raise HostError(f"no server could be started: {said}")
        return {name: [tool.definition for tool in self.client.tool_registry.of(name)] for name in there}

    async def _connect(self, server: ServerConfig) -> None:
        handlers = self.options.questions.handlers(server.name)
        try:
            await self.client.connect_server(replace(server, settings=replace(server.settings, handlers=handlers)))
        except ClientError as error:
            self.failures[server.name] = str(error)

    async def analyze_request(self, user_request: str) -> Plan:
        """Return what would be done first, and do nothing. Raises `HostError`."""
        plan = await self.planner.plan(Assignment(user_request, self.client.tool_registry))
        plan.check(self.client.tool_registry)
        return plan

    async def execute_ai_request(self, user_request: str, planner: Planner | None = None) -> Execution:
        """Plan, carry out, and plan again as long as the planner wants to; return the answer.

        Nothing of a plan runs before all of it was found possible and approved. A step that fails is told of in the
        outcomes. Raises `HostError` if there is no plan, or none that can be carried out.
        """
        planner = planner or self.planner
        began = time.perf_counter()
        assignment = Assignment(user_request, self.client.tool_registry)
        plans: list[Plan] = []
        for _ in range(planner.rounds):
            plan = await planner.plan(assignment)
            if not plan.steps:
                break
            plan.check(self.client.tool_registry)
            plans.append(plan)
            if not await self.options.approve(plan):
                refused = [Outcome(step, "denied", error="the plan was not approved") for step in plan.steps]
                outcomes = (*assignment.outcomes, *refused)
                seconds = time.perf_counter() - began
                return Execution(user_request, tuple(plans), outcomes, "Nothing was done.", seconds, approved=False)
            assignment.outcomes += await run_plan(plan, self._call, self.options.told)
        answer = await planner.answer(assignment)
        return Execution(user_request, tuple(plans), tuple(assignment.outcomes), answer, time.perf_counter() - began)

    async def synthesize_response(self, results: Sequence[Outcome], user_request: str) -> str:
        """Return the answer to a request from what became of steps, whoever planned them. Raises `HostError`."""
        return await self.planner.answer(Assignment(user_request, self.client.tool_registry, list(results)))

    async def _call(self, step: Step, arguments: JsonObject) -> JsonObject:
        tool = self.client.tool_registry.find(step.server, step.tool)
        fault = argument_fault(tool, arguments) if tool is not None else None
        if fault is not None:
            raise HostError(f"{step.server}/{step.tool}: {fault}")
        return await self.client.call_tool_with_retry(step.server, step.tool, arguments, self.options.max_retries)
