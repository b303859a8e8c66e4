"""
Tests for L{lbproxy.config.include}.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config import include
from lbproxy.config.configuration import Configuration
from lbproxy.config.load import loadConfiguration
from lbproxy.errors import ConfigError
from tests.config.support import LISTENER, POOL


class IncludeTests(SynchronousTestCase):
    """
    C{include}.
    """

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(self.folder, "conf.d"))

    def write(self, name: str, text: str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def load(self) -> Configuration:
        return loadConfiguration(os.path.join(self.folder, "edge.yaml"), {})

    def said(self) -> list[str]:
        error = self.assertRaises(ConfigError, self.load)
        return [str(each).replace(self.folder + "/", "") for each in error.problems]

    def test_filesAreMergedByName(self) -> None:
        """
        Listeners and pools may stand in any file; together they are one configuration.
        """
        self.write("edge.yaml", "include: [conf.d/*.yaml]\n" + LISTENER)
        self.write("conf.d/a.yaml", POOL)
        self.write("conf.d/b.yaml", POOL.replace("web", "shop"))
        self.write("conf.d/not.txt", "}")
        configuration = self.load()
        self.assertEqual(list(configuration.pools), ["web", "shop"])

    def test_oneFileNeedsNoList(self) -> None:
        """
        C{include: file} is short for a list of one.
        """
        self.write("edge.yaml", "include: conf.d/a.yaml\n" + LISTENER)
        self.write("conf.d/a.yaml", POOL)
        self.assertIn("web", self.load().pools)

    def test_theSameNameTwiceNamesBothPlaces(self) -> None:
        """
        A pool in two files, and a key of the top in two files, are mistakes with both places.
        """
        self.write("edge.yaml", "include: conf.d/*\n" + LISTENER + POOL + "logging: {}\n")
        self.write("conf.d/a.yaml", "# more\n" + POOL + "logging: {}\n")
        self.assertEqual(
            [line.replace(self.folder + "/", "") for line in self.said()],
            [
                "conf.d/a.yaml:3:3: pools.web: given twice; the first is at edge.yaml:5:3",
                "conf.d/a.yaml:4:1: logging: given twice; the first is at edge.yaml:6:1",
            ],
        )

    def test_mistakesAreShownInTheirFile(self) -> None:
        """
        A mistake in an included file has that file's name.
        """
        self.write("edge.yaml", "include: conf.d/*\n" + LISTENER)
        self.write("conf.d/a.yaml", POOL.replace(":80", ""))
        self.assertEqual(
            self.said(),
            [
                'conf.d/a.yaml:2:20: pools.web.backends[0]: no port in "10.0.0.1"; '
                'wanted "host:port", "[::1]:port" or "unix:/path"'
            ],
        )

    def test_pathsStartAtTheFileThatNamesThem(self) -> None:
        """
        A relative path in an included file is looked for beside that file.
        """
        self.write("edge.yaml", "include: conf.d/*\n" + LISTENER)
        self.write("conf.d/a.yaml", POOL.replace("{", "{tls: {ca: ca.pem}, "))
        self.assertIn('"conf.d/ca.pem" cannot be read', self.said()[0])

    def test_includedFilesMayInclude(self) -> None:
        """
        Patterns in an included file start at that file.
        """
        self.write("edge.yaml", "include: conf.d/a.yaml\n" + LISTENER)
        self.write("conf.d/a.yaml", "include: b.yaml\n")
        self.write("conf.d/b.yaml", POOL)
        self.assertIn("web", self.load().pools)

    def test_aFileThatIncludesItself(self) -> None:
        """
        Each file is read once, however it is reached.
        """
        self.write("edge.yaml", "include: ['*.yaml', conf.d/../edge.yaml]\n" + LISTENER + POOL)
        self.assertIn("web", self.load().pools)

    def test_aPatternMayMatchNothing(self) -> None:
        """
        An empty conf.d is no mistake.
        """
        self.write("edge.yaml", "include: conf.d/*.yaml\n" + LISTENER + POOL)
        self.assertIn("web", self.load().pools)

    def test_whatIsNoFileIsNotOpened(self) -> None:
        """
        A pipe or folder that a pattern matches is refused at once.
        """
        self.write("edge.yaml", "include: conf.d/*\n" + LISTENER + POOL)
        os.mkfifo(os.path.join(self.folder, "conf.d", "pipe"))
        self.assertEqual(
            self.said(),
            ["edge.yaml:1:10: include: conf.d/pipe: not a regular file; wanted a YAML file"],
        )

    def test_aBrokenFileHidesNothingElse(self) -> None:
        """
        When one file is no YAML, the others are looked at; what it may have held is not missed.
        """
        self.write("edge.yaml", "include: conf.d/*\nworkerz: 1\n" + LISTENER)
        self.write("conf.d/a.yaml", POOL + "  shop: [\n")
        self.assertEqual(
            self.said(),
            [
                "conf.d/a.yaml:4:1: a value is missing, or a bracket is not closed; "
                'wanted "]" or "}"',
                'edge.yaml:2:1: workerz: unknown key "workerz"; did you mean "workers"?',
            ],
        )

    def test_tooManyFiles(self) -> None:
        """
        A pattern that matches a whole disk is given up.
        """
        self.patch(include, "MAX_FILES", 2)
        self.write("edge.yaml", "include: conf.d/*\n" + LISTENER + POOL)
        for name in "ab":
            self.write(f"conf.d/{name}.yaml", "")
        self.assertEqual(self.said(), ["edge.yaml:1:10: include: too many files; wanted at most 2"])

    def test_aFileThatIsTooLarge(self) -> None:
        """
        Size is bounded before anything is parsed.
        """
        self.patch(include, "MAX_BYTES", 1024**2)
        self.write("edge.yaml", "#" * (1024**2 + 1))
        self.assertEqual(self.said(), ["edge.yaml: too large; wanted at most 1 MiB"])
