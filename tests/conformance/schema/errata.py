"""Where our message types depart from the official schema on purpose: each place, why, and values that show it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Definitions = dict[str, Any]

NEVER = {"not": {}}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


@dataclass(frozen=True, slots=True)
class Erratum:
    """One departure: how the official schema would have to read, and (definition, value) pairs that it misjudges."""

    name: str
    revisions: tuple[str, ...]
    source: str
    correct: Callable[[Definitions], None]
    wrongly_rejected: tuple[tuple[str, object], ...] = ()
    wrongly_accepted: tuple[tuple[str, object], ...] = ()


def _let_answers_be_numbers(definitions: Definitions) -> None:
    alternatives = definitions["ElicitResult"]["properties"]["content"]["additionalProperties"]["anyOf"]
    (plain,) = (alternative for alternative in alternatives if isinstance(alternative["type"], list))
    plain["type"] = ["string", "number", "boolean"]


def _let_json_be_json(definitions: Definitions) -> None:
    definitions["JSONValue"] = {}


def _forbid_id_on_notifications(definitions: Definitions) -> None:
    for schema in definitions.values():
        members = schema.get("properties", {})
        if {"jsonrpc", "method"} <= members.keys() and "id" not in members:
            members["id"] = NEVER


def _forbid_result_beside_error(definitions: Definitions) -> None:
    for schema in definitions.values():
        members = schema.get("properties", {})
        for one, other in (("result", "error"), ("error", "result")):
            if "jsonrpc" in members and members.get(one, NEVER) != NEVER:
                members[other] = NEVER


def _tell_input_required_apart(definitions: Definitions) -> None:
    schema = definitions["InputRequiredResult"]
    schema["properties"]["resultType"] = {"const": "input_required"}
    schema["anyOf"] = [{"required": ["inputRequests"]}, {"required": ["requestState"]}]


def _name_the_subscription_acknowledged(definitions: Definitions) -> None:
    schema = definitions["SubscriptionsAcknowledgedNotificationParams"]
    schema["required"].append("_meta")
    schema["properties"]["_meta"] = {
        "allOf": [schema["properties"]["_meta"], {"type": "object", "required": [SUBSCRIPTION]}]
    }


ERRATA = (
    Erratum(
        "the answer to a number field may have a fraction",
        ("2025-11-25", "2026-07-28"),
        "client/elicitation#requested-schema has number fields; the generated schema lost the type",
        _let_answers_be_numbers,
        wrongly_rejected=(("ElicitResult", {"action": "accept", "content": {"share": 95.5}}),),
    ),
    Erratum(
        "a JSON value may be a fraction or null",
        ("2026-07-28",),
        "the settings of a capability are JSON; the generated schema lost number and null",
        _let_json_be_json,
        wrongly_rejected=(
            ("JSONValue", 1.5),
            ("JSONValue", None),
            ("JSONArray", [None]),
            ("JSONObject", {"half": 0.5}),
            ("ServerCapabilities", {"extensions": {"com.example/limits": {"rate": 1.5, "burst": None}}}),
        ),
    ),
    Erratum(
        "a notification has no id",
        ("2025-11-25", "2026-07-28"),
        "basic/index#notifications",
        _forbid_id_on_notifications,
        wrongly_accepted=(
            ("JSONRPCNotification", {"jsonrpc": "2.0", "id": 1, "method": "notifications/x"}),
            ("JSONRPCMessage", {"jsonrpc": "2.0", "id": None, "method": "tools/list"}),
            ("ToolListChangedNotification", {"jsonrpc": "2.0", "id": "", "method": "notifications/tools/list_changed"}),
        ),
    ),
    Erratum(
        "a response has a result or an error, not both",
        ("2025-11-25", "2026-07-28"),
        "basic/index#responses",
        _forbid_result_beside_error,
        wrongly_accepted=(
            (
                "JSONRPCMessage",
                {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete"}, "error": {"code": 1, "message": ""}},
            ),
            ("JSONRPCErrorResponse", {"jsonrpc": "2.0", "id": 1, "result": None, "error": {"code": 1, "message": ""}}),
        ),
    ),
    Erratum(
        "a result that requires input says so and asks or keeps state",
        ("2026-07-28",),
        "basic/index#resulttype, basic/patterns/mrtr#server-requirements-basic-workflow",
        _tell_input_required_apart,
        wrongly_accepted=(
            ("InputRequiredResult", {"resultType": "input_required"}),
            ("InputRequiredResult", {"resultType": "complete", "requestState": "s"}),
            ("CallToolResultResponse", {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete"}}),
        ),
    ),
    Erratum(
        "an acknowledgement names its subscription",
        ("2026-07-28",),
        "basic/patterns/subscriptions#acknowledgment, basic/index#_meta",
        _name_the_subscription_acknowledged,
        wrongly_accepted=(
            ("SubscriptionsAcknowledgedNotificationParams", {"notifications": {}}),
            ("SubscriptionsAcknowledgedNotificationParams", {"notifications": {}, "_meta": {}}),
        ),
    ),
)
