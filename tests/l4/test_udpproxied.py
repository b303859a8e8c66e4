"""
Tests for L{lbproxy.l4.udpproxied}, and for the headers that the relay sends.
"""

from __future__ import annotations

import socket

from lbproxy.config.address import Address
from lbproxy.wire.proxyprotocol import (
    LOCAL,
    NO_TLVS,
    HeaderReader,
    ProxyHeader,
    TLVs,
    Transport,
    decodeV2,
    encodeV1,
    encodeV2,
)
from tests.l4.udpfixture import RelayTestCase, received

HERE = Address("203.0.113.1", 53)


def of(client: str, port: int = 4000, tlvs: TLVs = NO_TLVS) -> bytes:
    """
    A header that speaks of this client.
    """
    return encodeV2(ProxyHeader(Transport.DATAGRAM, Address(client, port), HERE, tlvs))


class IncomingTests(RelayTestCase):
    """
    Datagrams from a proxy in front of us.
    """

    def trusting(self, *hosts: str, required: bool = True, **options: object) -> None:
        self.build("ab", headersFrom=(lambda ip: ip in hosts, required), **options)  # type: ignore[arg-type]

    def test_client(self) -> None:
        """
        The client is the one of the header; the answer goes to the proxy, without a header.
        """
        self.trusting("127.0.0.1")
        proxy = self.client()
        self.assertEqual(self.ask(proxy, of("192.0.2.7") + b"?"), b"a:?")
        self.assertEqual(self.pool.seen[-1][0], "192.0.2.7")

    def test_everyDatagram(self) -> None:
        """
        Each datagram's header is read: one socket of the proxy may speak for many clients, each of
        whom has a session.
        """
        self.trusting("127.0.0.1")
        proxy = self.client()
        one, other = of("192.0.2.7"), of("192.0.2.8")
        self.assertEqual(self.ask(proxy, one + b"1"), b"a:1")
        self.assertEqual(self.ask(proxy, other + b"2"), b"b:2")
        self.assertEqual(self.ask(proxy, one + b"3"), b"a:3")
        self.assertEqual(self.ask(proxy, of("192.0.2.7", 4001) + b"4"), b"a:4")
        self.assertEqual(self.relay.opened, 3)

    def test_otherParts(self) -> None:
        """
        What else headers say does not make it another client.
        """
        self.trusting("127.0.0.1")
        proxy = self.client()
        for number in range(3):
            tlvs = TLVs(uniqueID=b"%d" % number)
            self.assertEqual(self.ask(proxy, of("192.0.2.7", tlvs=tlvs) + b"?"), b"a:?")
        self.assertEqual(self.relay.opened, 1)

    def test_LOCAL(self) -> None:
        """
        A proxy may ask for itself.
        """
        self.trusting("127.0.0.1")
        self.assertEqual(self.ask(self.client(), encodeV2(LOCAL) + b"?"), b"a:?")
        self.assertEqual(self.pool.seen[-1][0], "127.0.0.1")

    def test_empty(self) -> None:
        """
        A header may have nothing after it.
        """
        self.trusting("127.0.0.1")
        self.assertEqual(self.ask(self.client(), of("192.0.2.7")), b"a:")

    def test_denied(self) -> None:
        """
        Allowing and denying is about the client, not the proxy.
        """
        self.trusting("127.0.0.1", allowed=lambda ip: ip == "192.0.2.7")
        proxy = self.client()
        self.assertEqual(self.ask(proxy, of("192.0.2.7") + b"?"), b"a:?")
        self.assertEqual(self.ask(proxy, of("192.0.2.8") + b"?"), b"")
        self.assertEqual(self.relay.denied, 1)

    def test_malformed(self) -> None:
        """
        Datagrams without a whole, right header are dropped and counted.
        """
        self.trusting("127.0.0.1")
        proxy = self.client()
        stream = ProxyHeader(Transport.STREAM, Address("192.0.2.7", 1), HERE)
        bad = [
            b"",
            b"?",
            b"just a question, without any header",
            of("192.0.2.7")[:20],
            of("192.0.2.7")[:-1],
            encodeV1(stream) + b"?",
            encodeV2(stream) + b"?",
            of("192.0.2.7", tlvs=TLVs(others=((0xE0, b"x" * 5000),))) + b"?",
        ]
        for data in bad:
            self.assertEqual(self.ask(proxy, data), b"")
        self.assertEqual((self.relay.malformed, self.relay.opened), (len(bad), 0))

    def test_strangers(self) -> None:
        """
        Where headers are required nobody else is served, least of all one who sends a header.
        """
        self.trusting("192.0.2.99")
        for data in (b"?", of("192.0.2.7") + b"?"):
            self.assertEqual(self.ask(self.client(), data), b"")
        self.assertEqual((self.relay.denied, self.relay.opened), (2, 0))

    def test_notRequired(self) -> None:
        """
        Where they are not, others are served as clients; what they send is for the backend.
        """
        self.trusting("192.0.2.99", required=False)
        data = of("192.0.2.7") + b"?"
        self.assertEqual(self.ask(self.client(), data), b"a:" + data)
        self.assertEqual(self.pool.seen[-1][0], "127.0.0.1")

    def test_memo(self) -> None:
        """
        Headers are remembered, but not without bound.
        """
        self.trusting("127.0.0.1", maxSessions=1)
        proxied = self.relay._entrance
        for number in range(100):
            self.ask(self.client(), of("192.0.2.7", number) + b"?")
        self.assertEqual(len(proxied._memo), 100)  # type: ignore[attr-defined]


