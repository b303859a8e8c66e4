"""
Is the certificate good, and for how long yet?

Chain, name and dates are verified in the handshake, as the connection's L{ClientTLS} was told to;
what is left for here is to speak up in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from lbproxy.health.conversation import ProbeFailed
from lbproxy.health.wording import plural
from lbproxy.pool.backend import Backend

_DAY = 86400.0


class CertificateInspector:
    """
    Looks at the certificate of each connection: for L{StreamProbe<lbproxy.health.stream>}, also
    beside any other dialogue over TLS.
    """

    log = Logger()

    def __init__(
        self,
        failWithin: float = 0.0,
        warnWithin: float = 14 * _DAY,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        """
        @param failWithin: seconds before its end at which a certificate is no longer good enough.
        @param warnWithin: seconds before its end from which on it is warned of, once a day.
        @param seconds: since 1970, by the wall clock.
        """
        self._failWithin = failWithin
        self._warnWithin = warnWithin
        self._seconds = seconds
        # By serial number: two backends with one certificate are one thing to do.
        self._warned: dict[int, float] = {}

    def __call__(self, backend: Backend, transport: Any) -> None:
        """
        @raise ProbeFailed: there is no certificate, or it ends too soon.
        """
        certificate = getattr(transport, "peerCertificate", None)
        if certificate is None:
            raise ProbeFailed("no certificate")
        now = self._seconds()
        left = certificate.not_valid_after_utc.timestamp() - now
        if left <= self._failWithin:
            raise ProbeFailed(f"the certificate {_words(left)}")
        if left <= self._warnWithin:
            self._warn(backend, certificate.serial_number, left, now)

    def _warn(self, backend: Backend, serial: int, left: float, now: float) -> None:
        if now < self._warned.get(serial, 0.0) + _DAY:
            return
        # Certificates that were replaced are not worth remembering.
        self._warned = {s: at for s, at in self._warned.items() if now < at + _DAY}
        self._warned[serial] = now
        self.log.warn(
            "backend {pool}/{backend}: the certificate {left}",
            pool=backend.pool,
            backend=backend.name,
            left=_words(left),
        )


def _words(left: float) -> str:
    if left <= 0:
        return "has expired"
    return f"expires in {plural(int(left / _DAY), 'day')}"
