"""What failures say: one line, what happened and what to do."""

import pytest

from reference_impl.client import HttpRefused, InvalidAnswer, NoCommonRevision, RequestFailed, RequestTimeout


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (HttpRefused(401), "HTTP 401; the server wants to know who asks"),
        (HttpRefused(404, "<html>\n <p>Not  here"), "HTTP 404: <html> <p>Not here; nothing answers at this address"),
        (HttpRefused(503, "x" * 1000), "failed: try again later"),
        (HttpRefused(308), "redirects are not followed: use the new address"),
        (
            HttpRefused(307, "", {"location": "https://u:p@new.example/mcp?k=1"}),
            "followed: use https://new.example/mcp",
        ),
        (HttpRefused(418), "no answer of the protocol"),
        (RequestFailed(-32601, "Method not found", None, "tools/call"), "tools/call: Method not found (-32601)"),
        (RequestTimeout("tools/call", 30.0), "no answer within 30 s; give it a longer timeout"),
        (InvalidAnswer("no result"), "the server broke the protocol: no result"),
        (NoCommonRevision(("1999-01-01",)), "the server speaks 1999-01-01, this client does not: update one"),
        (NoCommonRevision(()), "no revision that is known here"),
    ],
    ids=str,
)
def test_a_failure_says_in_one_line_what_to_do(failure, words):
    said = str(failure)
    assert words in said
    assert "\n" not in said
    assert len(said) < 400
