# SPDX-License-Identifier: Apache-2.0
"""Figures as tables for people and as a chart: medians of the runs, ratios taken run by run."""
import statistics
from xml.sax.saxutils import escape

SYSTEMS = ["floor", "mount", "natsobj", "natscli", "nats.py", "sshfs", "rclone", "nats-s3"]


def median(columns, name):
    return statistics.median(columns[name]) if columns.get(name) else None


def ratio(columns):
    """floor/mount: 1.00 is the floor, more is faster."""
    pairs = list(zip(columns.get("floor", []), columns.get("mount", [])))
    return statistics.median(floor / mount for floor, mount in pairs) if pairs else None


def show(value, scale):
    if value is None:
        return "-"
    kind, amount = scale
    if kind == "MB":
        return f"{amount / value:.0f} MB/s"
    if kind == "bytes":
        return f"{value / amount:.0f} B"
    if kind == "number":
        return f"{value:.0f}"
    value /= amount
    return f"{value * 1e6:.0f} µs" if value < 1e-3 else f"{value * 1e3:.1f} ms" if value < 1 \
        else f"{value:.2f} s"


def print_cells(rows, widths):
    for cells in rows:
        print(cells[0].ljust(widths[0]) + "".join(" " + c.rjust(w)
                                                  for c, w in zip(cells[1:], widths[1:])))


def print_table(rows):
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(rows[0]))]
    print_cells(rows, widths)


def print_report(figures):
    rows, scales = figures["rows"], figures["scales"]
    systems = [s for s in SYSTEMS if any(s in columns for columns in rows.values())]
    table = [["work", *systems[:2], "ratio", *systems[2:]]]
    for row, columns in rows.items():
        cells = [show(median(columns, s), scales[row]) for s in systems]
        r = ratio(columns)
        table.append([row, *cells[:2], f"{r:.2f}" if r else "-", *cells[2:]])
    print(f"medians of {figures['runs']} runs; ratio: floor/mount, 1.00 is the floor, more is faster")
    print_table(table)
    costs = [["processor seconds per GB, peak", *systems]]
    for row, columns in rows.items():
        if not any(name.startswith("cpu:") for name in columns):
            continue
        cells = []
        for s in systems:
            own, server = median(columns, f"cpu:{s}"), median(columns, f"server:{s}")
            peak = median(columns, f"peak:{s}")
            cells.append("-" if own is None else f"{own:.2f}" +
                         (f"+{server:.2f}" if server is not None else "") + f" {peak:.0f} MB")
        costs.append([row, *cells])
    if len(costs) > 1:
        print("\nprograms and daemons + nats-server; the daemon's peak memory, or the program's")
        print_table(costs)
    for name, why in figures["skipped"].items():
        print(f"skipped {name}: {why}")


COLOURS = {"floor": "#9aa5b1", "mount": "#1f7a5a", "natsobj": "#57a773", "natscli": "#d08c3f",
           "nats.py": "#c75c5c", "sshfs": "#6f7fc0", "rclone": "#a376b8", "nats-s3": "#8c7a55"}
LABEL, BAR, WIDTH, LINE = 210, 430, 760, 18


def bar(y, length, colour, label):
    return (f'<rect x="{LABEL}" y="{y}" width="{max(length, 1):.0f}" height="{LINE - 5}" '
            f'fill="{colour}"/><text x="{LABEL + max(length, 1) + 6:.0f}" y="{y + 11}">'
            f'{escape(label)}</text>')


def name_at(y, text, weight="normal"):
    return (f'<text x="{LABEL - 8}" y="{y + 11}" text-anchor="end" font-weight="{weight}">'
            f'{escape(text)}</text>')


def rate_bars(figures, y):
    """For each row that moves bytes a group of bars, one for each system."""
    rows = {row: columns for row, columns in figures["rows"].items()
            if figures["scales"][row][0] == "MB"}
    fastest = max((figures["scales"][row][1] / median(columns, s) for row, columns in rows.items()
                   if "warm" not in row for s in SYSTEMS if columns.get(s)), default=1)
    parts = []
    for row, columns in rows.items():
        if "warm" in row:
            continue
        parts.append(name_at(y, row, "bold"))
        for s in (s for s in SYSTEMS if columns.get(s)):
            rate = figures["scales"][row][1] / median(columns, s)
            parts.append(bar(y, BAR * rate / fastest, COLOURS[s], f"{s} {rate:.0f} MB/s"))
            y += LINE
        y += LINE // 2
    return parts, y


def ratio_bars(figures, y):
    ratios = {row: ratio(columns) for row, columns in figures["rows"].items()}
    ratios = {row: r for row, r in ratios.items() if r}
    parts = [f'<text x="{LABEL}" y="{y + 11}" font-weight="bold">speed of the mount, floor = 1'
             '</text>']
    y += LINE + 4
    top, unit = y, BAR / 1.5
    for row, r in ratios.items():
        parts += [name_at(y, row), bar(y, unit * min(r, 1.5), COLOURS["mount"], f"{r:.2f}")]
        y += LINE
    parts.append(f'<line x1="{LABEL + unit:.0f}" y1="{top - 4}" x2="{LABEL + unit:.0f}" '
                 f'y2="{y}" stroke="#444" stroke-dasharray="3 3"/>')
    return parts, y


def chart(figures):
    parts, y = rate_bars(figures, 12)
    more, y = ratio_bars(figures, y + LINE)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 12}" '
            f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" '
            f'fill="#fff"/>' + "\n".join(parts + more) + "</svg>\n")
