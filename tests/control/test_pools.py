"""
Tests for L{lbproxy.control.pools} and L{lbproxy.control.admin}, over in-memory connections.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.control.admin import adminSite
from lbproxy.pool.backend import AdminState, BackendSpec
from lbproxy.pool.pool import Pool
from lbproxy.pool.registry import Registry


class _Raw(str):
    """
    A body that is sent as it is.
    """


class AdminCase(SynchronousTestCase):
    """
    An admin site over a registry with one pool.
    """

    token = ""

    def setUp(self) -> None:
        self.registry = Registry()
        specs = [BackendSpec(name, Address("192.0.2.1", 80)) for name in ("b1", "b2")]
        self.pool = self.registry.addPool(Pool("web", specs))
        self.ready = True
        self.site = adminSite(self.registry, lambda: self.ready, self.token)
        self.clock = Clock()
        self.site.reactor = self.clock

    def ask(self, line: str, body: object = None, **fields: str) -> tuple[int, Any]:
        """
        @param body: what is sent as JSON, or L{_Raw}.
        @return: the status, and the answer read as JSON where it is.
        """
        transport = StringTransport()
        protocol = self.site.buildProtocol(None)
        assert protocol is not None
        protocol.makeConnection(transport)
        if isinstance(body, _Raw):
            text = str(body)
        else:
            text = json.dumps(body) if body is not None else ""
        if text:
            fields.setdefault("Content_Type", "application/json")
        head = [
            f"{line} HTTP/1.1",
            "Host: localhost",
            "Connection: close",
            f"Content-Length: {len(text)}",
        ]
        head += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        protocol.dataReceived(("\r\n".join(head) + "\r\n\r\n" + text).encode())
        answer = transport.value().decode()
        status = int(answer.split(" ")[1])
        content = answer.partition("\r\n\r\n")[2]
        content = content if content.startswith("{") else content[content.find("{") :]
        return status, json.loads(content[: content.rfind("}") + 1]) if "{" in content else None


class PoolsTests(AdminCase):
    """
    The state of pools can be read and changed.
    """

    def test_all(self) -> None:
        """
        Every pool with every backend, and every fact of it.
        """
        status, value = self.ask("GET /api/pools")
        self.assertEqual(status, 200)
        self.assertEqual(
            value["pools"]["web"]["backends"]["b1"],
            {
                "address": "192.0.2.1:80",
                "state": "unknown",
                "admin": "ready",
                "ejected": False,
                "active": 0,
                "total": 0,
                "weight": 1,
                "reason": "",
            },
        )

    def test_one(self) -> None:
        """
        A pool and a backend for themselves; unknown ones are 404.
        """
        self.assertEqual(len(self.ask("GET /api/pools/web")[1]["backends"]), 2)
        self.assertEqual(self.ask("GET /api/pools/web/backends/b2")[1]["weight"], 1)
        self.assertEqual(self.ask("GET /api/pools/none")[0], 404)
        self.assertEqual(self.ask("GET /api/pools/web/backends/b9")[0], 404)

    def test_change(self) -> None:
        """
        The operator drains a backend, and weighs it anew.
        """
        line = "PATCH /api/pools/web/backends/b1"
        status, value = self.ask(line, {"admin": "drain", "weight": 7})
        self.assertEqual((status, value["admin"], value["weight"]), (200, "drain", 7))
        self.assertIs(self.pool.backends["b1"].admin, AdminState.DRAIN)

    def test_badChange(self) -> None:
        """
        What makes no sense changes nothing, and is said.
        """
        line = "PATCH /api/pools/web/backends/b1"
        for body in ({"admin": "off"}, {"weight": 1001}, {"weight": True}, {"wait": 1}, [1]):
            status, value = self.ask(line, body)
            self.assertEqual(status, 400, body)
            self.assertIn("wanted", value["error"].replace("one of", "wanted"))
        self.assertEqual(self.pool.backends["b1"].weight, 1)
        self.assertIs(self.pool.backends["b1"].admin, AdminState.READY)

    def test_deepNesting(self) -> None:
        """
        A body nested deeper than Python can count is as bad a request as any other.
        """
        status, value = self.ask("PATCH /api/pools/web/backends/b1", _Raw("[" * 60000))
        self.assertEqual(status, 400)
        self.assertIn("nested", value["error"])

    def test_pauseAndResume(self) -> None:
        """
        A pool holds its work, and lets it go on.
        """
        self.assertEqual(self.ask("POST /api/pools/web/pause")[1], {"paused": True, "active": 0})
        self.assertTrue(self.pool.admission.paused)
        self.assertEqual(self.ask("POST /api/pools/web/resume", {"over": 0.5})[0], 200)

    def test_methods(self) -> None:
        """
        A method that means nothing here is 405, with those that do.
        """
        status, value = self.ask("DELETE /api/pools/web")
        self.assertEqual((status, value), (405, {"error": "wanted one of GET, HEAD"}))

    def test_foreignPages(self) -> None:
        """
        A page in the operator's browser cannot change anything.
        """
        line = "PATCH /api/pools/web/backends/b1"
        self.assertEqual(self.ask(line, {"weight": 5}, Content_Type="text/plain")[0], 415)
        self.assertEqual(
            self.ask("POST /api/pools/web/pause", Origin="http://evil.example")[0], 403
        )
        self.assertEqual(self.pool.backends["b1"].weight, 1)


class HealthTests(AdminCase):
    """
    Others ask whether the process is well.
    """

    def test_healthz(self) -> None:
        """
        It answers.
        """
        self.assertEqual(self.ask("GET /healthz"), (200, {"status": "ok"}))

    def test_readyz(self) -> None:
        """
        Ready or not.
        """
        self.assertEqual(self.ask("GET /readyz"), (200, {"status": "ready"}))
        self.ready = False
        self.assertEqual(self.ask("GET /readyz"), (503, {"status": "not ready"}))


class TokenTests(AdminCase):
    """
    With a token the API wants it.
    """

    token = "let me in"

    def test_api(self) -> None:
        """
        Nothing without it, everything with it; health is for everybody.
        """
        self.assertEqual(self.ask("GET /api/pools")[0], 401)
        self.assertEqual(self.ask("GET /api/pools", Authorization="Bearer wrong")[0], 401)
        self.assertEqual(self.ask("GET /api/pools", Authorization="Bearer let me in")[0], 200)
        self.assertEqual(self.ask("GET /healthz")[0], 200)
