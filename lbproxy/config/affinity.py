"""
Does a client come back to its backend? Cookie, source IP or header.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lbproxy.config.kinds import Text, Whole, Word
from lbproxy.config.match import TOKEN, HeaderName
from lbproxy.config.model import Model, OneOrMany, exactlyOne, keyed
from lbproxy.config.units import Bool, Duration, FullString, Positive

CookieName = Annotated[str, Text(TOKEN, "a cookie's name, such as LBID")]
_ATTRIBUTE = r"[^;\x00-\x1f\x7f]*"


class CookieAffinity(Model):
    """
    A signed cookie that names the backend without showing its address.
    """

    name: CookieName = Field(default="LBID", description="The cookie's name.")
    mode: Annotated[Literal["insert", "rewrite", "prefix", "passive"], Word("mode")] = Field(
        default="insert", description="insert: our own cookie; the others work on the backend's."
    )
    secret: OneOrMany[FullString] = Field(
        min_length=1, repr=False, description="Signs it. A list: the first signs, all verify."
    )
    maxAge: Duration = Field(default=0.0, description="Max-Age; 0: until the browser closes.")
    sameSite: Annotated[Literal["Lax", "Strict", "None"], Word("SameSite")] = Field(
        default="Lax", description="Lax, Strict or None."
    )
    secure: Annotated[Literal["auto", True, False], Word("choice")] = Field(
        default="auto", description="auto: where the client came by TLS."
    )
    httpOnly: Bool = Field(default=True, description="Scripts do not see it.")
    path: Annotated[str, Text(rf"/{_ATTRIBUTE}", 'a path that begins with "/"')] = Field(
        default="/", description="Where the browser sends it."
    )
    domain: Annotated[str, Text(r"[A-Za-z0-9.-]*", "a domain")] = Field(
        default="", description="To which hosts; empty: this one."
    )
    indirect: Bool = Field(default=False, description="The backend does not see it.")
    nocache: Bool = Field(
        default=False, description="Answers that set it are marked not to be cached."
    )
    preserve: Bool = Field(
        default=False, description="A backend's own cookie of that name is left alone."
    )
    maxIdle: Duration = Field(default=0.0, description="Ignored when unused for so long; 0: never.")
    maxLife: Duration = Field(default=0.0, description="Ignored when so old; 0: never.")

    @model_validator(mode="after")
    def _check(self) -> CookieAffinity:
        if self.indirect and self.mode in ("rewrite", "prefix"):
            raise ValueError(
                f"indirect would lose what the backend changes in mode {self.mode}; "
                "wanted mode insert or passive"
            )
        if self.preserve and self.mode != "insert" and not self.indirect:
            raise ValueError("preserve does nothing here; wanted mode insert, or indirect")
        if (self.maxIdle or self.maxLife) and self.mode != "insert":
            raise ValueError(
                f"mode {self.mode} has no dates; wanted mode insert with maxIdle and maxLife"
            )
        if self.sameSite == "None" and self.secure is False:
            raise ValueError(
                "browsers refuse sameSite None without secure; wanted secure true or auto"
            )
        return self


class SourceIPAffinity(Model):
    """
    The client's address, or the network it is in.
    """

    prefix4: Annotated[int, Whole(1, 32)] = Field(
        default=32, description="Bits of IPv4 that count."
    )
    prefix6: Annotated[int, Whole(1, 128)] = Field(
        default=64, description="Bits of IPv6 that count."
    )
    ttl: Duration = Field(default=1800.0, description="Forgotten when unused for so long.")
    maxEntries: Positive = Field(
        default=100_000, description="Over it the one unused longest goes."
    )


class HeaderAffinity(Model):
    """
    A request header's value.
    """

    name: HeaderName = Field(description="The header's name.")
    ttl: Duration = Field(default=1800.0, description="Forgotten when unused for so long.")
    maxEntries: Positive = Field(
        default=100_000, description="Over it the one unused longest goes."
    )


class Affinity(Model):
    """
    Exactly one of them.
    """

    cookie: CookieAffinity | None = Field(default=None, description="http: by a cookie.")
    sourceIP: SourceIPAffinity | None = Field(default=None, description="By the client's address.")
    header: Annotated[HeaderAffinity | None, keyed("name")] = Field(
        default=None, description="http: by a header; a bare name is short for C{{name: NAME}}."
    )

    @model_validator(mode="after")
    def _check(self) -> Affinity:
        exactlyOne(self, "affinity", "cookie", "sourceIP", "header")
        return self
