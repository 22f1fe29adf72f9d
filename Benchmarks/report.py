"""What the suite writes: tables and plots as one HTML page and as Markdown, from the load tool's reports."""

import html
import math


def count(value):
    """Three digits and a prefix. What was not measured is a dash, here and below."""
    if value is None:
        return "–"
    for limit, unit in [(1e9, " G"), (1e6, " M"), (1e3, " k")]:
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def size(value):
    if value is None:
        return "–"
    for limit, unit in [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")]:
        if value >= limit:
            return f"{value / limit:.1f} {unit}"
    return f"{value:.0f} B"


def span(nanoseconds):
    for limit, unit in [(1e9, "s"), (1e6, "ms"), (1e3, "µs")]:
        if nanoseconds >= limit:
            return f"{nanoseconds / limit:.3g} {unit}"
    return f"{nanoseconds} ns"


def ratio(dividend, divisor):
    return f"{dividend / divisor:.2f}" if dividend is not None and divisor else "–"


class Run:
    """One report of the load tool. What it has not measured is shown as a dash."""

    def __init__(self, name, found):
        self.name = name
        self.warnings = found["warnings"]
        self.machine = found.get("machine")
        self._metrics = {metric["name"]: metric["value"] for metric in found["metrics"]}
        self._latencies = {latency["name"]: latency for latency in found["latencies"]}

    @classmethod
    def failed(cls, name, code, error):
        """One that has no report: it says so where the others have their warnings."""
        return cls(name, {"metrics": [], "latencies": [], "warnings": [f"failed with {code}: {error}"]})

    def value(self, name):
        """None when it was not measured."""
        return self._metrics.get(name)

    def count(self, name):
        return count(self.value(name))

    def microseconds(self, name):
        value = self.value(name)
        return "–" if value is None else f"{value:.1f} µs"

    def time(self, name, percentile):
        latency = self._latencies.get(name, {"percentiles": []})
        found = dict(map(tuple, latency["percentiles"])).get(percentile)
        if found is None:
            return "–"
        # What never came is longer than all that did: of what falls among it the least is known.
        answered = latency["count"] - latency.get("unanswered", 0)
        return (">" if percentile * latency["count"] > 100 * answered else "") + span(found)


class Table:
    def __init__(self, title, columns):
        self.title, self.columns, self.rows = title, columns, []

    def row(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def markdown(self):
        lines = [f"### {self.title}", "", "| " + " | ".join(self.columns) + " |", "|---" * len(self.columns) + "|"]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in self.rows]) + "\n"

    def html(self):
        def cells(row, tag):
            return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)

        rows = "".join(f"<tr>{cells(row, 'td')}</tr>\n" for row in self.rows)
        head = f"<tr>{cells(self.columns, 'th')}</tr>"
        return f"<h2>{html.escape(self.title)}</h2>\n<div><table>\n{head}\n{rows}</table></div>\n"


class Plot:
    """Lines over a logarithmic axis, as SVG."""

    width, height, left, bottom, top = 720, 260, 80, 40, 30

    def __init__(self, title, axis, label):
        self.title, self.axis, self.label, self.series = title, axis, label, {}

    def point(self, series, x, y):
        """None is no point."""
        if y is not None:
            self.series.setdefault(series, []).append((x, y))

    def html(self):
        points = [point for line in self.series.values() for point in line]
        if not points:
            return ""
        low, high = (math.log10(edge) for edge in (min(x for x, _ in points), max(x for x, _ in points)))
        most = max(y for _, y in points) or 1

        def place(x, y):
            share = (math.log10(x) - low) / (high - low) if high > low else 0.5
            across = self.left + share * (self.width - self.left - 20)
            return across, self.height - self.bottom - y / most * (self.height - self.bottom - self.top)

        parts = [f'<svg viewBox="0 0 {self.width} {self.height}" role="img"><title>{html.escape(self.title)}</title>']
        for step in range(5):
            y = place(points[0][0], most * step / 4)[1]
            parts.append(f'<line class="grid" x1="{self.left}" x2="{self.width - 20}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{self.left - 8}" y="{y + 4:.1f}" text-anchor="end">{self.label(most * step / 4)}</text>')
        for x in sorted({x for x, _ in points}):
            across = place(x, 0)[0]
            parts.append(f'<text x="{across:.1f}" y="{self.height - 20}" text-anchor="middle">{count(x)}</text>')
        parts.append(f'<text x="{self.width - 20}" y="{self.height - 4}" text-anchor="end">{html.escape(self.axis)}</text>')
        across = self.left
        for index, (name, line) in enumerate(self.series.items()):
            coordinates = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in line)
            parts.append(f'<polyline class="s{index % 3}" points="{coordinates}"/>')
            parts.append(f'<text class="l{index % 3}" x="{across}" y="16">● {html.escape(name)}</text>')
            across += 40 + 8 * len(name)
        return "\n".join(parts) + "</svg>\n"


class Report:
    def __init__(self, began):
        self.began = began
        self.parts = []

    def table(self, title, columns):
        self.parts.append(Table(title, columns))
        return self.parts[-1]

    def plot(self, title, axis, label):
        self.parts.append(Plot(title, axis, label))
        return self.parts[-1]

    def write(self, folder, runs):
        machine = next((run.machine for run in runs if run.machine), None)
        where = "{cores} × {processor}, Linux {kernel}".format(**machine) if machine else "nothing was measured"
        head = f"Measured on {self.began:%Y-%m-%d %H:%M} UTC, on {where}."
        warnings = [f"{run.name}: {warning}" for run in runs for warning in run.warnings]
        markdown = "\n".join(part.markdown() for part in self.parts if isinstance(part, Table))
        (folder / "report.md").write_text(
            f"## Benchmarks\n\n{head}\n\n{markdown}\n" + "".join(f"* {warning}\n" for warning in warnings)
        )
        notes = "".join(f"<p class=warning>{html.escape(warning)}</p>\n" for warning in warnings)
        body = "".join(part.html() for part in self.parts)
        (folder / "index.html").write_text(PAGE.format(head=html.escape(head), body=body, notes=notes))


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Score Gateway: benchmarks</title>
<style>
:root {{ color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #d8dee8; --paper: #fff;
  --c0: #2563eb; --c1: #d9480f; --c2: #0f8a5f; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e9ef; --soft: #9aa4b5; --line: #39414f; --paper: #14181f;
  --c0: #7aa7ff; --c1: #ff9a62; --c2: #5fd3a4; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 56rem;
  margin: 0 auto; padding: 1.5rem 1rem; }}
div {{ overflow-x: auto; }} table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .2rem 0 .2rem 1.5rem; white-space: nowrap; font-weight: 400; }}
th {{ color: var(--soft); }} th:first-child, td:first-child {{ text-align: left; padding-left: 0; }}
svg {{ width: 100%; height: auto; }} svg text {{ fill: var(--soft); font: 12px system-ui, sans-serif; }}
svg .grid {{ stroke: var(--line); }} svg polyline {{ fill: none; stroke-width: 2; }}
.s0 {{ stroke: var(--c0); }} .s1 {{ stroke: var(--c1); }} .s2 {{ stroke: var(--c2); }}
svg .l0 {{ fill: var(--c0); }} svg .l1 {{ fill: var(--c1); }} svg .l2 {{ fill: var(--c2); }}
.warning {{ border-left: 4px solid var(--c1); padding: .25rem .75rem; }}
</style></head><body>
<h1>Score Gateway: benchmarks</h1>
<p>{head}</p>
{body}{notes}</body></html>
"""
