"""
Does our reactor keep Twisted's contract? Runs Twisted's own tests for reactors on it::

    python -m tests.reactor_suite                      # all of them, on lbproxy's
    python -m tests.reactor_suite epoll                # the same on Twisted's, to compare
    python -m tests.reactor_suite lbproxy twisted.internet.test.test_tcp

Needs PyHamcrest, as Twisted's tests do. Twisted's C{ReactorBuilder} makes its cases for a list of
reactors that it knows; here the list has one name.
"""

from __future__ import annotations

import sys

from lbproxy.net.reactor import LeanReactor


class EPollReactor(LeanReactor):
    """
    Ours, under the name by which Twisted's tests know what no reactor on epoll can do.
    """


_REACTORS = {
    "lbproxy": "tests.reactor_suite.EPollReactor",
    "epoll": "twisted.internet.epollreactor.EPollReactor",
    "poll": "twisted.internet.pollreactor.PollReactor",
}

_SUITE = [
    *(
        f"twisted.internet.test.test_{name}"
        for name in [
            "base",
            "core",
            "default",
            "endpoints",
            "epollreactor",
            "fdset",
            "filedescriptor",
            "main",
            "newtls",
            "pollingfile",
            "posixbase",
            "posixprocess",
            "process",
            "protocol",
            "resolver",
            "sigchld",
            "socket",
            "stdio",
            "tcp",
            "testing",
            "threads",
            "time",
            "tls",
            "udp",
            "udp_internals",
            "unix",
            "abstract",
            "address",
            "baseprocess",
            "error",
            "fakes",
            "inotify",
            "reactormixins",
        ]
    ),
    *(
        f"twisted.test.test_{name}"
        for name in [
            "abstract",
            "application",
            "defer",
            "factories",
            "fdesc",
            "ftp",
            "internet",
            "iutils",
            "loopback",
            "pcp",
            "process",
            "protocols",
            "reflect",
            "sip",
            "ssl",
            "sslverify",
            "stateful",
            "stdio",
            "task",
            "tcp",
            "tcp_internals",
            "threadable",
            "threadpool",
            "threads",
            "twistd",
            "udp",
            "unix",
        ]
    ),
    "twisted.protocols.test.test_tls",
    "twisted.application.runner.test",
    "twisted.application.test.test_internet",
    "twisted.web.test.test_http",
    "twisted.web.test.test_agent",
    "twisted.web.test.test_webclient",
    "twisted.web.test.test_wsgi",
]


def main() -> None:
    """
    Replaces C{sys.argv} and becomes trial.
    """
    reactor, *names = sys.argv[1:] or ["lbproxy"]
    from twisted.internet.test.reactormixins import ReactorBuilder

    ReactorBuilder._reactors = [_REACTORS[reactor]]
    sys.argv = [
        "trial",
        f"--reactor={reactor}",
        "--reporter=bwverbose",
        "--temp-directory=_trial_temp_reactor",
        *(names or _SUITE),
    ]
    from twisted.scripts.trial import run

    run()


if __name__ == "__main__":
    main()
