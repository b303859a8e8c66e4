"""
What do we answer ourselves?
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

# RFC 9110 15.5 renamed these; Python 3.11 still has the old names.
_RENAMED = {413: b"Content Too Large", 414: b"URI Too Long", 422: b"Unprocessable Content"}
REASONS: Mapping[int, bytes] = {s.value: s.phrase.encode("ascii") for s in HTTPStatus} | _RENAMED


class Reply:
    """
    A whole answer of ours, rendered once: a status with its fields and body.

    @ivar status: the HTTP status.
    """

    __slots__ = ("_fields", "_line", "body", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        fields: tuple[tuple[bytes, bytes], ...] = (),
        contentType: bytes = b"text/plain; charset=utf-8",
    ) -> None:
        """
        @param contentType: of a body for which C{fields} have none; empty: it goes without.
        """
        self.status = status
        # What followed these would be read as the beginning of the next answer.
        self.body = body = body if hasBody(status) else b""
        self._line = b"HTTP/1.1 %d %b\r\n" % (status, REASONS.get(status, b""))
        names = {name.lower() for name, _ in fields}
        if body and contentType and b"content-type" not in names:
            fields = (*fields, (b"Content-Type", contentType))
        if hasBody(status):
            fields = (*fields, (b"Content-Length", b"%d" % len(body)))
        self._fields = b"".join(b"%b: %b\r\n" % pair for pair in fields)

    def render(self, extra: bytes, withBody: bool) -> bytes:
        """
        @param extra: further header lines (C{Date}, C{Connection}).
        @param withBody: false for the answer to a HEAD request.
        """
        head = b"%b%b%b\r\n" % (self._line, self._fields, extra)
        return head + self.body if withBody and self.body else head


def hasBody(status: int) -> bool:
    """
    Whether RFC 9110 6.4.1 lets an answer with this status have a body.
    """
    return status >= 200 and status not in (204, 304)


def standardReply(status: int) -> Reply:
    """
    The short plain-text answer to an error.
    """
    return Reply(status, b"%d %b\n" % (status, REASONS.get(status, b"Error")))


class ErrorPages:
    """
    The answer for each error status: a user's page where there is one, else a short line.
    """

    __slots__ = ("_pages",)

    def __init__(self, pages: Mapping[int, bytes] | None = None) -> None:
        html = b"text/html; charset=utf-8"
        self._pages = {
            status: Reply(status, page, (), html) for status, page in (pages or {}).items()
        }

    def __getitem__(self, status: int) -> Reply:
        reply = self._pages.get(status)
        if reply is None:
            reply = self._pages[status] = standardReply(status)
        return reply
