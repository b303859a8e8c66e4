"""
Is it what the models want?
"""

from __future__ import annotations

from pydantic import ValidationError

from lbproxy.config.configuration import Configuration
from lbproxy.config.messages import pathOf, problemFor
from lbproxy.config.node import Node
from lbproxy.errors import Problem


def validated(root: Node) -> tuple[Configuration | None, list[Problem]]:
    """
    @return: the configuration and what is wrong with it.
    """
    try:
        return Configuration.model_validate(root.plain()), []
    except ValidationError as error:
        return None, [
            problemFor(root, each, pathOf(each["loc"])) for each in error.errors(include_url=False)
        ]
