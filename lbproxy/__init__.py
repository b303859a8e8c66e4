"""
lbproxy: a load balancer and protocol-aware proxy framework on Twisted.
"""

__version__ = "0.1.0"
