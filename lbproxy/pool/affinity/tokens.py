"""
Which backend does this cookie mean? Signed values that name a backend and give nothing away.

A token is an HMAC-SHA256 of the pool's and the backend's name. Nobody can make one without the
secret, none tells an address, and every node with the same secret makes the same ones, so a client
may come back through another node. As there is one for each backend, all are computed in advance
and checking one is looking it up.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence

from lbproxy.pool.backend import Backend

# 128 bits: as hard to guess as the secret needs to be, 22 characters in a cookie.
_DIGEST_BYTES = 16


class Tokens:
    """
    The tokens of one pool's backends.

    @ivar owners: token to backend, for every secret. L{None}, which a client without a cookie
        has, is never among them; it is in the type so that one may ask for it.
    @ivar values: backend to the token that the first secret gives.
    """

    __slots__ = ("_secrets", "owners", "values")

    def __init__(self, secrets: Sequence[str]) -> None:
        """
        @param secrets: the first signs, all are accepted: to rotate, put the new one in front and
            take the old one away when its cookies have expired.
        """
        if not secrets or not all(secrets):
            raise ValueError("a cookie needs a secret that is not empty")
        self._secrets = [secret.encode() for secret in secrets]
        self.owners: dict[bytes | None, Backend] = {}
        self.values: dict[Backend, bytes] = {}

    def rebuild(self, members: Iterable[Backend]) -> None:
        """
        The set of backends changed.
        """
        members = tuple(members)
        signer = self._secrets[0]
        self.values = {backend: token(signer, backend.pool, backend.name) for backend in members}
        self.owners = {value: backend for backend, value in self.values.items()}
        for secret in self._secrets[1:]:
            for backend in members:
                self.owners.setdefault(token(secret, backend.pool, backend.name), backend)


def token(secret: bytes, pool: str, backend: str) -> bytes:
    """
    The value that stands for C{backend} of C{pool}: 22 characters of URL-safe base64.
    """
    # The NUL keeps ("a|b", "c") and ("a", "b|c") apart; neither name can contain it.
    message = f"{pool}\0{backend}".encode()
    digest = hmac.digest(secret, message, "sha256")[:_DIGEST_BYTES]
    return urlsafe_b64encode(digest).rstrip(b"=")
