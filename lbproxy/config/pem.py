"""
What does a file hold? Certificates, keys and revocation lists in PEM, read with care.
"""

from __future__ import annotations

import os
import stat

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from lbproxy.config.words import quotedPath

# No certificate, key or page that we serve is larger.
_LARGEST = 16 * 1024 * 1024


def readFile(path: str) -> bytes:
    """
    @raise ValueError: it is not there, not a file, cannot be read or is too large.
    """
    try:
        with open(path, "rb", opener=_openSafely) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError(f"{quotedPath(path)} is not a regular file; wanted one")
            data = file.read(_LARGEST + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise ValueError(
            f"{quotedPath(path)} cannot be read: {why}; wanted a readable file"
        ) from error
    if len(data) > _LARGEST:
        raise ValueError(f"{quotedPath(path)} is too large; wanted at most 16 MiB")
    return data


def _openSafely(path: str, flags: int) -> int:
    # A named pipe would block the start for ever.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def certificates(path: str) -> list[x509.Certificate]:
    """
    @return: the certificates in a PEM file, at least one.
    @raise ValueError: there are none.
    """
    data = readFile(path)
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise ValueError(
            f"{quotedPath(path)} holds no certificate that can be read; wanted PEM"
        ) from error


def revocationList(path: str) -> None:
    """
    @raise ValueError: the file holds none.
    """
    try:
        x509.load_pem_x509_crl(readFile(path))
    except ValueError as error:
        raise ValueError(f"{quotedPath(path)} holds no revocation list; wanted PEM") from error


def publicHalf(path: str) -> bytes:
    """
    @return: the public half of the private key in a PEM file, as SubjectPublicKeyInfo.
    """
    data = readFile(path)
    try:
        key = load_pem_private_key(data, None)
    except TypeError as error:
        raise ValueError(
            f"{quotedPath(path)} is encrypted; wanted a key without a passphrase"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(
            f"{quotedPath(path)} holds no private key that can be read; wanted PEM"
        ) from error
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def subjectKey(certificate: x509.Certificate) -> bytes:
    """
    @return: the key that is certified, as SubjectPublicKeyInfo; empty if we do not know its kind.
    """
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