class OutgoingTests(RelayTestCase):
    """
    Datagrams to backends that want to know the client.
    """

    def headers(self, name: str = "a") -> list[tuple[ProxyHeader | None, bytes]]:
        """
        What this backend got.
        """
        found: list[tuple[ProxyHeader | None, bytes]] = []
        while True:
            try:
                data = self.backends[name].recv(65_536)
            except BlockingIOError:
                return found
            reader = HeaderReader()
            found.append((reader.feed(data), reader.rest))

    def test_everyDatagram(self) -> None:
        """
        Each datagram begins with a header: the client, and what it asked.
        """
        self.build("a", proxyHeader=True)
        client = self.client()
        client.send(b"1")
        client.send(b"2")
        self.loop.turnAll()
        header = ProxyHeader(
            Transport.DATAGRAM, Address(*client.getsockname()), Address(*self.where)
        )
        self.assertEqual(self.headers(), [(header, b"1"), (header, b"2")])

    def test_wildcard(self) -> None:
        """
        What it asked is told also where we listen on all addresses.
        """
        self.build("a", host="0.0.0.0", proxyHeader=True)
        client = self.client("127.0.0.2")
        client.send(b"?")
        self.loop.turnAll()
        ((header, _),) = self.headers()
        assert header is not None
        self.assertEqual(header.destination, Address("127.0.0.2", self.where[1]))

    def test_answers(self) -> None:
        """
        Answers come without one.
        """
        self.build("a", proxyHeader=True)
        client = self.client()
        client.send(b"?")
        self.loop.turnAll()
        _, us = self.backends["a"].recvfrom(100)
        self.backends["a"].sendto(b"answer", us)
        self.loop.turnAll()
        self.assertEqual(received(client), b"answer")

    def test_failover(self) -> None:
        """
        The next backend gets the header, too, and only once.
        """
        self.build("ab", proxyHeader=True)
        self.backends["a"].close()
        self.client().send(b"?")
        self.loop.turnAll()
        self.assertEqual([rest for _, rest in self.headers("b")], [b"?"])

    def test_passedOn(self) -> None:
        """
        What a proxy in front of us said is passed on, all of it.
        """
        self.build("a", proxyHeader=True, headersFrom=(lambda ip: True, True))
        tlvs = TLVs(uniqueID=b"id", others=((0xE0, b"x"),))
        sent = of("2001:db8::7", tlvs=tlvs)
        self.client().send(sent + b"?")
        self.loop.turnAll()
        self.assertEqual(self.headers(), [(decodeV2(sent), b"?")])

    def test_IPv6(self) -> None:
        """
        IPv6 clients are told as such, IPv4 clients of a dual-stack socket as IPv4.
        """
        self.build("a", host="::", proxyHeader=True)
        six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.addCleanup(six.close)
        six.connect(("::1", self.where[1]))
        six.send(b"6")
        self.client().send(b"4")
        self.loop.turnAll()
        found = [header.source.host for header, _ in self.headers() if header and header.source]
        self.assertEqual(sorted(found), ["127.0.0.1", "::1"])
