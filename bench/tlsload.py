"""
Connects over TLS, asks once, and leaves; again and again: C{python -m bench.tlsload PORT SECONDS
full|resumed}.

Prints what L{bench.scenario.Load} takes, as JSON. A handshake that was not what was asked for
counts as failed: resumption is checked on every connection.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time

_THREADS = 4
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class TLSClient:
    """
    What the threads share.
    """

    def __init__(self, port: int, resumed: bool) -> None:
        self._port = port
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._session: ssl.SSLSession | None = None
        self.times: list[float] = []
        self.failed = 0
        if resumed:
            self._session = self._connect()[1]

    def run(self, end: float) -> None:
        """
        Until C{end}, in one thread.
        """
        while (begun := time.monotonic()) < end:
            try:
                asExpected, _ = self._connect()
            except OSError:
                asExpected = False
            if asExpected:
                self.times.append(time.monotonic() - begun)
            else:
                self.failed += 1

    def _connect(self) -> tuple[bool, ssl.SSLSession | None]:
        """
        @return: whether it was resumed when it should be, and what can be resumed later.
        """
        plain = socket.create_connection(("127.0.0.1", self._port), 10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._context.wrap_socket(plain, session=self._session) as secured:
            secured.sendall(_REQUEST)
            answer = b""
            while data := secured.recv(4096):
                answer += data
            good = answer.startswith(b"HTTP/1.1 200")
            # TLS 1.3 gives tickets after the handshake: only now is there something to resume.
            return good and bool(secured.session_reused) == (
                self._session is not None
            ), secured.session


def main() -> None:
    """
    Run the threads; OpenSSL works outside Python's lock.
    """
    port, seconds, kind = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    client = TLSClient(port, kind == "resumed")
    begun = time.monotonic()
    threads = [
        threading.Thread(target=client.run, args=(begun + seconds,)) for _ in range(_THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(client.times) or [0.0]
    print(
        json.dumps(
            {
                "units": len(client.times),
                "seconds": time.monotonic() - begun,
                "p50": times[len(times) // 2],
                "p99": times[len(times) * 99 // 100],
                "failed": client.failed,
            }
        )
    )


if __name__ == "__main__":
    main()
