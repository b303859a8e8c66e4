"""
How is the socket set up? Options of the kernel's that a listener may ask for.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lbproxy.config.kinds import Text, Whole
from lbproxy.config.model import Model
from lbproxy.config.units import Bool, Duration, Number


class TCPKeepAlive(Model):
    """
    The kernel's keep-alive probes.
    """

    idle: Duration = Field(default=0.0, description="Silence before the first probe; 0: no probes.")
    interval: Duration = Field(default=15.0, description="Between two probes.")
    count: Annotated[int, Whole(1, 127)] = Field(
        default=4, description="Lost probes until the end."
    )


class SocketOptions(Model):
    """
    Options of a listening socket and of those accepted from it.
    """

    interface: Annotated[str, Text(r"[^\s/\x00]{0,15}", "an interface's name")] = Field(
        default="", description="Only through this interface (SO_BINDTODEVICE); empty: any."
    )
    reusePort: Bool = Field(default=False, description="Share the address with other processes.")
    dualStack: Bool = Field(default=True, description="A bound [::] takes IPv4 too.")
    fastOpen: Number = Field(default=0, description="Length of TCP Fast Open's queue; 0: off.")
    keepAlive: TCPKeepAlive = Field(default=TCPKeepAlive(), description="The kernel's probes.")
    userTimeout: Duration = Field(
        default=0.0,
        description="How long sent bytes may stay unacknowledged; 0: the kernel's choice.",
    )
