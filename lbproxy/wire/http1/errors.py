"""
What is wrong with a message, and which status answers it?
"""

from __future__ import annotations

from lbproxy.errors import LBProxyError


class BadMessage(LBProxyError):
    """
    Bytes that are not the message they should be. The connection they came on has to be closed:
    nobody can say where the next message would start.

    C{status} is what a client is told (502 where a backend's response was bad), C{code} the short
    word for the log (docs/http-strictness.md lists them all), C{detail} a sentence for a human.
    """

    def __init__(self, status: int, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.status = status
        self.code = code
        self.detail = detail
