"""
What may be extended? The contracts that balancers, affinities, probes and observers keep.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from lbproxy.errors import Outcome
    from lbproxy.pool.affinity.edits import CookieEdits
    from lbproxy.pool.backend import Backend
    from lbproxy.pool.context import Context


class IBalancer(Interface):
    """
    Picks a backend from the candidates.
    """

    def rebuild(members: Sequence[Backend], candidates: Sequence[Backend]) -> None:
        """
        The sets or a weight changed. Called before the first L{pick} and rarely after.

        @param members: everyone who could be a candidate; tables that should not move when
            somebody goes down are built over these.
        @param candidates: those of C{members} to pick from, each with a C{share} above 0.
        """

    def pick(context: Context, refused: Collection[Backend] = ()) -> Backend | None:
        """
        One of the candidates that is not in C{refused}; L{None} when there is none.
        """


class ILoadAware(Interface):
    """
    A balancer that wants to know when a backend's number of active leases changes.
    """

    def loadChanged(backend: Backend) -> None:
        """
        C{backend.active} is one more or one less than at the last call.
        """


class ILatencyAware(Interface):
    """
    A balancer that learns from how uses ended.
    """

    def responded(backend: Backend, outcome: Outcome, latency: float) -> None:
        """
        A use ended.

        @param latency: seconds to the first byte; 0 where none was measured.
        """


class IKeyed(Interface):
    """
    A balancer that knows clients by a key.
    """

    def place(context: Context) -> float | None:
        """
        A number from 0 up to 1 that is always the same for the same key and evenly spread over
        all keys; L{None} for a client without a key. Work that is split between several balancers
        is split by it.
        """


class IAffinity(Interface):
    """
    Brings a client back to its backend.
    """

    def rebuild(members: Sequence[Backend]) -> None:
        """
        The pool's set of backends changed.
        """

    def find(context: Context) -> Backend | None:
        """
        The backend that the client belongs to, if it belongs to one.
        """

    def bind(context: Context, backend: Backend) -> bytes | None:
        """
        The client, which did not belong to C{backend}, does so from now on.

        @return: a complete C{Set-Cookie} value for the response, or L{None}.
        """


class ICookieAffinity(IAffinity):
    """
    An affinity that shows in cookies.
    """

    edits: CookieEdits = Attribute(
        "What has to be done to the C{Cookie} and C{Set-Cookie} headers that pass."
    )


class IRenewing(Interface):
    """
    An affinity that has something to say to clients that come back, too.
    """

    def renew(context: Context, backend: Backend) -> bytes | None:
        """
        The client, which belongs to C{backend}, is served by it again.

        @return: a complete C{Set-Cookie} value for the response, or L{None}.
        """


class IProbe(Interface):
    """
    One active check.
    """

    def check(backend: Backend) -> Deferred[None]:
        """
        Look once.

        @return: fires with L{None} when all is well, fails with a C{ProbeFailed} that says what is
            not. Cancelling it closes whatever the check opened.
        """


class IRegistryObserver(Interface):
    """
    Told of everything that changes in the registry; any callable will do.
    """

    def __call__(event: object) -> None:
        """
        @param event: one of L{lbproxy.pool.events}.
        """
