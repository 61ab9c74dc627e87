"""The ways in which a message can be wrong in one respect, and which defect, framing or keyword is wrong in which."""

__all__ = ["WAYS", "way_of", "way_of_keyword"]

WAYS = {
    "type": "a value of another type than the one that is asked for",
    "missing": "a member that has to be there is not",
    "extra": "a member that nobody knows",
    "value": "a value that is none of those that there are",
    "bounds": "a number, text or list beyond its bounds",
    "format": "a text that is not written as its format or pattern asks",
    "id": "an id that is none",
    "version": "a version that nobody speaks",
    "header against body": "a header that says something else than the body",
    "encoding": "bytes that are no UTF-8, or no text of the format",
    "duplicate keys": "a name that an object has twice",
    "depth": "arrays within arrays, deeper than readers like",
    "number range": "numbers beyond the types that hold them",
    "Unicode": "characters that are none, or that readers take for something else",
    "shape": "a message that is no single JSON-RPC message",
    "size": "a message that is longer than readers like",
}
"""The ways by name. A case is labelled with the name of its way."""

_DEFECTS = {
    "missing": (
        *("method is missing", "jsonrpc is missing", "_meta is missing", "clientCapabilities is missing"),
        *("protocolVersion is missing", "clientInfo has no name"),
    ),
    "type": (
        *("method is not a string", "params is a scalar", "params is an array", "params is null"),
        *("_meta is not an object", "clientCapabilities is not an object", "clientInfo is not an object"),
    ),
    "value": ("method is empty", "method is unknown"),
    "id": (
        *("id is missing", "id is null", "id is a boolean", "id is an array", "id is an object", "id is a fraction"),
    ),
    "number range": ("id is beyond 2**53", "number beyond every type", "number that is not JSON"),
    "version": ("jsonrpc is not 2.0", "protocolVersion is not a string", "protocolVersion is unknown"),
    "extra": ("message carries a result as well", "message has a member of nobody's"),
    "shape": (
        *("params is nested one level too deep", "message is wrapped in an array", "message is wrapped in an object"),
        *("message is an empty array", "JSON that is no message", "two messages on a line"),
    ),
    "depth": ("_meta holds a deeply nested value", "nothing but brackets", "deeply nested value"),
    "encoding": (
        *("truncated message", "no JSON", "invalid UTF-8", "comment or trailing comma"),
        *("message over several lines", "blank lines"),
    ),
    "Unicode": (
        *("lone surrogate escape", "escaped null character", "raw control character", "byte order mark"),
        "characters that some take for line ends",
    ),
    "duplicate keys": ("name given twice",),
    "size": ("huge line",),
}
_KEYWORDS = {
    "missing": ("required", "dependentRequired"),
    "extra": ("additionalProperties", "unevaluatedProperties", "propertyNames", "additionalItems", "unevaluatedItems"),
    "value": ("enum", "const"),
    "bounds": (
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
        *("minItems", "maxItems", "minProperties", "maxProperties"),
    ),
    "format": ("pattern", "format"),
}
_BY_DEFECT = {defect: way for way, defects in _DEFECTS.items() for defect in defects}
_BY_KEYWORD = {keyword: way for way, keywords in _KEYWORDS.items() for keyword in keywords}


def way_of(defect: str) -> str:
    """Return the way of a defect or framing by its name, empty for one that leaves the message sound."""
    return _BY_DEFECT.get(defect, "")


def way_of_keyword(keyword: str) -> str:
    """Return the way in which an instance is wrong that breaks a keyword of its schema."""
    return _BY_KEYWORD.get(keyword, "type")
