"""
What is done with those that match? Routes and their actions.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from lbproxy.config.edit import Auth, HeaderEdits, Redirect, Respond, Rewrite
from lbproxy.config.kinds import Whole
from lbproxy.config.limits import RateLimit
from lbproxy.config.match import HTTPMatch, TCPMatch, UDPMatch
from lbproxy.config.model import Model, Name, exactlyOne
from lbproxy.config.units import Bool, Duration, PercentNumber, String


class Share(Model):
    """
    A pool and how much of the work it gets.
    """

    pool: Name = Field(description="The pool's name.")
    weight: Annotated[int, Whole(0, 1000)] = Field(
        default=1, description="Its share among the weights of the split; 0: none."
    )


class Mirror(Model):
    """
    A pool that gets copies; its answers are thrown away.
    """

    pool: Name = Field(description="The pool's name.")
    percent: PercentNumber = Field(default=1.0, description="How many of the requests are copied.")
    compare: Bool = Field(default=False, description="Log where status or body differ.")


class Route(Model):
    """
    What the routes of all protocols have.

    @ivar name: never empty once validated.
    """

    name: String = Field(default="", description="What logs call it; default: the pool's name.")
    pool: Name | None = Field(default=None, description="The pool that does the work.")
    split: tuple[Share, ...] = Field(default=(), description="Or several pools, by weight.")

    @property
    def targets(self) -> tuple[Share, ...]:
        """
        Where the work goes: one share for C{pool}, several for C{split}, none for other actions.
        """
        return (Share(pool=self.pool),) if self.pool else self.split

    @model_validator(mode="after")
    def _normalise(self) -> Route:
        actions = self._actions()
        exactlyOne(self, "action", *actions)
        if self.split and not any(share.weight for share in self.split):
            raise ValueError("every weight of the split is 0; wanted at least one above 0")
        if not self.name:
            kind = next(action for action in actions if getattr(self, action))
            self.__dict__["name"] = self.targets[0].pool if self.targets else kind
        return self

    def _actions(self) -> tuple[str, ...]:
        return ("pool", "split")


class HTTPRoute(Route):
    """
    A route of an http listener.
    """

    match: HTTPMatch = Field(default=HTTPMatch(), description="Which requests; none given: all.")
    redirect: Redirect | None = Field(
        default=None, description="Or an answer that sends them elsewhere."
    )
    respond: Respond | None = Field(default=None, description="Or a fixed answer.")
    mirror: Mirror | None = Field(default=None, description="Copies of requests for another pool.")
    rewrite: Rewrite | None = Field(
        default=None, description="Changes of the target for the backend."
    )
    requestHeaders: HeaderEdits = Field(
        default=HeaderEdits(), description="Changes towards the backend."
    )
    responseHeaders: HeaderEdits = Field(
        default=HeaderEdits(), description="Changes towards the client."
    )
    timeout: Duration = Field(default=0.0, description="The whole exchange; 0: none.")
    auth: Auth | None = Field(default=None, description="Who may pass.")
    rateLimit: RateLimit | None = Field(default=None, description="Over it: 429.")
    compress: Bool = Field(default=False, description="zstd, br or gzip for text-like types.")

    def _actions(self) -> tuple[str, ...]:
        return ("pool", "split", "redirect", "respond")


class TCPRoute(Route):
    """
    A route of a tcp listener.
    """

    match: TCPMatch = Field(default=TCPMatch(), description="Which connections; none given: all.")
    passthrough: Bool = Field(
        default=False, description="On a listener with C{tls}: relay these without ending TLS."
    )


class UDPRoute(Route):
    """
    A route of a udp listener.
    """

    match: UDPMatch = Field(default=UDPMatch(), description="Which datagrams; none given: all.")
