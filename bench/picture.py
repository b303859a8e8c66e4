"""
How does it look? The scenarios as bars, in an SVG file.

Each row is drawn in parts of its own yardstick: nginx where it was measured, else HAProxy.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.results import Figures
from bench.scenario import HAPROXY, MAIN, NGINX, OURS
from bench.table import digits

_WIDTH, _LEFT, _RIGHT, _TOP = 920, 320, 130, 58
_BAR, _GAP, _ROW = 9, 4, 52
# Parts of the yardstick that fit; longer bars end there, with their figure beside.
_MOST = 2.5
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 11px; fill: #59636e; }
.lbproxy { fill: #c2410c; } .nginx { fill: #9aa4ae; } .haproxy { fill: #5b7a99; }
.grid { stroke: #d1d9e0; stroke-width: 1; } .one { stroke: #818b98; }
.wanted { stroke: #1a7f37; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .small { fill: #9198a1; } .lbproxy { fill: #fb8c4a; }
  .nginx { fill: #6e7681; } .haproxy { fill: #7aa2c9; }
  .grid { stroke: #30363d; } .one { stroke: #6e7681; } .wanted { stroke: #3fb950; }
}
"""


def draw(figures: Sequence[Figures]) -> str:
    """
    @return: the SVG document.
    """
    shown = [each for each in figures if _yardstick(each) is not None]
    height = _TOP + _ROW * len(shown) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="lbproxy, nginx and HAProxy side by side: less is better">',
        f"<style>{_STYLE}</style>",
        *_legend(),
        *_grid(height),
    ]
    for number, each in enumerate(shown):
        parts += _row(each, _TOP + _ROW * number)
    return "\n".join([*parts, "</svg>", ""])


def _yardstick(figures: Figures) -> float | None:
    return figures.median(NGINX) or figures.median(HAPROXY)


def _x(parts: float) -> float:
    return _LEFT + min(parts, _MOST) / _MOST * (_WIDTH - _LEFT - _RIGHT)


def _legend() -> list[str]:
    parts = []
    for number, (name, shown) in enumerate(
        ((OURS, "lbproxy"), (NGINX, "nginx"), (HAPROXY, "HAProxy"))
    ):
        x = _LEFT + 90 * number
        parts.append(f'<rect class="{name}" x="{x}" y="10" width="12" height="12" rx="2"/>')
        parts.append(f'<text x="{x + 18}" y="20">{shown}</text>')
    x = _LEFT + 290
    parts.append(f'<line class="wanted" x1="{x}" y1="9" x2="{x}" y2="23"/>')
    parts.append(f'<text x="{x + 8}" y="20">wanted of lbproxy, at most</text>')
    return parts


def _grid(height: int) -> list[str]:
    parts = []
    for step in range(6):
        share = _MOST * step / 5
        one = " one" if share == 1 else ""
        x = _x(share)
        parts.append(
            f'<line class="grid{one}" x1="{x:.1f}" y1="{_TOP - 10}" x2="{x:.1f}" '
            f'y2="{height - 12}"/>'
        )
        label = "nginx = 1" if one else f"{share:g}"
        parts.append(
            f'<text class="small" x="{x:.1f}" y="{_TOP - 16}" text-anchor="middle">{label}</text>'
        )
    return parts


def _row(figures: Figures, top: float) -> list[str]:
    scenario = figures.scenario
    parts = [f'<text x="8" y="{top + 20}">{escape(scenario.title)}</text>']
    measured = [name for name in MAIN if name in figures.proxies]
    for number, name in enumerate(measured):
        parts += _bar(figures, name, top + 2 + number * (_BAR + _GAP))
    limit = _limit(figures)
    if limit is not None and limit <= _MOST:
        x = _x(limit)
        parts.append(
            f'<line class="wanted" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + _BAR + 4}"/>'
        )
    return parts


def _bar(figures: Figures, name: str, y: float) -> list[str]:
    value, yardstick = figures.median(name), _yardstick(figures)
    assert value is not None and yardstick is not None
    share = value / yardstick
    end = _x(share)
    cut = " →" if share > _MOST else ""
    said = f"{digits(value * figures.scenario.scale)} {figures.scenario.unit}{cut}"
    return [
        f'<rect class="{name}" x="{_LEFT}" y="{y}" width="{end - _LEFT:.1f}" height="{_BAR}" '
        f'rx="1"/>',
        f'<text class="small" x="{end + 6:.1f}" y="{y + _BAR}">{escape(said)}</text>',
    ]


def _limit(figures: Figures) -> float | None:
    """
    The strictest of what is wanted, in parts of the yardstick.
    """
    target, yardstick = figures.scenario.target, _yardstick(figures)
    if target is None or yardstick is None:
        return None
    limits = []
    for other, most in target.most.items():
        median = figures.median(other) if other else 1 / figures.scenario.scale
        if median is not None:
            limits.append(most * median / yardstick)
    return min(limits) if limits else None
