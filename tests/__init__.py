"""
The tests mirror the package, file for file; C{tests.integration} runs whole edges with real peers.
"""

from hypothesis import HealthCheck, settings

# How fast this machine is just now says nothing about the code: no deadlines, no complaints of slow
# input.
settings.register_profile(
    "lbproxy",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("lbproxy")
