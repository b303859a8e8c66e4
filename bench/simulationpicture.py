"""
How does it look? What L{bench.simulate} found, as SVG.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

_WIDTH = 920
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 11px; fill: #59636e; }
.bar { fill: #c2410c; } .other { fill: #5b7a99; } .dot { fill: #c2410c; fill-opacity: .75; }
.grid { stroke: #d1d9e0; stroke-width: 1; } .ideal { stroke: #1a7f37; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .small { fill: #9198a1; } .bar { fill: #fb8c4a; }
  .other { fill: #7aa2c9; } .dot { fill: #fb8c4a; }
  .grid { stroke: #30363d; } .ideal { stroke: #3fb950; }
}
"""


def _document(height: int, label: str, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(label)}">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _text(x: float, y: float, text: str, *, small: bool = False, anchor: str = "start") -> str:
    style = ' class="small"' if small else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _bar(style: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
        f'height="{height:.1f}" rx="1"/>'
    )


def drawLoad(loads: Mapping[str, Sequence[float]]) -> str:
    """
    For each balancer a dot for each backend: its load against its weight's share.
    """
    left, wide, high, gap, columns, most = 36, 190, 110, 34, 4, 2.0
    parts = []
    for number, (balancer, load) in enumerate(loads.items()):
        x = left + number % columns * (wide + gap)
        top = 28 + number // columns * (high + 52)
        parts.append(_text(x, top - 8, balancer))
        for mark in (0.0, 0.5, 1.0, 1.5, 2.0):
            y = top + high * (1 - mark / most)
            parts.append(_line("ideal" if mark == 1 else "grid", x, y, x + wide, y))
            if number % columns == 0 and mark % 1 == 0:
                parts.append(_text(x - 8, y + 4, f"{mark:g}", small=True, anchor="end"))
        for place, value in enumerate(load):
            dotX = x + wide * (place + 0.5) / len(load)
            dotY = top + high * (1 - min(value, most) / most)
            parts.append(f'<circle class="dot" cx="{dotX:.1f}" cy="{dotY:.1f}" r="1.6"/>')
    rows = (len(loads) + columns - 1) // columns
    height = 28 + rows * (high + 52)
    parts.append(
        _text(
            left, height - 18, "a dot for each of 100 backends; 1 is its weight's share", small=True
        )
    )
    return _document(height, "Load of each backend against its weight, by balancer", parts)


def drawTrouble(tails: Mapping[str, Mapping[str, float]]) -> str:
    """
    For each trouble the latency that 99 % of the clients stay below, in seconds, by balancer.
    """
    left, row, height = 150, 15, 8
    most = max(latency for latencies in tails.values() for latency in latencies.values())
    parts = []
    scale = (_WIDTH - left - 90) / most
    for title, latencies in tails.items():
        height += 22
        parts.append(_text(8, height, title))
        height += 8
        for balancer, latency in latencies.items():
            parts.append(_text(left - 8, height + 10, balancer, small=True, anchor="end"))
            parts.append(_bar("bar", left, height + 1, latency * scale, row - 5))
            end = left + latency * scale
            parts.append(_text(end + 6, height + 10, f"{latency * 1e3:.0f} ms", small=True))
            height += row
        height += 10
    return _document(height, "Latency of 99 of 100 clients, by trouble and balancer", parts)


def drawMoves(moves: Mapping[str, tuple[float, float]]) -> str:
    """
    For each balancer how many clients move when one is added, and when one fails, against the
    least possible.
    """
    left, most, height = 150, 2.5, 58
    scale = (_WIDTH - left - 90) / most
    parts = [
        _bar("bar", left, 10, 12, 12),
        _text(left + 18, 20, "one of a hundred is added"),
        _bar("other", left + 220, 10, 12, 12),
        _text(left + 238, 20, "one of a hundred fails"),
        _text(left + scale, 44, "the least possible", small=True, anchor="middle"),
    ]
    bars = []
    for balancer, both in moves.items():
        bars.append(_text(left - 8, height + 18, balancer, anchor="end"))
        for number, (style, value) in enumerate(zip(("bar", "other"), both, strict=True)):
            y = height + 4 + 13 * number
            bars.append(_bar(style, left, y, min(value, most) * scale, 10))
            end = left + min(value, most) * scale
            # A figure that would stand on the line of the ideal stands behind it.
            end = max(end, left + scale) if value > 0.85 else end
            bars.append(_text(end + 6, y + 9, f"{value:.2f}", small=True))
        height += 40
    parts.append(_line("ideal", left + scale, 50, left + scale, height))
    return _document(height + 8, "Clients that move, by balancer", [*parts, *bars])
