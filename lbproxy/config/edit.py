"""
How is a request changed, answered or refused? The parts of http routes that are not pools.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lbproxy.config.kinds import Kind, Text, Whole, Word, asText
from lbproxy.config.match import TOKEN
from lbproxy.config.model import Model, OneOrMany, exactlyOne
from lbproxy.config.regex import RoutePattern, compiledRE2
from lbproxy.config.tls import Path
from lbproxy.config.units import FullString, PositiveDuration, String
from lbproxy.config.words import quoted, unknown

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
PLACEHOLDERS = (
    "host",
    "path",
    "query",
    "clientIP",
    "serverName",
    "requestID",
    "tls.clientSubject",
)
# These say where a message ends and where a connection goes: they are written by lbproxy alone.
_OURS = {"connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "host"}


class Template(Kind):
    """
    A text with placeholders such as C{{path}}, fit to be a header's value.
    """

    noun: ClassVar[str] = "template"

    def parse(self, value: object) -> object:
        text = asText(value)
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            raise ValueError("a header's value cannot hold control characters; wanted one line")
        for name in _PLACEHOLDER.findall(text):
            if name not in PLACEHOLDERS:
                raise ValueError(unknown("placeholder", name, PLACEHOLDERS))
        return text


class EditedName(Kind):
    """
    The name of a header that may be edited.
    """

    noun: ClassVar[str] = "header name"

    def parse(self, value: object) -> object:
        text = asText(value)
        if not re.fullmatch(TOKEN, text):
            raise ValueError(f"{quoted(text)} does not fit; wanted a header's name, such as X-Edge")
        if text.lower() in _OURS:
            raise ValueError(f"{quoted(text)} is not for editing; lbproxy writes it itself")
        return text


HeaderKey = Annotated[str, EditedName()]
HeaderTemplate = Annotated[str, Template()]


class HeaderEdits(Model):
    """
    Changes of headers: first C{remove}, then C{set}, then C{add}.
    """

    set: Mapping[HeaderKey, HeaderTemplate] = Field(
        default={}, description="In place of what is there."
    )
    add: Mapping[HeaderKey, HeaderTemplate] = Field(default={}, description="Beside what is there.")
    remove: OneOrMany[HeaderKey] = Field(default=(), description="Taken away.")


class Rewrite(Model):
    """
    Changes of the target that the backend sees.
    """

    stripPrefix: String = Field(default="", description="Cut from the path's start.")
    addPrefix: String = Field(default="", description="Put before the path.")
    regex: tuple[RoutePattern, String] | None = Field(
        default=None, description="A regular expression and what its find becomes."
    )
    host: HeaderTemplate = Field(
        default="", description="The Host that the backend sees; empty: as sent."
    )

    @model_validator(mode="after")
    def _check(self) -> Rewrite:
        for key in ("stripPrefix", "addPrefix"):
            prefix = getattr(self, key)
            if prefix and not prefix.startswith("/"):
                raise ValueError(f'{key} {quoted(prefix)} is no path; wanted one that begins "/"')
        if self.regex:
            groups = compiledRE2(self.regex[0]).groups
            for reference in re.findall(r"\\([0-9])", self.regex[1]):
                if int(reference) > groups:
                    raise ValueError(
                        f"{quoted(self.regex[1])} refers to group {reference}; "
                        f"wanted at most {groups}, the groups of {quoted(self.regex[0])}"
                    )
        return self


class Redirect(Model):
    """
    Sends the client elsewhere.
    """

    to: HeaderTemplate = Field(description="The Location; may hold placeholders.")
    status: Annotated[Literal[301, 302, 303, 307, 308], Word("redirect status")] = Field(
        default=308, description="301, 302, 303, 307 or 308."
    )

    @model_validator(mode="after")
    def _check(self) -> Redirect:
        if not self.to:
            raise ValueError("the redirect leads nowhere; wanted a URL or a path in C{to}")
        return self


class Respond(Model):
    """
    A fixed answer.
    """

    status: Annotated[int, Whole(200, 599)] = Field(default=200, description="The answer's status.")
    body: String = Field(default="", description="The answer's body, sent as UTF-8.")
    headers: Mapping[HeaderKey, HeaderTemplate] = Field(
        default={}, description="The answer's headers."
    )


class BasicAuth(Model):
    """
    Names and passwords of RFC 7617.
    """

    file: Path = Field(description="An htpasswd file (bcrypt, SHA-512 or SHA-256 crypt).")
    realm: Annotated[str, Text(r'[^"\\\x00-\x1f\x7f]*', "a text without quotes")] = Field(
        default="restricted", description="What the browser shows."
    )


class ForwardAuth(Model):
    """
    Another server decides.
    """

    url: FullString = Field(description="Asked with the request's head; 2xx lets it pass.")
    timeout: PositiveDuration = Field(default=5.0, description="Until it has answered.")
    copyHeaders: OneOrMany[HeaderKey] = Field(
        default=(), description="Headers of its answer that the backend gets."
    )


class JWTAuth(Model):
    """
    Signed tokens of RFC 7519.
    """

    jwks: FullString = Field(description="File or URL of the keys.")
    issuer: String = Field(default="", description="The C{iss} wanted; empty: any.")
    audience: OneOrMany[String] = Field(default=(), description="An C{aud} wanted; none: any.")


class Auth(Model):
    """
    Who may pass: exactly one way.
    """

    basic: BasicAuth | None = Field(default=None, description="Names and passwords from a file.")
    forward: ForwardAuth | None = Field(default=None, description="Another server decides.")
    jwt: JWTAuth | None = Field(default=None, description="Signed tokens.")

    @model_validator(mode="after")
    def _check(self) -> Auth:
        exactlyOne(self, "way to authenticate", "basic", "forward", "jwt")
        return self
