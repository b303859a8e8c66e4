"""
Which certificates do the configuration's tests read? Made anew for each run, never checked in.
"""

from __future__ import annotations

import datetime
import os
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


@cache
def _files() -> dict[str, bytes]:
    good, other, stranger = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    leaf, issuer = certificate(good, "leaf"), certificate(other, "issuer")
    return {
        "good.pem": leaf + issuer,
        "good.key": privateKey(good),
        "other.key": privateKey(stranger),
        "encrypted.key": privateKey(good, b"secret"),
        "reversed.pem": issuer + leaf,
    }


def certificate(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """
    @return: a self-signed certificate in PEM.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )


def privateKey(key: ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> bytes:
    """
    @return: the key in PEM.
    """
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def writeCertificates(folder: str) -> None:
    """
    Put good.pem (leaf, issuer), good.key, other.key (a stranger's), encrypted.key (good.key's) and
    reversed.pem (issuer, leaf) into C{folder}.
    """
    for name, data in _files().items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
