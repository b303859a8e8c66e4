"""
What would be done with this request right now? C{GET /api/explain?request=GET+https://…}
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.web.http import Request
from twisted.web.resource import Resource

from lbproxy.l7.explain import Explainer, askedRequest, listenerFor


class ExplainResource(Resource):
    """
    Takes the query's C{request}, and C{listener}, C{source}, C{header} and C{cookie} where they are
    given; the last two may be repeated. Answers in plain text.
    """

    isLeaf = True

    def __init__(self, explainers: Sequence[Explainer]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._explainers = explainers

    def render_GET(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        try:
            text = self._explain(request)
        except ValueError as problem:
            request.setResponseCode(400)
            text = f"{problem}\n"
        return text.encode("utf-8")

    def _explain(self, request: Request) -> str:
        def given(name: bytes) -> list[str]:
            return [value.decode("utf-8") for value in request.args.get(name, [])]

        asked = given(b"request")
        if not asked:
            raise ValueError("wanted ?request=GET+https://shop.example.com/cart")
        source = given(b"source") or ["127.0.0.1"]
        probe = askedRequest(asked[0], source[0], given(b"header"), given(b"cookie"))
        name = given(b"listener") or [""]
        return listenerFor(self._explainers, probe, name[0]).explain(probe)
