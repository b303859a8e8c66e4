"""
How do datagrams move? Our own UDP sockets, for any reactor that watches descriptors.

Twisted's C{udp.Port} cuts what is longer than 8 KiB, cannot answer from the address that was asked
and dies of an ICMP error under epoll and poll. These sockets do none of that.
"""

from lbproxy.net.udp.address import ClientAddress, SocketAddress
from lbproxy.net.udp.asked import Asked
from lbproxy.net.udp.binding import listenDatagrams
from lbproxy.net.udp.connected import AnswerReceiver, ConnectedSocket, connectDatagrams
from lbproxy.net.udp.listening import DatagramPort, DatagramReceiver

__all__ = [
    "AnswerReceiver",
    "Asked",
    "ClientAddress",
    "ConnectedSocket",
    "DatagramPort",
    "DatagramReceiver",
    "SocketAddress",
    "connectDatagrams",
    "listenDatagrams",
]
