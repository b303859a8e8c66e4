"""
Where does the check go? The backend's own address, or another port or host beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from lbproxy.config.address import Address


@dataclass(frozen=True, slots=True)
class Target:
    """
    What to change in a backend's address before checking it; C{0} and C{""} change nothing.
    """

    port: int = 0
    host: str = ""

    def of(self, address: Address) -> Address:
        """
        Where to check the backend at C{address}.

        A UNIX socket has no port to exchange: it stays as it is unless C{host} and C{port} name
        another place altogether.
        """
        if not (self.port or self.host) or (address.path and not (self.port and self.host)):
            return address
        return Address(host=self.host or address.host, port=self.port or address.port)
