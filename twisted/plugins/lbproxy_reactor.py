"""
Tells C{twistd} and C{trial} of C{--reactor=lbproxy}. Imported whenever the plugin cache is rebuilt:
nothing else belongs here.
"""

from twisted.application.reactors import Reactor

lbproxyReactor = Reactor(
    "lbproxy",
    "lbproxy.net.reactor",
    "epoll with a lean loop, whose transports write without waiting.",
)
