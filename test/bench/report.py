# SPDX-License-Identifier: MIT
"""What the numbers say: tables, CSV files and a picture.

A value is the median of the rounds; its spread is half the distance from the
least to the greatest, in percent of the median. Two values are called different
only if no round of one lies between the rounds of the other, and both have
three rounds at least; all else carries a "~". (If there is no difference, three
rounds against three look like one in one case of ten, five against five in one
of a hundred. So do not trust one row among fifty; trust the means.)

A geometric mean is computed for each round over the rows that both allocators
have, so its spread is that of the rounds too. Rounds are interleaved: what
slows the machine down for a while meets all allocators.
"""

import csv
import html
import math
import os
import platform
import statistics
import time

import jobs
import measure

BASELINE = "glibc"
OURS = "libkmm"
WIDTH = 100
LEAST_ROUNDS = 3
# How far behind the best of the others a row may be.
LIMITS = {"time": 1.10, "rss": 1.15}

# metric: title, unit of the baseline's column, divisor, ratio to baseline?
METRICS = {
    "time": ("time", "s", 1, True),
    "cpu": ("CPU time", "s", 1, True),
    "rss": ("peak RSS", "MiB", 1024, True),
    "faults": ("page faults", "1000", 1000, True),
    "ns": ("ns per allocation and free", "ns", 1, False),
    "kib": ("MiB resident", "MiB", 1024, False),
    "overhead": ("peak RSS over live bytes", "", 1, False),
    "instructions": ("instructions", "", 1, False),
}
EXACT = ("instructions",)


class Value:
    """The rounds of one cell."""

    def __init__(self, rounds):
        values = list(rounds.values())
        self.rounds = rounds
        self.median = statistics.median(values)
        self.low = min(values)
        self.high = max(values)

    def spread(self):
        """In percent of the median."""
        return 50 * (self.high - self.low) / self.median if self.median else 0

    def differs(self, other):
        if min(len(self.rounds), len(other.rounds)) < LEAST_ROUNDS:
            return False
        return self.low > other.high or self.high < other.low


class Numbers:
    """All that was measured: (section, metric) -> row -> variant -> round."""

    def __init__(self):
        self.cells = {}
        self.places = {}  # (section, row) -> where it stands in a table
        self.failed = {}  # (section, row, variant) -> words

    def add(self, job, row, metric, variant, number, value):
        rows = self.cells.setdefault((job.section, metric), {})
        rows.setdefault(row, {}).setdefault(variant, {})[number] = value
        place = self.places.get((job.section, row), (job.place, len(self.places)))
        self.places[job.section, row] = min(place, (job.place, place[1]))

    def table(self, section, metric):
        """row -> variant -> Value, in the order of the jobs."""
        rows = self.cells.get((section, metric), {})
        names = sorted(rows, key=lambda row: self.places[section, row])
        return {row: {v: Value(r) for v, r in rows[row].items()} for row in names}

    def variants(self, section, metric, allocators):
        rows = self.cells.get((section, metric), {})
        seen = [v for cells in rows.values() for v in cells]
        names = [a.name for a in allocators]
        return [n for n in names if n in seen] + [v for v in dict.fromkeys(seen) if v not in names]


def geometric_mean(tables, variant):
    """(Value, rows in it) of the ratios to the baseline, or None."""
    ratios = {}
    count = 0
    for table in tables:
        for cells in table.values():
            if variant not in cells or BASELINE not in cells:
                continue
            count += 1
            for number, value in cells[variant].rounds.items():
                base = cells[BASELINE].rounds.get(number)
                if base and value > 0:
                    ratios.setdefault(number, []).append(value / base)
    # A round that lacks rows would be a mean of something else.
    whole = max(map(len, ratios.values()), default=0)
    means = {
        n: math.exp(statistics.fmean(map(math.log, r))) for n, r in ratios.items() if len(r) == whole
    }
    return (Value(means), count) if means else None


def differs_from_one(mean):
    return len(mean.rounds) >= LEAST_ROUNDS and (mean.low > 1 or mean.high < 1)


# Machine ---------------------------------------------------------------------


def first_line(path, key=None):
    try:
        with open(path) as file:
            for line in file:
                if key is None or line.startswith(key):
                    return line.strip()
    except OSError:
        pass
    return ""


