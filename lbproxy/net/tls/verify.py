"""
Is the peer who it should be? Verification that fails closed: whatever goes wrong means no.

Twisted's own check (26.4 and 26.10) takes only some of service_identity's exceptions for a no; it
lets certificates in that have no subjectAltName, or an odd one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import idna
from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address

from lbproxy.net.tls.certificates import loadCertificates

VerifyCallback = Callable[[SSL.Connection, crypto.X509, int, int, int], bool]

_CODES = SSL.X509VerificationCodes
_REASONS = {
    _CODES.ERR_CERT_HAS_EXPIRED: "has expired",
    _CODES.ERR_CERT_NOT_YET_VALID: "is not valid yet",
    _CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "is self-signed and not among the trusted ones",
    _CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN: "comes from an authority that is not trusted",
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT: "comes from an authority that is not trusted",
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "comes from an authority that is not trusted",
    _CODES.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: "comes from an authority that is not trusted",
    _CODES.ERR_CERT_REVOKED: "has been revoked",
    _CODES.ERR_INVALID_PURPOSE: "is not for a server",
}


class Verification:
    """
    The verification of one connection's peer; the connection has it as C{verification}.

    @ivar name: the DNS name or the address it has to be for.
    @ivar passed: the peer's own certificate was looked at, and is good.
    @ivar reason: what was wrong, in words that a user understands; C{""} while nothing is.
    """

    __slots__ = ("name", "passed", "reason")

    def __init__(self, name: str) -> None:
        self.name = name
        self.passed = False
        self.reason = ""

    def look(self, certificate: crypto.X509, error: int, depth: int, ok: int) -> bool:
        """
        One certificate of the chain, as OpenSSL shows them: the root first, the peer's own last.
        """
        self.passed = False
        if not ok or error:
            self.reason = "its certificate " + _chainReason(error, depth)
            return False
        if depth == 0:
            self.reason = nameMismatch(certificate.to_cryptography(), self.name)
            self.passed = not self.reason
            return self.passed
        return True


def verifyPeer(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
) -> bool:
    """
    For C{SSL.Context.set_verify}, with connections that have a L{Verification}.
    """
    try:
        # Not its app data: Twisted's TLS puts something of its own there.
        verification: Verification = connection.verification
        return verification.look(certificate, error, depth, ok)
    except Exception:
        # An exception that gets out of here is lost in OpenSSL; what counts is that it means no.
        return False


def trust(context: SSL.Context, ca: str) -> list[x509.Certificate]:
    """
    Let C{context} trust the certificates in a file, and only those, be they roots or not.

    @param ca: the path; C{""}: what the system trusts.
    @return: what was in the file.
    @raise ValueError: with a message fit for a user, when it is of no use.
    """
    if not ca:
        context.set_default_verify_paths()
        return []
    certificates = loadCertificates(ca)
    context.load_verify_locations(ca)
    store = context.get_cert_store()
    assert store is not None
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    return certificates


def nameMismatch(certificate: x509.Certificate, name: str) -> str:
    """
    @param name: a DNS name, in its ASCII form, or an IP address.
    @return: why C{certificate} is not for C{name}; C{""} when it is.
    """
    if not name:
        return "its certificate cannot be verified: no serverName is set"
    try:
        if isAddress(name):
            verify_certificate_ip_address(certificate, name)
        else:
            verify_certificate_hostname(certificate, name)
    except VerificationError:
        return f"its certificate is for {_names(certificate)}, not for {name}"
    except CertificateError as e:
        return f"its certificate cannot be for {name}: {str(e).rstrip('.')}"
    except Exception as e:
        return f"its certificate cannot be matched with {name!r}: {e}"
    return ""


def peerName(name: str) -> str:
    """
    The form in which a name is asked for and matched.

    @param name: as written in a configuration: any case, a dot or a zone at the end, umlauts.
    @raise ValueError: when it can't be the name of a peer.
    """
    address = name.partition("%")[0].removeprefix("[").removesuffix("]")
    if isAddress(address):
        return str(ipaddress.ip_address(address))
    name = name.removesuffix(".").lower()
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as e:
        raise ValueError(f'"{name}" is not a name: {e}') from None


def isAddress(name: str) -> bool:
    """
    It is an IP address, which takes another kind of subjectAltName and is no SNI (RFC 6066 3).
    """
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _chainReason(error: int, depth: int) -> str:
    where = "" if depth == 0 else f" (number {depth} of its chain)"
    reason = _REASONS.get(error)
    if reason is None:
        reason = "is refused: " + _codeName(error)
    return reason + where


def _codeName(error: int) -> str:
    for name, value in vars(_CODES).items():
        if value == error and name.startswith("ERR_"):
            return name[4:].replace("_", " ").lower()
    return f"error {error}"


def _names(certificate: x509.Certificate) -> str:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [_printable(str(name.value)) for name in list(found)[:4]]
    except Exception:
        names = []
    return ", ".join(names) or "nobody"


def _printable(text: str) -> str:
    # The peer wrote this, and it goes into a log.
    return "".join(c if c.isprintable() else "?" for c in text[:80])
