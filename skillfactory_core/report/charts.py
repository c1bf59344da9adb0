"""Charts: inline SVG that says in words what it shows, each with the table it was drawn from.

A chart is drawn 360 units wide, the width of a phone, and never scaled up much: several stand side by side on a wide
screen. Colours are CSS classes, so that they follow the page's theme; nothing is told by colour alone.
"""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log2, log10

import attrs
from markupsafe import Markup

WIDTH = 360
Points = Sequence[tuple[float, float]]


@attrs.frozen
class Bar:
    """One bar with its 95 % interval; `kind` is its CSS class."""

    label: str
    kind: str
    value: float
    low: float
    high: float


@attrs.frozen
class Line:
    """One curve; `kind` is its CSS class and decides its dashes."""

    label: str
    kind: str
    points: Points


@attrs.frozen
class Share:
    """One part of a whole."""

    label: str
    kind: str
    count: int


def bar_chart(key: str, title: str, note: str, bars: Sequence[Bar], top: float) -> Markup:
    """Shares with intervals, one row each. `top` is the end of the axis, so that several charts can share it."""
    # Long names stand above their bars.
    above = 15 if max((len(bar.label) for bar in bars), default=0) > 15 else 0
    left, right, row = (0 if above else 96), WIDTH - 52, 32 + above
    bottom = 8 + row * len(bars)
    scale = (right - left) / top
    drawn = []
    for tick in ticks(top, 5):
        x = left + tick * scale
        drawn.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}"/>')
        drawn.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{100 * tick:.0f} %</text>')
    for number, bar in enumerate(bars):
        middle = 8 + row * number + (row + above) / 2
        label = (0, middle - 14, "start") if above else (left - 8, middle + 4, "end")
        low, high = left + bar.low * scale, left + bar.high * scale
        size = f'x="{left}" y="{middle - 9}" width="{max(1.0, bar.value * scale):.1f}" height="18" rx="1.5"'
        whisker = f"M{low:.1f} {middle - 4}v8M{low:.1f} {middle}H{high:.1f}M{high:.1f} {middle - 4}v8"
        drawn += [
            '<text class="label" x="{}" y="{}" text-anchor="{}">'.format(*label) + f"{escape(bar.label)}</text>",
            f'<rect class="fill {escape(bar.kind)}" {size}/>',
            f'<path class="whisker" d="{whisker}"/>',
            f'<text class="value" x="{WIDTH}" y="{middle + 4}" text-anchor="end">{100 * bar.value:.1f} %</text>',
        ]
    says = "; ".join(f"{b.label} {100 * b.value:.1f} % ({100 * b.low:.1f} to {100 * b.high:.1f})" for b in bars)
    rows = [[b.label, *(f"{100 * v:.1f}" for v in (b.value, b.low, b.high))] for b in bars]
    head = ["method", "%", "from", "to"]
    return figure(key, title, note, f"{title}: {says}.", bottom + 20, drawn, table(head, rows), "bars")


def line_chart(key: str, title: str, note: str, lines: Sequence[Line], percent: bool = False) -> Markup:
    """Curves over training steps: each step thin, their running mean thick."""
    left, right, ceiling, floor_ = 44, WIDTH - 6, 10, 160
    values = [y for line in lines for _, y in line.points]
    last = max(x for line in lines for x, _ in line.points)
    first = min(x for line in lines for x, _ in line.points)
    top = max(values) * 1.05 if max(values) > 0 else 1.0
    low = min(0.0, min(values))

    def place(point: tuple[float, float]) -> str:
        x = left + (point[0] - first) / ((last - first) or 1) * (right - left)
        return f"{x:.1f} {floor_ - (point[1] - low) / (top - low) * (floor_ - ceiling):.1f}"

    drawn = []
    for tick in ticks(top, 4):
        y = place((first, tick)).split()[1]
        text = f"{100 * tick:.0f} %" if percent else f"{tick:g}"
        drawn.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>')
        drawn.append(f'<text class="tick" x="{left - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{text}</text>')
    for x, anchor, step in ((left, "start", first), (right, "end", last)):
        drawn.append(f'<text class="tick" x="{x}" y="{floor_ + 18}" text-anchor="{anchor}">step {step:g}</text>')
    for line in lines:
        thin, thick = ("M" + "L".join(map(place, points)) for points in (line.points, smooth(line.points)))
        drawn.append(f'<path class="raw {escape(line.kind)}" d="{thin}"/>')
        drawn.append(f'<path class="line {escape(line.kind)}" d="{thick}"/>')
    says = "; ".join(
        f"{n.label} from {reading(smooth(n.points)[0][1], percent)} to {reading(smooth(n.points)[-1][1], percent)}"
        for n in lines
    )
    rows = [
        [f"{line.label}, step {x:g}", reading(y, percent)]
        for line in lines
        for x, y in thin_out(smooth(line.points), 8)
    ]
    return figure(
        key, title, note, f"{title}, running mean: {says}.", floor_ + 24, drawn, table(["step", title], rows), "lines"
    )


