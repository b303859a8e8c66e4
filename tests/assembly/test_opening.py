"""
Tests for L{lbproxy.assembly.opening}: how a stream listener opens its addresses.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly import opening
from lbproxy.assembly.opening import listenerOptions, probes, streamOpener
from lbproxy.config.address import Address
from lbproxy.config.listener import TCPListener
from tests.assembly.support import POOL, Call, partsFor


class Factory:
    """
    Told of each port.
    """

    def __init__(self) -> None:
        self.ports: list[object] = []

    def addPort(self, port: object) -> None:
        """
        Note it.
        """
        self.ports.append(port)


class OpeningTests(SynchronousTestCase):
    """
    A listener from YAML, whose ports are none.
    """

    def setUp(self) -> None:
        self.listened, self.adopted, self.proxied = Call(), Call(), Call()
        self.patch(opening, "listenStream", self.listened)
        self.patch(opening, "adoptStream", self.adopted)
        self.patch(opening, "ProxiedListener", self.proxied)
        self.factory = Factory()

    def asked(self, more: str = "") -> TCPListener:
        """
        @param more: keys of the listener.
        """
        text = f'listeners: {{t: {{bind: "127.0.0.1:1", protocol: tcp, pool: web{more}}}}}\n{POOL}'
        self.parts = partsFor(text)
        listener = self.parts.configuration.listeners["t"]
        assert isinstance(listener, TCPListener)
        return listener

    def open(self, more: str = "", tls: Any = None, address: Address | None = None) -> Any:
        """
        @return: the port.
        """
        openPort = streamOpener(self.parts, self.asked(more), self.factory, tls)
        return openPort(address or Address("127.0.0.1", 1))

    def test_plain(self) -> None:
        """
        The address, with the factory and its TLS; the factory is told of the port.
        """
        self.asked()
        port = self.open(tls="tls")
        self.assertEqual(self.listened.given[1:], (Address("127.0.0.1", 1), self.factory))
        self.assertEqual(
            (self.listened.named["tls"], self.listened.named["reusePort"]), ("tls", False)
        )
        self.assertEqual(self.factory.ports, [port])

    def test_reusePort(self) -> None:
        """
        Shared with other processes, where that was asked for.
        """
        self.asked()
        self.open(", socket: {reusePort: true}")
        self.assertTrue(self.listened.named["reusePort"])

    def test_proxyHeaders(self) -> None:
        """
        Headers are read first, then TLS.
        """
        self.asked()
        self.open(", proxyProtocol: {from: [10.0.0.0/8], required: false}", tls="tls")
        factory, trusted, _ = self.proxied.given
        self.assertIs(factory, self.factory)
        self.assertTrue(trusted("10.0.0.1") and not trusted("11.0.0.1"))
        named = self.proxied.named
        self.assertEqual((named["required"], named["tls"]), (False, "tls"))
        self.assertIs(self.listened.given[2], self.proxied)
        self.assertIs(self.listened.named["tls"], self.proxied)

    def test_inherited(self) -> None:
        """
        A socket that systemd hands over is taken by its name, and nothing is bound.
        """
        self.asked()
        taken: list[str] = []
        self.patch(type(self.parts.inherited), "take", lambda self, name: taken.append(name))
        self.open(address=Address(systemd="web"))
        self.assertEqual((taken, self.listened.calls), (["web"], []))
        self.assertIs(self.adopted.given[2], self.factory)

    def test_options(self) -> None:
        """
        Datagram sockets have no connections to be probed.
        """
        asked = self.asked(
            ", socket: {keepAlive: {idle: 60s, interval: 10s, count: 3}, userTimeout: 30s}"
        )
        address = Address("127.0.0.1", 1)
        self.assertEqual(len(probes(asked.socket)), 5)
        stream = listenerOptions(address, asked.socket, False)
        datagram = listenerOptions(address, asked.socket, False, stream=False)
        self.assertEqual(len(stream) - len(datagram), 5)
