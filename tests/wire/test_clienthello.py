"""
What a TLS client asks for, read from real and from made-up hellos.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.clienthello import HELLO_LIMIT, ClientHello, HelloReader, Verdict

ECH = 0xFE0D
GREASE = 0x2A2A


def vector(data: bytes, lengthBytes: int) -> bytes:
    return len(data).to_bytes(lengthBytes, "big") + data


def extension(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(value, 2)


def serverName(*names: bytes) -> bytes:
    return extension(0, vector(b"".join(b"\0" + vector(name, 2) for name in names), 2))


def alpn(*protocols: bytes) -> bytes:
    return extension(16, vector(b"".join(vector(each, 1) for each in protocols), 2))


def message(*extensions: bytes, ciphers: bytes = b"\x13\x01", sessionID: bytes = b"") -> bytes:
    """
    A ClientHello handshake message; without extensions the field is left out, as old clients do.
    """
    body = b"\x03\x03" + bytes(32) + vector(sessionID, 1) + vector(ciphers, 2) + b"\x01\x00"
    if extensions:
        body += vector(b"".join(extensions), 2)
    return b"\x01" + vector(body, 3)


def records(data: bytes, sizes: Iterable[int] = ()) -> bytes:
    """
    Put C{data} into handshake records with C{sizes} bytes each; what is left into a last one.
    """
    out = b""
    for size in sizes:
        piece, data = data[:size], data[size:]
        out += b"\x16\x03\x01" + vector(piece, 2) if piece else b""
    return out + (b"\x16\x03\x01" + vector(data, 2) if data else b"")


def read(*pieces: bytes) -> HelloReader:
    reader = HelloReader()
    for piece in pieces:
        reader.feed(piece)
    return reader


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def pythonHello(name: str | None, *protocols: str) -> bytes:
    """
    What Python's ssl module says first.
    """
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    if protocols:
        context.set_alpn_protocols(list(protocols))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def opensslHello(*arguments: str) -> bytes:
    """
    What C{openssl s_client} says first, taken from a loopback socket.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{server.getsockname()[1]}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with server.accept()[0] as connection:
                return connection.recv(65536)
        finally:
            client.wait(10)


class RealHelloTests(SynchronousTestCase):
    """
    Hellos as libraries in use write them.
    """

    def test_pythonNamesAndProtocolsAreRead(self) -> None:
        """
        Name and protocols come out as the client gave them.
        """
        reader = read(pythonHello("Www.Example.com", "h2", "http/1.1"))
        self.assertEqual(reader.hello, ClientHello("www.example.com", (b"h2", b"http/1.1"), False))

    def test_aHelloWithoutNameIsAHello(self) -> None:
        """
        A client that names nobody still speaks TLS.
        """
        self.assertEqual(read(pythonHello(None)).hello, ClientHello("", (), False))

    def test_opensslOverManyRecords(self) -> None:
        """
        OpenSSL's own hello is read, also when its records are cut small.
        """
        hello = opensslHello("-servername", "a.example", "-alpn", "postgresql")
        expected = ClientHello("a.example", (b"postgresql",), False)
        self.assertEqual(read(hello).hello, expected)
        self.assertEqual(read(records(hello[5:], [3, 1] + [20] * 200)).hello, expected)

    def test_oldOpensslWithoutExtensions(self) -> None:
        """
        TLS 1.2 without a name works.
        """
        hello = opensslHello("-noservername", "-tls1_2")
        self.assertEqual(read(hello).hello, ClientHello("", (), False))


