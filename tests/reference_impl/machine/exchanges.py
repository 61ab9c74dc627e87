"""Random interleavings over HTTP, on the ASGI application itself: sessions, streams that break off and are resumed,
modern requests whose disconnection cancels them, slow readers, malformed bodies.

The same laws hold as on channels (`conversations`).
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.reference_impl.machine.offered import FIXED, check_server_left, toggle
from tests.reference_impl.machine.web import WebSession
from tests.reference_impl.machine.web_rules import LIFETIME, MODERN, WebRules, answer_question, which


class Exchanges(WebRules):
    """One application, any number of clients of both eras."""

    # Streams ------------------------------------------------------------------------------------

    @precondition(lambda self: any(session.version for session in self.there))
    @rule(number=which)
    def open_a_get_stream(self, number: int) -> None:
        legacy = [session for session in self.there if session.version is not None]
        session = legacy[number % len(legacy)]
        if len(session.gets) < 3:
            session.listen()
            self._settle()

    @precondition(lambda self: self.live)
    @rule(number=which)
    def break_off(self, number: int) -> None:
        session, connection = self.live[number % len(self.live)]
        session.drop(connection)
        self._settle()

    @precondition(lambda self: any(session.broken for session in self.there))
    @rule(number=which)
    def resume(self, number: int) -> None:
        broken = [session for session in self.there if session.broken]
        broken[number % len(broken)].resume()
        self._settle()

    @precondition(lambda self: self.live)
    @rule(number=which)
    def stop_or_go_on_reading(self, number: int) -> None:
        connection = self.live[number % len(self.live)][1]
        connection.reading = not connection.reading
        self._settle()

    # Leaving, and the server --------------------------------------------------------------------

    @precondition(lambda self: len(self.there) > 2)
    @rule(number=which)
    def end(self, number: int) -> None:
        session = self.session(number)
        if session.version is None:
            return
        connection = session.end()
        self._settle()
        assert connection.status == 204, connection.body
        refused = session.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        session.ledger.anonymous += 1
        self._settle()
        assert refused.status == 404

    @rule(most=st.sampled_from((1, 3, 1000)))
    def let_handlers_go_on(self, most: int) -> None:
        self.gates.open(most)
        self._settle()

    @rule()
    def change_something(self) -> None:
        toggle(self.server)
        self.server.resource_updated(FIXED)
        self._settle()

    @rule(seconds=st.sampled_from((0.02, 11.0, 60.0, LIFETIME + 1)))
    def let_time_pass(self, seconds: float) -> None:
        self.world.let_pass(seconds)
        if seconds >= LIFETIME:
            self.world.act(self.application.sessions._sweep)
        for session in self.there:
            if session.version is not None and session.id not in self.application.sessions._sessions:
                session.excuse()
        self._settle()

    # What always holds --------------------------------------------------------------------------

    @invariant()
    def nobody_has_anything_to_complain_of(self) -> None:
        assert self.world.complaints == [], f"asyncio complains: {self.world.complaints}"
        self.runs.check()

    @invariant()
    def sessions_are_known_while_they_live(self) -> None:
        legacy = [session for session in self.there if session.version is not None]
        known = len(self.application.sessions), len(self.server.hub.sessions)
        assert known == (len(legacy), len(legacy)), "the server does not know who is there"

    @invariant()
    def every_subscription_has_its_connection(self) -> None:
        asked = [
            identifier
            for session, connection in self.live
            for identifier in connection.identifiers
            if session.ledger.asked[int, identifier].method == "subscriptions/listen"
        ]
        assert len(self.server.hub.subscriptions) <= len(asked), "a subscription without its connection"

    @invariant()
    def who_breaks_off_is_not_served_any_more_where_that_cancels(self) -> None:
        now = self.world.now
        modern = [item for session in self.sessions if session.version is None for item in session.gone]
        late = [item for item in modern if item.task is not None and not item.task.done() and item.over_by <= now]
        assert late == [], "a request goes on whose client has broken off"

    def teardown(self) -> None:
        try:
            self._nobody_is_forgotten()
            self._everything_is_answered()
            self._newcomers_are_served()
            self._nothing_is_left()
        finally:
            self.world.close()
        assert self.world.complaints == [], f"asyncio complains: {self.world.complaints}"

    def _nobody_is_forgotten(self) -> None:
        """See cancelled handlers end by themselves, before anything else lets them."""
        self.world.let_pass(2)
        self.nobody_has_anything_to_complain_of()
        self.who_breaks_off_is_not_served_any_more_where_that_cancels()

    def _everything_is_answered(self) -> None:
        for session in self.sessions:
            session.catch_up()
        self._settle()
        for _ in range(10):
            for session in self.there:
                answer_question(session, "right")
            self.gates.open()
            self.world.let_pass(20)
            for session in self.there:
                session.check()
                session.catch_up()
        self.server.hub.close()
        self.world.let_pass(400)
        for session in self.there:
            session.check()
            session.ledger.check_settled()
        for legacy in self.server.hub.sessions:
            assert (len(legacy.calls), len(legacy.running)) == (0, 0), "a session waits for what is over"

    def _newcomers_are_served(self) -> None:
        """See that those who stayed are still served, and so are those who come now."""
        for version in (MODERN, "2025-11-25"):
            self.sessions.append(session := WebSession(self, version))
            if version is not None:
                session.initialize()
        for session in self.there:
            self.ids += 1
            session.ask(self.ids, "server/discover" if session.version is None else "ping", {})
        self._settle()
        assert all(session.ledger.pending == [] for session in self.there), "a ping is not answered after all that"

    def _nothing_is_left(self) -> None:
        held = self.application
        self.world.act(self.application.close)
        self.world.let_pass(1)
        for session in self.sessions:
            session.check()
            assert [item for item in session.connections if item.live] == [], "a stream outlives its server"
        counted = len(held.sessions), len(held.sessions._shares), len(held._channels)
        assert counted == (0, 0, 0), f"sessions, their shares and channels are still counted: {counted}"
        self.world.start(held._stack.aclose())
        self.world.let_pass(2)
        check_server_left(self.server)
        assert +self.runs.live == {}, f"handlers are left: {self.runs.live}"
        assert self.world.tasks == set(), f"tasks are left: {self.world.tasks}"
