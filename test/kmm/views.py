#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks of what the views of kmm print, for test_views.sh.

    views.py json REPORT [LINES] <OUTPUT	the documented form
    views.py same JSON CSV			the same rows in both
    views.py names <OUTPUT			the caches of `views names`
    views.py row KEY VALUE FIELD <OUTPUT	one field of a row
    views.py openmetrics <OUTPUT		the grammar of OpenMetrics 1.0
    views.py rss PERCENT <OUTPUT		the rows add up to Rss
    views.py damage PID SEED ADDRESS:BYTES...	write nonsense over a process
    views.py screen PROGRAM...			top in tmux: see below

It says what is wrong and ends with 1, or prints nothing."""
import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time


def fail(*what):
    print(*what)
    sys.exit(1)


def check(condition, *what):
    if not condition:
        fail(*what)


def document(text, report):
    d = json.loads(text, parse_constant=lambda c: fail("no JSON:", c))
    check(d["schema"] == "kmm." + report, "schema", d["schema"])
    check(d["version"] == 1, "version", d["version"])
    check(("pid" in d) != ("core" in d), "neither process nor core")
    check(isinstance(d["time"], float), "time", d["time"])
    check(d["rows"], "no rows")
    for row in d["rows"]:
        check(list(row) == list(d["rows"][0]), "other columns", row)
    return d


def check_json(report, lines=1):
    text = sys.stdin.read().splitlines()
    check(len(text) >= int(lines), "only", len(text), "documents")
    for line in text:
        document(line, report)


def check_same(json_file, csv_file):
    with open(json_file) as f:
        rows = json.load(f)["rows"]
    with open(csv_file, newline="") as f:
        table = list(csv.DictReader(f))
    check(len(rows) == len(table), len(rows), "rows and", len(table))
    for a, b in zip(rows, table):
        check(list(a) == list(b), "columns", list(a), list(b))
        for name, value in a.items():
            text = "" if value is None else str(value)
            if isinstance(value, float):
                text = "%.3f" % value
            check(text == b[name], name, repr(text), repr(b[name]))


def check_names():
    d = document(sys.stdin.read(), "caches")
    names = [row["name"] for row in d["rows"]]
    for name in ("comma,here", 'quote"here', "back\\slash", "\ufffd\ufffd",
                 "\u00e4\u00f6", "line\nbreak", "=SUM(1)", "\033[2J"):
        check(name in names, "no", repr(name))
    check(names.count("twice") == 2, "not twice")


def check_row(key, value, field):
    for row in json.load(sys.stdin)["rows"]:
        if str(row[key]) == value:
            print(row[field])
            return
    fail("no row", key, value)


LABELS = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')


def labels_of(text):
    labels, at = {}, 0
    while at < len(text):
        m = LABELS.match(text, at)
        check(m, "labels", text)
        check(m.group(1) not in labels, "label twice", text)
        labels[m.group(1)] = m.group(2)
        at = m.end()
    return tuple(sorted(labels.items()))


def check_openmetrics():
    text = sys.stdin.read()
    check(text.endswith("# EOF\n"), "no end")
    family, kind, unit, seen, samples = None, None, None, set(), set()
    for line in text.splitlines()[:-1]:
        if line.startswith("# "):
            word, name, rest = line[2:].split(" ", 2)
            check(re.fullmatch(r"kmm_[a-z0-9_]+", name), "name", name)
            if word == "TYPE":
                check(name not in seen, "family twice", name)
                check(rest in ("gauge", "counter", "info"), line)
                seen.add(name)
                family, kind, unit = name, rest, None
            elif word == "UNIT":
                check(name == family and name.endswith("_" + rest), line)
            else:
                check(word == "HELP" and name == family, line)
            continue
        m = re.fullmatch(r"(\w+)(?:\{(.*)\})? ([0-9]+)", line)
        check(m, "sample", line)
        suffix = {"gauge": "", "counter": "_total", "info": "_info"}[kind]
        check(m.group(1) == family + suffix, "not of", family, line)
        sample = m.group(1), labels_of(m.group(2) or "")
        check(sample not in samples, "sample twice", line)
        samples.add(sample)
    check(len(samples) > 100, "only", len(samples), "samples")
    print(len(seen), "families")


def check_rss(percent):
    rows = {r["row"]: r["bytes"] for r in json.load(sys.stdin)["rows"]}
    total, rss = rows.pop("sum"), rows.pop("rss")
    check(len(rows) == 9, "rows", list(rows))
    check(abs(sum(rows.values()) - total) <= len(rows), "sum", rows, total)
    check(abs(total - rss) * 100 <= float(percent) * rss,
          "sum", total, "of Rss", rss)
    check(rows["live"] > 0 and rows["metadata"] > 0, "empty", rows)


def damage(pid, seed, *places):
    rng = random.Random(int(seed))
    with open("/proc/%s/mem" % pid, "r+b", buffering=0) as mem:
        for _ in range(20):
            address, size = (int(x, 0) for x in rng.choice(places).split(":"))
            where = address + rng.randrange(size // 8) * 8
            mem.seek(where)
            old = int.from_bytes(mem.read(8), "little")
            new = rng.choice([0, 1, 2**64 - 1, old + 8, old ^ 1 << rng.randrange(64),
                              rng.getrandbits(64), address, old + 4096])
            mem.seek(where)
            mem.write((new % 2**64).to_bytes(8, "little"))


class Screen:
    """A command in a terminal of its own, which tmux keeps."""

    number = 0

    def __init__(self, command, width=100, height=30):
        Screen.number += 1
        self.tmux = ["tmux", "-f", "/dev/null", "-L",
                     "kmm-test-%d-%d" % (os.getpid(), Screen.number)]
        self.run("new-session", "-d", "-x", str(width), "-y", str(height),
                 " ".join(command) + "; echo status $?; cat")

    def run(self, *args):
        return subprocess.run(self.tmux + list(args), check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def text(self):
        return self.run("capture-pane", "-p")

    def wait(self, pattern, lines=range(1000), holds=lambda text: True):
        """Until it shows the pattern, in a number of lines that is one of these,
        and holds() of the text: which may be only half drawn at first."""
        end = time.monotonic() + 40
        while time.monotonic() < end:
            text = self.text()
            if re.search(pattern, text, re.M) and \
                    len(text.rstrip().split("\n")) in lines:
                try:
                    if holds(text):
                        return text
                except (IndexError, ValueError, StopIteration):
                    pass
            time.sleep(0.02)
        self.close()
        fail("no /%s/ in %s lines of\n%s" % (pattern, lines, text))

    def key(self, key):
        self.run("send-keys", key)

    def resize(self, width, height):
        self.run("resize-window", "-x", str(width), "-y", str(height))

    def close(self):
        subprocess.run(self.tmux + ["kill-server"], stderr=subprocess.DEVNULL)


COLUMNS = r"^ *OBJS +ACTIVE +USE +OBJ SIZE +SLABS +OBJ/SLAB +CACHE SIZE +NAME *$"


def table(text):
    """The rows below the heading, as lists of words."""
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if re.match(COLUMNS, line))
    return [line.split() for line in lines[at + 1:] if line.split()]


def descending(rows, column):
    numbers = [float(row[column].rstrip("K%")) for row in rows]
    return len(numbers) > 3 and numbers == sorted(numbers, reverse=True)


def screen(kmm, pid):
    # Long enough that only keys can be what changes it.
    s = Screen([kmm, "top", "--delay=1000", pid])
    try:
        s.wait("sorted by objects$", holds=lambda text:
               descending(table(text), 0) and
               re.search(r"^ Memory: [0-9]+K online.*[1-9][0-9]*K RSS", text, re.M) and
               re.search(r"^ Buddy: +Normal( +\d+){11} *$", text, re.M))
        for key, by, column in (("a", "active objects", 1), ("u", "use", 2),
                                ("s", "object size", 3), ("l", "slabs", 4),
                                ("v", "active slabs", 4),
                                ("b", "objects per slab", 5),
                                ("c", "cache size", 6), ("O", "objects", 0),
                                ("p", "pages per slab", None)):
            s.key(key)
            s.wait("sorted by %s$" % by, holds=lambda text, column=column:
                   column is None or descending(table(text), column))
        s.key("n")
        s.wait("sorted by name$", range(30, 31), lambda text:
               [row[7] for row in table(text)] ==
               sorted(row[7] for row in table(text)))
        # Smaller, and larger than before.
        s.resize(60, 12)
        s.wait(r"^ *OBJS +ACTIVE", range(12, 13), lambda text:
               max(len(line) for line in text.split("\n")) <= 60)
        s.resize(120, 45)
        s.wait(COLUMNS, range(31, 46))
        s.key("Space")
        s.key("q")
        text = s.wait("^status 0$")
        check("OBJS" not in text, "the screen was not left", text)
    finally:
        s.close()
    # The end of the process ends it, at once.
    s = Screen([kmm, "top", "--delay=1000", "--sort=n", pid])
    try:
        s.wait("sorted by name$")
        os.kill(int(pid), signal.SIGKILL)
        text = s.wait("^status 3$")
        check(re.search("^kmm top: process %s has ended$" % pid, text, re.M), text)
    finally:
        s.close()


COMMANDS = {"json": check_json, "same": check_same, "names": check_names,
            "row": check_row, "openmetrics": check_openmetrics,
            "rss": check_rss, "damage": damage, "screen": screen}
COMMANDS[sys.argv[1]](*sys.argv[2:])
