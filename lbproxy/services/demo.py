"""
What is there to see without any server of one's own? Embedded backends, a certificate made on the
spot, and lines to try.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.protocol import Factory, Protocol
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from lbproxy.config.address import Address
from lbproxy.net.listening import listenStream
from lbproxy.net.udp import Asked, ClientAddress, listenDatagrams

if TYPE_CHECKING:
    from lbproxy.services.edge import EdgeService

_LOOPBACK = "127.0.0.1"
_ANY_PORT = Address(_LOOPBACK, 0)

_CONFIG = """\
listeners:
  web:
    bind: "127.0.0.1:{http}"
    protocol: http
    pool: web
    accessLog: {{format: combined, file: "-"}}
  secure:
    bind: "127.0.0.1:{https}"
    protocol: http
    tls: {{certificates: [{{cert: demo.pem, key: demo.key}}]}}
    pool: web
    accessLog: {{format: combined, file: "-"}}
  echo-tcp: {{bind: "127.0.0.1:{tcp}", protocol: tcp, pool: echo-tcp}}
  echo-udp: {{bind: "127.0.0.1:{udp}", protocol: udp, pool: echo-udp}}
pools:
  web:
    affinity: {{cookie: {{name: LBID, secret: "{secret}"}}}}
    healthCheck: {{http: {{path: /healthz}}}}
    backends:
{backends}
  echo-tcp:
    healthCheck: {{tcp: {{}}}}
    backends: ["127.0.0.1:{echoTCP}"]
  echo-udp:
    backends: ["127.0.0.1:{echoUDP}"]
admin: {{bind: "127.0.0.1:{admin}"}}
"""

_TRY = """\

lbproxy demo: three HTTP backends and two echoes on loopback. In another terminal, try:

  # one of three backends answers, in turn; with its cookie always the same one
  curl -i http://127.0.0.1:{http}/
  curl -s -c /tmp/jar -b /tmp/jar http://127.0.0.1:{http}/

  # the same over TLS
  curl -k https://127.0.0.1:{https}/
  openssl s_client -brief -connect 127.0.0.1:{https} </dev/null

  # through the TCP and the UDP relay
  echo hello | nc -N 127.0.0.1 {tcp}
  echo hello | nc -u -w 1 127.0.0.1 {udp}

  # what the registry knows
  curl http://127.0.0.1:{admin}/api/pools

Ctrl-C ends it.
"""


class _Hello(Resource):
    """
    Says which backend answered.
    """

    isLeaf = True

    def __init__(self, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = name

    def render(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        if request.path == b"/healthz":
            return b"ok\n"
        fields = request.requestHeaders.getAllRawHeaders()
        lines = [
            f"Hello from {self._name}.",
            "",
            f"{request.method.decode()} {request.uri.decode()}",
        ]
        lines += [
            f"{name.decode()}: {value.decode('latin-1')}" for name, vs in fields for value in vs
        ]
        return "\n".join(lines).encode("utf-8") + b"\n"


class _Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class _EchoDatagrams:
    def datagramReceived(self, data: bytes, client: ClientAddress, asked: Asked) -> None:
        asked.port.send(data, client, asked)


class _QuietSite(Site):
    def log(self, request: Request) -> None:
        pass


class Demo:
    """
    The demo's backends and files.

    @ivar ports: the listeners' ports by name; all 0 in tests.
    """

    def __init__(self, reactor: Any, ports: dict[str, int] | None = None) -> None:
        self.ports = ports or {"http": 8080, "https": 8443, "tcp": 9000, "udp": 9053, "admin": 9901}
        self._reactor = reactor
        self._open: list[Any] = []
        self._folder = ""

    def prepare(self) -> str:
        """
        Start the backends and write the configuration.

        @return: the configuration's path, in a private folder of its own.
        """
        self._folder = tempfile.mkdtemp(prefix="lbproxy-demo-")
        selfSigned(self._folder)
        reactor = self._reactor
        lines = []
        for name in ("red", "green", "blue"):
            site = _QuietSite(_Hello(name))
            port: Any = listenStream(reactor, _ANY_PORT, site)
            self._open.append(port)
            lines.append(f'      - {{name: {name}, address: "127.0.0.1:{port.getHost().port}"}}')
        echo = Factory.forProtocol(_Echo)
        echo.noisy = False
        echoTCP: Any = listenStream(reactor, _ANY_PORT, echo)
        echoUDP = listenDatagrams(reactor, _ANY_PORT, _EchoDatagrams())
        self._open += [echoTCP, echoUDP]
        text = _CONFIG.format(
            **self.ports,
            secret=os.urandom(16).hex(),
            backends="\n".join(lines),
            echoTCP=echoTCP.getHost().port,
            echoUDP=echoUDP.getHost().port,
        )
        path = os.path.join(self._folder, "demo.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def attach(self, edge: EdgeService) -> None:
        """
        Say what to try once all is open, and go when the edge goes.
        """
        edge.atStart(lambda: print(_TRY.format(**self.ports), flush=True))
        edge.atEnd(self.stop)

    def stop(self) -> None:
        """
        Close the backends and remove the files.
        """
        opened, self._open = self._open, []
        for port in opened:
            port.stopListening()
        shutil.rmtree(self._folder, ignore_errors=True)


def selfSigned(folder: str) -> None:
    """
    Make C{demo.pem} and C{demo.key} for loopback, good for a week.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lbproxy demo")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(_LOOPBACK))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    with open(os.path.join(folder, "demo.pem"), "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    descriptor = os.open(os.path.join(folder, "demo.key"), os.O_WRONLY | os.O_CREAT, 0o600)
    with open(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
