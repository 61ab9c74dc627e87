"""What a server asks of a client is read from a transcript of either era, with what was declared and answered."""

from __future__ import annotations

from typing import Any

from conformance.questions import questions
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision

Message = dict[str, Any]
FORM = {"message": "Who?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}


def conversation(
    revision: Revision, *said: tuple[str, Message], server: Direction = Direction.RECEIVED
) -> Conversation:
    record = Conversation("stdio", "test", revision.name)
    client = Direction.SENT if server is Direction.RECEIVED else Direction.RECEIVED
    for side, message in said:
        record.record(server if side == "server" else client, b"", message)
    return record


def call(identifier: int, **members: Any) -> Message:
    meta: Message = {CLIENT_CAPABILITIES: {"elicitation": {}}}
    params = {"name": "ask", "_meta": meta, **members}
    return {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": params}


def asking(identifier: int, state: str | None = None) -> Message:
    asked = {"who": {"method": "elicitation/create", "params": FORM}}
    result = {"resultType": "input_required", "inputRequests": asked}
    return {"jsonrpc": "2.0", "id": identifier, "result": result | ({} if state is None else {"requestState": state})}


LEGACY = (
    ("client", {"id": 1, "method": "initialize", "params": {"capabilities": {"elicitation": {}}}}),
    ("server", {"id": "a", "method": "elicitation/create", "params": FORM}),
    ("server", {"id": "b", "method": "roots/list"}),
    ("client", {"id": "b", "error": {"code": -32601, "message": "no"}}),
    ("client", {"id": "a", "result": {"action": "accept", "content": {"name": "x"}}}),
)


def test_a_legacy_question_has_the_response_with_its_id() -> None:
    for server in (Direction.RECEIVED, Direction.SENT):
        form, roots = questions(conversation(LATEST_LEGACY, *LEGACY, server=server), server)
        assert (form.method, form.params, form.declared) == ("elicitation/create", FORM, {"elicitation": {}})
        assert form.accepted == {"name": "x"}
        assert roots.reply is not None
        assert roots.reply.error["code"] == -32601
        assert roots.accepted is None


def test_a_modern_question_is_answered_by_the_request_that_is_sent_again() -> None:
    answer = {"who": {"action": "accept", "content": {"name": "x"}}}
    (form,) = questions(
        conversation(LATEST, ("client", call(1)), ("server", asking(1)), ("client", call(2, inputResponses=answer)))
    )
    assert (form.name, form.method, form.declared) == ("who", "elicitation/create", {"elicitation": {}})
    assert form.accepted == {"name": "x"}


def test_the_state_tells_two_calls_under_way_apart() -> None:
    no = {"who": {"action": "decline"}}
    first, second = questions(
        conversation(
            LATEST,
            ("client", call(1)),
            ("client", call(2)),
            ("server", asking(1, "one")),
            ("server", asking(2, "two")),
            ("client", call(3, inputResponses=no, requestState="two")),
            ("client", call(4, inputResponses=no, requestState="one")),
        )
    )
    assert first.reply is not None
    assert second.reply is not None
    assert first.reply.entry.value["id"] == 4
    assert second.reply.entry.value["id"] == 3


def test_nothing_is_a_question_before_a_revision_is_spoken_nor_by_an_odd_method() -> None:
    odd = (("server", {"id": 1, "method": ["roots/list"]}), ("server", {"id": 2, "method": "ping"}))
    assert not questions(conversation(LATEST_LEGACY, *odd))
    unspoken = conversation(LATEST_LEGACY, *LEGACY)
    unspoken.revision = None
    assert not questions(unspoken)


def test_answers_to_a_task_that_asks_come_by_update() -> None:
    (form,) = questions(
        conversation(
            LATEST,
            ("client", {"id": 1, "method": "tasks/get", "params": {"taskId": "t"}}),
            ("server", asking(1)),
            ("client", {"id": 2, "method": "tasks/update", "params": {"taskId": "u", "inputResponses": {"who": {}}}}),
            ("client", {"id": 3, "method": "tasks/update", "params": {"taskId": "t", "inputResponses": {"who": {}}}}),
        )
    )
    assert form.reply is not None
    assert form.reply.entry.value["id"] == 3
