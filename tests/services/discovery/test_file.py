"""
Tests for L{lbproxy.services.discovery.file} and L{lbproxy.config.backendsfile}.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly.pools import spec
from lbproxy.errors import ConfigError
from lbproxy.services.discovery.file import FileSource


class FileSourceTests(SynchronousTestCase):
    """
    Backends are what a file says.
    """

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.source = FileSource(str(self.path), 2.0, spec)

    def write(self, text: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.path)

    def names(self) -> list[str] | None:
        specs, wait = self.successResultOf(self.source.ask())
        self.assertEqual(wait, 2.0)
        return None if specs is None else [each.name for each in specs]

    def test_read(self) -> None:
        """
        Addresses and mappings, as under C{backends}; unchanged means as before.
        """
        self.write('- 192.0.2.1:80\n- {name: two, address: "192.0.2.2:80", weight: 3}\n')
        self.assertEqual(self.names(), ["192.0.2.1:80", "two"])
        self.assertIsNone(self.names())

    def test_mapping(self) -> None:
        """
        A mapping with the key backends is as good as the bare list.
        """
        self.write("backends: [192.0.2.1:80]\n")
        self.assertEqual(self.names(), ["192.0.2.1:80"])

    def test_changed(self) -> None:
        """
        A file that was replaced, or rewritten in place, is read again.
        """
        self.write("[192.0.2.1:80]\n")
        self.names()
        self.write("[192.0.2.2:80]\n")
        self.assertEqual(self.names(), ["192.0.2.2:80"])
        self.path.write_text("[192.0.2.3:80, 192.0.2.4:80]\n")
        self.assertEqual(self.names(), ["192.0.2.3:80", "192.0.2.4:80"])

    def test_mistake(self) -> None:
        """
        A mistake is said with its place, and the file tried again when asked again.
        """
        self.write("- 192.0.2.1:80\n- {address: nonsense}\n")
        problem = self.failureResultOf(self.source.ask(), ConfigError).value.problems[0]
        self.assertEqual((problem.line, problem.column), (2, 13))
        self.failureResultOf(self.source.ask(), ConfigError)

    def test_twins(self) -> None:
        """
        The same name twice is a mistake.
        """
        self.write("[192.0.2.1:80, 192.0.2.1:80]\n")
        self.failureResultOf(self.source.ask(), ConfigError)

    def test_missing(self) -> None:
        """
        No file is no answer.
        """
        self.failureResultOf(self.source.ask(), OSError)
