"""
Options of sockets, as the kernel understands them.
"""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.errors import CannotStart
from lbproxy.net.listening import SocketOption, bindStream
from lbproxy.net.socketoptions import (
    checkTransparent,
    keepAlive,
    listeningOptions,
    transparency,
    userTimeout,
)

HERE = Address("127.0.0.1", 0)


class SocketOptionsTests(SynchronousTestCase):
    """
    What was asked for is what the socket has, and what is accepted from it.
    """

    def bound(self, address: Address, options: list[SocketOption]) -> socket.socket:
        skt = bindStream(address, options=options)
        self.addCleanup(skt.close)
        return skt

    def accepted(self, listening: socket.socket) -> socket.socket:
        client = socket.create_connection(listening.getsockname()[:2])
        self.addCleanup(client.close)
        skt, _ = listening.accept()
        self.addCleanup(skt.close)
        return skt

    def test_probes(self) -> None:
        """
        Keep-alive probes and the user timeout, also on accepted connections.
        """
        probes = [*keepAlive(30.0, 5.0, 3), *userTimeout(1.5)]
        skt = self.accepted(self.bound(HERE, listeningOptions(HERE, probes=probes)))
        self.assertEqual(skt.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1)
        names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        found = [skt.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
        self.assertEqual(found, [30, 5, 3, 1500])

    def test_nothingAskedFor(self) -> None:
        """
        Without wishes nothing is set.
        """
        self.assertEqual([*keepAlive(0.0), *userTimeout(0.0)], [])
        self.assertEqual(listeningOptions(HERE), [])
        everything = keepAlive(30.0)
        self.assertEqual(listeningOptions(Address(path="/x"), fastOpen=5, probes=everything), [])

    def test_lessThanASecond(self) -> None:
        """
        The kernel counts probes in seconds: the shortest is one.
        """
        self.assertEqual([value for _, _, value in keepAlive(0.1, 0.1)][1:3], [1, 1])

    def test_interface(self) -> None:
        """
        A socket may be bound to an interface.
        """
        skt = self.bound(HERE, listeningOptions(HERE, interface="lo"))
        name = skt.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
        self.assertEqual(name.rstrip(b"\0"), b"lo")

    def test_noSuchInterface(self) -> None:
        """
        A name that no interface has is said at the start.
        """
        self.assertRaises(
            CannotStart, bindStream, HERE, options=listeningOptions(HERE, interface="nosuch0")
        )

    def test_dualStack(self) -> None:
        """
        The IPv6 wildcard takes IPv4 or not, whatever the system's habit.
        """
        for dualStack in True, False:
            address = Address("::", 0)
            skt = self.bound(address, listeningOptions(address, dualStack=dualStack))
            port = skt.getsockname()[1]
            with socket.socket() as client:
                refused = client.connect_ex(("127.0.0.1", port))
            self.assertEqual(refused == 0, dualStack)

    def test_fastOpen(self) -> None:
        """
        A queue for connections that bring data with their SYN.
        """
        skt = self.bound(HERE, listeningOptions(HERE, fastOpen=7))
        self.assertEqual(skt.getsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN), 7)

    def test_transparent(self) -> None:
        """
        Where the process may, a socket can be bound to an address that is not this machine's;
        where it may not, that is said with what is missing.
        """
        try:
            checkTransparent()
        except CannotStart as error:
            self.assertIn("CAP_NET_ADMIN", str(error))
            return
        for host, family in ("198.51.100.7", socket.AF_INET), ("2001:db8::7", socket.AF_INET6):
            with socket.socket(family) as skt:
                skt.setsockopt(*transparency(host))
                skt.bind((host, 0))
                self.assertEqual(skt.getsockname()[0], host)

    def test_mayNotBeTransparent(self) -> None:
        """
        The refusal of the kernel becomes a sentence.
        """

        class Refusing(socket.socket):
            def setsockopt(self, *arguments: object) -> None:
                raise PermissionError(1, "Operation not permitted")

        self.patch(socket, "socket", Refusing)
        error = self.assertRaises(CannotStart, checkTransparent)
        self.assertEqual(
            str(error), "transparent: operation not permitted; it needs root or CAP_NET_ADMIN"
        )
