"""
A certificate authority to throw away: signs what a test asks for, good and bad.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

DAY = datetime.timedelta(days=1)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def makeKey(kind: str = "ec") -> PrivateKey:
    """
    @param kind: C{"ec"} (P-256), C{"rsa"} (2048 bits; slow) or C{"weak"} (RSA, 1024 bits).
    """
    if kind in ("rsa", "weak"):
        return rsa.generate_private_key(65537, 2048 if kind == "rsa" else 1024)
    return ec.generate_private_key(ec.SECP256R1())


def keyPEM(key: PrivateKey, password: bytes | None = None) -> bytes:
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        protection = serialization.BestAvailableEncryption(password)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    )


def alternativeName(text: str) -> x509.GeneralName:
    """
    C{"10.0.0.1"}, C{"who@example.test"}, C{"https://a.test/"} or a DNS name, however odd.
    """
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@dataclass(frozen=True)
class Leaf:
    """
    A certificate, its key, and what goes between it and the root.
    """

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def certificatePEM(self) -> bytes:
        return b"".join(
            c.public_bytes(serialization.Encoding.PEM) for c in (self.certificate, *self.chain)
        )

    @property
    def keyPEM(self) -> bytes:
        return keyPEM(self.key)

    def write(self, folder: str, name: str = "leaf") -> tuple[str, str]:
        """
        @return: the paths of the certificate and of its key.
        """
        return (
            writeFile(folder, name + ".pem", self.certificatePEM),
            writeFile(folder, name + ".key", self.keyPEM),
        )


class Authority:
    """
    Signs leaves; as an intermediate one it is signed by C{parent}.
    """

    def __init__(self, name: str = "Throw-away CA", parent: Authority | None = None) -> None:
        self.key = makeKey()
        self.parent = parent
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = parent or self
        builder = _builder(self.name, issuer.name, self.key, now() - DAY, now() + 30 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        builder = builder.add_extension(_usage(sign=True), True)
        self.certificate = builder.sign(issuer.key, hashes.SHA256())

    @property
    def certificatePEM(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def write(self, folder: str, name: str = "ca") -> str:
        return writeFile(folder, name + ".pem", self.certificatePEM)

    def issue(
        self,
        *names: str,
        commonName: str = "throw-away leaf",
        days: tuple[float, float] = (-1, 10),
        kind: str = "ec",
        client: bool = False,
    ) -> Leaf:
        """
        @param names: what L{alternativeName} takes; none: no subjectAltName at all.
        @param days: valid from and until, counted from today.
        @param client: for a client; otherwise for a server.
        """
        key = makeKey(kind)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, commonName)])
        start, end = (now() + day * DAY for day in days)
        builder = _builder(subject, self.name, key, start, end)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False)
        if names:
            alternatives = [alternativeName(name) for name in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), False)
        between = () if self.parent is None else (self.certificate,)
        return Leaf(builder.sign(self.key, hashes.SHA256()), key, between)

    def revoke(self, leaves: Sequence[Leaf]) -> bytes:
        """
        @return: a PEM revocation list with C{leaves} in it.
        """
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now() - DAY).next_update(now() + DAY)
        for leaf in leaves:
            entry = x509.RevokedCertificateBuilder().serial_number(leaf.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now() - DAY).build())
        crl = builder.sign(self.key, hashes.SHA256())
        return crl.public_bytes(serialization.Encoding.PEM)


def writeFile(folder: str, name: str, data: bytes) -> str:
    """
    @return: the path, which is private to us.
    """
    path = os.path.join(folder, name)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
    return path


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    start: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(start).not_valid_after(end)


def _usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )
