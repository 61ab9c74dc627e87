"""TLS and mutual TLS: contexts for both sides, from certificate files given or made by a little authority of our own.

TLS 1.2 is the least, 1.3 is preferred. A client always verifies certificate and host name; there is no switch to turn
that off: who uses certificates of their own names the authority to trust.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["TlsError", "client_context", "demand_current", "server_context", "subject_of"]

_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
"""The attribute types that RFC 4514, section 3, abbreviates."""
_LOOK_EVERY = 60.0
_logger = logging.getLogger("reference_impl.security")
_SPECIAL = frozenset('\\",+;<>=#')


class TlsError(Exception):
    """A certificate, key or authority cannot be used; `str()` of it is one line that says why."""


def server_context(
    certificate: str | Path,
    key: str | Path,
    client_authority: str | Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ssl.SSLContext:
    """Return the context of a server with this certificate (its chain in PEM) and private key.

    With `client_authority`, a file of certificates, clients without a certificate from one of them are turned away in
    the handshake (mutual TLS). When certificate or key are other files than before, new connections get the new ones,
    within a minute; `clock` gives monotonic seconds. Raises `TlsError`.
    """
    context = _server_context(certificate, key, client_authority)
    renewal = _Renewal(lambda: _server_context(certificate, key, client_authority), (certificate, key), clock)
    context.sni_callback = renewal.greet
    return context


def _server_context(certificate: str | Path, key: str | Path, client_authority: str | Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _load_certificate(context, certificate, key)
    if client_authority is not None:
        _trust(context, client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Renewal:
    """Looks now and then whether a certificate was renewed, and gives new connections the new one.

    Files that do not fit each other (yet) leave the old one in place, and the log says so.
    """

    def __init__(
        self, make: Callable[[], ssl.SSLContext], files: Sequence[str | Path], clock: Callable[[], float]
    ) -> None:
        self._make, self._files, self._clock = make, [Path(file) for file in files], clock
        self._looked, self._seen = clock(), self._states()
        self._fresh: ssl.SSLContext | None = None

    def greet(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Choose the context of a connection that begins (`SSLContext.sni_callback`)."""
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._look()
        if self._fresh is not None:
            connection.context = self._fresh

    def _look(self) -> None:
        states = self._states()
        if states == self._seen:
            return
        self._seen = states
        try:
            self._fresh = self._make()
        except TlsError as error:
            _logger.warning("the certificate stays as it was: %s", error)

    def _states(self) -> list[tuple[int, ...] | None]:
        return [_state(file) for file in self._files]


def _state(file: Path) -> tuple[int, ...] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def client_context(
    authority: str | Path | None = None, certificate: str | Path | None = None, key: str | Path | None = None
) -> ssl.SSLContext:
    """Return the context of a client, which verifies the server's certificate and name.

    `authority` is a file of certificates to trust instead of the system's. `certificate` and `key` identify the client
    to servers that ask for it. Raises `TlsError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    if authority is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _trust(context, authority)
    if certificate is not None:
        _load_certificate(context, certificate, key or certificate)
    return context


def demand_current(certificate: str | Path) -> None:
    """Make sure that a server's certificate (the first in a PEM file) is valid today: clients will refuse any other.

    Raises `TlsError`. Without `cryptography`, which alone can tell, nothing is said.
    """
    if find_spec("cryptography") is None:
        return
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(_demand_file(certificate))[0]
    except ValueError:
        raise TlsError(f"{certificate}: is no certificate in PEM") from None
    begin, end, now = found.not_valid_before_utc, found.not_valid_after_utc, datetime.now(UTC)
    if now > end:
        raise TlsError(f"{certificate}: the certificate expired on {end:%Y-%m-%d}")
    if now < begin:
        raise TlsError(f"{certificate}: the certificate is not valid before {begin:%Y-%m-%d}")


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Whoever trusts an intermediate authority, or one certificate alone, need not trust the root above it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def _load_certificate(context: ssl.SSLContext, certificate: str | Path, key: str | Path) -> None:
    _demand_file(key)
    if b"-----BEGIN CERTIFICATE" not in _demand_file(certificate):
        raise TlsError(f"{certificate}: is no certificate in PEM")
    try:
        # Without a password of ours, OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        why = "is not the key of that certificate" if mismatch else "is no private key in PEM without a password"
        raise TlsError(f"{key}: {why}") from None


def _trust(context: ssl.SSLContext, authority: str | Path) -> None:
    _demand_file(authority)
    try:
        context.load_verify_locations(cafile=authority)
    except ssl.SSLError:
        raise TlsError(f"{authority}: holds no certificates in PEM") from None


def _demand_file(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise TlsError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None


def subject_of(certificate: Mapping[str, Any] | None) -> str | None:
    """Return the subject of a verified certificate as a distinguished name (RFC 4514): `CN=ann,O=Example`.

    `certificate` is what `SSLObject.getpeercert` returns. Without a subject, the first URI or DNS name among its
    alternative names stands in, with its kind before it; None if there is neither, or no certificate.
    """
    if not certificate:
        return None
    subject = ",".join("+".join(map(_attribute, names)) for names in reversed(certificate.get("subject", ())))
    if subject:
        return subject
    named = dict(reversed(certificate.get("subjectAltName", ())))
    return next((f"{kind}:{named[kind]}" for kind in ("URI", "DNS") if kind in named), None)


def _attribute(pair: tuple[str, str]) -> str:
    kind, value = pair
    text = "".join(f"\\{character}" if character in _SPECIAL else character for character in value)
    if value[:1] == " ":
        text = "\\" + text
    if len(value) > 1 and value.endswith(" "):
        text = text[:-1] + "\\ "
    return f"{_SHORT.get(kind, kind)}={text}"
