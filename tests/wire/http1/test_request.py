"""
Request heads, read.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import (
    BadMessage,
    HeaderBlock,
    HeadLimits,
    RequestReader,
    forgetHeads,
    headers,
    request,
)
from lbproxy.wire.http1.memo import Memo
from tests.wire.http1.driving import byteByByte, headMeaning, inPieces

HEAD = b"GET /a/b?c=d HTTP/1.1\r\nHost: Shop.example:80\r\nX-One: 1\r\nx-one: 2\r\n\r\n"


class RequestReaderTests(SynchronousTestCase):
    """
    L{RequestReader}, fed by an honest client.
    """

    def setUp(self) -> None:
        self.reader = RequestReader(HeadLimits(), Memo())

    def test_headIsUnderstood(self) -> None:
        """
        Method, target, host and fields are what the client sent.
        """
        head = self.reader.feed(HEAD)
        assert head is not None
        self.assertEqual((head.method, head.target), (b"GET", b"/a/b?c=d"))
        self.assertEqual((head.form, head.path, head.query), ("origin", b"/a/b", b"c=d"))
        self.assertEqual((head.version, head.host, head.scheme), (11, b"Shop.example:80", b""))
        self.assertEqual((head.keepAlive, head.hasBody), (True, False))
        self.assertEqual(head.block.fields[1], (b"x-one", b"X-One", b"1"))

    def test_fieldsAreLookedUpByLowerCaseName(self) -> None:
        """
        The first value is at hand, and all of them.
        """
        head = self.reader.feed(HEAD)
        assert head is not None
        block = head.block
        self.assertEqual((block.get(b"x-one"), block.get(b"x-two")), (b"1", None))
        self.assertEqual(block.getAll(b"x-one"), [b"1", b"2"])
        self.assertEqual((block.has(b"host"), block.has(b"x-two")), (True, False))

    def test_anyCutGivesTheSameHead(self) -> None:
        """
        It doesn't matter how the network cuts a head.
        """
        whole = RequestReader(HeadLimits(), Memo()).feed(HEAD)
        assert whole is not None
        for cut in range(1, len(HEAD)):
            reader = RequestReader(HeadLimits(), Memo())
            first, second = inPieces(HEAD, [cut])
            self.assertIsNone(reader.feed(first))
            head = reader.feed(second)
            assert head is not None
            self.assertEqual(headMeaning(head), headMeaning(whole))

    def test_whatFollowsIsLeftOver(self) -> None:
        """
        Bytes after the head are handed back, whether they came with it or after a cut.
        """
        self.assertIsNotNone(self.reader.feed(HEAD + b"body"))
        self.assertEqual(self.reader.rest, b"body")
        self.assertIsNone(self.reader.feed(HEAD[:30]))
        self.assertEqual(self.reader.rest, b"")
        self.assertIsNotNone(self.reader.feed(HEAD[30:] + b"more"))
        self.assertEqual(self.reader.rest, b"more")

    def test_pipelinedHeadsComeOneByOne(self) -> None:
        """
        Requests sent in one segment are all read, in order.
        """
        targets = []
        rest = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(5))
        while rest:
            head = self.reader.feed(rest)
            assert head is not None
            targets.append(head.target)
            rest = self.reader.rest
        self.assertEqual(targets, [b"/%d" % number for number in range(5)])

    def test_partsOfAHeadArePending(self) -> None:
        """
        One can tell whether a client has begun a request; an empty line begins none.
        """
        pending = []
        for byte in byteByByte(b"\r\n" + HEAD):
            self.reader.feed(byte)
            pending.append(self.reader.pending)
        wanted = [True, False, *[True] * (len(HEAD) - 1), False]
        self.assertEqual(pending, wanted)

    def test_schemeOfAnAbsoluteTarget(self) -> None:
        """
        What an absolute target says of the scheme can be compared with how it came.
        """
        head = self.reader.feed(b"GET HTTPS://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
        assert head is not None
        self.assertEqual((head.scheme, head.host), (b"https", b"a"))


class PipeliningTests(SynchronousTestCase):
    """
    Many heads in one piece.
    """

    def test_eachIsReadOnce(self) -> None:
        """
        A thousand requests sent at once cost what a thousand do: no byte is taken for a field more
        than a few times, however the piece ends.
        """
        one = b"GET /%d HTTP/1.1\r\nHost: shop.example\r\nX-Number: %d\r\n\r\n"
        data = b"".join(one % (at, at) for at in range(400))
        read = [0]
        split = headers.requestFields.split

        class Counting:
            def split(self, text: bytes) -> object:
                read[0] += len(text)
                return split(text)

        self.patch(request, "requestFields", Counting())
        for ending in (b"", b"GET"):
            read[0] = 0
            reader = RequestReader(memo=Memo(2))
            head, count = reader.feed(data + ending), 0
            while head is not None:
                count += 1
                head = reader.feed(reader.rest) if reader.rest else None
            self.assertEqual(count, 400)
            self.assertLess(read[0], 2 * len(data))


class RefusalTests(SynchronousTestCase):
    """
    L{RequestReader}, fed by others.
    """

    def test_garbageIsRefusedAtOnce(self) -> None:
        """
        Nobody waits for a line end that a TLS client, a port scanner or a bare LF will not bring.
        """
        for data in (
            b"\x16\x03\x01",
            b"GET / HTTP/1.1\n",
            b"GET /\x00",
            b"\r\r",
            b"GET / HTTP/2.0\r\n",
        ):
            with self.assertRaises(BadMessage):
                RequestReader().feed(data)

    def test_refusalFallsWithTheOffendingByte(self) -> None:
        """
        A slow client that sends something bad isn't listened to a byte longer.
        """
        reader = RequestReader()
        good = b"GET / HTTP/1.1\r\nHost: h\r\nX: y"
        for byte in byteByByte(good):
            reader.feed(byte)
        with self.assertRaises(BadMessage) as caught:
            reader.feed(b"\x01")
        self.assertEqual((caught.exception.status, caught.exception.code), (400, "badHeader"))

    def test_partialHeadsStayBounded(self) -> None:
        """
        A client that never ends its head is refused within the limits, not remembered.
        """
        for start in (b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\n"):
            reader = RequestReader(HeadLimits(line=100, headers=200, count=10))
            sent = len(start)
            reader.feed(start)
            with self.assertRaises(BadMessage):
                while sent < 400:
                    reader.feed(b"x")
                    sent += 1
            self.assertLessEqual(sent, 100 + 200 + len(start))

    def test_limitsAreExact(self) -> None:
        """
        What is as large as allowed passes and one byte or field more is refused, in any pieces.
        """
        line = b"GET /" + b"x" * 36 + b" HTTP/1.1"
        data = line + b"\r\nHost: h\r\nX: yz\r\n\r\n"
        fits = {"line": 50, "headers": 18, "count": 2}
        codes = {"line": 414, "headers": 431, "count": 431}
        for pieces in ([data], byteByByte(data)):
            self.assertEqual(self._status(HeadLimits(**fits), pieces), 0)
            for name, status in codes.items():
                less = HeadLimits(**{**fits, name: fits[name] - 1})
                self.assertEqual(self._status(less, pieces), status, name)

    def _status(self, limits: HeadLimits, pieces: list[bytes]) -> int:
        reader = RequestReader(limits, Memo())
        try:
            heads = [reader.feed(piece) for piece in pieces]
        except BadMessage as error:
            return error.status
        self.assertIsNotNone(heads[-1])
        return 0


class MemoTests(SynchronousTestCase):
    """
    What was read before is not read again.
    """

    def setUp(self) -> None:
        self.memo: Memo[HeaderBlock] = Memo()

    def block(self, data: bytes, limits: HeadLimits | None = None) -> HeaderBlock:
        """
        The block that a new connection's reader makes of C{data}.
        """
        head = RequestReader(limits or HeadLimits(), self.memo).feed(data)
        assert head is not None
        return head.block

    def test_sameFieldsShareABlock(self) -> None:
        """
        Different targets with the same fields, on any connection, cost one parse.
        """
        blocks = [self.block(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n) for n in range(4)]
        self.assertIs(blocks[1], blocks[2])
        self.assertIs(blocks[2], blocks[3])

    def test_otherFieldsDoNot(self) -> None:
        """
        A byte that differs makes another block.
        """
        for _ in range(3):
            first = self.block(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            second = self.block(b"GET / HTTP/1.1\r\nHost: i\r\n\r\n")
            third = self.block(b"GET / HTTP/1.0\r\nHost: h\r\n\r\n")
        self.assertEqual((first.host, second.host), (b"h", b"i"))
        self.assertEqual((first.version, third.version), (11, 10))

    def test_knownBlocksStillObeyTheLimits(self) -> None:
        """
        A listener with narrow limits refuses what another one has let in.
        """
        data = b"GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n"
        for _ in range(3):
            self.block(data)
        for limits in (HeadLimits(line=13), HeadLimits(headers=10), HeadLimits(count=1)):
            with self.assertRaises(BadMessage):
                self.block(data, limits)

    def test_knownBlockBeforeABody(self) -> None:
        """
        A known head is cut off from the body behind it.
        """
        head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"
        reader = RequestReader(HeadLimits(), self.memo)
        for body in (b"", b"\r\n\r\n", b"GET \r\n\r\n", b"body"):
            for _ in range(3):
                self.assertIsNotNone(reader.feed(head + body))
                self.assertEqual(reader.rest, body)

    def test_forgotten(self) -> None:
        """
        After a reload nothing that was derived from heads seen before is used again.
        """
        data = b"GET / HTTP/1.1\r\nHost: forget.example\r\n\r\n"
        before = [RequestReader().feed(data) for _ in range(3)][-1]
        assert before is not None
        before.block.memo["plan"] = 1
        forgetHeads()
        after = RequestReader().feed(data)
        assert after is not None
        self.assertEqual(after.block.memo, {})
