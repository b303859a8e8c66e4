"""
How it is launched from a shell: C{lbproxy run}, C{lbproxy check}, C{lbproxy explain}.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lbproxy import __version__
from lbproxy.errors import CannotStart, ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """
    @return: the exit status: 0, or 1 with the reasons on stderr.
    """
    options = _parser().parse_args(arguments)
    command = options.command
    return int(command(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lbproxy", description="A load balancer and protocol-aware proxy."
    )
    parser.add_argument("--version", action="version", version=f"lbproxy {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="serve a configuration in the foreground")
    what = run.add_mutually_exclusive_group(required=True)
    what.add_argument("config", nargs="?", help="the configuration, a YAML file")
    what.add_argument(
        "--demo", action="store_true", help="embedded backends on loopback, and what to try"
    )
    run.add_argument("--reactor", help="a Twisted reactor's short name; default: lbproxy on Linux")
    run.set_defaults(command=_run)
    check = commands.add_parser("check", help="say everything that is wrong with a configuration")
    check.add_argument("config", help="the configuration, a YAML file")
    check.set_defaults(command=_check)
    explain = commands.add_parser("explain", help="say what would be done with a request, and why")
    explain.add_argument("config", help="the configuration, a YAML file")
    explain.add_argument("request", help='such as "GET https://shop.example.com/cart"')
    explain.add_argument("--listener", default="", help="which one; default: by port or scheme")
    explain.add_argument("--source", default="127.0.0.1", help="the client's address")
    explain.add_argument("--cookie", action="append", default=[], metavar="NAME=VALUE")
    explain.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")
    explain.add_argument(
        "--down", action="append", default=[], metavar="POOL/BACKEND", help="as if it were down"
    )
    explain.set_defaults(command=_explain)
    return parser


def _check(options: argparse.Namespace) -> int:
    from lbproxy.config.load import loadConfiguration

    try:
        loadConfiguration(options.config)
    except ConfigError as bad:
        for problem in bad.problems:
            print(problem, file=sys.stderr)
        return 1
    print(f"{options.config}: good")
    return 0


def _explain(options: argparse.Namespace) -> int:
    from lbproxy.assembly.explaining import explainRequest
    from lbproxy.config.load import loadConfiguration

    try:
        text = explainRequest(
            loadConfiguration(options.config),
            options.request,
            listener=options.listener,
            source=options.source,
            fields=options.header,
            cookies=options.cookie,
            down=options.down,
        )
    except ConfigError as bad:
        for problem in bad.problems:
            print(problem, file=sys.stderr)
        return 1
    except ValueError as problem:
        print(f"lbproxy: {problem}", file=sys.stderr)
        return 1
    print(text, end="")
    return 0


def _run(options: argparse.Namespace) -> int:
    _installReactor(options.reactor)
    # Only now: importing the reactor installs one.
    from twisted.internet import reactor

    from lbproxy.control.logs import startLogging
    from lbproxy.tap import build

    edge = build(reactor, options.config, options.demo)
    startLogging(edge.logging.level, edge.logging.format)
    try:
        edge.privilegedStartService()
    except CannotStart as refused:
        print(f"lbproxy: {refused}", file=sys.stderr)
        edge.stopService()
        return 1
    edge.startService()
    reactor.addSystemEventTrigger("before", "shutdown", edge.stopService)
    reactor.run()
    return 0


def _installReactor(name: str | None) -> None:
    from twisted.application.reactors import NoSuchReactor, installReactor

    if name is None and sys.platform != "linux":
        return
    try:
        installReactor(name or "lbproxy")
    except NoSuchReactor:
        raise SystemExit(f'lbproxy: no reactor named "{name}"') from None


if __name__ == "__main__":
    sys.exit(main())