def machine(allocators, argv):
    """Lines: what was run, on which machine."""
    cpu = first_line("/proc/cpuinfo", "model name").partition(": ")[2] or platform.machine()
    memory = int((first_line("/proc/meminfo", "MemTotal:").split() or [0, 0])[1]) // 1024
    thp = "/sys/kernel/mm/transparent_hugepage/"
    load = os.getloadavg()[0]
    lines = [
        "date      %s" % time.strftime("%Y-%m-%d %H:%M %z"),
        "machine   %s, %d CPUs, %d MiB, Linux %s"
        % (cpu, len(os.sched_getaffinity(0)), memory, platform.release()),
        "THP       enabled: %s; defrag: %s" % (first_line(thp + "enabled"), first_line(thp + "defrag")),
        "load      %.2f at the start%s" % (load, "; THE MACHINE IS BUSY" if load > 0.5 else ""),
        "command   %s" % " ".join(argv),
    ]
    lines += ["%-9s %s" % (a.name, a.version) for a in allocators]
    compiler = measure.command_output("gcc", "--version").splitlines()
    if compiler:
        lines.append("gcc       %s" % compiler[0].rpartition(" ")[2])
    tuned = [
        "%s=%s" % (k, v)
        for k, v in sorted(os.environ.items())
        if k.startswith(("KMM_CMDLINE", "GLIBC_TUNABLES", "MALLOC_", "MIMALLOC_", "TCMALLOC_"))
    ]
    if tuned:
        lines.append("tuned     %s" % " ".join(tuned))
    return lines


# Tables ----------------------------------------------------------------------


def number_text(value):
    if value >= 999.5:
        return "%.0f" % value
    return "%.3g" % value if value >= 100 else "%.2f" % value if value < 10 else "%.1f" % value


def spread_text(value):
    return "±%.0f" % value.spread() if len(value.rounds) > 1 else ""


class TableWriter:
    FIRST = 24
    COLUMN = 12

    def __init__(self, write):
        self.write = write

    def cell(self, cells, variant, metric, failed):
        _, _, divisor, as_ratio = METRICS[metric]
        if variant not in cells:
            return (failed or "-") + " " * 5
        value, base = cells[variant], cells.get(BASELINE)
        if variant == BASELINE or not base or not as_ratio or not base.median:
            text = number_text(value.median / divisor)
        else:
            text = "%.2f" % (value.median / base.median)
        sure = metric in EXACT or variant == BASELINE or not base or value.differs(base)
        return text + (" " if sure else "~") + ("" if metric in EXACT else spread_text(value).ljust(4))

    def line(self, first, cells):
        text = first[: self.FIRST - 1].ljust(self.FIRST)
        self.write((text + "".join(c.rjust(self.COLUMN) for c in cells)).rstrip())

    def table(self, numbers, section, metric, allocators, title):
        table = numbers.table(section, metric)
        if not table:
            return
        name, unit, _, as_ratio = METRICS[metric]
        variants = numbers.variants(section, metric, allocators)
        per_block = (WIDTH - self.FIRST) // self.COLUMN
        self.write("")
        what = "%s%s" % (name, ", times that of %s" % BASELINE if as_ratio else "")
        self.write("%s: %s" % (title, what))
        first = variants[:1]
        rest = variants[1:]
        # The baseline is repeated in each block of columns.
        blocks = [rest[i : i + per_block - 1] for i in range(0, len(rest), per_block - 1)] or [[]]
        for block in blocks:
            columns = first + block
            self.write("")
            heads = ["%s/%s" % (v, unit) if unit and v == BASELINE and as_ratio else v for v in columns]
            # The mark and the spread stand behind the number.
            self.line("", [h + " " * (4 if metric not in EXACT else 0) for h in heads])
            for row, cells in table.items():
                if not any(v in cells for v in block or columns):
                    continue
                texts = [
                    self.cell(cells, v, metric, numbers.failed.get((section, row, v), "")[:7]) for v in columns
                ]
                self.line(row, texts)
            if metric not in ("kib", "overhead"):
                self.line("geometric mean", [self.mean([table], v) for v in columns])

    def mean(self, tables, variant):
        mean = geometric_mean(tables, variant)
        if not mean:
            return "-" + " " * 5
        if variant == BASELINE:
            return "1.00     "
        value, _ = mean
        mark = " " if differs_from_one(value) else "~"
        return "%.2f%s%s" % (value.median, mark, spread_text(value).ljust(4))


def headline_tables(numbers, metric):
    return [numbers.table(section, metric) for section in jobs.HEADLINE]


def write_headline(writer, numbers, allocators):
    rows = sum(map(len, headline_tables(numbers, "time")))
    if not rows:
        return
    writer.write("")
    writer.write("Geometric means over the %d rows of patterns and real programs" % rows)
    writer.write("")
    writer.line("", [METRICS[m][0] + "    " for m in ("time", "cpu", "rss", "faults")] + ["rows"])
    for allocator in allocators:
        cells = [
            writer.mean(headline_tables(numbers, m), allocator.name)
            for m in ("time", "cpu", "rss", "faults")
        ]
        mean = geometric_mean(headline_tables(numbers, "time"), allocator.name)
        writer.line(allocator.name, cells + [str(mean[1]) if mean else "0"])


