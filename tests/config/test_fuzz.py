"""
Hostile configurations: whatever the text is, it loads or it is refused with problems, soon.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config import unsupported
from lbproxy.config.load import parseConfiguration
from lbproxy.config.supported import UNSUPPORTED
from lbproxy.errors import ConfigError

with open(os.path.join(os.path.dirname(__file__), "reference.yaml"), encoding="utf-8") as _file:
    _REFERENCE = _file.read()

_WORDS = """
    http tcp udp web shop 0 1 -1 65536 1.5 1e9 true false null on off yes ~ '' x 5s 10% 1KiB
    127.0.0.1:0 10.0.0.1:80 unix:/a systemd:a ::1 10.0.0.0/8 ${A} ${A:-b} $${ {host} h2 p95
    roundRobin maglev /a * &a *a !!str << ? | > 0777 1:30 ü
"""
_SCALARS = st.sampled_from([*_WORDS.split(), "\0", "\ud800", "\u2028", "\ufeff"]) | st.text(
    max_size=12
)
_KEYS = st.sampled_from(
    """
    listeners pools admin workers include bind protocol pool routes match split weight backends
    address name tls certificates cert key healthCheck http tcp udp send hex affinity cookie
    secret sourceIP header balance retries on timeouts path redirect to regex respond errorPages
    503 proxyProtocol from rateLimit per expectStatus jitter rewrite limits body
    """.split()  # noqa: SIM905
)


def _flow(value: object) -> str:
    """
    @return: C{value} in brackets, its words as they are.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=25,
)
_SECTION = st.dictionaries(st.sampled_from(["web", "edge", "a b", "5"]), _VALUES, max_size=3)
_TREES = st.fixed_dictionaries(
    {"listeners": _SECTION | _VALUES, "pools": _SECTION | _VALUES},
    optional={"admin": _VALUES, "workers": _VALUES, "logging": _VALUES, "plugins": _VALUES},
)


@st.composite
def _damaged(draw: st.DrawFn) -> str:
    """
    @return: the reference with some of it cut, doubled or overwritten.
    """
    text = _REFERENCE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        text = text[:start] + draw(_SCALARS | st.just(text[start:end] * 2)) + text[end:]
    return text


class FuzzTests(SynchronousTestCase):
    """
    L{parseConfiguration} on anything.
    """

    def setUp(self) -> None:
        # Some of the table, so that what lies behind it is reached as well.
        self.patch(unsupported, "UNSUPPORTED", UNSUPPORTED[::3])

    def loads(self, text: str) -> None:
        try:
            parseConfiguration(text, "e.yaml", {"A": "[1, {x: y}]"})
        except ConfigError as error:
            self.assertNotEqual(error.problems, [])
            for problem in error.problems:
                self.assertEqual(problem.file, "e.yaml")
                self.assertNotEqual(problem.message, "")
                self.assertNotIn("\n", str(problem))
                self.assertNotIn("see the documentation", problem.message)

    @given(st.text(max_size=200))
    @settings(deadline=2000, max_examples=100)
    def test_anyText(self, text: str) -> None:
        """
        Text of any kind.
        """
        self.loads(text)

    @given(st.text(alphabet="[]{}:,-?&*!|>'\"%@`# \n\tab1.<~$\\", max_size=120))
    @settings(deadline=2000, max_examples=200)
    def test_YAMLsOwnCharacters(self, text: str) -> None:
        """
        Text made of what means something to YAML.
        """
        self.loads(text)

    @given(_TREES.map(_flow))
    @settings(deadline=2000, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    def test_ourOwnKeys(self, text: str) -> None:
        """
        Our keys with values of all kinds in all places.
        """
        self.loads(text)

    @given(_damaged())
    @settings(deadline=4000, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    def test_aDamagedReference(self, text: str) -> None:
        """
        A whole configuration with holes in it.
        """
        self.loads(text)
