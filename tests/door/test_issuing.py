"""The issuer of tokens that checks come with: what it makes, publishes and keeps."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import anyio
import pytest

from door.errors import Refusal
from door.issuing import Issuer, Wanted
from reference_impl.server.access import Access
from reference_impl.server.auth.errors import InvalidTokenError
from reference_impl.server.auth.jwt import read
from reference_impl.server.auth.jwt_verifier import JwtVerifier

RESOURCE = "http://127.0.0.1:1/mcp"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wanted(folder: Path, port: int = 9) -> Wanted:
    return Wanted(f"http://127.0.0.1:{port}", RESOURCE, ("mcp", "files:write"), folder / "kept" / "key.json")


def _verified(wanted: Wanted, token: str | None) -> Access:
    assert token is not None
    return anyio.run(JwtVerifier(wanted.resource, [wanted.issuer]).verify, token)


def test_a_target_that_trusts_the_issuer_takes_its_good_tokens_and_refuses_the_others(tmp_path: Path) -> None:
    wanted = _wanted(tmp_path, _free_port())
    issuer = Issuer(wanted)
    who = issuer.identities()
    with issuer:
        good, second, narrow = (_verified(wanted, token) for token in (issuer.good(), who.second, who.narrow))
        assert good.scopes == second.scopes == {"mcp", "files:write"}
        assert narrow.scopes == set()
        assert good.principal == narrow.principal != second.principal
        assert who.mint is not None
        assert _verified(wanted, who.mint(["mcp"])).scopes == {"mcp"}
        for token, why in ((who.expired, "expired"), (who.foreign, "another resource|not for")):
            with pytest.raises(InvalidTokenError, match=why):
                _verified(wanted, token)


def test_the_key_is_the_same_in_the_next_run_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    wanted = _wanted(tmp_path)
    first, second = (read(Issuer(wanted).good()).header["kid"] for _ in range(2))
    assert first == second
    assert stat.S_IMODE(wanted.key.stat().st_mode) == 0o600


@pytest.mark.parametrize("kept", ["", "[]", '{"alg": "none"}'])
def test_a_file_that_holds_no_key_is_replaced(tmp_path: Path, kept: str) -> None:
    wanted = _wanted(tmp_path)
    wanted.key.parent.mkdir()
    wanted.key.write_text(kept)
    assert Issuer(wanted).good()


def test_a_key_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    wanted = _wanted(tmp_path)
    wanted.key.parent.mkdir()
    wanted.key.write_text('{"alg": "ES256", "kty": "EC"}')
    with pytest.raises(Refusal, match="holds no key"):
        Issuer(wanted)


def test_an_address_that_is_taken_is_refused_in_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        issuer = Issuer(_wanted(tmp_path, listener.getsockname()[1]))
        with pytest.raises(Refusal, match="in use"), issuer:
            pass


def test_without_scopes_no_token_is_narrow(tmp_path: Path) -> None:
    assert Issuer(Wanted("http://127.0.0.1:9", RESOURCE, (), tmp_path / "key.json")).identities().narrow is None
