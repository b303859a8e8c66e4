"""
A load balancer in a program of one's own: two Twisted web servers, and in front of them an edge.

    twistd --reactor=lbproxy -noy examples/embedded.tac
    curl http://127.0.0.1:8080/
"""

from twisted.application.internet import TCPServer
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.web.server import Site
from twisted.web.static import Data

from lbproxy.assembly import buildEdge
from lbproxy.config.load import parseConfiguration

EDGE = """
listeners:
  web: {bind: "127.0.0.1:8080", protocol: http, pool: hello}
pools:
  hello:
    backends: ["127.0.0.1:8081", "127.0.0.1:8082"]
    healthCheck: {http: {path: /}, interval: 2s}
"""

application = Application("embedded")
for port in (8081, 8082):
    page = Data(b"hello from %d\n" % port, "text/plain")
    page.isLeaf = True
    TCPServer(port, Site(page), interface="127.0.0.1").setServiceParent(application)
# An edge is a Twisted service like any other: it starts, drains and stops with the program.
buildEdge(reactor, parseConfiguration(EDGE, "embedded.tac", {})).setServiceParent(application)
