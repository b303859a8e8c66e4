"""
Tells C{twistd} of the C{lbproxy} command. Imported whenever the plugin cache is rebuilt: nothing
else belongs here.
"""

from twisted.application.service import ServiceMaker

lbproxy = ServiceMaker(
    "lbproxy",
    "lbproxy.tap",
    "A load balancer and protocol-aware proxy.",
    "lbproxy",
)
