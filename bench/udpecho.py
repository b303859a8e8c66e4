"""
Echoes datagrams: C{python -m bench.udpecho PORT}.
"""

from __future__ import annotations

import socket
import sys


def main() -> None:
    """
    For ever.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as echo:
        echo.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        echo.bind(("127.0.0.1", int(sys.argv[1])))
        while True:
            data, client = echo.recvfrom(65536)
            echo.sendto(data, client)


if __name__ == "__main__":
    main()