def write_losses(writer, numbers):
    """Rows in which the best of the others is ahead by more than allowed."""
    if not any(OURS in cells for table in headline_tables(numbers, "time") for cells in table.values()):
        return
    lines = []
    for metric, limit in LIMITS.items():
        for table in headline_tables(numbers, metric):
            for row, cells in table.items():
                others = {v: c for v, c in cells.items() if v != OURS}
                if OURS not in cells or not others:
                    continue
                best = min(others, key=lambda v: others[v].median)
                ratio = cells[OURS].median / others[best].median if others[best].median else 1
                if ratio > limit:
                    sure = "" if cells[OURS].differs(others[best]) else " ~"
                    behind = (row, METRICS[metric][0], ratio, best, sure)
                    lines.append("  %-22s %-9s %.2f times %s%s" % behind)
    writer.write("")
    writer.write(
        "Rows where %s is behind the best of the others, by over 10 %% in time or 15 %% in RSS:" % OURS
    )
    for line in lines or ["  none"]:
        writer.write(line)


LEGEND = (
    "Each cell: median, then ± half the range of the rounds in percent. A \"~\" in between says that",
    "the rounds overlap with those of glibc, or are fewer than three: no difference is claimed.",
    "time: wall clock. CPU time and faults: sums over the tree of processes. peak RSS: that of its",
    "largest process (wait4). Redis: the server, timed by its clients.",
)


def write_report(write, numbers, allocators, about, notes):
    writer = TableWriter(write)
    for line in about:
        write(line)
    write("")
    for line in LEGEND:
        write(line)
    for section, title, metrics in jobs.SECTIONS:
        for metric in metrics:
            writer.table(numbers, section, metric, allocators, title)
    write_headline(writer, numbers, allocators)
    write_losses(writer, numbers)
    if notes or numbers.failed:
        write("")
        for (section, row, variant), why in numbers.failed.items():
            write("failed: %s, %s, %s: %s" % (section, row, variant, why))
        for note in notes:
            write("skipped: %s" % note)


# CSV -------------------------------------------------------------------------


def write_csv(directory, numbers):
    with open(os.path.join(directory, "runs.csv"), "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("section", "row", "metric", "variant", "round", "value"))
        for (section, metric), rows in numbers.cells.items():
            for row, cells in rows.items():
                for variant, rounds in cells.items():
                    for number, value in rounds.items():
                        out.writerow((section, row, metric, variant, number, "%.6g" % value))
    with open(os.path.join(directory, "summary.csv"), "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(
            ("section", "row", "metric", "variant", "rounds", "median", "min", "max", "ratio", "differs")
        )
        for section, metric in numbers.cells:
            for row, cells in numbers.table(section, metric).items():
                base = cells.get(BASELINE)
                for variant, v in cells.items():
                    ratio = "%.4f" % (v.median / base.median) if base and base.median else ""
                    differs = int(v.differs(base)) if base else ""
                    out.writerow(
                        (section, row, metric, variant, len(v.rounds))
                        + tuple("%.6g" % x for x in (v.median, v.low, v.high))
                        + (ratio, differs)
                    )


# Picture ---------------------------------------------------------------------

# Told apart by people who see colours in other ways too (Okabe and Ito).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c40", "#6a3d9a")
GREY = "#777777"


class Picture:
    LEFT = 170
    PLOT = 360
    GAP = 40
    LINE = 18

    def __init__(self, allocators):
        self.parts = []
        self.colours = {BASELINE: GREY, OURS: "#d40000"}
        for allocator in allocators:
            if allocator.name not in self.colours:
                self.colours[allocator.name] = COLOURS[(len(self.colours) - 2) % len(COLOURS)]

    def text(self, x, y, text, size=12, anchor="start", colour="#222222", weight="normal"):
        self.parts.append(
            '<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s" '
            'font-weight="%s">%s</text>'
            % (x, y, size, anchor, colour, weight, html.escape(text))
        )

    def rule(self, x1, y1, x2, y2, colour="#dddddd", width=1.0):
        self.parts.append(
            '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>'
            % (x1, y1, x2, y2, colour, width)
        )

    def mark(self, x, y, name, title, hollow):
        """A dot; ours is a diamond and larger. Hollow: no real difference."""
        colour = self.colours[name]
        fill = "#ffffff" if hollow else colour
        shape = '<circle cx="%.1f" cy="%.1f" r="4"' % (x, y)
        if name == OURS:
            points = ((x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y))
            shape = '<polygon points="%s"' % " ".join("%.1f,%.1f" % p for p in points)
        self.parts.append(
            '%s fill="%s" stroke="%s" stroke-width="1.5"><title>%s</title></%s>'
            % (shape, fill, colour, html.escape(title), shape[1:].split()[0])
        )

    def axis(self, x, y, height, low, high, title):
        """Ratios on a scale of doublings; returns where a ratio lies."""

        def place(ratio):
            ratio = min(max(ratio, low), high)
            return x + self.PLOT * math.log(ratio / low) / math.log(high / low)

        self.text(x, y - 22, title, 13, weight="bold")
        tick = low
        while tick <= high * 1.001:
            strong = abs(tick - 1) < 0.001
            self.rule(place(tick), y - 4, place(tick), y + height, "#888888" if strong else "#e4e4e4")
            self.text(place(tick), y - 8, "%g" % tick, 10, "middle", "#666666")
            tick *= 2
        return place

    def svg(self, width, height):
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
            'font-family="sans-serif">\n<rect width="100%%" height="100%%" fill="#ffffff"/>\n%s\n</svg>\n'
            % (width, height, width, height, "\n".join(self.parts))
        )


