"""A little certificate authority in a directory: makes what TLS and mutual TLS need, and renews it before it expires.

For development, tests and machines that trust each other; names and lifetimes are those of `issue`. Needs
`cryptography`.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from reference_impl.security.files import replace_file
from reference_impl.security.tls import TlsError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["LOOPBACK_NAMES", "Issued", "issue"]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
AUTHORITY_DAYS = 3650
LEAF_DAYS = 90
RENEWAL_DAYS = 14
"""A certificate with less than this to go is made anew."""
_SKEW = timedelta(hours=1)
"""How far the clocks of those who verify may be behind."""


@dataclass(frozen=True, slots=True)
class Issued:
    """Where everything is: PEM files, keys readable by their owner alone."""

    authority: Path
    certificate: Path
    key: Path
    client_certificate: Path
    client_key: Path


def issue(directory: str | Path, names: Iterable[str] = LOOPBACK_NAMES, client: str = "touchstone-client") -> Issued:
    """Make an authority, a server certificate for `names` (DNS names and IP addresses) and a client certificate.

    What is there already is kept while it is valid for two weeks more, comes from the authority and covers the names;
    the authority lasts ten years, the others 90 days. Raises `TlsError` without `cryptography`, where files cannot be
    written, and where a private key lies open to others.
    """
    if find_spec("cryptography") is None:
        raise TlsError("making certificates needs cryptography: install mcp-touchstone[servers]")
    try:
        return _issue(Path(directory), tuple(names), client)
    except OSError as error:
        raise TlsError(f"{directory}: {(error.strerror or 'cannot be written').lower()}") from None


def _issue(directory: Path, names: tuple[str, ...], client: str) -> Issued:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = Issued(*(directory / name for name in ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")))
    authority = _Authority.kept_in(files.authority, directory / "ca.key")
    authority.keep(files.certificate, files.key, _Leaf(names[0] if names else "server", names))
    authority.keep(files.client_certificate, files.client_key, _Leaf(client))
    return files


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What a certificate says: whose it is, and for a server, its names."""

    subject: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @classmethod
    def kept_in(cls, certificate: Path, key: Path) -> _Authority:
        """Return the authority in these files, made anew if it is not there or about to end."""
        found = _load(certificate, key)
        if found is not None and _lasts(found[0]):
            return cls(*found)
        fresh = _new_key()
        made = _self_signed(fresh)
        replace_file(key, _key_pem(fresh))
        replace_file(certificate, _certificate_pem(made), private=False)
        return cls(made, fresh)

    def keep(self, certificate: Path, key: Path, leaf: _Leaf) -> None:
        """Make these files unless they are there and still good."""
        found = _load(certificate, key)
        if found is not None and _lasts(found[0]) and self._made(found[0]) and _says(found[0], leaf):
            return
        fresh = _new_key()
        made = self._sign(fresh, leaf)
        replace_file(key, _key_pem(fresh))
        replace_file(certificate, _certificate_pem(made), private=False)

    def _made(self, certificate: x509.Certificate) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True

    def _sign(self, key: EllipticCurvePrivateKey, leaf: _Leaf) -> x509.Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import ExtendedKeyUsageOID

        usage = ExtendedKeyUsageOID.SERVER_AUTH if leaf.names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(_name(leaf.subject), self.certificate.subject, key, LEAF_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        if leaf.names:
            alternative = x509.SubjectAlternativeName([_general_name(name) for name in leaf.names])
            builder = builder.add_extension(alternative, critical=False)
        return builder.sign(self.key, hashes.SHA256())


def _self_signed(key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    # A name of its own each time: two authorities of one name would be taken for each other.
    name = _name(f"Touchstone authority {secrets.token_hex(4)}")
    builder = _builder(name, name, key, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return builder.sign(key, hashes.SHA256())


def _builder(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    # 64 characters are what X.520 allows a common name.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _lasts(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=RENEWAL_DAYS)


def _says(certificate: x509.Certificate, leaf: _Leaf) -> bool:
    from cryptography import x509

    if certificate.subject != _name(leaf.subject):
        return False
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return not leaf.names
    return set(names) >= {_general_name(name) for name in leaf.names}


def _load(certificate: Path, key: Path) -> tuple[x509.Certificate, EllipticCurvePrivateKey] | None:
    """Return what is in the files, or None if they are not there or do not belong together."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    if not (certificate.exists() and key.exists()):
        return None
    if os.name == "posix" and stat.S_IMODE(key.stat().st_mode) & 0o077:
        raise TlsError(f"{key}: others may read this private key; delete it, or make it private with chmod 600")
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError):
        raise TlsError(f"{certificate} or {key}: not as they were made here; move them away first") from None
    if not isinstance(private, EllipticCurvePrivateKey) or private.public_key() != found.public_key():
        return None
    return found, private


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)
