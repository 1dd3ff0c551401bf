# SPDX-License-Identifier: MIT
"""What the benchmark runs: one Job per command, in sections.

A job runs once per round for each allocator, or, if it names a variant, once
without any (the kernel's functions do not care about malloc). One job fills
one row of its section's tables with what was measured from outside, or several
rows with what the program printed.

The quick form has the same jobs with less work, and a few less. Under glibc on
two cores a quick job takes about a third of a second.
"""

import dataclasses
import os
import shutil
import sys

import inputs

# Processes of the section "idle" sleep; they run side by side.
SECTIONS = (
    # name, title, metrics
    ("patterns", "Patterns", ("time", "cpu", "rss", "faults")),
    ("programs", "Real programs", ("time", "cpu", "rss", "faults")),
    ("idle", "Memory of idle and of small processes", ("kib", "overhead")),
    ("fast", "Fast paths of malloc", ("ns",)),
    ("growth", "Growth", ("ns", "kib")),
    ("objects", "Object caches and pages, beside malloc", ("ns", "kib")),
    ("instructions", "Instructions of a malloc and free pair", ("instructions",)),
)
# Their rows make the geometric means: whole processes, nothing in them twice.
HEADLINE = ("patterns", "programs")


@dataclasses.dataclass
class Job:
    section: str
    name: str
    argv: tuple = ()
    # What the program prints -> (row, metric); without it, one row with time,
    # cpu, rss and faults. A name ending in "*" stands for all other results.
    results: dict = None
    variant: str = ""  # the column, if not that of an allocator
    only: tuple = ()  # of the allocators, these
    needs: tuple = ()  # commands
    env: dict = dataclasses.field(default_factory=dict)
    stdin: str = ""
    limit_mib: int = 0  # run in a memory cgroup
    side_by_side_mib: int = 0  # so much memory while it runs beside others
    prepare: object = None  # called before the first run; may raise
    redis_requests: int = 0
    own_malloc: bool = False  # the program brings an allocator of its own
    instructions: tuple = ()  # two command lines that differ in n; operations between
    timeout: int = 120
    place: int = 0  # among all jobs


def memory_mib():
    with open("/proc/meminfo") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["MemAvailable"].split()[0]) // 1024


def system_python():
    # A wrapper script in the way would only show the shell.
    for path in ("/usr/bin/python3", os.path.realpath(sys.executable)):
        if os.access(path, os.X_OK):
            return path
    return "python3"


def words(program, pattern, **params):
    return (program, pattern) + tuple("%s=%d" % item for item in params.items())


def pattern_jobs(quick):
    def job(name, program, pattern, **params):
        return Job("patterns", name, words(program, pattern, **params))

    def pick(a, b):
        return a if quick else b

    yield job("larson", "threads", "larson", threads=2, generations=pick(10, 40), n=100000)
    yield job("xmalloc", "threads", "xmalloc", pairs=1, n=pick(1000000, 5000000))
    yield job("cache-scratch", "threads", "scratch", n=pick(20000, 60000))
    yield job("cache-thrash", "threads", "thrash", n=pick(20000, 60000))
    yield job("short threads", "threads", "short", n=pick(4000, 20000))
    yield job("idle threads", "threads", "idle", threads=pick(1000, 4000))
    yield job("mixed", "heap", "mixed", rounds=pick(40, 200))
    yield job("mixed, 8 threads", "heap", "mixed", threads=8, rounds=pick(10, 50))
    yield job("cross", "heap", "cross", rounds=pick(40, 200))
    yield job("big blocks", "heap", "big", n=pick(8, 80))
    yield job("sawtooth", "heap", "saw", mib=32, teeth=pick(6, 40))
    yield job("size phases", "heap", "phases", mib=pick(16, 128), phases=14)
    yield job("live heap", "heap", "live", mib=pick(64, 512), n=pick(500000, 5000000))
    yield job("process starts", "heap", "start", n=pick(100, 500))
    mib = pick(48, 128)
    yield Job(
        "patterns",
        "bursts in a cgroup",
        words("heap", "bursts", mib=mib, n=pick(5, 20), pause_ms=20),
        limit_mib=2 * mib,
    )