def bounds(ratios):
    """Powers of two around what is shown; what lies further out sticks to the edge."""
    low = min([r for r in ratios if r > 0], default=1)
    high = max(ratios, default=1)
    return (
        2.0 ** max(-4, math.floor(math.log2(min(low, 0.5)))),
        2.0 ** min(4, math.ceil(math.log2(max(high, 2)))),
    )


def write_svg(path, numbers, allocators, about):
    """Time and peak RSS over glibc's: the means, then each row."""
    picture = Picture(allocators)
    lines = {}  # metric -> row -> variant -> (ratio, hollow, title)
    for metric in LIMITS:
        tables = headline_tables(numbers, metric)
        rows = {"geometric mean": {}}
        for allocator in allocators:
            mean = geometric_mean(tables, allocator.name)
            if mean:
                value, _ = mean
                hollow = allocator.name != BASELINE and not differs_from_one(value)
                rows["geometric mean"][allocator.name] = (value.median, hollow)
        for table in tables:
            for row, cells in table.items():
                base = cells.get(BASELINE)
                if base and base.median:
                    rows[row] = {
                        v: (c.median / base.median, v != BASELINE and not c.differs(base))
                        for v, c in cells.items()
                    }
        lines[metric] = rows
    if len(lines["time"]) < 2:
        return False

    names = list(lines["time"])
    top = 120
    height = (len(names) + 1) * picture.LINE
    picture.text(20, 28, "libkmm beside other allocators: time and memory", 17, weight="bold")
    picture.text(20, 46, "; ".join(" ".join(line.split()) for line in about[:2]), 11, colour="#555555")
    x = 20
    for allocator in allocators:
        picture.mark(x + 6, 64, allocator.name, allocator.version, False)
        picture.text(x + 16, 68, allocator.name)
        x += 34 + 8 * len(allocator.name)
    for index, name in enumerate(names):
        y = top + index * picture.LINE + (picture.LINE if index else 6)
        bold = "bold" if not index else "normal"
        picture.text(picture.LEFT - 10, y + 4, name, 12, "end", weight=bold)
    for panel, (metric, rows) in enumerate(lines.items()):
        left = picture.LEFT + panel * (picture.PLOT + picture.GAP)
        low, high = bounds([r for cells in rows.values() for r, _ in cells.values()])
        title = "%s, times that of glibc: left is better" % METRICS[metric][0]
        place = picture.axis(left, top - 6, height, low, high, title)
        for index, name in enumerate(names):
            y = top + index * picture.LINE + (picture.LINE if index else 6)
            cells = rows.get(name, {})
            picture.rule(left, y, left + picture.PLOT, y, "#f0f0f0")
            # Ours last, on top of the others.
            for variant in sorted(cells, key=lambda v: v == OURS):
                ratio, hollow = cells[variant]
                picture.mark(place(ratio), y, variant, "%s, %s: %.2f" % (name, variant, ratio), hollow)
    bottom = top + height + 24
    picture.text(
        20,
        bottom,
        "Medians of interleaved rounds. A hollow mark: the rounds overlap with glibc's, "
        "no difference is claimed.",
        11,
        colour="#555555",
    )
    width = picture.LEFT + 2 * picture.PLOT + picture.GAP + 20
    with open(path, "w") as file:
        file.write(picture.svg(width, bottom + 14))
    return True
