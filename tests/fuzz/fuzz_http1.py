"""
Fuzzes the HTTP/1 codec, guided by coverage, for as long as one likes; outside the normal tests.

C{pip install atheris}, then C{python -m tests.fuzz.fuzz_http1 SECONDS}. It starts from the corpus
of the tests. A finding is a traceback and a file C{crash-...} with the bytes, which
C{python -m tests.fuzz.fuzz_http1 FILE} runs once more.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

# Bytes; larger inputs find nothing that these don't.
_LENGTH = 2048


def writeSeeds(folder: Path) -> None:
    """
    Write a file for each message of the corpus.
    """
    corpus = importlib.import_module("tests.wire.http1.corpus")
    for kind, cases in ((b"\x01", corpus.REQUESTS), (b"\x04", corpus.RESPONSES)):
        for index, case in enumerate(cases):
            if len(case.data) < _LENGTH:
                seed = kind + b"\x05\x09" + case.data
                (folder / f"{kind.hex()}-{index}").write_bytes(seed)


def main(argument: str = "60") -> None:
    """
    @param argument: seconds to go on for, or a file to run once.
    """
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["lbproxy.wire.http1"]):
        checks = importlib.import_module("tests.fuzz.http1checks")
    if not argument.isdigit():
        checks.check(Path(argument).read_bytes())
        return
    folder = Path(tempfile.mkdtemp(prefix="fuzz-http1-"))
    writeSeeds(folder)
    options = [f"-max_total_time={argument}", f"-max_len={_LENGTH}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(folder)], checks.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:2])
