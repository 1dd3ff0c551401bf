#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts debugging tools side by side: what they see, and what they cost.

    test/wrong/bench_debug.py [--quick] [--rounds N] [--only NAME]...
                              [--with NAME]... [--build DIR] [--list]

Each program of this directory has one mistake; its header says in which
function and line, and which functions allocated and freed the block. All of
them run under every configuration: plain allocators, libkmm's shim, the modes
of `kmm run`, AddressSanitizer, Valgrind. Looked at are: what was said, whether
it names those functions, and how the program ended. nothing_wrong is the
control: what is said there is no report of a mistake.

Then python3 and redis-server, which have no known mistake, run in every
configuration in turn, in an order that changes from round to round. The table
has medians, as ratios to glibc and to the plain shim.

A configuration that cannot run here is reported as not available, with the
message that says why. Results go to DIR/bench/debug: report.md (what is
printed), detection.csv, slowdown.csv.
"""

import sys

sys.dont_write_bytecode = True  # no traces among the sources

import argparse
import csv
import ctypes
import dataclasses
import fnmatch
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BENCH = os.path.join(ROOT, "test", "bench")
sys.path.insert(0, BENCH)

import jobs
import measure
import report

BASELINE = "glibc"
SHIM = "libkmm"
ROUNDS = 5
SLOW_ROUNDS = 3  # at most so many under what takes minutes
SECONDS = 120  # for a wrong program
SLOW_SECONDS = 900  # for a program under a slow tool
SLOWDOWN_JOBS = ("python3", "redis")

CONTROL = "nothing_wrong"
# In the order of the tables.
PROGRAMS = (
    CONTROL,
    "double_free_at_once",
    "double_free_later",
    "double_free_thread",
    "overrun_one_byte",
    "overrun_neighbour",
    "underrun",
    "write_after_free",
    "read_after_free",
    "free_interior",
    "free_stack",
    "free_foreign",
    "leak_among_many",
    "leak_realloc",
    "large_overrun",
    "unchecked_malloc",
    "large_use_after_free",
    "mismatched_free",
)


# Configurations --------------------------------------------------------------


@dataclasses.dataclass
class Configuration:
    """A way to run a program."""

    name: str
    prefix: tuple = ()  # of the command line
    preload: str = ""
    env: dict = dataclasses.field(default_factory=dict)
    build: str = ""  # the directory of wrong programs built for it
    only: tuple = ()  # of the programs, these
    timed: bool = True  # has a row in the table of slowdowns
    timed_prefix: tuple = None  # there, if it differs
    timed_preload: str = ""
    most_rounds: int = 0  # if it is slow
    note: str = ""
    missing: str = ""  # why it is not available
    usual: str = ""  # what it says of the control

    def arguments(self, timed):
        return self.timed_prefix if timed and self.timed_prefix is not None else self.prefix


def configurations(build):
    """All of them, whether or not they are there; see probe()."""
    libraries = measure.installed_libraries()
    found = [Configuration(BASELINE, note="libc's own malloc")]
    for name, soname, package in measure.DEBIAN_PEERS:
        path = libraries.get(soname, "")
        missing = "" if path else "%s is not installed" % package
        found.append(Configuration(name, preload=path, note=package, missing=missing))

    shim = os.path.join(build, "libkmm_malloc.so")
    missing = "" if os.path.exists(shim) else "no %s; run make" % shim
    note = "the shim by LD_PRELOAD, default parameters"
    found.append(Configuration(SHIM, preload=shim, note=note, missing=missing))

    def kmm(*options):
        return (os.path.join(build, "kmm"), "run", *options, "--")

    found += [
        Configuration("kmm run", kmm()),
        Configuration("kmm --check", kmm("--check")),
        Configuration("kmm --check=page", kmm("--check=page")),
        Configuration("kmm --leaks", kmm("--leaks")),
        Configuration(
            "kmm --guard",
            kmm("--guard=1/1"),
            timed_prefix=kmm("--guard"),
            note="wrong programs: --guard=1/1, each allocation; timed: the default rate",
        ),
        Configuration(
            "kmm --fail=sweep", kmm("--fail=sweep"), only=(CONTROL, "unchecked_malloc"), timed=False,
            note="runs a program many times; only for unchecked_malloc"
        ),
    ]  # fmt: skip
    # They find no mistakes, but have their cost.
    for option in ("--profile", "--profile=1", "--alloc-profile"):
        output = ("--profile-output=/dev/null",) if option.startswith("--profile") else ()
        target = option + "=/dev/null" if option == "--alloc-profile" else option
        found.append(Configuration("kmm " + option, kmm(target, *output), only=(CONTROL,)))
    found.append(
        Configuration(
            "ASan",
            build="asan",
            env={"ASAN_OPTIONS": "detect_leaks=1"},
            timed_preload=libraries.get("libasan.so.8", ""),
            note="wrong programs: built with -fsanitize=address; timed: only its malloc, preloaded, "
            "since those programs are not built for it",
        )
    )
    valgrind = ("valgrind", "-q", "--leak-check=full")
    found.append(
        Configuration(
            "Valgrind",
            (*valgrind, "--error-exitcode=99"),
            timed_prefix=valgrind,
            most_rounds=SLOW_ROUNDS,
            missing="" if shutil.which("valgrind") else "valgrind is not installed",
            note="memcheck, " + " ".join(valgrind[1:]),
        )
    )
    return found


def probe(configuration, build):
    """Why it cannot be used, by trying it on the control; "" if it can."""
    if configuration.prefix and not shutil.which(configuration.prefix[0]):
        return "%s: no such command" % configuration.prefix[0]
    binary = program_path(configuration, CONTROL, build)
    if not os.path.exists(binary):
        return "no %s; run make bench-debug" % binary
    run = execute(configuration, [binary])
    said = first_line(run.text)
    # An unknown word on its command line is only warned about by libkmm.
    # A sweep keeps the program's output to itself.
    done = run.done or "sweep:" in run.text
    if not done or re.search(r"[Uu]nknown|not (supported|implemented)", said):
        return "%s: %s" % (run.ended, said or "no message")
    configuration.usual = run.text
    return ""


def program_path(configuration, name, build):
    return os.path.join(build, "test", "wrong", configuration.build, name)


# Wrong programs --------------------------------------------------------------


@dataclasses.dataclass
class Program:
    """What its header says."""

    name: str
    source: str
    mistake: str = ""
    line: int = 0
    allocated: str = ""
    freed: str = ""
    lost: int = 0

    def places(self):
        """letter -> function, those that it has"""
        names = {"M": self.mistake, "A": self.allocated, "F": self.freed}
        return {letter: name for letter, name in names.items() if name}


def read_program(name):
    for ending in ("c", "cc"):
        path = os.path.join(HERE, "%s.%s" % (name, ending))
        if os.path.exists(path):
            break
    with open(path) as file:
        fields = dict(re.findall(r"^ \* (Mistake|Allocated|Freed|Lost):\s+(.*)$", file.read(), re.M))
    mistake, _, line = fields.get("Mistake", "").partition("() line ")
    return Program(
        name,
        os.path.basename(path),
        mistake,
        int(line or 0),
        fields.get("Allocated", "").rstrip("()"),
        fields.get("Freed", "").rstrip("()"),
        int(fields.get("Lost", 0)),
    )


@dataclasses.dataclass
class Run:
    ended: str  # "exit N" or the name of a signal or "hang"
    done: bool  # it came to its end
    text: str  # all else that was written


def no_randomization():
    """Stack and mappings where they were the last time, where that is allowed;
    what some allocators do with a wild pointer depends on it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).personality(0x0040000)  # ADDR_NO_RANDOMIZE


