"""
A backend dies under load, and comes back.
"""

from __future__ import annotations

import re

from lbproxy.pool.backend import Health
from tests.integration.edges import EdgeCase, later, portOf
from tests.integration.peers import nginx


class FailoverTests(EdgeCase):
    """
    Three real web servers behind an edge, with wrk in front.
    """

    async def test_killedAndRestartedUnderLoad(self) -> None:
        """
        One of three is killed and started again: no request fails that wasn't already with it, the
        log says what happened, and in the end it serves again.
        """
        servers = [await nginx(self, f'location / {{ return 200 "b{n}\n"; }}') for n in range(3)]
        backends = ", ".join(f'"127.0.0.1:{port}"' for _, port in servers)
        edge = self.edge(f"""
listeners: {{web: {{bind: "127.0.0.1:0", protocol: http, pool: web, accessLog: off}}}}
pools:
  web:
    backends: [{backends}]
    healthCheck: {{http: {{path: /}}, interval: 200ms, timeout: 5s, rise: 1, fall: 2}}
""")
        url = f"http://127.0.0.1:{portOf(edge, 'web')}/"
        load = self.shell("wrk", "-t1", "-c32", "-d4", url)
        running = self.defer(load)
        victim, port = servers[0]
        backend = edge.registry.pool("web").backends[f"127.0.0.1:{port}"]
        await self.until(lambda: backend.health is Health.UP)
        await later(0.8)
        await victim.stop("KILL")
        await self.until(lambda: backend.health is Health.DOWN)
        before = backend.total
        await nginx(self, 'location / { return 200 "b0\n"; }', port)
        await self.until(lambda: backend.health is Health.UP)
        report, status = await running
        self.assertEqual(status, 0, report)
        self.assertNotIn("Non-2xx", report)
        self.assertNotIn("Socket errors", report)
        self.assertGreater(int(re.search(r"(\d+) requests in", report).group(1)), 1000)  # type: ignore[union-attr]
        self.assertGreater(backend.total, before)
