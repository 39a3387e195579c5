"""The figures as an SVG of small plots, one a way: answers per 10 ms around an upgrade, and below
them the latency, on a logarithmic scale. Readable on a light and on a dark page."""
from math import log10
from xml.sax.saxutils import escape

COLUMNS, WIDTH, HEIGHT = 5, 850, 128  # HEIGHT of one plot with its title and its space
CELL = WIDTH / COLUMNS
PLOT, BARS, LATENCY = 152, 62, 22  # width; heights of the two parts
HEAD = 44
LOWEST_MS, HIGHEST_MS = 0.1, 1000

STYLE = """text { font: 11px -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #59636e }
.title { font-weight: 600; fill: #1f2328 } .small { font-size: 9px }
.old { fill: #9aa4af } .new { fill: #2f81f7 } .failed { fill: #d1242f }
.axis { stroke: #8b949e; stroke-width: 0.6 } .latency { fill: none; stroke: #9a6700; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .title { fill: #f0f6fc } .old { fill: #6e7681 } .new { fill: #4493f8 }
.failed { fill: #f85149 } .latency { stroke: #d29922 } }"""


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def bars(series, top):
    """Stacked: failures, then the old code's answers, then the new code's. A path each."""
    count = len(series["old"])
    step, base = PLOT / count, [0.0] * count
    parts = []
    for kind in ("failed", "old", "new"):
        path = ""
        for place, value in enumerate(series[kind]):
            height = min(value / top * BARS, BARS - base[place])
            if height > 0:
                path += f"M{place * step:.1f},{BARS - base[place]:.1f}h{step:.2f}v{-height:.1f}h{-step:.2f}z"
                base[place] += height
        parts.append(f'<path class="{kind}" d="{path}"/>')
    return parts


def latency_line(series):
    count = len(series["p99_ms"])
    span = log10(HIGHEST_MS / LOWEST_MS)
    path, pen = "", "M"
    for place, value in enumerate(series["p99_ms"]):
        if value is None:  # nothing was answered
            pen = "M"
            continue
        share = log10(min(max(value, LOWEST_MS), HIGHEST_MS) / LOWEST_MS) / span
        path += f"{pen}{(place + 0.5) * PLOT / count:.1f},{BARS + 3 + LATENCY * (1 - share):.1f}"
        pen = "L"
    return f'<path class="latency" d="{path}"/>'


def small_plot(figures, number, top):
    series = figures["series"]
    x, y = number % COLUMNS * CELL + 9, number // COLUMNS * HEIGHT + HEAD + 16
    at = PLOT * -series["from_ms"] / (series["bin_ms"] * len(series["old"]))
    failed = figures["failed"]
    return [f'<g transform="translate({x:.1f},{y})">', text(0, -4, figures["way"], "title"),
            text(PLOT / 2, BARS + LATENCY + 13, f"{failed} failed", "small failed", "middle") if failed else "",
            *bars(series, top),
            f'<path class="axis" d="M0,{BARS}H{PLOT}M0,{BARS + 3 + LATENCY}H{PLOT}M{at:.1f},0V{BARS + 3 + LATENCY}"/>',
            latency_line(series),
            text(at, BARS + LATENCY + 13, "upgrade", "small", "middle"), text(PLOT, BARS + LATENCY + 13, "+1.3 s", "small", "end"),
            "</g>"]


def legend(rate):
    parts, x = [text(9, 14, "Answers per 10 ms around an upgrade, and below them the latency (p99; 0.1 ms to 1 s, logarithmic)", "title")], 9
    for kind, words in (("old", "old code"), ("new", "new code"), ("failed", "failed")):
        parts += [f'<rect class="{kind}" x="{x}" y="23" width="9" height="9"/>', text(x + 13, 31, words)]
        x += 82
    return parts + [text(x, 31, f"{rate} new connections a second; the mean of all upgrades")]


def svg(report):
    rows = -(-len(report["ways"]) // COLUMNS)
    top = 2.2 * report["rate"] / 100  # of what comes in 10 ms; a queue that is worked off may be more
    height = HEAD + rows * HEIGHT
    body = legend(report["rate"])
    for number, figures in enumerate(report["ways"]):
        body += small_plot(figures, number, top)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">\n'
            f"<style>{STYLE}</style>\n" + "\n".join(part for part in body if part) + "\n</svg>\n")