def program_jobs(quick, directory, here):
    def pick(a, b):
        return a if quick else b

    def source(name):
        return os.path.join(here, "programs", name)

    def lazy(make, *arguments):
        return lambda: make(directory, *arguments)

    text = os.path.join(directory, "text-%d" % pick(200000, 2000000))
    small = os.path.join(directory, "text-%d" % pick(60000, 600000))
    big_c = os.path.join(directory, "big-%d.c" % pick(60, 600))
    repository = os.path.join(directory, "repository-%d.git" % pick(300, 3000))
    compiler = "gcc" if shutil.which("gcc") else "cc"

    yield Job(
        "programs",
        "redis",
        redis_requests=pick(10000, 100000),
        needs=("redis-server", "redis-benchmark", "redis-cli"),
        own_malloc=True,
    )
    yield Job(
        "programs", "sqlite3", ("sqlite3", ":memory:"), stdin=source("rows.sql"), needs=("sqlite3",)
    )
    yield Job("programs", "python3", (system_python(), source("objects.py"), str(pick(15, 120))))
    yield Job("programs", "perl", ("perl", source("words.pl"), str(pick(60, 500))), needs=("perl",))
    lua = next((name for name in ("lua5.4", "lua5.3", "lua") if shutil.which(name)), "lua5.4")
    yield Job("programs", "lua", (lua, source("tables.lua"), str(pick(60, 500))), needs=(lua,))
    yield Job(
        "programs",
        "gcc",
        (compiler, "-O1", "-c", big_c, "-o", "big.o"),
        needs=(compiler,),
        prepare=lazy(inputs.c_source, pick(60, 600)),
    )
    git = ("git", "-C", repository)
    for name, arguments in (
        ("git log", ("log", "-p", "--stat", "main")),
        ("git pack", ("-c", "pack.threads=2", "pack-objects", "-q", "--all", "--no-reuse-delta",
                      "--window=20", "--stdout")),
    ):
        yield Job(
            "programs",
            name,
            git + arguments,
            needs=("git",),
            prepare=lazy(inputs.repository, pick(300, 3000)),
        )
    yield Job(
        "programs",
        "sort",
        ("sort", "--parallel=2", "-k", "2", text, "-o", "sorted"),
        needs=("sort",),
        prepare=lazy(inputs.text, pick(200000, 2000000)),
    )
    yield Job(
        "programs",
        "xz",
        ("xz", "-2", "-T2", "-c", small),
        needs=("xz",),
        prepare=lazy(inputs.text, pick(60000, 600000)),
    )


def idle_jobs(quick):
    n = 200000 if quick else 600000
    mib = 100 if quick else 300
    steps = (
        ("peak_kib", "peak"),
        ("freed_kib", "freed"),
        ("idle_kib", "10 s later"),
        ("trimmed_kib", "malloc_trim(0)"),
    )

    def job(name, pattern, **params):
        results = {key: ("%s: %s" % (name, step), "kib") for key, step in steps}
        return Job(
            "idle", name, words("heap", pattern, n=n, seconds=10, **params), results, side_by_side_mib=mib
        )

    yield job("all freed", "idle")
    yield job("in a fork", "idle", fork=1)
    yield job("tenth left", "shrink")
    yield Job(
        "idle",
        "idle threads",
        words("threads", "idle", threads=1000 if quick else 4000),
        {"idle_kib": ("%d idle threads" % (1000 if quick else 4000), "kib")},
        side_by_side_mib=mib,
    )
    yield Job(
        "idle",
        "size phases",
        words("heap", "phases", mib=16 if quick else 128, phases=14),
        {"overhead": ("size phases", "overhead")},
        side_by_side_mib=2 * mib,
    )
    for name, size_from, size_to in (("steady mix", 8, 8), ("mix that drifts", 7, 12)):
        yield Job(
            "idle",
            name,
            words("heap", "drift", mib=16 if quick else 128, turns=32, **{"from": size_from, "to": size_to}),
            {"overhead": (name, "overhead")},
            side_by_side_mib=2 * mib,
        )
    yield Job(
        "idle",
        "small program",
        words("heap", "hello", report=1),
        {"rss_kib": ("small program: RSS", "kib"), "vmsize_kib": ("small program: VmSize", "kib")},
        side_by_side_mib=8,
    )


