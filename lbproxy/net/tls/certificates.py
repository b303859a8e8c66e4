"""
Which certificate is shown to a client? Pairs of certificate and key, read from files and checked.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtensionOID

# Bytes. A chain is a few KiB, a bundle of all public authorities a quarter of a MiB.
_FILE_LIMIT = 4 << 20

_revocationLists = re.compile(
    rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL
).findall

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class CertificatePair:
    """
    A certificate with its chain and key, ready to be shown.

    C{names} are the DNS names it is for, lower-case, C{*.} in front of a wildcard.
    """

    certPath: str
    keyPath: str
    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes = field(repr=False)
    names: tuple[str, ...]

    def warnings(self, now: datetime.datetime | None = None) -> list[str]:
        """
        What is odd about it, though it can be served. Each fit for a user.
        """
        now = now or datetime.datetime.now(datetime.UTC)
        found = []
        if self.leaf.not_valid_after_utc <= now:
            found.append(f"{self.certPath}: expired on {self.leaf.not_valid_after_utc:%Y-%m-%d}")
        if self.leaf.not_valid_before_utc > now:
            found.append(f"{self.certPath}: not valid before {self.leaf.not_valid_before_utc}")
        if not _alternativeNames(self.leaf):
            found.append(f"{self.certPath}: is for nobody: it has no subjectAltName")
        return found


def loadPair(certPath: str, keyPath: str) -> CertificatePair:
    """
    @param certPath: PEM; the server's own certificate first, then its chain.
    @raise ValueError: with a message fit for a user, when they are of no use.
    """
    certificates = loadCertificates(certPath)
    key = _loadKey(keyPath)
    leaf, chain = certificates[0], tuple(certificates[1:])
    if not _belong(leaf, key):
        if any(_belong(other, key) for other in chain):
            raise ValueError(f"{certPath}: the certificate of {keyPath} must come first")
        raise ValueError(f"{keyPath}: does not match the certificate in {certPath}")
    return CertificatePair(certPath, keyPath, leaf, chain, key, dnsNames(leaf))


def checkPair(certPath: str, keyPath: str) -> list[str]:
    """
    Everything a start would find out about the two files.

    @return: warnings, each fit for a user: expired, not valid yet, without names.
    @raise ValueError: as L{loadPair} does.
    """
    return loadPair(certPath, keyPath).warnings()


def loadCertificates(path: str) -> list[x509.Certificate]:
    """
    @return: at least one.
    @raise ValueError: with a message fit for a user.
    """
    data = readFile(path)
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise ValueError(f"{path}: no PEM certificate in it") from None


def loadRevocationLists(path: str) -> list[x509.CertificateRevocationList]:
    """
    @return: at least one, in the order of the file.
    @raise ValueError: with a message fit for a user.
    """
    data = readFile(path)
    try:
        found = [x509.load_pem_x509_crl(block) for block in _revocationLists(data)]
    except ValueError:
        found = []
    if not found:
        raise ValueError(f"{path}: no PEM revocation list (X509 CRL) in it")
    return found


def readFile(path: str) -> bytes:
    """
    @raise ValueError: with a message fit for a user.
    """
    try:
        with open(path, "rb") as source:
            data = source.read(_FILE_LIMIT + 1)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except OSError as e:
        raise ValueError(f"{path}: {os.strerror(e.errno or 0).lower()}") from None
    if len(data) > _FILE_LIMIT:
        raise ValueError(f"{path}: too large to be a certificate or a key")
    return data


def dnsNames(certificate: x509.Certificate) -> tuple[str, ...]:
    """
    The DNS names in the subjectAltName. The subject's common name has not counted since RFC 2818.
    """
    names = [n.value for n in _alternativeNames(certificate) if isinstance(n, x509.DNSName)]
    return tuple(name.lower().rstrip(".") for name in names)


class NameTable(Generic[_T]):
    """
    What belongs to the name a client asks for: the exact name, else a wildcard for one label, else
    the first of all. Of several for one name the one listed first counts.
    """

    __slots__ = ("_exact", "_wildcards", "first")

    def __init__(self, entries: Iterable[tuple[Sequence[str], _T]]) -> None:
        """
        @param entries: at least one; the names, lower-case, and what belongs to them.
        """
        listed = list(entries)
        self.first = listed[0][1]
        self._exact: dict[str, _T] = {}
        self._wildcards: dict[str, _T] = {}  # by what follows the "*"
        for names, item in listed:
            for name in names:
                if name.startswith("*."):
                    self._wildcards.setdefault(name[1:], item)
                else:
                    self._exact.setdefault(name, item)

    def find(self, name: str) -> _T:
        """
        @param name: as the client wrote it; C{""} when it named nobody.
        """
        name = name.lower().rstrip(".")
        found = self._exact.get(name)
        if found is None:
            label, dot, rest = name.partition(".")
            found = self._wildcards.get(dot + rest) if label else None
        return self.first if found is None else found


def _alternativeNames(certificate: x509.Certificate) -> Sequence[x509.GeneralName]:
    try:
        extension = certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        )
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    assert isinstance(extension.value, x509.SubjectAlternativeName)
    return list(extension.value)


def _loadKey(path: str) -> PrivateKeyTypes:
    data = readFile(path)
    try:
        return load_pem_private_key(data, None)
    except TypeError:
        raise ValueError(
            f"{path}: is protected by a password, which nobody could type in"
        ) from None
    except Exception:
        raise ValueError(f"{path}: no PEM private key in it") from None


def _belong(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    return _spki(certificate.public_key()) == _spki(key.public_key())


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