def execute(configuration, argv):
    tuning = ("LD_PRELOAD", "KMM_", "MALLOC_", "ASAN_", "LSAN_", "VALGRIND_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(tuning)}
    env.update(configuration.env, LC_ALL="C")
    # By env, so that neither kmm nor valgrind has the library itself.
    preload = ["env", "LD_PRELOAD=%s" % configuration.preload] if configuration.preload else []
    process = subprocess.Popen(
        [*configuration.prefix, *preload, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=env,
        preexec_fn=no_randomization,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=SECONDS)
        code = process.returncode
        # env and kmm pass a signal on as a shell does, or die of it.
        killed = -code if code < 0 else code - 128 if 128 < code < 160 else 0
        ended = signal.Signals(killed).name if killed else "exit %d" % code
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        ended = "hang"
    lines = out.splitlines()
    said = err.splitlines() + [line for line in lines if line != "done"]
    return Run(ended, "done" in lines, "\n".join(said))


def first_line(text):
    """The first that says what happened, without a process id before it."""
    for line in text.splitlines():
        line = re.sub(r"^==\d+==\s*(ERROR: )?", "", line).strip()
        if re.search(r"[A-Za-z]{3}", line) and not re.fullmatch(r"Thread \d+:", line):
            return line
    return ""


def unusual(text, usual):
    """The lines that are not, but for their numbers, among the usual ones."""

    def pattern(line):
        return re.sub(r"(0x)?[0-9a-f]*[0-9][0-9a-f]*", "N", line)

    known = set(map(pattern, usual.splitlines()))
    return "\n".join(line for line in text.splitlines() if pattern(line) not in known)


def functions_by_address(text, binary):
    """The functions that the text names as BINARY+0xOFFSET, which takes one
    more command to read."""
    offsets = re.findall(re.escape(os.path.basename(binary)) + r"\+(0x[0-9a-f]+)", text)
    if not offsets:
        return set()
    # They are where a call returns to.
    calls = ["%#x" % (int(offset, 16) - 1) for offset in offsets]
    answer = measure.command_output("addr2line", "-f", "-C", "-e", binary, *calls)
    return {line.partition("(")[0] for line in answer.splitlines()[::2]}


@dataclasses.dataclass
class Finding:
    """What a configuration made of a program."""

    run: Run
    said: str  # its first line
    named: str  # letters of the places that are named; small ones: by address
    wanted: str  # letters there are
    line: bool  # the source line is named
    counted: bool  # the number of lost blocks

    def silent(self):
        return self.run.done and not self.said and self.run.ended == "exit 0"

    def whole(self):
        return self.named == self.wanted and self.counted

    def cell(self):
        if self.silent():
            return "–"
        if not self.said:
            return self.run.ended
        if not self.wanted:
            return "says something"
        names = " ".join(letter if letter in self.named else letter.lower() if
                         letter.lower() in self.named else "·" for letter in self.wanted)  # fmt: skip
        names = "**%s**" % names if self.whole() else names
        how = "hangs" if self.run.ended == "hang" else "goes on" if self.run.done else "stops"
        return "%s %s" % (names, how)


def find(configuration, program, build):
    binary = program_path(configuration, program.name, build)
    if not os.path.exists(binary):
        raise ValueError("no %s; run make bench-debug" % binary)
    run = execute(configuration, [binary])
    if program.name != CONTROL:
        run.text = unusual(run.text, configuration.usual)
    by_address = functions_by_address(run.text, binary)
    named = ""
    for letter, function in program.places().items():
        if re.search(r"\b%s\b" % function, run.text):
            named += letter
        elif function in by_address:
            named += letter.lower()
    return Finding(
        run,
        first_line(run.text),
        named,
        "".join(program.places()),
        "%s:%d" % (program.source, program.line) in run.text,
        not program.lost or bool(re.search(r"\b%d (block|object|allocation)" % program.lost, run.text)),
    )


# Slowdown --------------------------------------------------------------------


class Slowdown:
    def __init__(self, runner, wanted, chosen, rounds):
        self.runner = runner
        self.jobs = wanted
        self.configurations = chosen
        self.rounds = rounds
        self.values = {}  # (job, configuration) -> [(wall, cpu, rss) ...]
        self.failed = {}  # (job, configuration) -> words

    def run_job(self, job, configuration):
        prefix = list(configuration.arguments(timed=True))
        preload = configuration.timed_preload or configuration.preload
        env = dict(job.env)
        if configuration.build:
            env["ASAN_OPTIONS"] = "detect_leaks=0"
        if job.redis_requests:
            if configuration.name == BASELINE or prefix and prefix[0] == "valgrind":
                # Else it would run on the allocator it is linked with.
                preload = measure.Allocator(BASELINE).preload(job.own_malloc)
            return self.runner.redis(
                preload, job.redis_requests, timeout=SLOW_SECONDS, prefix=prefix, env=env
            )
        return self.runner.run([*prefix, *job.argv], preload=preload, env=env, timeout=SLOW_SECONDS)

    def measure(self, job, configuration):
        key = job.name, configuration.name
        if key in self.failed:
            return
        outcome = self.run_job(job, configuration)
        if outcome.failure():
            self.failed[key] = "%s: %s" % (outcome.failure(), first_line(outcome.errors))
        else:
            self.values.setdefault(key, []).append((outcome.wall, outcome.cpu, outcome.rss))

    def all_rounds(self):
        for number in range(1, self.rounds + 1):
            order = random.Random(number)
            due = [c for c in self.configurations if not c.most_rounds or number <= c.most_rounds]
            queue = [(job, c) for job in self.jobs for c in due]
            order.shuffle(queue)
            for job, configuration in queue:
                show_progress("round %d: %s, %s" % (number, job.name, configuration.name))
                self.measure(job, configuration)

    def value(self, job, configuration, which):
        """The rounds of one cell, or None."""
        values = self.values.get((job, configuration))
        return report.Value({n: value[which] for n, value in enumerate(values)}) if values else None


# Report ----------------------------------------------------------------------


def show_progress(text):
    print(text, file=sys.stderr, flush=True)


def plain(text, build):
    """Without what differs from run to run or from machine to machine."""
    return re.sub(r"0x[0-9a-f]{5,}", "0x…", text.replace(os.path.join(build, ""), ""))


def markdown(write, head, rows):
    write("| %s |" % " | ".join(head))
    write("|%s" % ("---|" * len(head)))
    for row in rows:
        write("| %s |" % " | ".join(row))


LEGEND = """\
M, A, F: the report names the function of the mistake, of the allocation, of the first free;
m, a, f: it gives the address, which addr2line turns into that function; ·: it does not.
**Bold**: it names all there is to name (of leaks, also how many). "stops": the program does
not come to its end; "goes on": it does. A signal or an exit status alone: nothing was said.
–: the program ends as if nothing were wrong."""


def write_detection(write, programs, columns, findings, build):
    write("## What is seen\n")
    write(LEGEND + "\n")
    rows = []
    for program in programs:
        cells = [findings[program.name, c.name].cell() if (program.name, c.name) in findings
                 else "n/a" if c.missing else "" for c in columns]  # fmt: skip
        rows.append([program.name, *cells])
    for title, counts in (
        ("*noticed*", lambda finding: not finding.silent()),
        ("*in words*", lambda finding: bool(finding.said)),
        ("*all named*", lambda finding: bool(finding.said) and finding.whole()),
    ):
        cells = []
        for c in columns:
            mine = [f for (_, name), f in findings.items() if name == c.name and f.wanted]
            cells.append("%d of %d" % (sum(map(counts, mine)), len(mine)) if mine else "")
        rows.append([title, *cells])
    markdown(write, ["", *(c.name for c in columns)], rows)
    write("\n## What is said first\n")
    for program in programs:
        mine = {c.name: findings.get((program.name, c.name)) for c in columns}
        mine = {name: f for name, f in mine.items() if f and not f.silent()}
        write("%s%s\n" % (program.name, "" if mine else ": nothing, by none of them"))
        for name, finding in mine.items():
            said = plain(finding.said, build)
            write("- %s: %s (%s)" % (name, "`%s`" % said if said else "nothing", finding.run.ended))
        if mine:
            write("")


def write_slowdown(write, slowdown):
    write("## What it costs\n")
    write("Wall clock (CPU time) as ratios to glibc, ± half the range in percent; then as ratios to the")
    rounds = slowdown.rounds, SLOW_ROUNDS
    write("plain shim. Medians of %d rounds; of at most %d where a round takes minutes. ~: the" % rounds)
    write("rounds overlap with those they are compared to, or are fewer than three: no difference is")
    write("claimed.")
    write("Redis: wall clock of its clients, CPU time of the server.\n")
    head = [""]
    for job in slowdown.jobs:
        head += [job.name, "to the shim"]
    rows = []
    for c in slowdown.configurations:
        row = [c.name]
        for job in slowdown.jobs:
            row += slowdown_cells(slowdown, job.name, c.name)
        rows.append(row)
    markdown(write, head, rows)
    for (job, name), why in slowdown.failed.items():
        write("\nfailed: %s, %s: %s" % (job, name, why))


def ratio(value, base):
    return "%.2f%s" % (value.median / base.median, "" if value.differs(base) else "~")


def slowdown_cells(slowdown, job, name):
    if (job, name) not in slowdown.values:
        return ["failed" if (job, name) in slowdown.failed else "-", ""]

    def ratios(base):
        pairs = [(slowdown.value(job, name, which), slowdown.value(job, base, which)) for which in (0, 1)]
        return "%s (%s)" % tuple(ratio(*pair) for pair in pairs) if pairs[0][1] else ""

    wall, cpu = (slowdown.value(job, name, which) for which in (0, 1))
    text = "%.2f s (%.2f s)" % (wall.median, cpu.median)
    if name != BASELINE:
        text = ratios(BASELINE) or text
    return [text + " ±%.0f" % wall.spread(), ratios(SHIM) if name != SHIM else ""]


def write_configurations(write, all_configurations):
    write("\n## Configurations\n")
    for c in all_configurations:
        words = [" ".join(os.path.basename(w) if w.startswith(os.sep) else w for w in c.prefix), c.note]
        text = "; ".join(word for word in words if word)
        if c.missing:
            text = "not available: %s" % c.missing
        write("- %s: %s" % (c.name, text))


def write_csv(directory, programs, findings, slowdown, all_configurations):
    with open(os.path.join(directory, "detection.csv"), "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(
            ("program", "configuration", "available", "noticed", "ended", "done", "named", "wanted", "line",
             "counted", "said")
        )  # fmt: skip
        for program in programs:
            for c in all_configurations:
                f = findings.get((program.name, c.name))
                if f:
                    out.writerow(
                        (program.name, c.name, 1, int(not f.silent()), f.run.ended, int(f.run.done), f.named,
                         f.wanted, int(f.line), int(f.counted), f.said)
                    )  # fmt: skip
                elif c.missing:
                    out.writerow((program.name, c.name, 0) + ("",) * 7 + (c.missing,))
    with open(os.path.join(directory, "slowdown.csv"), "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("program", "configuration", "round", "wall_s", "cpu_s", "rss_kib", "failed"))
        if slowdown:
            for (job, name), values in slowdown.values.items():
                for number, (wall, cpu, rss) in enumerate(values, 1):
                    out.writerow((job, name, number, "%.4f" % wall, "%.4f" % cpu, "%.0f" % rss, ""))
            for (job, name), why in slowdown.failed.items():
                out.writerow((job, name, "", "", "", "", why))


# Command line ----------------------------------------------------------------


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="bench_debug.py",
        description="Put debugging tools side by side, on wrong programs and in their cost.",
        allow_abbrev=False,
    )
    parser.add_argument("--quick", action="store_true", help="less work for the slowdowns")
    rounds = "of the slowdowns; default: %d" % ROUNDS
    parser.add_argument("--rounds", type=int, metavar="N", default=ROUNDS, help=rounds)
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a wrong program, or python3 or redis, or a pattern"
    )
    parser.add_argument(
        "--with", action="append", metavar="NAME", dest="chosen", help="a configuration, or a pattern"
    )
    build = os.path.join(ROOT, "build")
    parser.add_argument("--build", default=build, metavar="DIR", help="default: build")
    parser.add_argument("--list", action="store_true", help="print what can be named, run nothing")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("--rounds: must be at least 1")
    return options


def selected(names, patterns, option):
    """Those of names that a pattern fits; a pattern that fits none is refused."""
    found = set()
    for pattern in patterns or ["*"]:
        hits = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
        if not hits:
            raise ValueError("%s %s: no such name; see --list" % (option, pattern))
        found.update(hits)
    return [name for name in names if name in found]


def slowdown_jobs(options, names, inputs):
    wanted = []
    for job in jobs.program_jobs(options.quick, inputs, BENCH):
        if job.name in names:
            missing = [name for name in job.needs if not shutil.which(name)]
            if missing:
                show_progress("%s is left out: no %s" % (job.name, ", ".join(missing)))
            else:
                wanted.append(job)
    return wanted


def machine(build, argv):
    versions = [measure.Allocator(BASELINE, "", measure.command_output("getconf", "GNU_LIBC_VERSION"))]
    versions.append(measure.Allocator(SHIM, "", measure.libkmm_version(ROOT)))
    libraries = measure.installed_libraries()
    for name, soname, _ in measure.DEBIAN_PEERS:
        if soname in libraries:
            versions.append(measure.Allocator(name, "", measure.version_of(libraries[soname])))
    valgrind = measure.command_output("valgrind", "--version")
    if valgrind:
        versions.append(measure.Allocator("valgrind", "", valgrind))
    return report.machine(versions, ["test/wrong/bench_debug.py", *argv])


def main(argv):
    options = parse(argv)
    build = os.path.abspath(options.build)
    names = selected((*PROGRAMS, *SLOWDOWN_JOBS), options.only, "--only")
    if options.list:
        print("programs\n  %s" % ", ".join(PROGRAMS))
        print("slowdown\n  %s" % ", ".join(SLOWDOWN_JOBS))
        print("configurations\n  %s" % ", ".join(c.name for c in configurations(build)))
        return 0
    all_configurations = configurations(build)
    wanted = selected([c.name for c in all_configurations], options.chosen, "--with")
    chosen = [c for c in all_configurations if c.name in wanted]
    for c in chosen:
        c.missing = c.missing or probe(c, build)
    programs = [read_program(name) for name in names if name in PROGRAMS]
    directory = os.path.join(build, "bench", "debug")
    os.makedirs(directory, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    about = machine(build, argv)

    findings = {}
    for c in chosen:
        for program in programs:
            if not c.missing and (not c.only or program.name in c.only):
                show_progress("%s, %s" % (program.name, c.name))
                findings[program.name, c.name] = find(c, program, build)

    slowdown = None
    scratch = tempfile.mkdtemp(prefix="kmm-bench-")
    try:
        timed = slowdown_jobs(options, names, os.path.join(build, "bench", "inputs"))
        if timed:
            runner = measure.Runner(os.path.join(build, "test", "bench"), scratch)
            rows = [c for c in chosen if c.timed and not c.missing]
            rows = [c for c in rows if not c.build or c.timed_preload]
            slowdown = Slowdown(runner, timed, rows, options.rounds)
            slowdown.all_rounds()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

    with open(os.path.join(directory, "report.md"), "w") as file:

        def write(line):
            print(line)
            file.write(line + "\n")

        write("# Debugging tools side by side\n")
        write("```\n%s\n```\n" % "\n".join(about))
        if programs:
            write_detection(write, programs, chosen, findings, build)
        if slowdown:
            write_slowdown(write, slowdown)
        write_configurations(write, chosen)
    write_csv(directory, programs, findings, slowdown, chosen)
    print("\nwrote report.md, detection.csv, slowdown.csv to %s" % directory)
    # A peer that fails is a result; ours that fails is an error.
    failed = slowdown.failed if slowdown else ()
    return 1 if any(name.startswith((SHIM, "kmm")) for _, name in failed) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except ValueError as error:
        print("bench_debug.py: %s" % error, file=sys.stderr)
        sys.exit(2)
