"""Attempts, pauses, the circuit and the bound on calls, with time that passes only by waiting."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from reference_impl.server import ToolError
from reference_impl.servers.gateway.breaker import Breaker, CircuitOpenError
from reference_impl.servers.gateway.exchange import ExchangeError, Reply, UpstreamRequest
from reference_impl.servers.gateway.settings import Limits
from reference_impl.servers.gateway.upstream import Upstream, retry_after
from tests.reference_impl.servers.gateway.world import Waiting

pytestmark = pytest.mark.anyio
FINE = Reply(200, "OK", {}, b"")


@pytest.fixture
def anyio_backend():
    return "asyncio"


def status(number, **headers):
    return Reply(number, "", {name.replace("_", "-"): value for name, value in headers.items()}, b"")


UNSENT = ExchangeError("cannot be reached", sent=False)
LOST = ExchangeError("broke off", sent=True)


class Script:
    """Stands in for the connections: gives or raises one outcome after the other."""

    def __init__(self, *outcomes):
        self.left = list(outcomes)
        self.sent = 0

    async def send(self, _request, _watch=None):
        self.sent += 1
        outcome = self.left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def made(*outcomes, **limits):
    waiting, script = Waiting(), Script(*outcomes)
    upstream = Upstream(Limits(**limits), waiting.pace)
    upstream.opened(script)
    return upstream, script, waiting


async def call(upstream, method="GET", tell=lambda _: None):
    request = UpstreamRequest(method, "http://o/a", "http://o", f"{method} /a")
    return await upstream.call(request, upstream.deadline(), tell)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("failure", [LOST, UNSENT, status(502), status(503), status(504), status(429), status(408)])
async def test_what_may_be_repeated_is(method, failure):
    told = []
    upstream, script, waiting = made(failure, failure, FINE)
    answer = await call(upstream, method, told.append)
    assert (answer.reply, answer.attempts, script.sent) == (FINE, 3, 3)
    assert waiting.slept == [0.4, 0.8]
    assert told == ["Attempt 1 failed; the next is in 0.4 s", "Attempt 2 failed; the next is in 0.8 s"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_may_not_be_repeated_is_sent_once(method):
    upstream, script, _ = made(LOST)
    with pytest.raises(ToolError, match="broke off; whether it was carried out is not known"):
        await call(upstream, method)
    upstream, script, _ = made(status(503))
    assert (await call(upstream, method)).reply.status == 503
    assert script.sent == 1


async def test_what_never_left_may_be_sent_again_whatever_it_is():
    upstream, script, _ = made(UNSENT, UNSENT, FINE)
    assert (await call(upstream, "POST")).attempts == 3
    upstream, script, _ = made(UNSENT, UNSENT, UNSENT)
    with pytest.raises(ToolError) as refused:
        await call(upstream, "POST")
    assert "not known" not in str(refused.value)
    assert script.sent == 3


@pytest.mark.parametrize("number", [200, 204, 400, 401, 403, 404, 409, 500, 501])
async def test_other_answers_count_at_once(number):
    upstream, script, _ = made(status(number))
    assert (await call(upstream)).reply.status == number
    assert script.sent == 1


async def test_retry_after_is_obeyed_within_the_deadline():
    upstream, script, waiting = made(status(429, retry_after="7"), FINE)
    assert (await call(upstream)).attempts == 2
    assert waiting.slept == [7.0]
    upstream, script, waiting = made(status(429, retry_after="31"))
    assert (await call(upstream)).reply.status == 429
    assert (waiting.slept, script.sent) == ([], 1)


def test_retry_after_is_a_number_or_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90 < (retry_after(status(503, retry_after=later)) or 0) <= 100
    assert retry_after(status(503, retry_after="Mon, 01 Jan 2001 00:00:00 GMT")) == 0
    odd_zone = f"Mon, 01 Jan 2001 00:00:00 +{'9' * 14}"
    for value in ("", "soon", "-1", "1.5", "9" * 400 + "x", "٣", odd_zone):
        assert retry_after(status(503, retry_after=value)) is None
    assert retry_after(status(503, retry_after="9" * 400)) == 999_999_999


# The circuit ----------------------------------------------------------------------------------------


def test_the_circuit_opens_rests_and_is_tried_with_one():
    waiting = Waiting()
    breaker = Breaker(2, 10, waiting.pace.now)
    for _ in range(2):
        breaker.failed(trial=breaker.enter())
    assert breaker.state == "open"
    with pytest.raises(CircuitOpenError, match=r"try again in 10.0 s"):
        breaker.enter()
    waiting.time += 10
    assert breaker.state == "half-open"
    trial = breaker.enter()
    with pytest.raises(CircuitOpenError):
        breaker.enter()  # one is enough to find out
    breaker.failed(trial=trial)
    assert breaker.state == "open"
    waiting.time += 10
    breaker.given_up(trial=breaker.enter())
    breaker.succeeded(trial=breaker.enter())
    assert breaker.state == "closed"
    assert breaker.enter() is False


@pytest.mark.parametrize("ends", ["succeeded", "failed", "given_up"])
def test_a_call_from_before_the_circuit_opened_says_nothing_about_the_trial(ends):
    waiting = Waiting()
    breaker = Breaker(1, 10, waiting.pace.now)
    old = breaker.enter()
    breaker.failed(trial=breaker.enter())
    waiting.time += 10
    trial = breaker.enter()
    getattr(breaker, ends)(trial=old)
    with pytest.raises(CircuitOpenError):
        breaker.enter()  # the trial is still under way, and the circuit open
    breaker.succeeded(trial=trial)
    assert breaker.state == "closed"


def test_failures_count_only_in_a_row():
    breaker = Breaker(2, 10, lambda: 0.0)
    for _ in range(5):
        breaker.failed(trial=False)
        breaker.succeeded(trial=False)
    assert breaker.state == "closed"


async def test_an_open_circuit_sends_nothing_and_says_when_to_come_again():
    upstream, script, waiting = made(*[LOST] * 6, FINE, failures=6, rest=20)
    for _ in range(2):
        with pytest.raises(ToolError, match="broke off"):
            await call(upstream)
    waiting.time += 5
    with pytest.raises(ToolError, match=r"GET /a was not sent: http://o has failed 6 times in a row .* in 15.0 s"):
        await call(upstream)
    assert script.sent == 6
    waiting.time += 15
    assert (await call(upstream)).reply is FINE
    assert upstream.breaker("http://o").state == "closed"


async def test_answers_of_a_healthy_upstream_never_open_the_circuit():
    redirect = ExchangeError("redirects", sent=True, broken=False)
    upstream, _, _ = made(*[status(500), status(404), status(429), redirect] * 3, failures=1, attempts=1)
    for _ in range(12):
        try:
            await call(upstream)
        except ToolError as error:
            assert "redirects" in str(error)  # noqa: PT017 - either is right
    assert upstream.breaker("http://o").state == "closed"


async def test_a_call_that_waited_too_long_for_its_turn_was_not_sent():
    upstream, script, _ = made(FINE, timeout=0.01, concurrency=3)
    upstream._gates["http://o"] = asyncio.Semaphore(0)
    with pytest.raises(ToolError, match="GET /a was not sent: 3 calls are under way already; try later"):
        await call(upstream)
    assert script.sent == 0


async def test_a_call_whose_turn_came_late_is_not_held_against_the_upstream():
    upstream, _, waiting = made(TimeoutError(), TimeoutError(), failures=1, timeout=10)
    request = UpstreamRequest("GET", "http://o/a", "http://o", "GET /a")
    for left, state in ((4, "closed"), (6, "open")):
        with pytest.raises(ToolError, match="did not answer within 10 s"):
            await upstream.call(request, waiting.time + left, lambda _: None)
        assert upstream.breaker("http://o").state == state


async def test_a_cancelled_trial_leaves_the_circuit_as_it_was():
    upstream, script, waiting = made(LOST, failures=1, attempts=1, rest=5)
    with pytest.raises(ToolError):
        await call(upstream)
    waiting.time += 5
    begun = asyncio.Event()

    async def hang(_request, _watch=None):
        begun.set()
        await asyncio.Event().wait()

    script.send = hang
    task = asyncio.create_task(call(upstream))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert upstream.breaker("http://o").state == "half-open"
    upstream.opened(Script(FINE))
    assert (await call(upstream)).reply is FINE