def log_chart(key: str, title: str, note: str, lines: Sequence[Line], unit: str) -> Markup:
    """Shares over something that doubles: tokens, attempts, a budget. Nothing is smoothed."""
    left, right, ceiling, floor_ = 44, WIDTH - 6, 10, 160
    places = sorted({x for line in lines for x, _ in line.points})
    first, last = log2(places[0]), log2(places[-1])
    top = max(max(y for line in lines for _, y in line.points), 0.01) * 1.05

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = left + (log2(point[0]) - first) / ((last - first) or 1) * (right - left)
        return x, floor_ - point[1] / top * (floor_ - ceiling)

    drawn = []
    for tick in ticks(top, 4):
        y = place((places[0], tick))[1]
        drawn.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        drawn.append(f'<text class="tick" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * tick:.3g} %</text>')
    for x in places if len(places) <= 6 else doublings(places[0], places[-1], 6):
        at = place((x, 0.0))[0]
        drawn.append(f'<text class="tick" x="{at:.1f}" y="{floor_ + 18}" text-anchor="middle">{x:,.0f}</text>')
    for line in lines:
        path = "M" + "L".join("{:.1f} {:.1f}".format(*place(point)) for point in line.points)
        drawn.append(f'<path class="line {escape(line.kind)}" d="{path}"/>')
        drawn += [
            '<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="2.6"/>'.format(escape(line.kind), *place(point))
            for point in (line.points if len(places) <= 12 else ())
        ]
    says = "; ".join(
        f"{line.label} most at {max(line.points, key=lambda point: point[1])[0]:,.0f} {unit}" for line in lines
    )
    by_place = [dict(line.points) for line in lines]
    rows = [[f"{x:,.0f}", *(reading(by[x], True) if x in by else "–" for by in by_place)] for x in places]
    head = [unit, *(line.label for line in lines)]
    return figure(key, title, note, f"{title}: {says}.", floor_ + 24, drawn, table(head, rows), "lines")


def reading(value: float, percent: bool) -> str:
    """A value as the text beside a curve gives it."""
    if percent:
        return f"{100 * value:.1f} %"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def split_chart(key: str, title: str, shares: Sequence[Share]) -> Markup:
    """A whole and its parts, as one bar with its legend below."""
    shares = [share for share in shares if share.count]
    whole = sum(share.count for share in shares) or 1
    drawn, legend, at = [], [], 0.0
    for share in shares:
        width = 100 * share.count / whole
        kind, label = escape(share.kind), escape(share.label)
        drawn.append(f'<rect class="fill {kind}" x="{at:.2f}%" y="0" width="{width:.2f}%" height="100%"/>')
        legend.append(
            f'<li><svg class="swatch" aria-hidden="true"><rect class="fill {kind}" width="100%" height="100%"/></svg>'
            f"{label} <b>{share.count:,}</b> <small>{'under 1' if width < 1 else format(width, '.0f')} %</small></li>"
        )
        at += width
    says = "; ".join(f"{share.label} {share.count:,} ({100 * share.count / whole:.0f} %)" for share in shares)
    return Markup(
        f'<figure class="split"><svg class="strip" role="img" aria-labelledby="{key}-t {key}-d"><title id="{key}-t">'
        f'{escape(title)}</title><desc id="{key}-d">{escape(says)}</desc>{"".join(drawn)}</svg>'
        f"<figcaption><ul>{''.join(legend)}</ul></figcaption></figure>"
    )


def figure(
    key: str, title: str, note: str, says: str, height: float, drawn: Sequence[str], data: str, kind: str
) -> Markup:
    """A drawing with a heading, a description for who cannot see it, and its table."""
    small = f" <small>{escape(note)}</small>" if note else ""
    return Markup(
        f'<figure class="chart {kind}"><figcaption>{escape(title)}{small}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(says)}</desc>{"".join(drawn)}</svg>'
        f'<details><summary>as a table</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{escape(title)}, as a table">{data}</div></details></figure>'
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A small HTML table whose first column names its row."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def ticks(top: float, most: int) -> list[float]:
    """Round numbers from 0 up to `top`: 1, 2 or 5 times a power of ten apart."""
    power = 10 ** floor(log10(top / most))
    step = next(size * power for size in (1, 2, 5, 10) if top / (size * power) <= most + 1e-9)
    return [step * number for number in range(floor(top / step + 1e-9) + 1)]


def doublings(first: float, last: float, most: int) -> list[float]:
    """Powers of two, or of four, …, from `first` to `last`: at most `most` of them."""
    powers = range(ceil(log2(first) - 1e-9), floor(log2(last) + 1e-9) + 1)
    return [2.0**power for power in powers[:: -(-len(powers) // most) or 1]]


def axis_top(highest: float) -> float:
    """The end of an axis of shares that shows `highest`: a round one, at most 1."""
    return next(end for end in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0) if end >= min(1.0, highest))


def smooth(points: Points) -> list[tuple[float, float]]:
    """The mean of each point and its neighbours, a fifteenth of the curve to each side."""
    reach = len(points) // 15
    means = []
    for number, (x, _) in enumerate(points):
        near = points[max(0, number - reach) : number + reach + 1]
        means.append((x, sum(y for _, y in near) / len(near)))
    return means


def thin_out(points: Points, most: int) -> list[tuple[float, float]]:
    """At most `most` points, evenly spread, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    stride = (len(points) - 1) / (most - 1)
    return [points[min(len(points) - 1, ceil(stride * number - 0.5))] for number in range(most)]
