"""What the reference client does among the others, and what is done to it."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.reference_impl.machine.clients import IMPOSTORS
from tests.reference_impl.machine.gathering import Gathering, which
from tests.reference_impl.machine.line_rules import JUNK
from tests.reference_impl.machine.requests import JOBS

CALLS = ("echo", "list", "read", "prompt", "complete", "listen", "ping", "slow read", "wait", "steps", "stubborn")
MORE_CALLS = (
    "elicit",
    "sample",
    "roots",
    "twice",
    "fail",
    "crash",
    "flood",
    "change",
    "touch",
    "log",
    "wavering",
    "tidy",
    "start",
)

WAITING_CALLS = ("slow read", "wait", "steps", "stubborn", "tidy", "elicit", "listen", "required_job", "asking_job")
waiting = st.sampled_from(WAITING_CALLS)


class ClientRules(Gathering):
    """Rules for the reference client."""

    @precondition(lambda self: self.open_clients)
    @rule(number=which, calls=st.lists(st.sampled_from(CALLS + MORE_CALLS + JOBS), min_size=1, max_size=4))
    def call(self, number: int, calls: list[str]) -> None:
        for call in calls:
            self.client(number).call(call)
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, calls=st.lists(waiting, min_size=1, max_size=4), seconds=st.sampled_from((0.0, 0.02, 70.0)))
    def call_and_cancel(self, number: int, calls: list[str], seconds: float) -> None:
        client = self.client(number)
        for call in ("elicit", *calls):
            client.call(call)
        self.world.let_pass(seconds)
        self._see_off()
        client.check()  # those whose deadline has passed are over by themselves
        for _ in range(len(calls) + 1):
            client.cancel(-1)
        self.world.settle()
        self.gates.open()
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, calls=st.lists(waiting, min_size=1, max_size=3))
    def call_and_lose_the_connection(self, number: int, calls: list[str]) -> None:
        client = self.client(number)
        for call in calls:
            client.call(call)
        self.world.settle()
        client.cut()
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, nth=which)
    def cancel_call(self, number: int, nth: int) -> None:
        self.client(number).cancel(nth)
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, junk=st.sampled_from(JUNK))
    def feed_the_client_junk(self, number: int, junk: tuple[bytes, int]) -> None:
        self.client(number).inject(junk[0])
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, kind=st.sampled_from(IMPOSTORS), nth=which)
    def feed_the_client_an_impostor(self, number: int, kind: str, nth: int) -> None:
        client = self.client(number)
        client.call("steps")
        self.world.settle()
        client.impersonate(kind, nth)
        self.world.settle()

    @precondition(lambda self: self.open_clients)
    @rule(number=which, cut=st.booleans())
    def end_client(self, number: int, cut: bool) -> None:
        client = self.client(number)
        if cut:
            client.cut()
        else:
            client.close()
        self.world.settle()
