"""Random interleavings of everything that clients and servers do to each other, over channels in memory.

Several connections of both eras share one server; `mutants` names the laws that hold whatever order things happen in.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.reference_impl.machine.client_rules import ClientRules
from tests.reference_impl.machine.gathering import MODERN, MOST_UNSENT
from tests.reference_impl.machine.line_rules import LineRules
from tests.reference_impl.machine.lines import GRACE
from tests.reference_impl.machine.offered import FIXED, check_server_left, toggle


class Conversations(LineRules, ClientRules):
    """What the server does meanwhile, and what always holds."""

    # The server ---------------------------------------------------------------------------------

    @rule(most=st.sampled_from((1, 3, 1000)))
    def let_handlers_go_on(self, most: int) -> None:
        self.gates.open(most)
        self.world.settle()

    @rule()
    def change_the_tools(self) -> None:
        toggle(self.server)
        self._expect("notifications/tools/list_changed", sessions=True)
        self.world.settle()

    @rule()
    def update_a_resource(self) -> None:
        self.server.resource_updated(FIXED)
        self._expect("notifications/resources/updated", sessions=False)
        self.world.settle()

    def _expect(self, method: str, *, sessions: bool) -> None:
        member = "toolsListChanged" if sessions else "resourceSubscriptions"
        for client in self.open_line_clients:
            if client.blocked:
                continue
            for key, entry in client.ledger.asked.items():
                listens = entry.method == "subscriptions/listen" and entry.owed and entry.acknowledged
                if listens and member in entry.params["notifications"]:
                    client.ledger.due.add((method, key))
            if sessions and client.revision is not None:
                client.ledger.due.add((method, None))

    @rule(seconds=st.sampled_from((0.02, 0.3, 5.0, 400.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.world.let_pass(seconds)
        self._see_off()

    @precondition(lambda self: not self.down)
    @rule(really=st.integers(0, 9))
    def shut_down(self, really: int) -> None:
        if really == 0:
            self.down = True
            self.world.let_pass(0.1)  # a change that was just made is announced after a while
            self.server.hub.close()
            self.world.settle()

    # What always holds --------------------------------------------------------------------------

    @invariant()
    def nobody_has_anything_to_complain_of(self) -> None:
        assert self.world.complaints == [], f"asyncio complains: {self.world.complaints}"
        for client in (*self.lines, *self.clients):
            client.check()
        self.runs.check()

    @invariant()
    def the_hub_knows_who_is_there_and_nobody_else(self) -> None:
        there = [client for client in (*self.lines, *self.clients) if not client.serving.done()]
        stay = len(self.open_line_clients) + sum(client.alive for client in self.clients)
        # Who has left may be written to for a moment after the hub has forgotten it.
        assert stay <= len(self.server.hub.sessions) <= len(there), "the hub does not know who is there"

    @invariant()
    def what_waits_for_a_slow_reader_is_bounded(self) -> None:
        for outbox in self.outboxes:
            assert outbox._unsent <= 4 * MOST_UNSENT, f"{outbox._unsent} bytes wait for a slow reader"

    def teardown(self) -> None:
        try:
            self._nobody_is_forgotten()
            self._everything_is_answered()
            self._newcomers_are_served()
            self._nothing_is_left()
        finally:
            self.buffers.close()
            self.world.close()
        assert self.world.complaints == [], f"asyncio complains: {self.world.complaints}"

    def _nobody_is_forgotten(self) -> None:
        """See cancelled handlers end by themselves, before anything else lets them."""
        self._see_off()
        for client in self.lines:
            client.reading = True
            client.send({"jsonrpc": "2.0", "method": "notifications/nonsense"})  # who never spoke would be let go
        self.world.let_pass(2 * GRACE)
        self.nobody_has_anything_to_complain_of()

    def _everything_is_answered(self) -> None:
        self.server.hub.close()
        for _ in range(20):  # floods, rounds of questions and steps of progress, one after the other
            for client in self.open_line_clients:
                client.answer_question("right")
            self.gates.open()
            self.world.let_pass(1)
        self.world.let_pass(500)  # longer than any question of the server, any task and any call of the client waits
        for client in self.open_line_clients:
            client.check()
            client.ledger.check_settled()
        for session in self.server.hub.sessions:
            assert (len(session.calls), len(session.running)) == (0, 0), "a session waits for what is over"
        for reference in self.clients:
            reference.cancel_the_endless()
        self.world.settle()
        for reference in self.clients:
            reference.check()
            assert reference.calls == [], f"calls that never settle: {reference.calls}"

    def _newcomers_are_served(self) -> None:
        """See that those who stayed are still served, and so are those who come now."""
        for version in (MODERN, "2024-11-05"):
            self.open_lines(version)
        for client in self.open_line_clients:
            self.ids += 1
            client.send(client.message(self.ids, "server/discover" if client.revision is None else "ping", {}))
        for reference in self.open_clients:
            reference.call("ping")
        self.world.let_pass(1)
        for client in self.open_line_clients:
            client.check()
            assert client.ledger.pending == [], "a ping is not answered after all that"
        for reference in self.open_clients:
            reference.check()
            assert reference.calls == [], "the client's ping is not answered after all that"

    def _nothing_is_left(self) -> None:
        for outbox in self.outboxes:
            assert outbox._ended or outbox._broken or outbox._unsent == 0, (
                f"{outbox._unsent} bytes are counted that nobody will send"
            )
        for client in self.open_line_clients:
            client.end()
        for reference in self.clients:
            reference.close()
        self.world.let_pass(10)
        for client in self.lines:
            assert client.serving.done(), "a conversation goes on without its client"
            client.stop()
        self.world.settle()
        for reference in self.clients:
            reference.check_left()
        check_server_left(self.server)
        assert +self.runs.live == {}, f"handlers are left: {self.runs.live}"
        assert self.world.tasks == set(), f"tasks are left: {self.world.tasks}"
        self.nobody_has_anything_to_complain_of()
