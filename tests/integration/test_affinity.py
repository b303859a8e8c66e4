"""
Clients that come back to their backend.
"""

from __future__ import annotations

from lbproxy.pool.backend import AdminState, Health
from tests.integration.edges import EdgeCase, Page, portOf


class CookieTests(EdgeCase):
    """
    The affinity cookie, as a browser would carry it.
    """

    async def asked(self, *more: str) -> str:
        """
        Which backend answers, cookies kept in a jar.
        """
        jar = self.path("jar")
        answer, _ = await self.shell("curl", "-s", "-c", jar, "-b", jar, self.url, *more)
        return answer.split(" ")[0]

    async def test_lifeOfACookie(self) -> None:
        """
        A client stays; stays while its backend drains; moves with a new cookie when it is down.
        """
        ports = [self.serve(Page(name)) for name in ("b1", "b2", "b3")]
        backends = ", ".join(
            f'{{name: b{n}, address: "127.0.0.1:{port}"}}' for n, port in enumerate(ports, 1)
        )
        edge = self.edge(f"""
listeners: {{web: {{bind: "127.0.0.1:0", protocol: http, pool: web, accessLog: off}}}}
pools:
  web:
    affinity: {{cookie: {{name: STICK, secret: one}}}}
    backends: [{backends}]
""")
        self.url = f"http://127.0.0.1:{portOf(edge, 'web')}/"
        pool = edge.registry.pool("web")
        first = await self.asked()
        for _ in range(4):
            self.assertEqual(await self.asked(), first)
        pool.setAdmin(pool.backends[first], AdminState.DRAIN)
        self.assertEqual(await self.asked(), first)
        pool.setHealth(pool.backends[first], Health.DOWN, "test")
        second = await self.asked()
        self.assertNotEqual(second, first)
        pool.setHealth(pool.backends[first], Health.UP, "test")
        pool.setAdmin(pool.backends[first], AdminState.READY)
        self.assertEqual(await self.asked(), second)

    async def test_cookieRevealsNothing(self) -> None:
        """
        The cookie has its attributes, and neither name nor address of the backend; a forged one is
        replaced.
        """
        port = self.serve(Page("b1"))
        edge = self.edge(f"""
listeners: {{web: {{bind: "127.0.0.1:0", protocol: http, pool: web, accessLog: off}}}}
pools:
  web:
    affinity: {{cookie: {{name: STICK, secret: one, sameSite: Strict, maxAge: 1h, path: /a}}}}
    backends: [{{name: secret-name, address: "127.0.0.1:{port}"}}]
""")
        url = f"http://127.0.0.1:{portOf(edge, 'web')}/"
        head, _ = await self.shell("curl", "-si", url, "-H", "Cookie: STICK=forged")
        cookie = next(line for line in head.splitlines() if line.startswith("Set-Cookie: "))
        for part in ("STICK=", "; Path=/a", "; Max-Age=3600", "; HttpOnly", "; SameSite=Strict"):
            self.assertIn(part, cookie)
        self.assertNotIn("Secure", cookie)
        self.assertNotIn("secret-name", cookie)
        self.assertNotIn(str(port), cookie)
