"""
Two ends of a TLS connection in one process, brought up without a reactor.
"""

from __future__ import annotations

import socket
import tempfile
from typing import Any

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.tls.tlssocket import PortableTLSSocket, reasonOf
from tests.certs import Authority, Leaf

#: One for all tests; making one takes a while.
AUTHORITY = Authority()
STRANGER = Authority("Somebody else's CA")


class TLSTestCase(SynchronousTestCase):
    """
    With a folder of its own.
    """

    def setUp(self) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self._temporary.cleanup)
        self.folder = self._temporary.name
        self._count = 0
        self.ca = AUTHORITY.write(self.folder)

    def write(self, leaf: Leaf) -> tuple[str, str]:
        """
        @return: the paths of certificate and key.
        """
        self._count += 1
        return leaf.write(self.folder, f"leaf{self._count}")

    def pair(self, *names: str, **kind: Any) -> tuple[str, str]:
        """
        Issue and write; see L{Authority.issue}.
        """
        return self.write(AUTHORITY.issue(*names, **kind))


def serverContext() -> SSL.Context:
    """
    The simplest that does.
    """
    leaf = AUTHORITY.issue("a.test")
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(leaf.certificate)
    context.use_privatekey(leaf.key)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    return context


def socketPair() -> tuple[socket.socket, socket.socket]:
    """
    Connected over loopback TCP, non-blocking.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        a = socket.create_connection(listening.getsockname())
        b, _ = listening.accept()
    for each in (a, b):
        each.setblocking(False)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return a, b


def shakeHands(client: SSL.Connection, server: SSL.Connection) -> tuple[str, str]:
    """
    @return: for client and server, C{"up"} or why not.
    """
    states = ["", ""]
    for _ in range(20):
        for number, end in enumerate((client, server)):
            if not states[number]:
                states[number] = _step(end)
        if all(states):
            break
    return states[0], states[1]


def _step(end: SSL.Connection) -> str:
    try:
        end.do_handshake()
    except SSL.WantReadError:
        return ""
    except SSL.Error as e:
        return reasonOf(e)
    except Exception as e:
        return str(e)
    return "up"


def readAll(end: PortableTLSSocket) -> bytes:
    """
    What is there now; also takes in session tickets.
    """
    found = b""
    while True:
        try:
            data = end.recv(65536)
        except BlockingIOError:
            return found
        if not data:
            return found
        found += data
