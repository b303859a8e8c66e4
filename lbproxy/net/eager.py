"""
What do other programs' connections get from our reactor? Twisted's own transports, whose writes are
tried before anybody waits for room.

Twisted's contract stays to the letter: what is written during one turn of the loop leaves in one
piece, after the turn's events and timed calls. Only the two C{epoll_ctl} and the extra turn are
gone. (lbproxy's own transports, L{lbproxy.net.stream}, send within C{write}. That would hurt
programs that write in many small pieces, and those on sockets with Nagle's algorithm.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import tcp, unix
from twisted.internet.abstract import FileDescriptor

from lbproxy.net.foresight import foresee

if TYPE_CHECKING:
    from lbproxy.net.reactor import LeanReactor


class EagerWriting(FileDescriptor):
    """
    Mixed in before one of Twisted's stream transports.
    """

    reactor: LeanReactor

    def startWriting(self) -> None:
        self.reactor.tryWriter(self)


class Server(EagerWriting, tcp.Server):
    """
    An accepted TCP connection.
    """


class Client(EagerWriting, tcp.Client):
    """
    A TCP connection made here.
    """


class UNIXServer(EagerWriting, unix.Server):
    """
    An accepted UNIX connection.
    """


class UNIXClient(EagerWriting, unix.Client):
    """
    A UNIX connection made here.
    """


class Port(tcp.Port):
    """
    Listens on TCP.
    """

    transport = Server


class UNIXPort(unix.Port):
    """
    Listens on a UNIX socket.
    """

    transport = UNIXServer


class Connector(tcp.Connector):
    """
    Connects over TCP.
    """

    def _makeTransport(self) -> tcp.Client:
        return Client(self.host, self.port, self.bindAddress, self, self.reactor)


class UNIXConnector(unix.Connector):
    """
    Connects over a UNIX socket.
    """

    def _makeTransport(self) -> Any:
        return UNIXClient(self.address, self, self.reactor, self.checkPID)


for _kind in Server, Client, UNIXServer, UNIXClient:
    foresee(
        _kind,
        *("reactor", "socket", "fileno", "protocol", "_tempDataBuffer", "_tempDataLen"),
        *("connected", "disconnected", "disconnecting", "dataBuffer", "offset", "logstr"),
        *("producer", "streamingProducer", "producerPaused"),
        *("_writeDisconnecting", "_writeDisconnected"),
    )
