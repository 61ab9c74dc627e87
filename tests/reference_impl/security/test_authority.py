"""The little authority: what it makes, keeps and makes anew."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from reference_impl.security import authority
from reference_impl.security.authority import issue
from reference_impl.security.tls import TlsError


def all_files(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_keys_are_for_their_owner_alone(tmp_path):
    issue(tmp_path / "tls")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} == {"ca.key", "server.key", "client.key"}
    assert set(modes) == {"ca.key", "server.key", "client.key", "ca.pem", "server.pem", "client.pem"}
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


def test_certificates_last_as_long_as_they_say(tmp_path):
    made = x509.load_pem_x509_certificate(issue(tmp_path).certificate.read_bytes())
    left = made.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)


def test_what_is_valid_is_kept(tmp_path):
    issue(tmp_path)
    before = all_files(tmp_path)
    issue(tmp_path)
    assert all_files(tmp_path) == before


def test_other_names_make_another_server_certificate_alone(tmp_path):
    issue(tmp_path)
    before = all_files(tmp_path)
    made = issue(tmp_path, ["example.com", "10.0.0.1"])
    after = all_files(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"server.pem", "server.key"}
    names = x509.load_pem_x509_certificate(made.certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["example.com"]
    assert [str(address) for address in names.value.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]


def test_what_is_about_to_expire_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(authority, "LEAF_DAYS", 13)
    issue(tmp_path)
    before = all_files(tmp_path)
    issue(tmp_path)
    changed = {name for name, data in all_files(tmp_path).items() if data != before[name]}
    assert changed == {"server.pem", "server.key", "client.pem", "client.key"}


def test_a_new_authority_makes_all_anew(tmp_path):
    issue(tmp_path)
    before = all_files(tmp_path)
    (tmp_path / "ca.key").unlink()
    issue(tmp_path)
    assert not set(before.values()) & set(all_files(tmp_path).values())


def test_a_private_key_that_lies_open_is_refused(tmp_path):
    made = issue(tmp_path)
    made.key.chmod(0o644)
    with pytest.raises(TlsError, match="chmod 600"):
        issue(tmp_path)


def test_what_was_not_made_here_is_not_overwritten(tmp_path):
    issue(tmp_path).certificate.write_text("mine")
    with pytest.raises(TlsError, match="move them away first"):
        issue(tmp_path)
    assert (tmp_path / "server.pem").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TlsError, match="file: file exists"):
        issue(tmp_path / "file")
