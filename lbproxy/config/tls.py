"""
How is it encrypted? TLS on a listener's side and towards backends.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lbproxy.config.kinds import FilePath, Text, Word
from lbproxy.config.model import Model, OneOrMany
from lbproxy.config.supported import isSupported
from lbproxy.config.units import Bool, FullString, String

Path = Annotated[str, FilePath()]
ALPN = Annotated[str, Text(r"[!-~]{1,255}", 'a protocol name such as "h2" or "http/1.1"')]

# The lists follow what lbproxy speaks: a protocol that is not yet supported is not offered.
DEFAULT_ALPN = ("h2", "http/1.1") if isSupported("listeners.*.tls.alpn = h2") else ("http/1.1",)


class CertificateFiles(Model):
    """
    A certificate and its private key; reloaded when a file changes.
    """

    cert: Path = Field(description="PEM file: the leaf first, then the chain.")
    key: Path = Field(description="PEM file: the leaf's private key, without a passphrase.")


class ACME(Model):
    """
    Certificates that are obtained and renewed by ACME (RFC 8555).
    """

    directory: FullString = Field(description="URL of the authority's directory.")
    email: String = Field(default="", description="Whom the authority may write to.")
    domains: OneOrMany[FullString] = Field(min_length=1, description="Names to be certified.")
    challenge: Annotated[Literal["tlsAlpn01", "http01"], Word("challenge")] = Field(
        default="tlsAlpn01", description="How the names are proved."
    )
    storage: Path = Field(description="Private folder (0700) for the account, keys and certs.")


class ClientAuth(Model):
    """
    Certificates of clients.
    """

    ca: Path = Field(description="PEM file: the authorities that clients' certificates come from.")
    mode: Annotated[Literal["request", "require"], Word("mode")] = Field(
        default="require", description="Whether a client without a certificate is turned away."
    )
    crl: Path = Field(default="", description="PEM file of revoked certificates; empty: none.")


class ListenerTLS(Model):
    """
    TLS that ends at the listener.
    """

    certificates: OneOrMany[CertificateFiles] = Field(
        default=(), description="Chosen by SNI: the exact name, then a wildcard, then the first."
    )
    acme: ACME | None = Field(default=None, description="Or: obtained and renewed by ACME.")
    minVersion: Annotated[Literal["1.2", "1.3"], Word("TLS version")] = Field(
        default="1.2", description="The oldest TLS spoken; the modern profile speaks 1.3 only."
    )
    profile: Annotated[Literal["intermediate", "modern"], Word("profile")] = Field(
        default="intermediate", description="Ciphers and groups: Mozilla's server-side profiles."
    )
    alpn: OneOrMany[ALPN] = Field(
        default=DEFAULT_ALPN,
        description="Protocols offered, best first; tcp listeners: none by default.",
    )
    clientAuth: ClientAuth | None = Field(default=None, description="Ask clients for certificates.")
    sessionTickets: Bool = Field(
        default=True, description="Let clients resume; keys are rotated and shared by all workers."
    )
    ocspStapling: Bool = Field(
        default=isSupported("listeners.*.tls.ocspStapling"),
        description="Send the authority's word that the certificate is still good.",
    )

    @model_validator(mode="after")
    def _check(self) -> ListenerTLS:
        if not self.certificates and self.acme is None:
            raise ValueError("no certificate; wanted certificates or acme")
        if self.profile == "modern" and self.minVersion == "1.2":
            if "minVersion" in self.model_fields_set:
                raise ValueError('the modern profile speaks TLS 1.3 only; wanted minVersion "1.3"')
            self.__dict__["minVersion"] = "1.3"
        return self


class StreamTLS(ListenerTLS):
    """
    The same on a tcp listener, which does not know what is spoken inside.
    """

    alpn: OneOrMany[ALPN] = Field(
        default=(), description="Protocols offered, best first; tcp listeners: none by default."
    )


class BackendTLS(Model):
    """
    TLS towards backends.
    """

    serverName: String = Field(
        default="", description="Name asked for and verified; empty: the host's."
    )
    ca: Path = Field(
        default="", description="PEM file of trusted authorities; empty: the system's."
    )
    verify: Bool = Field(
        default=True, description="Whether the certificate and its name must be right."
    )
    cert: Path = Field(default="", description="PEM file: our own certificate; empty: none.")
    key: Path = Field(default="", description="PEM file: its private key.")

    @model_validator(mode="after")
    def _check(self) -> BackendTLS:
        if bool(self.cert) != bool(self.key):
            raise ValueError("cert and key go together; wanted both or neither")
        return self
