"""
Tests for L{lbproxy.config.load}.
"""

from __future__ import annotations

import os
import shutil

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config import unsupported
from lbproxy.config.address import Address
from lbproxy.config.load import loadConfiguration, parseConfiguration
from lbproxy.errors import ConfigError
from tests.config.certificates import writeCertificates
from tests.config.support import LISTENER, POOL, loaded, problems

_HERE = os.path.dirname(__file__)
_BAD = os.path.join(_HERE, "bad")


def expected(text: str, name: str, folder: str) -> list[str]:
    """
    @return: what the comments that C{text} begins with expect to be said about it.
    """
    lines = []
    for line in text.splitlines():
        if not line.startswith("# "):
            break
        message = line[2:].replace("{folder}", folder).replace(f"{name}:", f"{folder}/{name}:")
        colon = ":" if message[:1].isdigit() else ": "
        lines.append(f"{folder}/{name}{colon}{message}")
    return lines


class BadConfigurationTests(SynchronousTestCase):
    """
    The folder C{bad}: each file begins with exactly what is said about it.
    """

    def setUp(self) -> None:
        self.folder = self.mktemp()
        shutil.copytree(_BAD, self.folder)
        self.folder = os.path.abspath(self.folder)
        writeCertificates(self.folder)
        # The messages of these do not depend on what is supported by now.
        lines = "listeners.*.http3", "listeners.*.tls.alpn = h2", "pools.*.hedge", "cluster"
        self.patch(unsupported, "UNSUPPORTED", lines)

    def said(self, name: str) -> list[str]:
        try:
            loadConfiguration(os.path.join(self.folder, name), {})
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        return []

    def test_everyMistakeHasItsMessage(self) -> None:
        """
        Each mistake is answered with its place, its key and what would be right, word for word.
        """
        names = sorted(name for name in os.listdir(_BAD) if name.endswith(".yaml"))
        self.assertGreaterEqual(len(names), 60)
        for name in names:
            with open(os.path.join(_BAD, name), encoding="utf-8") as file:
                wanted = expected(file.read(), name, self.folder)
            self.assertNotEqual(wanted, [], name)
            self.assertEqual(self.said(name), wanted, name)

    def test_messagesNeverSpeakOfPydantic(self) -> None:
        """
        What is said is ours: no library's name, type or link.
        """
        for name in os.listdir(_BAD):
            for line in self.said(name):
                self.assertNotRegex(line, r"(?i)pydantic|value_error|input should|https://errors")
                self.assertNotIn("see the documentation", line)


class LoadTests(SynchronousTestCase):
    """
    L{loadConfiguration} and L{parseConfiguration}.
    """

    def test_aGoodFileLoads(self) -> None:
        """
        A small file becomes what it says, with defaults for the rest.
        """
        configuration = loaded(LISTENER + POOL)
        edge, web = configuration.listeners["edge"], configuration.pools["web"]
        self.assertEqual(edge.bind, (Address("127.0.0.1", 0),))
        self.assertEqual([route.pool for route in edge.routes], ["web"])
        self.assertEqual(web.backends[0].name, "10.0.0.1:80")
        self.assertEqual(web.balance.name, "roundRobin")

    def test_aFileThatIsNotThere(self) -> None:
        """
        A missing file is a configuration error, not a traceback.
        """
        error = self.assertRaises(ConfigError, loadConfiguration, "nowhere.yaml", {})
        self.assertEqual(str(error), "nowhere.yaml: No such file or directory")

    def test_aFileThatIsNotText(self) -> None:
        """
        A byte that is no UTF-8 is shown with its place.
        """
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write("pools: {}\n# ünd \xff".encode("latin-1").replace(b"\xfc", "ü".encode()))
        error = self.assertRaises(ConfigError, loadConfiguration, path, {})
        self.assertEqual(
            str(error), f"{path}:2:7: a byte that is not UTF-8; wanted the file saved as UTF-8"
        )

    def test_aByteOrderMarkDoesNoHarm(self) -> None:
        """
        Files of editors that write a mark first are read.
        """
        path = self.mktemp()
        with open(path, "w", encoding="utf-8-sig") as file:
            file.write(LISTENER + POOL)
        self.assertIn("edge", loadConfiguration(path, {}).listeners)

    def test_problemsAreSortedByPlace(self) -> None:
        """
        What is wrong is told from top to bottom, whichever step of reading found it.
        """
        text = "workerz: 1\n" + LISTENER.replace("web", "wbe") + POOL + "pools: {}\n"
        places = [line.split(": ")[0] for line in problems(text)]
        self.assertEqual(places, ["e.yaml:1:1", "e.yaml:3:53", "e.yaml:6:1"])

    def test_aKeysPlaceForUnknownKeysAndAValuesForBadOnes(self) -> None:
        """
        The column is that of what has to be changed.
        """
        line = "  web: {wait: 1, timeouts: {idle: soon}, backends: ['10.0.0.1:80']}\n"
        self.assertEqual(
            [problem.split(": ")[0] for problem in problems(LISTENER + "pools:\n" + line)],
            [f"e.yaml:4:{line.index(word) + 1}" for word in ("wait", "soon")],
        )


class ReferenceTests(SynchronousTestCase):
    """
    The reference: every key there is.
    """

    def setUp(self) -> None:
        with open(os.path.join(_HERE, "reference.yaml"), encoding="utf-8") as file:
            self.text = file.read()
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(self.folder, "certs"))
        os.makedirs(os.path.join(self.folder, "errors"))
        for name in ("htpasswd", "errors/503.html"):
            with open(os.path.join(self.folder, name), "w"):
                pass
        writeCertificates(os.path.join(self.folder, "certs"))

    def test_everyKeyOfTheReferenceIsRead(self) -> None:
        """
        With everything switched on the reference is a good configuration.
        """
        self.patch(unsupported, "UNSUPPORTED", ())
        name = os.path.join(self.folder, "reference.yaml")
        configuration = parseConfiguration(self.text, name, {"LBID_SECRET": "s3cret"})
        shop = configuration.pools["shop"]
        assert shop.affinity and shop.affinity.cookie and shop.outlierDetection
        self.assertEqual(shop.affinity.cookie.secret, ("s3cret",))
        self.assertEqual(shop.outlierDetection.failureRate, 0.85)
        self.assertEqual(shop.healthCheck[0].jitter, 0.1)
        self.assertEqual([backend.name for backend in shop.backends], ["10.0.0.1:8080", "b2"])

    def test_whatIsNotYetDoneIsSaid(self) -> None:
        """
        Without it, each key that does nothing yet is named.
        """
        self.patch(unsupported, "UNSUPPORTED", ("listeners.*.http2", "pools.*.hedge"))
        name = os.path.join(self.folder, "reference.yaml")
        error = self.assertRaises(
            ConfigError, parseConfiguration, self.text, name, {"LBID_SECRET": "s3cret"}
        )
        self.assertEqual(
            [(problem.key, problem.message) for problem in error.problems],
            [
                ("listeners.edge.http2", "not yet supported"),
                ("pools.shop.hedge", "not yet supported"),
            ],
        )
