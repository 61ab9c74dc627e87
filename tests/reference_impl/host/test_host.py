"""The host as a whole: servers, requests, what is approved and who is asked."""

import sys

import anyio
import pytest

from reference_impl.client import ServerConfig, StdioCommand
from reference_impl.host import (
    FixedPlanner,
    Host,
    HostConfiguration,
    HostError,
    HostOptions,
    Plan,
    PlanError,
    Questions,
    Step,
)
from reference_impl.protocol.revisions import REVISIONS
from reference_impl.security.permissions import PermissionManager
from reference_impl.security.policy import Policy, Rule
from reference_impl.servers.everything import make_server
from tests.reference_impl.client.manager_servers import AT_ONCE, QUICK, house, text_of

pytestmark = pytest.mark.anyio

BROKEN = ServerConfig("broken", StdioCommand(("no-such-server",)))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def configuration():
    async with house(make_server()) as served:
        yield HostConfiguration((ServerConfig("one", served.door, QUICK), ServerConfig("two", served.door, QUICK)))


def planned(*steps: Step) -> FixedPlanner:
    return FixedPlanner(Plan(steps))


async def test_all_servers_are_started_and_one_that_cannot_be_stops_no_other(configuration):
    configuration = HostConfiguration((BROKEN, *configuration.servers))
    async with Host(configuration) as host:
        tools = await host.initialize_system()
        assert list(tools) == ["one", "two"]
        assert "echo" in {tool["name"] for tool in tools["one"]}
        assert host.failures == {"broken": "no-such-server: no such program"}
        execution = await host.execute_ai_request('echo "hello"')
        assert execution.answer == "hello"


async def test_without_any_server_there_is_no_host():
    async with Host(HostConfiguration((BROKEN,))) as host:
        with pytest.raises(HostError, match="no server could be started: broken: no-such-server: no such program"):
            await host.initialize_system()


async def test_results_of_one_server_reach_another(configuration):
    async with Host(configuration) as host:
        await host.initialize_system()
        first = Step("sum", "one", "add", {"a": 1, "b": 2})
        template = {"$from": "sum", "path": "/structuredContent/sum", "template": "The sum is {}."}
        execution = await host.execute_ai_request("", planned(Step("told", "two", "echo", {"text": template}), first))
        assert execution.succeeded
        assert execution.answer == "The sum is 3."
        assert execution.summary()["steps"][0]["arguments"] == {"text": "The sum is 3."}


async def test_nothing_runs_of_a_plan_that_cannot_be_carried_out(configuration):
    async with Host(configuration) as host:
        await host.initialize_system()
        with pytest.raises(PlanError, match="step b: server 'two': there is no tool 'nothing'"):
            await host.execute_ai_request(
                "", planned(Step("a", "one", "echo", {"text": "x"}), Step("b", "two", "nothing", {}))
            )
        assert host.client.metrics.tool_calls == {}


async def test_arguments_are_judged_once_more_when_they_are_known(configuration):
    async with Host(configuration) as host:
        await host.initialize_system()
        steps = Step("a", "one", "echo", {"text": "x"}), Step("b", "one", "add", {"a": {"$from": "a"}, "b": 1})
        execution = await host.execute_ai_request("", planned(*steps))
        assert execution.outcomes[1].error.startswith('one/add: a: "x" is not of type')
        assert not execution.succeeded


async def test_a_plan_that_is_not_approved_is_not_carried_out(configuration):
    async def no(plan: Plan) -> bool:
        return False

    async with Host(configuration, options=HostOptions(approve=no)) as host:
        await host.initialize_system()
        execution = await host.execute_ai_request('echo "x"')
        assert (execution.approved, execution.outcomes[0].status, execution.answer) == (
            False,
            "denied",
            "Nothing was done.",
        )
        assert host.client.metrics.tool_calls == {}


async def test_a_request_can_be_analysed_without_doing_anything(configuration):
    async with Host(configuration) as host:
        await host.initialize_system()
        plan = await host.analyze_request('echo "x" with the server one')
        assert (plan.steps[0].tool, plan.steps[0].arguments) == ("echo", {"text": "x"})
        assert host.client.metrics.tool_calls == {}


async def test_the_policy_decides_and_the_audit_log_knows(configuration):
    policy = Policy((Rule(action="allow", operation="tools/call", resource="one/*"),), "deny")
    gate = PermissionManager(policy)
    async with Host(configuration, gate=gate) as host:
        await host.initialize_system()
        steps = [Step(name, name, "echo", {"text": name}) for name in ("one", "two")]
        execution = await host.execute_ai_request("", planned(*steps))
        assert [outcome.status for outcome in execution.outcomes] == ["succeeded", "denied"]
        assert {(entry["resource"], entry["granted"]) for entry in gate.get_audit_log()} == {
            ("one/echo", True),
            ("two/echo", False),
        }


async def test_without_a_gate_only_what_reads_is_done(configuration):
    async with Host(configuration) as host:
        await host.initialize_system()
        steps = Step("a", "one", "echo", {"text": "x"}), Step("b", "one", "touch_resource")
        execution = await host.execute_ai_request("", planned(*steps))
        assert [outcome.status for outcome in execution.outcomes] == ["succeeded", "denied"]


# Questions ----------------------------------------------------------------------------------


class Parrot:
    async def sample(self, params):
        said = params["messages"][0]["content"]
        return {"role": "assistant", "model": "parrot", "content": said, "stopReason": "endTurn"}


async def elicit(server, params):
    return {"action": "accept", "content": {"name": f"Ada of {server}"}}


@pytest.mark.parametrize("revisions", [REVISIONS, REVISIONS[:-1]], ids=["modern", "legacy"])
async def test_servers_are_answered_through_the_host_with_consent(revisions):
    settings = type(QUICK)(revisions=revisions, stop_grace=0.5)
    gate = PermissionManager(ask=lambda inquiry: inquiry.operation != "sampling/createMessage" or allowed)
    questions = Questions(gate, Parrot(), elicit)
    async with house(make_server()) as served:
        configuration = HostConfiguration((ServerConfig("one", served.door, settings),))
        async with Host(configuration, gate=gate, options=HostOptions(questions=questions, client=AT_ONCE)) as host:
            await host.initialize_system()
            allowed = True
            assert "Ada of one" in text_of(await host.client.call_tool("ask"))
            assert "Polly" in text_of(await host.client.call_tool("sample", {"prompt": "Polly"}))
            allowed = False
            plan = planned(Step("a", "one", "sample", {"prompt": "Polly"}))
            execution = await host.execute_ai_request("", plan)
            assert "does not want a model to be asked" in execution.outcomes[0].error


async def test_what_nobody_answers_is_not_declared(configuration):
    async with Host(configuration) as host:
        await host.initialize_system()
        execution = await host.execute_ai_request("", planned(Step("a", "one", "sample", {"prompt": "x"})))
        assert execution.outcomes[0].status == "failed"


async def test_leaving_early_stops_the_servers_in_order():
    command = StdioCommand((sys.executable, "-m", "reference_impl.servers.everything"))
    with anyio.fail_after(20), anyio.CancelScope() as scope:
        async with Host(HostConfiguration((ServerConfig("one", command, QUICK),))) as host:
            await host.initialize_system()
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
