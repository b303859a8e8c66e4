"""
Tests for L{lbproxy.config.documentation}.
"""

from __future__ import annotations

import os
import re

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.documentation import MARKER, Documentation, main, rewritten
from lbproxy.config.pool import Pool
from lbproxy.config.shape import keysOf

_PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "configuration.md")


class DocumentationTests(SynchronousTestCase):
    """
    The page of all keys.
    """

    def test_thePageIsCurrent(self) -> None:
        """
        The documentation says what this version does: run C{python -m lbproxy.config.documentation
        docs/configuration.md} after a change of keys or of what is supported.
        """
        with open(_PAGE, encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(page, rewritten(page))

    def test_everyLinkLeadsSomewhere(self) -> None:
        """
        Sections have titles of their own, and each link is to one of them.
        """
        text = Documentation().text()
        titles = re.findall(r"^## (.*)$", text, re.M)
        anchors = {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in titles}
        self.assertEqual(len(anchors), len(titles))
        links = set(re.findall(r"\(#([^)]*)\)", text))
        self.assertEqual(links - anchors, set())
        self.assertGreater(len(links), 40)

    def test_everyKeyHasARow(self) -> None:
        """
        Key, default, meaning, kind.
        """
        text = Documentation(()).text()
        section = text.split("## pools.NAME\n")[1].split("\n## ")[0]
        self.assertEqual(re.findall(r"^\| `(\w+)`", section, re.M), list(keysOf(Pool)))
        self.assertNotIn("Not yet supported", text)
        for row in re.findall(r"^\| `.*$", text, re.M):
            cells = re.split(r"(?<!\\)\|", row)
            self.assertEqual(len(cells), 5, row)
            self.assertNotEqual(cells[3].strip(), "", row)

    def test_whatIsNotYetSupportedIsMarked(self) -> None:
        """
        A whole key, or some of its words.
        """
        text = Documentation(("pools.*.hedge", "pools.*.balance = maglev")).text()
        marks = re.findall(r"^\| `(\w+)` .*(\*\*Not yet.*\*\*)", text, re.M)
        self.assertEqual(
            marks,
            [("balance", "**Not yet supported: maglev.**"), ("hedge", "**Not yet supported.**")],
        )

    def test_whatIsWrittenByHandStays(self) -> None:
        """
        Only what is behind the marker is rewritten.
        """
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write("By hand.\n" + MARKER + "old")
        main(path)
        with open(path, encoding="utf-8") as file:
            page = file.read()
        self.assertTrue(page.startswith("By hand.\n" + MARKER))
        self.assertNotIn("old\n", page.partition(MARKER)[2][:5])