def fast_jobs(quick):
    n = 100000 if quick else 1000000
    steps = 1 if quick else 4

    def job(name, pattern=None, **params):
        return Job(
            "fast", name, words("fast", pattern or name, **params), {"*": (name + " *", "ns")}, timeout=300
        )

    yield job("pair", n=n, steps=steps)
    yield job("ring", n=n, steps=steps, max=65536 if quick else 1048576)
    yield job("calloc", n=n // 4, max=65536 if quick else 1048576)
    yield job("realloc", n=n // 10)
    yield job("aligned 64", "aligned", n=n // 4, align=64)
    yield job("aligned 4096", "aligned", n=n // 8, align=4096)
    yield job("batch", n=10000 if quick else 50000)
    yield job("remote", n=n // 4)


def growth_jobs(quick):
    for threads in (1, 2, 16, 64) if quick else (1, 2, 4, 16, 64):
        row = "%d threads" % threads
        yield Job(
            "growth",
            row,
            words("threads", "scale", threads=threads, n=500000 if quick else 8000000),
            {"ns": (row, "ns")},
        )
    for mib in (1, 32, 256) if quick else (1, 16, 256, 1024, 4096, 8192):
        # Blocks, slots, and an allocator that needs half as much again.
        if mib * 2 > memory_mib() * 3 // 4:
            continue
        row = "%d MiB live" % mib
        yield Job(
            "growth",
            row,
            words("heap", "live", mib=mib, n=300000 if quick else 5000000),
            {"ns": (row, "ns")},
            timeout=280,
        )
    for cpus in (2, 16, 256) if quick else (2, 8, 32, 128, 256):
        for variant, argv in (
            ("libkmm", words("threads", "scale", n=500000 if quick else 8000000)),
            ("libkmm API", words("objects", "churn", n=500000 if quick else 4000000)),
        ):
            row = "%d possible CPUs" % cpus
            results = {"ns": (row, "ns"), "rss_kib": (row, "kib")}
            only = ("libkmm",) if variant == "libkmm" else ()
            yield Job(
                "growth",
                row,
                argv,
                results,
                variant="" if only else variant,
                only=only,
                env={"KMM_CMDLINE": "nr_cpus=%d" % cpus},
            )


def object_jobs(quick):
    n = 100000 if quick else 1000000
    variants = (
        ("kmem_cache", "cache"),
        ("bulk", "bulk"),
        ("kmalloc", "kmalloc"),
        ("constant", "kmalloc_const"),
        ("list", "freelist"),
        ("g_slice", "gslice"),
        ("apr pool", "apr"),
        ("", "malloc"),
    )
    for size in (192,) if quick else (32, 192, 1024):
        for variant, pattern in variants:
            if pattern == "kmalloc_const" and size != 192:
                continue
            yield Job(
                "objects",
                variant or "malloc",
                words("objects", pattern, n=n, size=size),
                {"*": ("%d B *" % size, "ns")},
                variant=variant,
            )
    # A page of malloc may cost a system call or a fault: fewer of them.
    for variant, pattern, count in (("alloc_pages", "pages", 6400), ("", "page_malloc", 256)):
        yield Job(
            "objects",
            "pages",
            words("objects", pattern, n=count if quick else 10 * count),
            {"*": ("*", "ns")},
            variant=variant,
        )
    for caches in (1, 100, 10000) if quick else (1, 10, 100, 1000, 10000):
        row = "%d caches" % caches
        for variant, pattern in (("kmem_cache", "caches"), ("", "many_malloc")):
            yield Job(
                "objects",
                "caches",
                words("objects", pattern, caches=caches, n=200000 if quick else 2000000),
                {"ns": (row, "ns"), "rss_kib": (row, "kib"), "create_ns": (row + ": create", "ns")},
                variant=variant,
            )


def instruction_jobs(quick):
    if quick:
        return
    for size in (16, 64, 256, 1024, 4096, 32768):
        commands = [words("fast", "pair", size=size, slices=1, n=n) for n in (10000, 30000)]
        # One slice to warm up and one to time, of n pairs each.
        yield Job("instructions", "pair %d" % size, instructions=(*commands, 2 * 20000))


def all_jobs(quick, directory, here):
    jobs = []
    for section in (
        pattern_jobs(quick),
        program_jobs(quick, directory, here),
        idle_jobs(quick),
        fast_jobs(quick),
        growth_jobs(quick),
        object_jobs(quick),
        instruction_jobs(quick),
    ):
        jobs.extend(section)
    for place, job in enumerate(jobs):
        job.place = place
    return jobs
