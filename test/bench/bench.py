#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts libkmm beside other allocators, in time and in memory.

    test/bench/bench.py [--quick] [--rounds N] [--only NAME]... [--build DIR] [--list]

Every job of jobs.py runs with each allocator: libc's own, libkmm, jemalloc,
tcmalloc and mimalloc as Debian packages them, and those of
BENCH_PEERS="name=path ...". The allocators take turns within a job and the jobs
within a round, in an order that changes; so a slow minute of the machine does
not hit one of them. Before the first round, each job runs once to warm up the
file cache. What is missing is skipped, and the report says so.

It prints tables and writes to DIR/bench: report.txt (the same), runs.csv (each
measurement), summary.csv, bench.svg and machine.txt.

A machine that does something else meanwhile gives numbers that mean nothing.
"""

import sys

sys.dont_write_bytecode = True  # no traces among the sources

import argparse
import fnmatch
import os
import random
import shutil
import signal
import tempfile
import time

import jobs
import measure
import report

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
QUICK_SECONDS = 225  # of the promised four minutes; the rest is for the report
ROUNDS = 5
QUICK_ROUNDS = 3
# What sleeps ten seconds a round says the same each time.
IDLE_ROUNDS = 3
PROGRAMS = ("run", "fast", "threads", "heap", "objects")


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="bench.py",
        description="Put libkmm beside other allocators, in time and in memory.",
        epilog='Further allocators: BENCH_PEERS="name=path ...".',
        allow_abbrev=False,
    )
    parser.add_argument("--quick", action="store_true", help="less work; answers within four minutes")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="%d, or %d with --quick" % (ROUNDS, QUICK_ROUNDS)
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a section or a job, or a pattern such as 'git*'"
    )
    build = os.path.join(ROOT, "build")
    parser.add_argument("--build", default=build, metavar="DIR", help="default: build")
    parser.add_argument("--list", action="store_true", help="print sections and jobs, run nothing")
    options = parser.parse_args(argv)
    if options.rounds is None:
        options.rounds = QUICK_ROUNDS if options.quick else ROUNDS
    if options.rounds < 1:
        parser.error("--rounds: must be at least 1")
    return options


def selected(all_jobs, names):
    """The jobs whose name or section is asked for."""
    if not names:
        return all_jobs
    found = set()
    for name in names:
        hits = [
            i
            for i, job in enumerate(all_jobs)
            if fnmatch.fnmatchcase(job.name, name) or fnmatch.fnmatchcase(job.section, name)
        ]
        if not hits:
            raise ValueError("--only %s: no such section or job; see --list" % name)
        found.update(hits)
    return [job for i, job in enumerate(all_jobs) if i in found]


def show_progress(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options, runner, allocators, skipped):
        self.options = options
        self.runner = runner
        self.allocators = allocators
        self.skipped = skipped
        self.numbers = report.Numbers()
        self.start = time.monotonic()
        self.counter = None  # how instructions are counted

    def elapsed(self):
        return time.monotonic() - self.start

    def late(self, more=0):
        return self.options.quick and self.elapsed() + more > QUICK_SECONDS

    def skip(self, job, why):
        note = "%s: %s" % (job.name, why)
        if note not in self.skipped:
            self.skipped.append(note)

    # Before the rounds

    def prepare(self, wanted):
        """The jobs that can run, with their inputs made."""
        ready = []
        for job in wanted:
            missing = [name for name in job.needs if not shutil.which(name)]
            try:
                if missing:
                    raise measure.Skip("no %s" % ", ".join(missing))
                if job.limit_mib:
                    measure.MemoryGroup(job.limit_mib << 20).close()
                if job.instructions and not self.find_counter():
                    raise measure.Skip("neither perf nor valgrind counts instructions here")
                if job.prepare:
                    job.prepare()
            except (measure.Skip, OSError) as why:
                self.skip(job, why)
                continue
            ready.append(job)
        return ready

    def find_counter(self):
        if self.counter is None:
            self.counter = ()
            for name, argv in (
                ("perf", ("perf", "stat", "-x", ",", "-e", "instructions:u")),
                ("valgrind", ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")),
            ):
                if shutil.which(name):
                    outcome = self.runner.run([*argv, "true"])
                    if self.instructions_in(outcome.errors):
                        self.counter = argv
                        break
        return self.counter

    @staticmethod
    def instructions_in(text):
        for line in text.splitlines():
            fields = line.split(",")
            if len(fields) > 2 and fields[2].startswith("instructions") and fields[0].isdigit():
                return int(fields[0])
            if "Collected :" in line:
                return int(line.rpartition(":")[2])
        return 0

    # One measurement

    def command(self, argv):
        program = argv[0]
        if program in PROGRAMS:
            program = self.runner.program(program)
        return [program, *argv[1:]]

    def preload(self, job, allocator):
        return allocator.preload(job.own_malloc) if allocator else ""

    def run_job(self, job, allocator):
        preload = self.preload(job, allocator)
        if job.redis_requests:
            return self.runner.redis(preload, job.redis_requests, timeout=job.timeout)
        options = {"preload": preload, "env": job.env, "stdin": job.stdin, "timeout": job.timeout}
        if not job.limit_mib:
            return self.runner.run(self.command(job.argv), **options)
        group = measure.MemoryGroup(job.limit_mib << 20)
        try:
            return self.runner.run(self.command(job.argv), group=group.procs(), **options)
        finally:
            group.close()

    def record(self, job, variant, number, outcome):
        """Its numbers, if it did well; else why not."""
        if outcome.status == measure.SKIPPED:
            self.skip(job, outcome.errors or "does not apply")
            return
        if outcome.failure():
            reason = " ".join([outcome.failure()] + outcome.errors.splitlines()[-1:])
            self.numbers.failed[(job.section, job.name, variant)] = reason[:60]
            return
        if job.results is None:
            values = {"time": outcome.wall, "cpu": outcome.cpu, "rss": outcome.rss, "faults": outcome.faults}
            for metric, value in values.items():
                self.numbers.add(job, job.name, metric, variant, number, value)
            return
        for name, value in outcome.results.items():
            row, metric = job.results.get(name) or job.results.get("*", ("", ""))
            if row:
                self.numbers.add(job, row.replace("*", name), metric, variant, number, value)

    def columns(self, job):
        """(name of the column, allocator) for each run of a job in a round."""
        if job.variant:
            return [(job.variant, None)]
        return [(a.name, a) for a in self.allocators if not job.only or a.name in job.only]

    def count_instructions(self, job, variant, allocator):
        if allocator and allocator.name == report.OURS and "valgrind" in self.counter[0]:
            self.skip(job, "libkmm: under Valgrind it runs what a memory checker needs, and not its fast path")
            return
        *commands, operations = job.instructions
        counts = []
        for argv in commands:
            outcome = self.runner.run(
                [*self.counter, *self.command(argv)], preload=self.preload(job, allocator), timeout=300
            )
            counts.append(self.instructions_in(outcome.errors))
        if all(counts):
            value = (counts[1] - counts[0]) / operations
            self.numbers.add(job, job.name, "instructions", variant, 1, value)
        else:
            self.numbers.failed[(job.section, job.name, variant)] = "not counted"

    # Rounds

    def warm_up(self, wanted):
        for job in wanted:
            if job.section in ("patterns", "programs", "fast", "objects") and not self.late():
                self.run_job(job, self.columns(job)[0][1])

    def round(self, wanted, number):
        order = random.Random(number)
        queue = [job for job in wanted if job.section not in ("idle", "instructions")]
        order.shuffle(queue)
        for job in queue:
            if number == 1 and self.late():
                self.skip(job, "no time left")
                continue
            columns = self.columns(job)
            order.shuffle(columns)
            for variant, allocator in columns:
                self.record(job, variant, number, self.run_job(job, allocator))
        if number <= IDLE_ROUNDS:
            self.idle_round([job for job in wanted if job.section == "idle"], number)
        if number == 1:
            for job in wanted:
                if job.section == "instructions":
                    for variant, allocator in self.columns(job):
                        self.count_instructions(job, variant, allocator)

    def idle_round(self, wanted, number):
        """These sleep, so they run side by side, as many as have room."""
        waiting = [(job, *column) for job in wanted for column in self.columns(job)]
        while waiting:
            room = jobs.memory_mib() // 2
            running = []
            while waiting and (not running or waiting[0][0].side_by_side_mib <= room):
                job, variant, allocator = waiting.pop(0)
                room -= job.side_by_side_mib
                started = self.runner.start(
                    self.command(job.argv), preload=self.preload(job, allocator), timeout=job.timeout
                )
                running.append((job, variant, started))
            for job, variant, started in running:
                self.record(job, variant, number, self.runner.finish(started))

    def all_rounds(self, wanted):
        show_progress("warming up %d jobs" % len(wanted))
        self.warm_up(wanted)
        for number in range(1, self.options.rounds + 1):
            before = self.elapsed()
            self.round(wanted, number)
            took = self.elapsed() - before
            show_progress("round %d of %d took %.0f s" % (number, self.options.rounds, took))
            if number < self.options.rounds and self.late(took):
                self.skipped.append("rounds after %d: the time of --quick is used up" % number)
                break


def write_results(directory, bench, about):
    lines = []

    def write(line):
        lines.append(line + "\n")
        print(line)

    report.write_report(write, bench.numbers, bench.allocators, about, bench.skipped)
    report.write_csv(directory, bench.numbers)
    picture = report.write_svg(
        os.path.join(directory, "bench.svg"), bench.numbers, bench.allocators, about
    )
    with open(os.path.join(directory, "report.txt"), "w") as file:
        file.writelines(lines)
    print("\nwrote report.txt, runs.csv, summary.csv%s to %s" % (", bench.svg" if picture else "", directory))


def main(argv):
    options = parse(argv)
    build = os.path.abspath(options.build)
    programs = os.path.join(build, "test", "bench")
    directory = os.path.join(build, "bench")
    inputs = os.path.join(directory, "inputs")
    wanted = selected(jobs.all_jobs(options.quick, inputs, HERE), options.only)
    if options.list:
        for section, title, _ in jobs.SECTIONS:
            names = dict.fromkeys(job.name for job in wanted if job.section == section)
            if names:
                print("%s (%s)\n  %s" % (section, title, ", ".join(names)))
        return 0
    for name in PROGRAMS:
        if not os.path.exists(os.path.join(programs, name)):
            print("bench.py: no %s in %s; run make bench" % (name, programs), file=sys.stderr)
            return 2

    os.makedirs(inputs, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    scratch = tempfile.mkdtemp(prefix="kmm-bench-")
    try:
        runner = measure.Runner(programs, scratch)
        skipped = []
        allocators = measure.find_allocators(runner, ROOT, build, os.environ.get("BENCH_PEERS", ""), skipped)
        command = ["test/bench/bench.py", *argv]
        about = report.machine(allocators, command)
        bench = Bench(options, runner, allocators, skipped)
        bench.all_rounds(bench.prepare(wanted))
        write_results(directory, bench, about)
        peers = {a.name for a in allocators} - {report.OURS}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    # A peer that fails is a result; ours that fails is an error.
    return 1 if any(variant not in peers for _, _, variant in bench.numbers.failed) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except ValueError as error:
        print("bench.py: %s" % error, file=sys.stderr)
        sys.exit(2)
