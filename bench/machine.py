"""
On what, with what and when was it measured?
"""

from __future__ import annotations

import datetime
import os
import platform
import resource
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from OpenSSL import SSL

from bench.proxies import Proxy
from bench.tools import versionOf


def facts(proxies: Sequence[Proxy]) -> dict[str, object]:
    """
    All that somebody needs who wants to repeat it.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", "-m", "bench", *sys.argv[1:]]),
        "machine": _machine(),
        "versions": {proxy.name: proxy.version for proxy in proxies} | _versions(),
    }


def _machine() -> dict[str, object]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memoryGiB": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "kernel": platform.release(),
        "system": _system(),
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "load": os.getloadavg()[0],
    }


# Debian's Python isn't configured with it, and does without, or the same by other means.
_OPTIMISED = "--enable-optimizations"


def _versions() -> dict[str, str]:
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    optimised = _OPTIMISED in options
    return {
        "commit": _commit(),
        "python": platform.python_version() + ("" if optimised else f", without {_OPTIMISED}"),
        "twisted": version("twisted"),
        "openssl": SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode(),
        "wrk": versionOf("wrk", "-v"),
        "h2load": versionOf("h2load", "--version"),
        "iperf3": versionOf("iperf3", "--version"),
    }


def _commit() -> str:
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=here, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.system()
