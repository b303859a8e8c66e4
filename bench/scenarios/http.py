"""
What does a request cost? Over connections that stay: small, with a large body, and as browsers ask.
"""

from __future__ import annotations

import http.client
import random
from pathlib import Path

from bench import clients
from bench.proxies import ROUTES
from bench.scenario import Ground, Load, Scenario, Target, cost

# So many people are about, each with a session cookie, on one of the sites.
_PEOPLE = 500
_REQUESTS = 2000
_FIELDS = """\
Connection: keep-alive
Cache-Control: max-age=0
sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"
sec-ch-ua-mobile: ?0
sec-ch-ua-platform: "Linux"
DNT: 1
Upgrade-Insecure-Requests: 1
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/128.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: navigate
Sec-Fetch-User: ?1
Sec-Fetch-Dest: document
Referer: https://shop.example.com/shop/
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en;q=0.9,de;q=0.8
If-None-Match: "5f3a-17"
X-Requested-With: XMLHttpRequest"""
# Requests are made beforehand: making them is the client's work, on the core of the backend.
_SCRIPT = """\
local requests, at = {}, 0
for line in io.lines("%s") do
  requests[#requests + 1] = (line:gsub("|", "\\r\\n"))
end
function request()
  at = at %% #requests + 1
  return requests[at]
end
"""


def small(ground: Ground, port: int, seconds: float) -> Load:
    """
    32 bytes, 64 connections.
    """
    return clients.wrk(f"http://127.0.0.1:{port}/", seconds)


def large(ground: Ground, port: int, seconds: float) -> Load:
    """
    100 000 bytes, 64 connections.
    """
    return clients.wrk(f"http://127.0.0.1:{port}/100k", seconds)


def browser(ground: Ground, port: int, seconds: float) -> Load:
    """
    20 fields, any of 50 hosts, a session cookie per person, and the affinity cookie if we got one.
    """
    script = browserScript(ground.folder, port, ROUTES)
    return clients.wrk(f"http://127.0.0.1:{port}/p/", seconds, script=str(script))


def browserScript(folder: Path, port: int, hosts: int) -> Path:
    """
    The Lua script that makes wrk ask as browsers do.
    """
    requests = folder / f"requests-{port}"
    script = folder / f"requests-{port}.lua"
    if not script.exists():
        requests.write_text("".join(browserRequests(_affinity(port), hosts)))
        script.write_text(_SCRIPT % requests)
    return script


def browserRequests(affinity: str, hosts: int) -> list[str]:
    """
    Different requests, a line each, C{|} for the ends of their lines.
    """
    rng = random.Random(3)
    fields = _FIELDS.replace("\n", "|")
    people = [
        f"|Host: h{rng.randrange(hosts)}.example|{fields}"
        f"|Cookie: theme=dark; sid={rng.getrandbits(128):032x}{affinity}||\n"
        for _ in range(_PEOPLE)
    ]
    return [
        f"GET /p/{rng.randrange(10_000)}?page={rng.randrange(100)} HTTP/1.1{rng.choice(people)}"
        for _ in range(_REQUESTS)
    ]


def _affinity(port: int) -> str:
    """
    What the proxy wants a client to bring back.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/p/", headers={"Host": "h0.example"})
    response = connection.getresponse()
    response.read()
    connection.close()
    cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
    return f"; {cookie}" if cookie else ""


SCENARIOS = (
    Scenario(
        "httpKeepAlive",
        "HTTP, keep-alive, 32 bytes",
        "http",
        "µs",
        1e6,
        cost("http", small),
        Target({"nginx": 1.2, "haproxy": 1.0}, {"nginx": 1.0}),
    ),
    Scenario("http100k", "HTTP, 100 KB bodies", "http", "µs", 1e6, cost("http", large)),
    Scenario(
        "httpBrowser",
        "HTTP, 20 fields, cookie affinity, 50 routes",
        "routed",
        "µs",
        1e6,
        cost("routed", browser),
    ),
)