class HelloReaderTests(SynchronousTestCase):
    """
    Hellos made up to show one thing each.
    """

    def assertMalformed(self, data: bytes, reason: str) -> None:
        reader = read(data)
        self.assertEqual((reader.verdict, reader.reason), (Verdict.MALFORMED, reason))
        self.assertIsNone(reader.hello)

    def test_everyPrefixWantsMore(self) -> None:
        """
        Cut off anywhere, a hello is neither refused nor believed.
        """
        data = records(message(serverName(b"a.example"), alpn(b"h2")), [30])
        for end in range(len(data)):
            self.assertIs(read(data[:end]).verdict, Verdict.NEED_MORE)

    def test_bytesAreKeptUntouched(self) -> None:
        """
        What was peeked at can be relayed byte for byte, with what came behind the hello.
        """
        data = records(message(serverName(b"a.example"))) + b"\x17\x03\x03\0\1x"
        reader = read(*(bytes((byte,)) for byte in data))
        self.assertIs(reader.verdict, Verdict.HELLO)
        self.assertEqual(reader.peeked, data)

    def test_noExtensionsAtAll(self) -> None:
        """
        A hello from before extensions names nobody.
        """
        self.assertEqual(read(records(message())).hello, ClientHello("", (), False))

    def test_greaseIsLeftOut(self) -> None:
        """
        Values that mean nothing, sent to keep servers honest, change nothing.
        """
        data = message(
            extension(GREASE, b"\0"),
            serverName(b"a.example"),
            alpn(b"\x2a\x2a", b"h2", b"\x2a\x2b"),
        )
        self.assertEqual(
            read(records(data)).hello, ClientHello("a.example", (b"h2", b"\x2a\x2b"), False)
        )

    def test_encryptedHelloIsRoutedByItsOuterName(self) -> None:
        """
        With ECH the public name counts, and one can see that there is a hidden one.
        """
        data = message(serverName(b"public.example"), extension(ECH, b"\0" + bytes(40)))
        self.assertEqual(read(records(data)).hello, ClientHello("public.example", (), True))

    def test_trailingDotAndCase(self) -> None:
        """
        Different spellings of a name are one name.
        """
        hello = read(records(message(serverName(b"A.Example.")))).hello
        assert hello is not None
        self.assertEqual(hello.serverName, "a.example")

    def test_otherProtocolsAreNotTLS(self) -> None:
        """
        The first byte that cannot be TLS decides, without waiting for more.
        """
        for start in b"GET / HTTP/1.1", b"\0\0\0\x08\x04\xd2\x16\x2f", b"\x16\x02", b"\x16\x03\x05":
            self.assertIs(read(start).verdict, Verdict.NOT_TLS)
        self.assertIs(read(b"\x80\x2e\x01\x03\x01").verdict, Verdict.NOT_TLS)

    def test_firstThatDoesNotFitIsRefused(self) -> None:
        """
        Records and messages that no client sends are named.
        """
        self.assertMalformed(b"\x16\x03\x01\0\0", "bad record length")
        self.assertMalformed(b"\x16\x03\x01\x40\x01", "bad record length")
        self.assertMalformed(b"\x16\x03\x01\0\x05\x02", "handshake does not start with a hello")
        part = records(message(serverName(b"a.example"))[:20])
        self.assertMalformed(part + b"\x15\x03\x01\0\2\1\0", "another record within the hello")

    def test_hugeHelloIsRefusedByItsLength(self) -> None:
        """
        A hello over 16 KiB is refused when it announces itself, not when it has arrived.
        """
        self.assertMalformed(b"\x16\x03\x01\x20\x00\x01\x00\x3f\xfd", "hello over 16 KiB")
        self.assertIs(read(b"\x16\x03\x01\x20\x00\x01\x00\x3f\xfc").verdict, Verdict.NEED_MORE)

    def test_tinyRecordsDoNotEscapeTheBound(self) -> None:
        """
        The bound counts what is kept, so headers around single bytes do not help.
        """
        data = records(message(extension(99, bytes(9000))), [1] * 9000)
        self.assertMalformed(data[: HELLO_LIMIT + 6], "hello over 16 KiB")

    def test_ambiguousNamesAreRefused(self) -> None:
        """
        A hello that two readers could understand differently goes nowhere.
        """
        one = serverName(b"a.example")
        self.assertMalformed(records(message(one, one)), "extension given twice")
        two = serverName(b"a.example", b"b.example")
        self.assertMalformed(records(message(two)), "two server names")

    def test_badNames(self) -> None:
        """
        Names no host can have are refused.
        """
        for name in b"", b".", b"a..b", b"a.example\0", b"a b", b"\xc3\xa4.example", b"a" * 256:
            self.assertMalformed(records(message(serverName(name))), "bad server name")

    def test_otherNameTypesAreSkipped(self) -> None:
        """
        A name of a type nobody knows is no host name.
        """
        names = b"\x07" + vector(b"\xff", 2) + b"\0" + vector(b"a.example", 2)
        hello = read(records(message(extension(0, vector(names, 2))))).hello
        self.assertEqual(hello, ClientHello("a.example", (), False))

    def test_brokenLengths(self) -> None:
        """
        Every length that does not fit is refused.
        """
        cases = {
            b"\x01" + vector(bytes(33), 3): "hello too short",
            message(ciphers=b""): "bad session id, ciphers or compressions",
            message(ciphers=b"abc"): "bad session id, ciphers or compressions",
            message(sessionID=bytes(33)): "bad session id, ciphers or compressions",
            message(extension(0, b"")): "cut off length",
            message(extension(0, b"\0\0")): "bad server name list",
            message(extension(0, b"\0\2\0\0")): "cut off length",
            message(extension(0, b"\0\3\0\0\4")): "length beyond the end",
            message(extension(16, b"\0\0")): "bad protocol list",
            message(alpn(b"")): "empty protocol name",
            message(b"\0\0\0"): "cut off extension",
            message(extension(99, b"")[:-1] + b"\x01"): "length beyond the end",
        }
        for data, reason in cases.items():
            self.assertMalformed(records(data), reason)

    def test_bytesAfterTheExtensions(self) -> None:
        """
        Nothing hides behind the extensions.
        """
        body = message(serverName(b"a.example"))[4:] + b"!"
        self.assertMalformed(records(b"\x01" + vector(body, 3)), "bytes after the extensions")


class HelloReaderPropertyTests(SynchronousTestCase):
    """
    What holds for all bytes.
    """

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.integers(1, 90), max_size=8),
        st.lists(st.integers(0, 10000), max_size=8),
        st.from_regex(r"\A[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){0,3}\Z"),
        st.lists(st.binary(min_size=3, max_size=12), max_size=3),
    )
    def test_fragmentationDoesNotMatter(
        self, sizes: list[int], places: list[int], name: str, protocols: list[bytes]
    ) -> None:
        """
        However a hello is cut into records and segments, the same is read.
        """
        extensions = [serverName(name.encode())] + ([alpn(*protocols)] if protocols else [])
        data = records(message(*extensions), sizes)
        reader = read(*cut(data, places))
        self.assertEqual(reader.hello, ClientHello(name, tuple(protocols), False))
        self.assertEqual(reader.peeked, data)

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=300), st.integers(0, 300), st.lists(st.integers(0, 500), max_size=5))
    def test_garbageGivesOneAnswer(self, junk: bytes, start: int, places: list[int]) -> None:
        """
        Hostile bytes never raise, and the answer does not depend on how they arrive.
        """
        good = records(message(serverName(b"a.example"), alpn(b"h2"), extension(99, bytes(50))))
        data = good[:start] + junk + good[start + len(junk) :]
        whole, pieces = read(data), read(*cut(data, places))
        self.assertEqual((whole.verdict, whole.hello), (pieces.verdict, pieces.hello))
