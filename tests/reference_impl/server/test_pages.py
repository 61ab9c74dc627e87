"""Health, capabilities and metrics over HTTP."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest
from prometheus_client import openmetrics
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from reference_impl.metrics import ServerMetrics
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.auth import BearerTokens
from reference_impl.server.http.exposition import ServerCollector, expose
from reference_impl.server.readiness import Readiness
from reference_impl.servers.everything import make_server

pytestmark = pytest.mark.anyio
OPENMETRICS = {"accept": "application/openmetrics-text; version=1.0.0"}
TOKENS = BearerTokens({"a-long-enough-token": "ann"})
BEARER = {"authorization": "Bearer a-long-enough-token"}


def values(families):
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.values())): sample.value for sample in samples}


async def test_metrics_are_what_prometheus_reads(web_of):
    metrics = ServerMetrics(clock=itertools.count(0).__next__)
    web = web_of(MCPApplication(make_server(metrics)))
    await web.modern("tools/call", {"name": "echo", "arguments": {"text": ""}})
    await web.modern("tools/call", {"name": "fail"})
    await web.modern("resources/read", {"uri": "test://static-text"})
    reply = await web.send("GET", path="/metrics")
    assert (reply.status, reply.headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert reply.headers["cache-control"] == "no-store"
    found = values(text_string_to_metric_families(reply.body.decode()))
    assert (
        found[
            "mcp_server_tool_calls_total",
            frozenset(
                (
                    "echo",
                    "success",
                )
            ),
        ]
        == 1
    )
    assert (
        found[
            "mcp_server_tool_calls_total",
            frozenset(
                (
                    "fail",
                    "failure",
                )
            ),
        ]
        == 1
    )
    assert (
        found[
            "mcp_server_tool_call_duration_seconds_bucket",
            frozenset(
                (
                    "echo",
                    "+Inf",
                )
            ),
        ]
        == 1
    )
    assert found["mcp_server_resource_read_duration_seconds_count", frozenset(("test://static-text",))] == 1
    assert (
        found[
            "mcp_server_errors_total",
            frozenset(
                (
                    "ToolError",
                    "fail",
                )
            ),
        ]
        == 1
    )
    assert (
        found[
            "mcp_server_info",
            frozenset(
                (
                    "everything",
                    "1.0.0",
                )
            ),
        ]
        == 1
    )
    assert found["mcp_server_sessions", frozenset()] == 0
    await web.close()


async def test_whoever_accepts_openmetrics_gets_it(web_of):
    web = web_of(MCPApplication(make_server(ServerMetrics())))
    await web.modern("tools/call", {"name": "echo", "arguments": {"text": ""}})
    reply = await web.send("GET", path="/metrics", headers=OPENMETRICS)
    assert reply.headers["content-type"].startswith(openmetrics.exposition.CONTENT_TYPE_LATEST.split(";")[0])
    found = values(openmetrics_parser.text_string_to_metric_families(reply.body.decode()))
    assert (
        found[
            "mcp_server_tool_calls_total",
            frozenset(
                (
                    "echo",
                    "success",
                )
            ),
        ]
        == 1
    )
    head = await web.send("HEAD", path="/metrics")
    assert (head.status, head.body) == (200, b"")
    assert (await web.send("POST", path="/metrics")).status == 405
    await web.close()


def test_durations_fall_into_buckets_that_add_up():
    metrics = ServerMetrics()
    for seconds in (0.0004, 0.0009, 0.2, 0.2, 100.0):
        metrics.record_tool_call('a "tool"\n', seconds, success=True)
    body, _ = expose([ServerCollector(metrics)], "")
    found = values(text_string_to_metric_families(body.decode()))
    bucket, bounds = "mcp_server_tool_call_duration_seconds_bucket", ("0.0005", "0.001", "0.1", "0.25", "60.0", "+Inf")
    assert [found[bucket, frozenset(('a "tool"\n', bound))] for bound in bounds] == [1, 2, 2, 4, 4, 5]
    assert found["mcp_server_tool_call_duration_seconds_sum", frozenset(('a "tool"\n',))] == pytest.approx(100.4013)


async def test_a_server_without_metrics_has_no_such_page(web):
    assert (await web.send("GET", path="/metrics")).status == 404


@pytest.mark.parametrize(("public", "status"), [(False, 401), (True, 200)])
async def test_metrics_of_a_protected_server_are_protected_unless_somebody_wants_otherwise(web_of, public, status):
    options = HttpOptions(public_metrics=public)
    web = web_of(MCPApplication(make_server(ServerMetrics()), options=options, authenticate=TOKENS))
    assert (await web.send("GET", path="/metrics")).status == status
    assert (await web.send("GET", path="/metrics", headers=BEARER)).status == 200
    assert (await web.send("GET", path="/capabilities")).status == 401
    await web.close()


async def test_a_stranger_page_sees_no_metrics(web_of):
    web = web_of(MCPApplication(make_server(ServerMetrics())))
    assert (await web.send("GET", path="/metrics", headers={"origin": "http://evil.example"})).status == 403
    await web.close()


class Database:
    """Is there, or is not, or does not answer."""

    def __init__(self):
        self.state = True
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        if self.state == "hangs":
            await asyncio.Event().wait()
        if self.state == "down":
            raise ConnectionError("postgresql://me:secret@host/db")
        return self.state


@pytest.mark.parametrize(("state", "status"), [(True, 200), (None, 200), (False, 503), ("down", 503), ("hangs", 503)])
async def test_health_says_whether_what_it_depends_on_is_there(web_of, empty_server, state, status):
    database = Database()
    database.state = state
    empty_server.readiness = Readiness(timeout=0.01)
    empty_server.readiness.add("database", database)
    web = web_of(MCPApplication(empty_server))
    reply = await web.send("GET", path="/health")
    assert (reply.status, reply.json["status"]) == (status, "ok" if status == 200 else "unready")
    assert reply.json["checks"] == {"database": "ok" if status == 200 else "failed"}
    assert b"secret" not in reply.body
    assert (await web.send("GET", path="/health/live")).status == 200
    await web.close()


async def test_a_protected_server_tells_everybody_no_more_than_that(web_of, empty_server):
    database = Database()
    database.state = False
    empty_server.readiness.add("database", database)
    web = web_of(MCPApplication(empty_server, authenticate=TOKENS))
    reply = await web.send("GET", path="/health")
    assert (reply.status, reply.json) == (503, {"status": "unready"})
    await web.close()


async def test_whoever_asks_in_a_hurry_asks_the_probe_only_once():
    database, now = Database(), [0.0]
    readiness = Readiness(clock=lambda: now[0])
    readiness.add("database", database)
    await asyncio.gather(*(readiness.checks() for _ in range(10)))
    await readiness.checks()
    assert database.asked == 1
    now[0] = 1.0
    database.state = False
    assert await readiness.checks() == {"database": False}
    readiness.remove("database")
    assert await readiness.checks() == {}


async def test_what_stays_away_is_logged_once(caplog):
    database, now = Database(), [0.0]
    database.state = "down"
    readiness = Readiness(clock=lambda: now[0])
    readiness.add("database", database)
    for _ in range(3):
        await readiness.checks()
        now[0] += 1
    assert (database.asked, len(caplog.records)) == (3, 1)


async def test_a_lifespan_may_declare_what_it_depends_on(web_of):
    database = Database()

    @asynccontextmanager
    async def lifespan():
        server.readiness.add("database", database)
        yield

    server = AdvancedMCPServer("s", lifespan=lifespan)
    web = web_of(MCPApplication(server))
    assert (await web.send("GET", path="/health")).json["checks"] == {"database": "ok"}
    await web.close()


async def test_a_server_is_not_healthy_while_it_starts_or_stops(web_of):
    begun, go = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def lifespan():
        begun.set()
        await go.wait()
        yield

    application = MCPApplication(AdvancedMCPServer("s", lifespan=lifespan))
    web = web_of(application)
    first = asyncio.ensure_future(web.modern("server/discover"))
    await begun.wait()
    reply = await web.send("GET", path="/health")
    assert (reply.status, reply.json["status"]) == (503, "starting")
    go.set()
    assert (await first).status == 200
    assert (await web.send("GET", path="/health")).status == 200
    application.close()
    reply = await web.send("GET", path="/health")
    assert (reply.status, reply.json["status"]) == (503, "stopping")
    await web.close()
