"""
Does our reactor keep Twisted's contract? Runs Twisted's own tests for reactors on it::

    python -m tests.net.reactorsuite                      # those of reactorsuite.txt, on lbproxy's
    python -m tests.net.reactorsuite epoll                # the same on Twisted's, to compare
    python -m tests.net.reactorsuite lbproxy twisted.internet.test.test_tcp

Needs PyHamcrest, as Twisted's tests do. Twisted's C{ReactorBuilder} makes its cases for a list of
reactors that it knows; here the list has one name.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

from twisted.application.reactors import installReactor

from lbproxy.net.reactor import LeanReactor


class EPollReactor(LeanReactor):
    """
    Ours, under the name by which Twisted's tests know what no reactor on epoll can do.
    """


_REACTORS = {
    "lbproxy": "tests.net.reactorsuite.EPollReactor",
    "epoll": "twisted.internet.epollreactor.EPollReactor",
    "poll": "twisted.internet.pollreactor.PollReactor",
}


def _leaveOutStrangers() -> None:
    """
    Two tests run Python as another user, which cannot be where Python lives in somebody's home.
    """
    from twisted.internet.test.test_process import ProcessTestsBuilderBase

    home = Path(sys.executable).resolve()
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in home.parents):
        test: Any = ProcessTestsBuilderBase.test_changeUID
        test.skip = f"other users may not run {home}"


def main() -> None:
    """
    Replaces C{sys.argv} and becomes trial.
    """
    reactor, *names = sys.argv[1:] or ["lbproxy"]
    installReactor(reactor)
    from twisted.internet.test.reactormixins import ReactorBuilder

    ReactorBuilder._reactors = [_REACTORS[reactor]]
    _leaveOutStrangers()
    sys.argv = [
        "trial",
        "--reporter=text",
        f"--temp-directory=_trial_temp_{reactor}",
        *(names or Path(__file__).with_suffix(".txt").read_text().split()),
    ]
    from twisted.scripts.trial import run

    run()


if __name__ == "__main__":
    main()
