"""
Tests for L{lbproxy.l7.forwarding}: whose word on the client is believed, and what backends hear.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.forwarding import Hop, clientAddress, forwardedLines
from lbproxy.wire.http1 import HeaderBlock
from lbproxy.wire.http1.grammar import isFieldValue
from tests.l7.asking import asked, fields

STRANGER = Hop("203.0.113.9", secure=False, trusted=False)
PROXY = Hop("10.0.0.1", secure=True, trusted=True)
UNIX = Hop("", secure=False, trusted=True)


def isTrusted(address: str) -> bool:
    return address.startswith("10.") or address == "fd00::1"


def client(hop: Hop, *lines: bytes) -> str:
    return clientAddress(hop, fields(*lines), isTrusted)


def told(hop: Hop, *lines: bytes, host: bytes = b"shop.example") -> dict[str, str]:
    """
    What a backend is told: lower-case names to values; a name twice is an error.
    """
    block = fields(*lines)
    found: dict[str, str] = {}
    sent = forwardedLines(hop, block, host, clientAddress(hop, block, isTrusted))
    for line in sent.decode("ascii").split("\r\n")[:-1]:
        name, _, value = line.partition(": ")
        assert name.lower() not in found, sent
        found[name.lower()] = value
    return found


class ClientTests(SynchronousTestCase):
    """
    Who the client is.
    """

    def test_strangersAreNotBelieved(self) -> None:
        """
        Whoever is not a trusted proxy is the client, whatever it says.
        """
        self.assertEqual(client(STRANGER, b"X-Forwarded-For: 1.1.1.1"), "203.0.113.9")
        self.assertEqual(client(STRANGER, b"Forwarded: for=1.1.1.1"), "203.0.113.9")

    def test_trustedProxyIsBelieved(self) -> None:
        """
        A trusted proxy says who its client was, by either header; without one it is the client.
        """
        self.assertEqual(client(PROXY, b"X-Forwarded-For: 203.0.113.9"), "203.0.113.9")
        self.assertEqual(client(PROXY, b"Forwarded: for=203.0.113.9"), "203.0.113.9")
        self.assertEqual(client(PROXY), "10.0.0.1")

    def test_rightToLeft(self) -> None:
        """
        What stands left of the first untrusted address was said by a stranger.
        """
        for chain, expected in (
            (b"1.1.1.1, 203.0.113.9", "203.0.113.9"),
            (b"1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            (b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
            (b"10.9.9.9, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ):
            self.assertEqual(client(PROXY, b"X-Forwarded-For: " + chain), expected, chain)

    def test_severalLinesAreOneList(self) -> None:
        """
        A proxy that adds a line of its own instead of extending the list is understood.
        """
        lines = (b"X-Forwarded-For: 1.1.1.1", b"X-Forwarded-For: 203.0.113.9, 10.0.0.2")
        self.assertEqual(client(PROXY, *lines), "203.0.113.9")

    def test_ports(self) -> None:
        """
        Some proxies write ports and brackets: the address is what counts.
        """
        for written, expected in (
            (b"203.0.113.9:4711", "203.0.113.9"),
            (b"[2001:db8::9]:4711", "2001:db8::9"),
            (b"2001:DB8:0::9", "2001:db8::9"),
            (b"::ffff:203.0.113.9", "203.0.113.9"),
        ):
            self.assertEqual(client(PROXY, b"X-Forwarded-For: " + written), expected)

    def test_whatIsNoAddressEndsTheWalk(self) -> None:
        """
        Behind "unknown" or nonsense nobody is looked for: the last proxy that is known stands for
        the client.
        """
        for nonsense in (b"unknown", b"_hidden", b"999.1.1.1", b"1.1.1.1;x", b"fe80::1%\xe9x"):
            chain = b"1.1.1.1, " + nonsense + b", 10.0.0.2"
            self.assertEqual(client(PROXY, b"X-Forwarded-For: " + chain), "10.0.0.2", nonsense)

    def test_forwardedElements(self) -> None:
        """
        Forwarded is read in all its forms.
        """
        for written, expected in (
            (b'For="[2001:db8::9]:4711";proto=https', "2001:db8::9"),
            (b"for=[2001:db8::9]", "2001:db8::9"),
            (b'proto=https;by=10.0.0.1;for="203.0.113.9:80"', "203.0.113.9"),
            (b"for=1.1.1.1, for=203.0.113.9;by=x, for=10.0.0.2", "203.0.113.9"),
        ):
            self.assertEqual(client(PROXY, b"Forwarded: " + written), expected, written)

    def test_quotesHideNothing(self) -> None:
        """
        A Host that a client chose, quoted by a trusted proxy, does not become an address or a
        scheme.
        """
        for written in (
            b'host="x;for=1.1.1.1";for=203.0.113.9',
            b'for=203.0.113.9;host="a, for=1.1.1.1"',
            b'for=1.1.1.1;host="',
        ):
            self.assertEqual(client(PROXY, b"Forwarded: " + written), "10.0.0.1", written)
        seen = told(PROXY, b'Forwarded: for=203.0.113.9;host="a;proto=http"')
        self.assertEqual(seen["x-forwarded-proto"], "https")

    def test_oneHeaderIsRead(self) -> None:
        """
        Where both are, X-Forwarded-For counts: a proxy that writes only that hands the other on
        unseen.
        """
        lines = (b"Forwarded: for=1.1.1.1", b"X-Forwarded-For: 203.0.113.9")
        self.assertEqual(client(PROXY, *lines), "203.0.113.9")
        self.assertNotIn("1.1.1.1", str(told(PROXY, *lines)))

    def test_unixPeer(self) -> None:
        """
        A proxy on a UNIX socket has no address; what it says counts when it is trusted.
        """
        self.assertEqual(client(UNIX, b"X-Forwarded-For: 203.0.113.9"), "203.0.113.9")
        self.assertEqual(client(UNIX), "")

    def test_longChain(self) -> None:
        """
        A chain longer than any that is real costs no more than a long one.
        """
        chain = b", ".join([b"203.0.113.9", *[b"10.0.0.2"] * 1000])
        block = HeaderBlock(11, [(b"x-forwarded-for", b"X-Forwarded-For", chain)])
        looked: list[str] = []

        def countingTrust(address: str) -> bool:
            looked.append(address)
            return isTrusted(address)

        self.assertEqual(clientAddress(PROXY, block, countingTrust), "10.0.0.2")
        self.assertEqual(len(looked), 64)

    @given(
        st.lists(st.ip_addresses(v=4).map(str), max_size=12),
        st.frozensets(st.integers(0, 11)),
        st.sampled_from((b"X-Forwarded-For", b"Forwarded")),
    )
    def test_walk(self, chain: list[str], trusted: frozenset[int], name: bytes) -> None:
        """
        The client is the rightmost address that is not trusted; the leftmost, where all are.
        """
        trustedOnes = {address for at, address in enumerate(chain) if at in trusted}
        untrusted = [address for address in chain if address not in trustedOnes]
        expected = untrusted[-1] if untrusted else [*chain, PROXY.peer][0]
        texts = [t if name[0:1] == b"X" else "for=" + t for t in chain]
        lines = [name + b": " + ", ".join(texts).encode()] if chain else []
        found = clientAddress(PROXY, fields(*lines), trustedOnes.__contains__)
        self.assertEqual(found, expected)


class TellingTests(SynchronousTestCase):
    """
    What backends get to hear.
    """

    def test_strangersWordsAreReplaced(self) -> None:
        """
        Of what a stranger says about itself nothing reaches a backend.
        """
        lies = (
            b"X-Forwarded-For: 6.6.6.6",
            b"X-Forwarded-Proto: https",
            b"X-Forwarded-Host: evil.example",
            b"Forwarded: for=6.6.6.6;host=evil.example;proto=https",
        )
        self.assertEqual(
            told(STRANGER, *lies),
            {
                "x-forwarded-for": "203.0.113.9",
                "x-forwarded-proto": "http",
                "x-forwarded-host": "shop.example",
                "forwarded": 'for=203.0.113.9;proto=http;host="shop.example"',
                "via": "1.1 lbproxy",
            },
        )

    def test_chainGrows(self) -> None:
        """
        Behind trusted proxies the chain is passed on with the last proxy at its end, in both
        headers.
        """
        seen = told(PROXY, b"X-Forwarded-For: 203.0.113.9, [2001:db8::2]:80")
        self.assertEqual(seen["x-forwarded-for"], "203.0.113.9, 2001:db8::2, 10.0.0.1")
        self.assertEqual(
            seen["forwarded"],
            'for=203.0.113.9, for="[2001:db8::2]", for=10.0.0.1;proto=https;host="shop.example"',
        )

    def test_forwardedIsKept(self) -> None:
        """
        Elements of Forwarded stay as they are, and X-Forwarded-* says the same.
        """
        seen = told(PROXY, b"Forwarded: for=203.0.113.9;by=_lb;proto=http;host=a.example")
        self.assertEqual(seen["x-forwarded-for"], "203.0.113.9, 10.0.0.1")
        self.assertEqual(seen["x-forwarded-proto"], "http")
        self.assertEqual(seen["x-forwarded-host"], "a.example")
        self.assertTrue(
            seen["forwarded"].startswith(
                "for=203.0.113.9;by=_lb;proto=http;host=a.example, for=10.0.0.1;"
            )
        )

    def test_nonsenseIsUnknown(self) -> None:
        """
        What is no address cannot become a parameter of Forwarded or something a backend misreads.
        """
        seen = told(PROXY, b'X-Forwarded-For: 1.1.1.1;host=evil, <b>, "x, 203.0.113.9')
        self.assertEqual(
            seen["x-forwarded-for"], "unknown, unknown, unknown, 203.0.113.9, 10.0.0.1"
        )
        self.assertTrue(
            seen["forwarded"].startswith(
                "for=unknown, for=unknown, for=unknown, for=203.0.113.9, for=10.0.0.1;"
            )
        )
        seen = told(PROXY, b'Forwarded: for=1.1.1.1;host="a, for=203.0.113.9')
        self.assertTrue(seen["forwarded"].startswith("for=unknown, for=203.0.113.9, for=10.0.0.1;"))

    def test_schemeAndHostOfTheClient(self) -> None:
        """
        A trusted proxy's word on scheme and host is passed on; where each proxy added its own, the
        client's is the one in its place.
        """
        for lines, proto, host in (
            ((b"X-Forwarded-Proto: http", b"X-Forwarded-Host: a.example"), "http", "a.example"),
            (
                (
                    b"X-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.0.0.2",
                    b"X-Forwarded-Proto: https, http, https",
                    b"X-Forwarded-Host: evil, a.example, b.example",
                ),
                "http",
                "a.example",
            ),
            (
                (b"X-Forwarded-For: 203.0.113.9", b"X-Forwarded-Proto: https, http"),
                "http",
                "shop.example",
            ),
        ):
            seen = told(PROXY, *lines)
            self.assertEqual((seen["x-forwarded-proto"], seen["x-forwarded-host"]), (proto, host))

    def test_onlyGoodSchemesAndHosts(self) -> None:
        """
        A scheme or host that makes no sense is replaced by what we saw ourselves.
        """
        lines = (b"X-Forwarded-Proto: gopher", b'X-Forwarded-Host: a"b')
        seen = told(PROXY, *lines)
        self.assertEqual(seen["x-forwarded-proto"], "https")
        self.assertEqual(seen["x-forwarded-host"], "shop.example")

    def test_clientOverIPv6(self) -> None:
        """
        IPv6 addresses are quoted where RFC 7239 wants it.
        """
        seen = told(Hop("2001:db8::7", secure=False, trusted=False))
        self.assertEqual(seen["x-forwarded-for"], "2001:db8::7")
        self.assertTrue(seen["forwarded"].startswith('for="[2001:db8::7]";'))

    def test_noHost(self) -> None:
        """
        An HTTP/1.0 client may name no host: then none is told.
        """
        seen = told(STRANGER, host=b"")
        self.assertNotIn("x-forwarded-host", seen)
        self.assertEqual(seen["forwarded"], "for=203.0.113.9;proto=http")

    def test_via(self) -> None:
        """
        We add ourselves behind all who were there before, with the version that we received.
        """
        self.assertEqual(
            told(STRANGER, b"Via: 1.0 a", b"Via: 1.1 b")["via"], "1.0 a, 1.1 b, 1.1 lbproxy"
        )
        old = asked(b"GET / HTTP/1.0").block
        self.assertIn(b"Via: 1.0 lbproxy\r\n", forwardedLines(STRANGER, old, b"", ""))

    def test_sameWhicheverWay(self) -> None:
        """
        The short way, for strangers, writes what the long one does.
        """
        for peer in ("203.0.113.9", "2001:db8::7", ""):
            for secure in (False, True):
                hop = Hop(peer, secure, trusted=False)
                for _ in range(2):
                    short = forwardedLines(hop, HeaderBlock(11, []), b"a.example")
                    long = forwardedLines(hop, HeaderBlock(11, []), b"a.example", "", {b"nothing"})
                    self.assertEqual(short, long)

    def test_linesLeftOut(self) -> None:
        """
        A route that sets or removes one of these headers has the last word.
        """
        names = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via"]
        for name in names:
            lines = forwardedLines(STRANGER, fields(), b"a", "", {name.lower().encode(), b"x-y"})
            left = [line.partition(b":")[0].decode() for line in lines.split(b"\r\n")[:-1]]
            self.assertEqual(left, [each for each in names if each != name])

    def test_unixPeer(self) -> None:
        """
        A peer without an address is told as unknown.
        """
        seen = told(UNIX, b"X-Forwarded-For: 203.0.113.9")
        self.assertEqual(seen["x-forwarded-for"], "203.0.113.9, unknown")
        self.assertTrue(seen["forwarded"].startswith("for=203.0.113.9, for=unknown;"))

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"]
                ),
                st.text(
                    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")
                ),
            ),
            max_size=6,
        ),
        st.booleans(),
    )
    def test_whateverTheyWrite(self, given: list[tuple[str, str]], trusted: bool) -> None:
        """
        Whatever stands in these headers, what a backend gets are four good lines in ASCII that name
        the same client as we understood.
        """
        written = [(n.encode(), n.encode(), v.strip().encode("latin-1")) for n, v in given]
        block = HeaderBlock(11, written)
        hop = Hop("10.0.0.1", secure=False, trusted=trusted)
        found = clientAddress(hop, block, isTrusted)
        lines = forwardedLines(hop, block, b"a", found).split(b"\r\n")
        self.assertEqual(lines.pop(), b"")
        self.assertEqual(len(lines), 5)
        again = []
        for line in lines:
            name, _, value = line.partition(b": ")
            self.assertTrue(isFieldValue(value) and value.isascii(), line)
            again.append((name.lower(), name, value))
        # The next proxy, which trusts us, understands the same.
        self.assertEqual(clientAddress(PROXY, HeaderBlock(11, again), isTrusted), found)
