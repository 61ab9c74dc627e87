"""Policies: what holds, and what is no policy."""

import pytest

from reference_impl.security.consent import Inquiry, Scope
from reference_impl.security.policy import Policy, PolicyError

NOON = 1_800_000_000.0


def policy(text):
    return Policy.read(text.encode())


def rule(action="allow", operation="*", resource="*", more=""):
    return f'[[rule]]\naction = "{action}"\noperation = "{operation}"\nresource = "{resource}"\n{more}\n'


READ = Inquiry("tools/call", "files/read")


def action(text, inquiry=READ, now=NOON):
    return policy(text).rule(inquiry, now).action


def test_where_no_rule_fits_the_default_holds_and_that_is_to_deny():
    assert action("") == "deny"
    assert action('default = "ask"') == "ask"
    assert action('default = "ask"\n' + rule(resource="other/*")) == "ask"


def test_the_first_rule_that_fits_counts():
    assert action(rule("allow", resource="files/read") + rule("ask")) == "allow"
    assert action(rule("ask") + rule("allow", resource="files/read")) == "ask"


def test_a_denial_wins_wherever_it_stands():
    assert action(rule("allow") + rule("deny", resource="files/*")) == "deny"


@pytest.mark.parametrize(("now", "expected"), [(NOON, "deny"), (NOON + 86400 * 3650, "allow")])
def test_a_rule_ends_when_it_says(now, expected):
    assert action(rule("deny", more="expires = 2030-01-01T00:00:00Z") + rule("allow"), now=now) == expected


def test_a_rule_for_somebody_is_for_nobody_else():
    text = rule("allow", more='principal = "CN=ann*"')
    assert action(text, Inquiry("o", "r", principal="CN=ann,O=x")) == "allow"
    assert action(text, Inquiry("o", "r", principal="CN=bob")) == "deny"
    assert action(text, Inquiry("o", "r")) == "deny"


def test_what_is_sensitive_is_allowed_only_by_rules_that_say_so():
    sensitive = Inquiry("tools/call", "files/delete", sensitive=True)
    assert action(rule("allow"), sensitive) == "ask"
    assert action(rule("allow", more="sensitive = true"), sensitive) == "allow"
    marked = rule("allow") + rule("ask", resource="*/delete", more="sensitive = true")
    ruling = policy(marked).rule(Inquiry("tools/call", "files/delete"), NOON)
    assert (ruling.action, ruling.sensitive) == ("ask", True)
    assert action(marked) == "allow"


def test_a_ruling_says_how_long_an_answer_may_hold():
    ruling = policy(rule("ask", more='scope = "once"\nseconds = 60')).rule(Inquiry("o", "r"), NOON)
    assert (ruling.scope, ruling.seconds, ruling.why) == (Scope.ONCE, 60, "rule 1 of the policy")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]", "p.toml: no TOML: Expected"),
        ("\ud800", "p.toml: no TOML: "),
        ('default = "allow"', "p.toml: default: must be one of ask, deny"),
        ("default = 1" + "0" * 5000, "p.toml: no TOML: "),
        ("default = " + "[" * 5000, "p.toml: no TOML: "),
        ('[rule]\naction = "allow"', "p.toml: rule: each rule begins with [[rule]]"),
        ("rules = []", "p.toml: Object contains unknown field 'rules'"),
        (rule() + rule("permit"), "p.toml: rule 2 action: must be one of allow, deny, ask"),
        (rule("ask", more='scope = "forever"'), "p.toml: rule 1 scope: must be one of once, session, always"),
        (rule("ask", more="seconds = nan"), "p.toml: rule 1: seconds must be more than 0"),
        (rule(resource=""), "p.toml: rule 1: an empty pattern fits nothing"),
        (rule(more='principal = ""'), "p.toml: rule 1: an empty pattern fits nothing"),
        ('[[rule]]\naction = "allow"', "p.toml: rule 1: Object missing required field 'operation'"),
        (rule(more="seconds = 5"), "p.toml: rule 1: scope and seconds are for rules that ask"),
        (rule("ask", more="seconds = 0"), "p.toml: rule 1: seconds must be more than 0"),
        (rule(more="expires = 2030-01-01T00:00:00"), "p.toml: rule 1: expires needs a time zone"),
        (rule(more='expires = "never"'), "p.toml: rule 1 expires: Invalid RFC3339"),
    ],
)
def test_what_is_no_policy_is_refused_in_one_line(text, said):
    with pytest.raises(PolicyError) as refused:
        Policy.read(text.encode("utf-8", "surrogatepass"), "p.toml")
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_byte_order_mark_is_no_mistake():
    assert Policy.read(b"\xef\xbb\xbf" + rule().encode()).rules[0].action == "allow"


def test_a_file_has_to_be_there_and_not_everybodys(tmp_path):
    path = tmp_path / "policy.toml"
    with pytest.raises(PolicyError, match="no such file or directory"):
        Policy.from_file(path)
    path.write_text(rule(), "utf-8")
    path.chmod(0o666)
    with pytest.raises(PolicyError, match="everybody may write this policy"):
        Policy.from_file(path)
    path.chmod(0o644)
    assert Policy.from_file(path).rules[0].action == "allow"
