"""
How a relay's connection to a backend begins.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.l4 import backenddialer
from lbproxy.l4.backenddialer import BackendDialer
from lbproxy.l4.tcpcontext import TCPContext
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.dialnow import nearDestination
from lbproxy.net.proxyprotocol import Announced
from lbproxy.net.socketoptions import transparency
from lbproxy.net.tls.client import ClientTLS
from lbproxy.testing import buildBackends, spec
from tests.net.faketransport import FakeTransport

MARK = (1, 2, 3)


class BackendDialerTests(SynchronousTestCase):
    """
    What is handed on to C{dial}; that dials as its own tests say.
    """

    calls: ClassVar[list[dict[str, Any]]]

    def setUp(self) -> None:
        type(self).calls = []
        self.patch(backenddialer, "dial", self.dial)
        self.context = TCPContext(FakeTransport(host="192.0.2.9"))

    @classmethod
    def dial(cls, reactor: Any, address: Address, protocol: Any, **more: Any) -> object:
        cls.calls.append({"address": address, **more})
        return object()

    def call(self, address: Address, **asked: Any) -> dict[str, Any]:
        """
        @return: what C{dial} got.
        """
        (backend,) = buildBackends(spec("b1", address=address))
        dialer = BackendDialer(None, Deadlines(Clock()), 3.0, options=[MARK], **asked)
        for _ in range(2):
            dialer(backend, object(), self.context)
        self.assertEqual(len(self.calls), 2)
        return self.calls[-1]

    def test_plain(self) -> None:
        """
        Address, time and options, no more.
        """
        found = self.call(Address("10.0.0.1", 80))
        self.assertEqual((found["timeout"], found["tls"], found["bindAddress"]), (3.0, None, None))
        self.assertEqual(found["options"], (MARK,))

    def test_aBackendByNameProvesItsName(self) -> None:
        """
        Where the pool names nobody, a backend that is dialed by name has to be that one; the
        context is shared.
        """
        tls = ClientTLS(verify=False)
        found = self.call(Address("db.example", 5432), tls=tls)
        self.assertEqual(found["tls"].serverName, "db.example")
        self.assertIs(found["tls"].context, tls.context)
        self.assertIs(found["tls"], self.calls[0]["tls"])

    def test_theNameThatWasAskedFor(self) -> None:
        """
        A name in the configuration counts, and an address is its own.
        """
        named = ClientTLS("pool.example", verify=False)
        self.assertIs(self.call(Address("db.example", 1), tls=named)["tls"], named)
        self.calls.clear()
        unnamed = ClientTLS(verify=False)
        self.assertIs(self.call(Address("10.0.0.1", 1), tls=unnamed)["tls"], unnamed)

    def test_transparent(self) -> None:
        """
        It comes from the client's address, from any port; but not over UNIX sockets.
        """
        found = self.call(Address("10.0.0.1", 80), transparent=True)
        self.assertEqual(found["bindAddress"], ("192.0.2.9", 0))
        self.assertEqual(found["options"], (MARK, transparency("192.0.2.9")))
        self.calls.clear()
        self.assertIsNone(self.call(Address(path="/run/b"), transparent=True)["bindAddress"])

    def test_announced(self) -> None:
        """
        With a PROXY header in front; one for each client.
        """
        self.patch(backenddialer, "describe", lambda client: client)
        self.patch(backenddialer, "encode", lambda header, version: version.encode())
        found = self.call(Address("10.0.0.1", 80), sendProxy="v2")
        self.assertIsInstance(found["tls"], Announced)
        self.assertIsNot(found["tls"], self.calls[0]["tls"])

    def now(self, address: Address, **asked: Any) -> list[Any]:
        """
        @return: what L{dialNow} got.
        """
        found: list[Any] = []
        self.patch(backenddialer, "dialNow", lambda *arguments: found.append(arguments[1:]))
        backends = buildBackends(spec("b1", address=address), spec("b2", address=address))
        dialer = BackendDialer(None, Deadlines(Clock()), 3.0, options=[MARK], **asked)
        for backend in backends * 2:
            self.assertIsNone(dialer.now(backend, 7))
        return found

    def test_now(self) -> None:
        """
        Backends of this machine are connected to at once.
        """
        address = Address("127.0.0.1", 80)
        self.assertEqual(self.now(address), [(nearDestination(address), 7, (MARK,))] * 4)

    def test_notNow(self) -> None:
        """
        All others are dialed; so is who has to be told something, or to come from somewhere, first.
        """
        near = Address("127.0.0.1", 80)
        self.assertEqual(self.now(Address("10.0.0.1", 80)), [])
        self.assertEqual(self.now(near, tls=ClientTLS(verify=False)), [])
        self.assertEqual(self.now(near, sendProxy="v2"), [])
        self.assertEqual(self.now(near, transparent=True), [])

    def test_manyBackends(self) -> None:
        """
        Backends that come and go are not remembered for ever.
        """
        self.patch(backenddialer, "_BACKENDS", 2)
        self.patch(backenddialer, "dialNow", lambda *arguments: arguments[1].peer.port)
        backends = buildBackends(
            *(spec(f"b{n}", address=Address("127.0.0.1", n)) for n in range(1, 6))
        )
        dialer = BackendDialer(None, Deadlines(Clock()), 3.0)
        self.assertEqual([dialer.now(backend, 7) for backend in backends], [1, 2, 3, 4, 5])
        self.assertLessEqual(len(dialer._near), 2)
