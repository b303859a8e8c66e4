"""
Tests for L{lbproxy.config.checks} and L{lbproxy.config.bindchecks}.
"""

from __future__ import annotations

import os
import sys

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config import unsupported
from tests.config.support import LISTENER, POOL, problems


def listeners(*binds: str) -> str:
    """
    @param binds: C{protocol address}.
    @return: a section of listeners l0, l1…
    """
    lines = ["listeners:"]
    for index, bind in enumerate(binds):
        protocol, address = bind.split()
        lines.append(f'  l{index}: {{bind: "{address}", protocol: {protocol}, pool: web}}')
    return "\n".join(lines) + "\n"


class Base(SynchronousTestCase):
    """
    Everything is taken for supported.
    """

    def setUp(self) -> None:
        self.patch(unsupported, "UNSUPPORTED", ())

    def assertSaid(self, text: str, *wanted: str) -> None:
        """
        What is said begins so, line for line, without file and place.
        """
        said = [problem.split(": ", 1)[1] for problem in problems(text)]
        self.assertEqual(len(said), len(wanted), said)
        for line, start in zip(said, wanted, strict=True):
            self.assertTrue(line.startswith(start), f"{line!r} does not begin {start!r}")


class PoolCheckTests(Base):
    """
    Names of pools, and what pools are used for.
    """

    def test_everyPlaceThatNamesAPool(self) -> None:
        """
        Routes, splits and mirrors name pools that exist; each slip is shown where it stands.
        """
        routes = (
            "[{match: {path: /}, split: [{pool: a}, {pool: web}]}, "
            "{match: {method: GET}, pool: web, mirror: {pool: b}}, {pool: c}]"
        )
        self.assertSaid(
            LISTENER.replace("pool: web", f"routes: {routes}") + POOL,
            'listeners.edge.routes[0].split[0].pool: unknown pool "a"; one of web',
            'listeners.edge.routes[1].mirror.pool: unknown pool "b"; one of web',
            'listeners.edge.routes[2].pool: unknown pool "c"; one of web',
        )

    def test_withoutAnyPool(self) -> None:
        """
        There is nothing to guess from.
        """
        self.assertSaid(LISTENER, 'listeners.edge.pool: unknown pool "web"; there are no pools')

    def test_aPoolThatIsWrongElsewhereIsKnown(self) -> None:
        """
        A mistake inside a pool does not make its name unknown.
        """
        self.assertSaid(LISTENER + "pools: {web: 5}\n", "pools.web: wanted a mapping")

    def test_whatOnlyHTTPKnows(self) -> None:
        """
        A pool of a relay cannot ask for cookies, headers or paths, nor speak h2.
        """
        for keys, wanted in {
            "affinity: {cookie: {secret: s}}": "pools.web.affinity.cookie: the tcp listener l0",
            "affinity: {header: X-A}": "pools.web.affinity.header: the tcp listener l0 uses this",
            "balance: {name: maglev, key: path}": "pools.web.balance.key: the tcp listener l0 uses",
            "protocol: h2": "pools.web.protocol: the tcp listener l0 uses this pool, and only http",
        }.items():
            self.assertSaid(listeners("tcp 127.0.0.1:0") + POOL.replace("{", f"{{{keys}, "), wanted)

    def test_whatDatagramsCannot(self) -> None:
        """
        No TLS, and no PROXY v1.
        """
        pool = POOL.replace("{", "{tls: true, sendProxyProtocol: v1, ")
        self.assertSaid(
            listeners("udp 127.0.0.1:0") + pool,
            "pools.web.tls: the udp listener l0 uses this pool, and TLS needs a stream",
            "pools.web.sendProxyProtocol: the udp listener l0 uses this pool, and v1 knows no",
        )

    def test_aPoolIsBlamedOnce(self) -> None:
        """
        Ten listeners of one pool make one line.
        """
        pool = POOL.replace("{", "{affinity: {header: X-A}, ")
        self.assertEqual(len(problems(listeners(*["tcp 127.0.0.1:0"] * 10) + pool)), 1)

    def test_backendsHaveTheirOwnNames(self) -> None:
        """
        The admin API could not tell them apart.
        """
        backends = '["a:1", {name: b, address: "a:1"}, {name: b, address: "a:2"}]'
        text = LISTENER + f"pools: {{web: {{backends: {backends}}}}}"
        self.assertSaid(text, 'pools.web.backends[2]: a second backend named "b"; wanted a name')

    def test_aPoolNeedsBackends(self) -> None:
        """
        Listed or discovered.
        """
        self.assertSaid(
            LISTENER + "pools: {web: {}}", "pools.web: no backends; wanted at least one"
        )
        discover = "pools: {web: {discover: {dns: {name: a, port: 1}}}}"
        self.assertSaid(LISTENER + discover)

    def test_passthroughNeedsTLSToPass(self) -> None:
        """
        Without C{tls} there is nothing to leave alone.
        """
        listener = listeners("tcp 127.0.0.1:0")
        text = listener.replace("pool: web", "routes: [{passthrough: true, pool: web}]") + POOL
        self.assertSaid(
            text, "listeners.l0.routes[0].passthrough: there is no tls on this listener"
        )


