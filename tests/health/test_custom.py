"""
Promises of L{lbproxy.health.custom}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.custom import loadProbe
from tests.health.doubles import FakeProbe


class NotAProbe:
    """
    Nothing that checks.
    """


class Demanding(FakeProbe):
    """
    Wants an argument.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path


class LoadProbeTests(SynchronousTestCase):
    """
    Probes of users.
    """

    def test_makesOne(self) -> None:
        """
        The class is found by its name, and gets its arguments.
        """
        self.assertIsInstance(loadProbe("tests.health.doubles:FakeProbe"), FakeProbe)
        probe = loadProbe("tests.health.test_custom:Demanding", {"path": "/x"})
        self.assertEqual(getattr(probe, "path", ""), "/x")

    def test_saysWhatIsWrong(self) -> None:
        """
        Each mistake is one line that names the probe.
        """
        for name, words in (
            ("noColon", 'wanted "package.module:Class"'),
            (":x", 'wanted "package.module:Class"'),
            ("no.such.module:X", "ModuleNotFoundError"),
            ("tests.health.test_custom:Missing", "AttributeError"),
            ("tests.health.test_custom:Demanding", "TypeError"),
            ("tests.health.test_custom:NotAProbe", "is no probe"),
        ):
            error = str(self.assertRaises(ValueError, loadProbe, name))
            self.assertIn(words, error)
            self.assertIn(name, error)
