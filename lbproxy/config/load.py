"""
How does a file become a configuration?
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from lbproxy.config.configuration import Configuration
from lbproxy.config.include import Files
from lbproxy.config.validate import validated
from lbproxy.errors import ConfigError


def loadConfiguration(path: str, environ: Mapping[str, str] = os.environ) -> Configuration:
    """
    @param path: a YAML file.
    @param environ: where C{${NAME}} is looked up.
    @raise ConfigError: with everything that is wrong.
    """
    files = Files(environ)
    files.addFile(path)
    return _finished(files)


def parseConfiguration(
    text: str, name: str = "edge.yaml", environ: Mapping[str, str] = os.environ
) -> Configuration:
    """
    @param text: what a file would hold.
    @param name: what messages call that file; relative paths start at its folder.
    @raise ConfigError: with everything that is wrong.
    """
    files = Files(environ)
    files.addText(text, name)
    return _finished(files)


def _finished(files: Files) -> Configuration:
    problems = list(files.problems)
    root = files.tree()
    if root.value or not problems:
        configuration, found = validated(root)
        problems += found
        if configuration is not None and not problems:
            return configuration
    raise ConfigError(sorted(set(problems)))
