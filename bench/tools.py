"""
Is everything here that a run needs, and which package has what is missing?
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
# Debian's names.
_PACKAGES = {
    "haproxy": "haproxy",
    "h2load": "nghttp2-client",
    "iperf3": "iperf3",
    "nginx": "nginx-light",
    "strace": "strace",
    "taskset": "util-linux",
    "wrk": "wrk",
}
NEEDED = ("haproxy", "h2load", "iperf3", "nginx", "taskset", "wrk")
# nginx and haproxy are in /usr/sbin, which is on root's path only.
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


class ToolMissing(Exception):
    """
    Something has to be installed first; the message says how.
    """


def requireTools(names: Iterable[str] = NEEDED) -> None:
    """
    @raise ToolMissing: names all Debian packages that are to be installed.
    """
    os.environ["PATH"] += f":{_SBIN}"
    missing = [name for name in names if shutil.which(name) is None]
    packages = [_PACKAGES[name] for name in missing]
    if "nginx" in names and not Path(STREAM_MODULE).exists():
        missing.append("nginx's stream module")
        packages.append("libnginx-mod-stream")
    if missing:
        raise ToolMissing(
            f"missing: {', '.join(missing)}. On Debian: apt-get install {' '.join(packages)}"
        )


def requireCores(count: int = 2) -> None:
    """
    @raise ToolMissing: proxy and client cannot have a core each.
    """
    cores = os.sched_getaffinity(0)
    if not cores.issuperset(range(count)):
        raise ToolMissing(f"cores 0 to {count - 1} are needed, this process may use {cores}")


def versionOf(*command: str) -> str:
    """
    The first number with a dot in what C{command} prints.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d[\w.+-]*", done.stdout + done.stderr)
    return found.group() if found else "?"
