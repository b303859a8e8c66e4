"""
How do the figures read? Markdown tables.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from bench.growth import BODY
from bench.peers import SIZES
from bench.results import TIMES, Document, Figures, quartiles, wanted
from bench.scenario import HAPROXY, MAIN, NGINX, OURS
from bench.scenarios import ALL

_NOTHING = "\N{EN DASH}"
_NAMES = {OURS: "lbproxy", NGINX: "nginx", HAPROXY: "HAProxy"}


def figuresOf(found: Document) -> list[Figures]:
    """
    The scenarios that were measured, in the order of the report.
    """
    measured = found["scenarios"]
    return [Figures(each, measured[each.name]) for each in ALL if each.name in measured]


def markdown(found: Document) -> str:
    """
    The report's tables and what they were made with.
    """
    figures = figuresOf(found)
    parts = [_circumstances(found), "### Side by side", _main(figures)]
    beside = _beside(figures)
    if beside:
        parts += ["### Others", beside]
    parts += ["### Rate, latency, memory", _details(figures)]
    if found["growth"]:
        parts += ["### How cost grows", _growth(found["growth"])]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """
    A Markdown table; all columns but the first are figures.
    """
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _circumstances(found: Document) -> str:
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"{found['date'][:10]}, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memoryGiB']:g} GiB, {machine['system']}, Linux {machine['kernel']}; "
        f"{machine['descriptors']:,} descriptors; load before: {machine['load']:.1f}.\n\n"
        f"Versions: {versions}.\n\nCommand: `{found['command']}`"
    )


def _main(figures: Sequence[Figures]) -> str:
    head = [
        "scenario",
        "unit",
        *_NAMES.values(),
        f"{TIMES} nginx",
        f"{TIMES} HAProxy",
        "wanted",
        "result",
    ]
    rows = [
        [
            each.scenario.title,
            each.scenario.unit,
            *(_value(each, name) for name in MAIN),
            _ratio(each.ratios(NGINX)),
            _ratio(each.ratios(HAPROXY)),
            wanted(each.scenario),
            _verdict(each),
        ]
        for each in figures
    ]
    return table(head, rows)


def _verdict(figures: Figures) -> str:
    verdict = figures.verdict()
    return f"**{verdict}**" if verdict == "missed" else verdict


def _value(figures: Figures, proxy: str) -> str:
    median = figures.median(proxy)
    if median is None:
        return _NOTHING
    mark = "!" if figures.failed(proxy) else ""
    spread = f" ±{figures.spread(proxy):.0%}" if len(figures.values(proxy)) > 1 else ""
    return f"{digits(median * figures.scenario.scale)}{spread}{mark}"


def _ratio(ratios: Sequence[float]) -> str:
    if not ratios:
        return _NOTHING
    low, middle, high = quartiles(ratios)
    return f"{middle:.2f}" if low == high else f"{middle:.2f} ({low:.2f}{_NOTHING}{high:.2f})"


def _beside(figures: Sequence[Figures]) -> str:
    rows = []
    for each in figures:
        for name in each.proxies:
            if name not in MAIN:
                ours = _ratio([1 / ratio for ratio in each.ratios(name)])
                rows.append(
                    [f"{name}: {each.scenario.title}", _unit(each), _value(each, name), ours]
                )
    return table(["proxy and scenario", "unit", "figure", f"{TIMES} lbproxy"], rows) if rows else ""


def _unit(figures: Figures) -> str:
    return figures.scenario.unit


def _details(figures: Sequence[Figures]) -> str:
    head = ["scenario", "proxy", "per second", "p50, ms", "p99, ms", "RSS, MiB", "failed"]
    rows = []
    for each in figures:
        for name in each.proxies:
            rows.append(
                [
                    each.scenario.title if name == each.proxies[0] else "",
                    _NAMES.get(name, name),
                    _scaled(each.median(name, "rate"), 1),
                    _scaled(each.median(name, "p50"), 1e3),
                    _scaled(each.median(name, "p99"), 1e3),
                    _scaled(each.median(name, "rss"), 2**-20),
                    str(each.failed(name)),
                ]
            )
    return table(head, rows)


def _growth(growth: dict[str, dict[str, list[float]]]) -> str:
    blocks = []
    for name, costs in growth.items():
        medians = [statistics.median(found) * 1e6 for found in costs.values()]
        rows = [["µs per request", *map(digits, medians)]]
        if name == BODY:
            perSize = [
                cost * 1e6 / size for cost, size in zip(medians, SIZES.values(), strict=True)
            ]
            rows.append(["µs per MB", *map(digits, perSize)])
        blocks.append(table([name, *costs], rows))
    return "\n\n".join(blocks)


def _scaled(value: float | None, scale: float) -> str:
    return _NOTHING if value is None else digits(value * scale)


def digits(value: float) -> str:
    """
    Three significant digits, thousands apart.
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
