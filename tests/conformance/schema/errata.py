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


def _put_messages_into_envelopes(definitions: Definitions) -> None:
    for name, schema in definitions.items():
        members = schema.get("properties", {})
        if "method" in members and "jsonrpc" not in members and name not in {"Request", "Notification"}:
            envelope = definitions["JSONRPCRequest" if name.endswith("Request") else "JSONRPCNotification"]
            params = {"allOf": [envelope["properties"]["params"], members["params"]]}
            schema["properties"] = envelope["properties"] | members | {"params": params}
            schema["required"] = sorted({*envelope["required"], *schema["required"]})


def _let_errors_lack_an_id(definitions: Definitions) -> None:
    definitions["JSONRPCError"]["required"].remove("id")


def _let_answers_be_numbers(definitions: Definitions) -> None:
    answer = definitions["ElicitResult"]["properties"]["content"]["additionalProperties"]
    for alternative in answer.get("anyOf", [answer]):
        if isinstance(alternative["type"], list):
            alternative["type"] = ["string", "number", "boolean"]


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


EVERY_REVISION = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
FAILURE = {"code": -32603, "message": "lost"}

ERRATA = (
    Erratum(
        "a message of a method is a JSON-RPC message",
        ("2024-11-05", "2025-03-26", "2025-06-18"),
        "basic/index#messages; the generated schema of a method leaves the envelope to another definition",
        _put_messages_into_envelopes,
        wrongly_accepted=(
            ("PingRequest", {"method": "ping"}),
            ("PingRequest", {"jsonrpc": "2.0", "id": None, "method": "ping"}),
            ("ListToolsRequest", {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": 1}}),
            ("ToolListChangedNotification", {"jsonrpc": "1.0", "method": "notifications/tools/list_changed"}),
        ),
    ),
    Erratum(
        "an error in the body of an HTTP response may have no id",
        ("2025-03-26", "2025-06-18"),
        "basic/transports#sending-messages-to-the-server",
        _let_errors_lack_an_id,
        wrongly_rejected=(
            ("JSONRPCError", {"jsonrpc": "2.0", "error": FAILURE}),
            ("JSONRPCMessage", {"jsonrpc": "2.0", "error": FAILURE}),
        ),
    ),
    Erratum(
        "the answer to a number field may have a fraction",
        ("2025-06-18", "2025-11-25", "2026-07-28"),
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
        EVERY_REVISION,
        "basic/index#notifications",
        _forbid_id_on_notifications,
        wrongly_accepted=(
            ("JSONRPCNotification", {"jsonrpc": "2.0", "id": 1, "method": "notifications/x"}),
            ("JSONRPCMessage", {"jsonrpc": "2.0", "id": None, "method": "tools/list"}),
            ("JSONRPCNotification", {"jsonrpc": "2.0", "id": "", "method": "notifications/tools/list_changed"}),
        ),
    ),
    Erratum(
        "a response has a result or an error, not both",
        EVERY_REVISION,
        "basic/index#responses",
        _forbid_result_beside_error,
        wrongly_accepted=(
            ("JSONRPCMessage", {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete"}, "error": FAILURE}),
            ("JSONRPCMessage", {"jsonrpc": "2.0", "id": 1, "result": None, "error": FAILURE}),
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
