"""Contexts: whom each side believes, and what it says when files are wrong."""

import ssl
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from reference_impl.security.authority import issue
from reference_impl.security.tls import TlsError, client_context, demand_current, server_context, subject_of


def test_both_sides_know_each_other_over_tls_1_3(issued, shake):
    server = server_context(issued.certificate, issued.key, issued.authority)
    done = shake(server, client_context(issued.authority, issued.client_certificate, issued.client_key))
    assert done.client.version() == "TLSv1.3"
    assert subject_of(done.server.getpeercert()) == "CN=touchstone-client"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_the_names_of_this_machine_are_covered(issued, shake, name):
    done = shake(server_context(issued.certificate, issued.key), client_context(issued.authority), name)
    assert subject_of(done.server.getpeercert()) is None


def test_a_certificate_of_another_name_is_refused(issued, shake):
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(server_context(issued.certificate, issued.key), client_context(issued.authority), "example.com")


def test_a_certificate_of_another_authority_is_refused(issued, shake, tmp_path):
    other = issue(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|self-signed"):
        shake(server_context(other.certificate, other.key), client_context(issued.authority))


def test_an_expired_certificate_is_refused(shake, tmp_path):
    authority = trustme.CA()
    expired = authority.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(days=1))
    expired.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = server_context(tmp_path / "server.pem", tmp_path / "server.pem")
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake(server, client_context(tmp_path / "ca.pem"))


@pytest.mark.parametrize(("days", "said"), [(-1, "expired on 20"), (1, None)])
def test_a_certificate_is_found_out_before_it_is_served(tmp_path, days, said):
    made = trustme.CA().issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=days))
    made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    with pytest.raises(TlsError, match=said) if said is not None else nullcontext():
        demand_current(tmp_path / "server.pem")


def test_the_system_does_not_trust_the_little_authority(issued, shake):
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server_context(issued.certificate, issued.key), client_context())


@pytest.mark.parametrize("strange", [False, True])
def test_a_client_without_a_certificate_of_the_authority_is_refused(issued, shake, tmp_path, strange):
    other = issue(tmp_path)
    given = (other.client_certificate, other.client_key) if strange else ()
    with pytest.raises(ssl.SSLError, match=r"(?i)peer did not return a certificate|verify failed"):
        shake(
            server_context(issued.certificate, issued.key, issued.authority), client_context(issued.authority, *given)
        )


def test_a_server_certificate_is_no_client_certificate(issued, shake):
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        shake(
            server_context(issued.certificate, issued.key, issued.authority),
            client_context(issued.authority, issued.certificate, issued.key),
        )


def test_older_versions_are_refused(issued, shake):
    old = client_context(issued.authority)
    with pytest.warns(DeprecationWarning, match="TLS"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        shake(server_context(issued.certificate, issued.key), old)


def test_version_1_2_is_enough(issued, shake):
    client = client_context(issued.authority)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake(server_context(issued.certificate, issued.key), client).server.version() == "TLSv1.2"


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_files_that_do_not_fit_are_named_in_one_line(issued, tmp_path):
    garbage = write(tmp_path / "garbage", b"not PEM\n")
    for certificate, key, said in [
        (tmp_path / "none", issued.key, "none: no such file or directory"),
        (issued.certificate, tmp_path / "none", "none: no such file or directory"),
        (garbage, issued.key, "garbage: is no certificate in PEM"),
        (issued.certificate, garbage, "garbage: is no private key in PEM without a password"),
        (issued.certificate, issued.client_key, "client.key: is not the key of that certificate"),
    ]:
        with pytest.raises(TlsError) as refusal:
            server_context(certificate, key)
        assert str(refusal.value).endswith(said)
    with pytest.raises(TlsError, match="garbage: holds no certificates in PEM"):
        client_context(garbage)
    with pytest.raises(TlsError, match="none: no such file"):
        server_context(issued.certificate, issued.key, tmp_path / "none")


def test_nobody_is_asked_for_the_password_of_a_key(issued, tmp_path):
    key = serialization.load_pem_private_key(issued.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    with pytest.raises(TlsError, match="without a password"):
        server_context(issued.certificate, write(tmp_path / "locked.key", locked))


@pytest.mark.parametrize(
    ("certificate", "name"),
    [
        (None, None),
        ({}, None),
        ({"subject": ((("countryName", "DE"),), (("commonName", "ann"),))}, "CN=ann,C=DE"),
        ({"subject": ((("commonName", "a,O=x"),),)}, "CN=a\\,O\\=x"),
        ({"subject": ((("commonName", " a "),),)}, "CN=\\ a\\ "),
        ({"subject": ((("commonName", "a"), ("userId", "7")),)}, "CN=a+UID=7"),
        ({"subject": (), "subjectAltName": (("DNS", "b"), ("DNS", "c"))}, "DNS:b"),
        ({"subject": (), "subjectAltName": (("DNS", "b"), ("URI", "spiffe://x/y"))}, "URI:spiffe://x/y"),
        ({"subject": (), "subjectAltName": (("email", "a@b"),)}, None),
    ],
)
def test_subjects_are_written_so_that_no_two_look_alike(certificate, name):
    assert subject_of(certificate) == name


def test_a_renewed_certificate_counts_without_a_restart(shake, tmp_path, caplog):
    made, now = issue(tmp_path), [0.0]
    context = server_context(made.certificate, made.key, made.authority, clock=lambda: now[0])
    client = client_context(made.authority, made.client_certificate, made.client_key)

    def serial():
        return shake(context, client).client.getpeercert()["serialNumber"]

    first = serial()
    made.certificate.write_text("-----BEGIN CERTIFICATE-----", "utf-8")
    now[0] = 60.0
    assert serial() == first
    assert "the certificate stays as it was" in caplog.text
    made.certificate.unlink()
    made.key.unlink()
    issue(tmp_path)
    assert serial() == first  # nobody has looked yet
    now[0] = 120.0
    second = serial()
    assert second != first
    now[0] = 180.0
    assert serial() == second
    with pytest.raises(ssl.SSLError):  # clients have to show theirs as before
        shake(context, client_context(made.authority))