class ImportCheckTests(Base):
    """
    Modules and classes of the user's.
    """

    def setUp(self) -> None:
        super().setUp()
        folder = self.mktemp()
        os.makedirs(folder)
        for name, text in (("lbgood", "class Probe: pass\n"), ("lbbad", "1 / 0\n")):
            with open(os.path.join(folder, f"{name}.py"), "w") as file:
                file.write(text)
        self.patch(sys, "path", [folder, *sys.path])

    def tearDown(self) -> None:
        sys.modules.pop("lbgood", None)

    def test_whatCanBeImported(self) -> None:
        """
        A module that is there, with the class that is named.
        """
        pool = POOL.replace("{", "{healthCheck: {python: 'lbgood:Probe'}, ")
        self.assertSaid(LISTENER + pool + "plugins: [lbgood]\n")

    def test_whatCannot(self) -> None:
        """
        Absent modules, broken ones and absent classes each say so.
        """
        pool = POOL.replace("{", "{healthCheck: {python: 'lbgood:Prob'}, ")
        self.assertSaid(
            LISTENER + pool + "plugins: [lbnone, lbbad]\n",
            'pools.web.healthCheck.python: "lbgood" has no "Prob"; wanted a class',
            'plugins[0]: "lbnone" cannot be imported: No module named',
            'plugins[1]: "lbbad" cannot be imported: division by zero',
        )


class BindCheckTests(Base):
    """
    What is bound.
    """

    def test_whatClashes(self) -> None:
        """
        The same address, or a wildcard over it, for the same transport.
        """
        for first, second in (
            ("http 127.0.0.1:80", "tcp 127.0.0.1:80"),
            ("http 0.0.0.0:80", "tcp 127.0.0.1:80"),
            ("http 127.0.0.1:80", "tcp 0.0.0.0:80"),
            ("http [::]:80", "tcp [::1]:80"),
            ("udp 127.0.0.1:80", "udp 127.0.0.1:80"),
            ("tcp unix:/run/a", "http unix:/run/a"),
            ("tcp systemd:a", "http systemd:a"),
        ):
            address = second.split()[1]
            self.assertSaid(
                listeners(first, second) + POOL,
                f"listeners.l1.bind: {address} is taken by listener l0 at e.yaml:2:14; wanted",
            )

    def test_whatDoesNot(self) -> None:
        """
        Other transports, families, ports and addresses; and port 0 is any.
        """
        self.assertSaid(
            listeners(
                "tcp 127.0.0.1:80",
                "udp 127.0.0.1:80",
                "tcp 127.0.0.2:80",
                "tcp [::1]:80",
                "tcp 127.0.0.1:81",
                "tcp 127.0.0.1:0",
                "http 127.0.0.1:0",
                "tcp unix:/run/a",
                "tcp unix:/run/b",
            )
            + POOL
        )

    def test_twiceInOneListener(self) -> None:
        """
        A list that names an address twice is a mistake, too.
        """
        text = LISTENER.replace('"127.0.0.1:0"', '["127.0.0.1:1", "127.0.0.1:1"]') + POOL
        self.assertSaid(text, "listeners.edge.bind[1]: 127.0.0.1:1 is taken by listener edge at")

    def test_http3TakesThePortOverUDP(self) -> None:
        """
        QUIC binds the same port.
        """
        text = listeners("http 127.0.0.1:443", "udp 127.0.0.1:443") + POOL
        self.assertSaid(
            text.replace("protocol: http", "http3: true, protocol: http"),
            "listeners.l1.bind: 127.0.0.1:443 is taken by listener l0 at",
        )

    def test_adminIsForThisMachineUnlessGuarded(self) -> None:
        """
        Beyond loopback it takes a token.
        """
        good = ("127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "unix:/run/admin")
        for bind in good:
            self.assertSaid(LISTENER + POOL + f'admin: {{bind: "{bind}"}}\n')
        for bind in ("0.0.0.0:1", "10.0.0.1:1", "[::]:1"):
            text = LISTENER + POOL + f'admin: {{bind: "{bind}"}}\n'
            self.assertSaid(text, f"admin.bind: {bind} is not loopback and there is no token")
            self.assertSaid(text.replace("admin: {", "admin: {token: t, "))
