"""
How does a file become a configuration?
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from lbproxy.config.configuration import Configuration
from lbproxy.config.document import readDocument
from lbproxy.config.node import Node
from lbproxy.config.validate import validated
from lbproxy.errors import ConfigError, Problem


def loadConfiguration(path: str, environ: Mapping[str, str] = os.environ) -> Configuration:
    """
    @param path: a YAML file.
    @param environ: where C{${NAME}} is looked up.
    @raise ConfigError: with everything that is wrong.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise ConfigError([Problem(path, 0, 0, "", str(error))]) from error
    return parseConfiguration(text, path, environ)


def parseConfiguration(
    text: str, name: str = "edge.yaml", environ: Mapping[str, str] = os.environ
) -> Configuration:
    """
    @param text: what a file would hold.
    @param name: what messages call that file; relative paths start at its folder.
    @raise ConfigError: with everything that is wrong.
    """
    document = readDocument(text, name, os.path.dirname(os.path.abspath(name)), environ)
    return _finish(document.root, document.problems)


def _finish(root: Node, problems: list[Problem]) -> Configuration:
    configuration, found = validated(root)
    problems = [*problems, *found]
    if problems or configuration is None:
        raise ConfigError(sorted(problems))
    return configuration
