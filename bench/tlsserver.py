"""
A server of one small answer over TLS that L{bench.tls} measures:
C{python -m bench.tlsserver lbproxy|bare|stock PORT CERT KEY}.
"""

from __future__ import annotations

import gc
import select
import socket
import sys
from typing import Any

from OpenSSL import SSL
from twisted.internet.protocol import Factory, Protocol

from lbproxy.config.address import Address
from lbproxy.net.tls.certificates import loadPair
from lbproxy.net.tls.servercontext import ServerPolicy
from lbproxy.net.tls.tlssocket import READ_SIZE, TLSSocket

ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 32\r\n\r\n"
    b"thirty-two bytes of a small body"
)
_CLOSE = b"Connection: close"
_ALPN = (b"http/1.1",)


class Answer(Protocol):
    """
    Not more of HTTP than the clients can tell.
    """

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(ANSWER)
        if _CLOSE in data:
            transport.loseConnection()


def serve(variant: str, port: int, cert: str, key: str) -> None:
    """
    Until killed.
    """
    if variant == "bare":
        bare(port, cert, key)
    elif variant == "stock":
        stock(port, cert, key)
    else:
        ours(port, cert, key)


def ours(port: int, cert: str, key: str) -> None:
    """
    The listener as the assembly makes it, on the lean reactor.
    """
    from lbproxy.net.listening import listenStream
    from lbproxy.net.reactor import install
    from lbproxy.net.tls.server import ServerTLS

    install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    tls = ServerTLS([(cert, key)], alpn=_ALPN)
    listenStream(reactor, Address("127.0.0.1", port), Factory.forProtocol(Answer), tls=tls)
    _quiet()
    reactor.run()


def stock(port: int, cert: str, key: str) -> None:
    """
    Twisted's own: TLSMemoryBIOProtocol on the epoll reactor.
    """
    from twisted.internet import reactor as installed
    from twisted.internet import ssl

    reactor: Any = installed
    with open(cert, "rb") as certificate, open(key, "rb") as private:
        pair = ssl.PrivateCertificate.loadPEM(certificate.read() + private.read())
    options = ssl.CertificateOptions(
        privateKey=pair.privateKey.original, certificate=pair.original, enableSessionTickets=True
    )
    reactor.listenSSL(
        port, Factory.forProtocol(Answer), options, backlog=4096, interface="127.0.0.1"
    )
    _quiet()
    reactor.run()


def bare(port: int, cert: str, key: str) -> None:
    """
    As little as there can be around the same context and the same socket: what is left is OpenSSL
    and the kernel.
    """
    context = ServerPolicy(alpn=_ALPN).contexts([loadPair(cert, key)]).first
    scratch = TLSSocket.makeScratch()
    listening = socket.create_server(("127.0.0.1", port), backlog=4096)
    listening.setblocking(False)
    poll = select.epoll()
    poll.register(listening, select.EPOLLIN)
    connections: dict[int, Any] = {}
    _quiet()
    while True:
        for number, _ in poll.poll():
            connection = connections.get(number)
            if connection is None:
                _accept(listening, context, scratch, poll, connections)
            elif not _turn(connection):
                del connections[number]
                connection.close()


def _accept(
    listening: socket.socket, context: SSL.Context, scratch: Any, poll: Any, all: dict[int, Any]
) -> None:
    skt, _ = listening.accept()
    skt.setblocking(False)
    skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection: Any = TLSSocket(context, skt, scratch)
    connection.set_accept_state()
    connection.up = False
    all[skt.fileno()] = connection
    poll.register(skt, select.EPOLLIN)


def _turn(connection: Any) -> bool:
    """
    @return: the connection goes on.
    """
    try:
        if not connection.up:
            connection.do_handshake()
            connection.up = True
            return True
        data = connection.recv(READ_SIZE)
        if data:
            connection.send(ANSWER)
        if _CLOSE in data:
            connection.shutdown()
        elif not data:
            connection.shutdown()
            return False
    except (BlockingIOError, SSL.WantReadError):
        return True
    except (OSError, SSL.Error):
        return False
    return True


def _quiet() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
