"""
Which requests and connections does a route take? What stands under C{match}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from lbproxy.config.kinds import Before, Kind, Text, asText
from lbproxy.config.model import Model, OneOrMany
from lbproxy.config.regex import RoutePattern
from lbproxy.config.tls import ALPN
from lbproxy.config.units import Bool, Network, String
from lbproxy.config.words import quoted

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|[0-9.]+|\[[0-9A-Fa-f:.]+\]")


class HostPattern(Kind):
    """
    A host name, or C{*.} and one: any name that ends so. In lower case, without a port.
    """

    noun: ClassVar[str] = "host name"

    def parse(self, value: object) -> object:
        text = asText(value)
        if _HOST.fullmatch(text) and len(text) <= 255:
            return text.lower()
        try:
            ascii = text.encode("idna").decode("ascii")
        except UnicodeError:
            ascii = ""
        if not text.isascii() and _HOST.fullmatch(ascii):
            return ascii.lower()
        raise ValueError(
            f'{quoted(text)} is not a host; wanted "shop.example.com" or "*.example.com", '
            "without a port"
        )


Host = Annotated[str, HostPattern()]
HeaderName = Annotated[str, Text(TOKEN, "a header's name, such as X-Edge")]
CookieName = Annotated[str, Text(TOKEN, "a cookie's name, such as group")]
Method = Annotated[str, Text(TOKEN, "a method, such as GET")]
AbsolutePath = Annotated[str, Text(r"/[^\x00-\x1f\x7f]*", 'a path that begins with "/"')]


def _valueMatch(value: Any) -> Any:
    return value if isinstance(value, Mapping | ValueMatch) else {"exact": value}


class ValueMatch(Model):
    """
    What a header, a query parameter or a cookie must be: one of C{exact}, or what C{regex} finds
    from its first to its last character, or just C{present} (or absent).
    """

    exact: OneOrMany[String] = Field(default=(), description="Any of these, compared exactly.")
    regex: RoutePattern = Field(
        default="", description="A regular expression that the whole value fits."
    )
    present: Bool | None = Field(
        default=None, description="true: any value; false: it must be absent."
    )

    @model_validator(mode="after")
    def _check(self) -> ValueMatch:
        given = [name for name in ("exact", "regex", "present") if name in self.model_fields_set]
        if len(given) != 1:
            raise ValueError("wanted one of a text, {regex: …} or {present: true}")
        return self


Value = Annotated[ValueMatch, Before(_valueMatch)]


class HTTPMatch(Model):
    """
    Every key given must hold; a list means any of.
    """

    host: OneOrMany[Host] = Field(
        default=(), description='The host asked for: a name, or "*." and the end of names.'
    )
    path: OneOrMany[AbsolutePath] = Field(
        default=(), description="The whole decoded, normalised path."
    )
    pathPrefix: OneOrMany[AbsolutePath] = Field(
        default=(), description="What the path begins with."
    )
    pathRegex: OneOrMany[RoutePattern] = Field(
        default=(), description="A regular expression that is found at the path's start."
    )
    method: OneOrMany[Method] = Field(default=(), description="The request's method; case matters.")
    header: Mapping[HeaderName, Value] = Field(default={}, description="Headers by name.")
    query: Mapping[String, Value] = Field(default={}, description="Query parameters by name.")
    cookie: Mapping[CookieName, Value] = Field(default={}, description="Cookies by name.")
    source: OneOrMany[Network] = Field(default=(), description="The client's address.")

    @model_validator(mode="after")
    def _check(self) -> HTTPMatch:
        given = [name for name in ("path", "pathPrefix", "pathRegex") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other; wanted one of them")
        return self


class TCPMatch(Model):
    """
    Every key given must hold; a list means any of. C{serverName} and C{alpn} make the listener
    look at the ClientHello before it connects.
    """

    serverName: OneOrMany[Host] = Field(default=(), description="The name that TLS asks for (SNI).")
    alpn: OneOrMany[ALPN] = Field(default=(), description="A protocol that TLS offers.")
    source: OneOrMany[Network] = Field(default=(), description="The client's address.")


class UDPMatch(Model):
    """
    Every key given must hold; a list means any of.
    """

    source: OneOrMany[Network] = Field(default=(), description="The client's address.")
