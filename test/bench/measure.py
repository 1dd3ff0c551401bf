# SPDX-License-Identifier: MIT
"""Runs commands under an allocator and says what they cost.

Each command is started by the program run (run.c), which measures it from
outside: wall time, CPU time and page faults of the whole tree of processes,
and the peak RSS of its largest process. A pattern prints further numbers of its
own, "NAME VALUE" a line (bench.h).

This file knows allocators, processes and memory cgroups. What is run is in
jobs.py; what becomes of the numbers, in report.py.
"""

import dataclasses
import os
import shutil
import signal
import subprocess
import time

SKIPPED = 77
NOT_RUN = 127


class Skip(Exception):
    """Something is not there; the text says what."""


@dataclasses.dataclass
class Allocator:
    """A malloc: the name of a column and the library to preload."""

    name: str
    path: str = ""  # "" for libc's own
    version: str = ""

    def preload(self, program_has_malloc=False):
        # A program linked with an allocator of its own, as Debian's redis is,
        # gets libc's malloc back if libc stands before that library.
        if not self.path and program_has_malloc:
            return "libc.so.6"
        return self.path


@dataclasses.dataclass
class Outcome:
    wall: float  # seconds
    cpu: float  # seconds, user and system
    rss: float  # KiB, of the largest process
    faults: float
    status: int
    signal: int
    results: dict  # what a pattern has printed
    output: str
    errors: str

    def failure(self):
        """In words; empty if the command did well."""
        if self.signal:
            return signal.Signals(self.signal).name[3:].lower()
        return "exit %d" % self.status if self.status else ""


def results_of(text):
    """The lines "NAME VALUE" of a pattern. A name may have spaces."""
    results = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        try:
            results[name] = float(value)
        except ValueError:
            continue
    return results


class Runner:
    def __init__(self, programs, scratch):
        self.programs = programs  # the directory of the benchmark's programs
        self.scratch = scratch
        self.count = 0
        # What tunes an allocator stays: whoever sets it means it, and
        # report.py writes it down.
        self.env = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONPATH")}
        self.env.update(
            LC_ALL="C",
            HOME=scratch,
            TMPDIR=scratch,
            PYTHONHASHSEED="0",
            # Python's own pools would keep small objects away from malloc.
            PYTHONMALLOC="malloc",
            GIT_CONFIG_GLOBAL="/dev/null",
            GIT_CONFIG_SYSTEM="/dev/null",
            GIT_PAGER="cat",
        )

    def program(self, name):
        return os.path.join(self.programs, name)

    def start(self, argv, preload="", env=None, group=None, timeout=300, stdin=None):
        """Start a command; finish() gives its Outcome."""
        self.count += 1
        base = os.path.join(self.scratch, "run-%d" % self.count)
        command = [self.program("run"), "-t", str(int(timeout))]
        if group:
            command += ["-g", group]
        settings = dict(env or {})
        if preload:
            settings["LD_PRELOAD"] = preload
        for name, value in settings.items():
            command += ["-e", "%s=%s" % (name, value)]
        with open(base + ".out", "w") as out, open(base + ".err", "w") as err, open(
            stdin or os.devnull
        ) as inp:
            process = subprocess.Popen(
                command + [base + ".report"] + argv,
                stdin=inp,
                stdout=out,
                stderr=err,
                env=self.env,
                cwd=self.scratch,
            )
        return process, base

    def finish(self, started):
        process, base = started
        try:
            process.wait()
        except BaseException:
            process.terminate()  # run takes its children along
            process.wait()
            raise
        texts = {}
        for kind in ("out", "err", "report"):
            name = "%s.%s" % (base, kind)
            texts[kind] = ""
            if os.path.exists(name):
                # The output of a real program may be long; nobody reads it.
                with open(name, errors="replace") as file:
                    texts[kind] = file.read(65536)
                os.unlink(name)
        report = results_of(texts["report"])
        if not report:
            raise RuntimeError("%s: %s" % (process.args[0], texts["err"].strip()))
        return Outcome(
            wall=report["wall_ns"] / 1e9,
            cpu=(report["user_us"] + report["sys_us"]) / 1e6,
            rss=report["maxrss_kib"],
            faults=report["minflt"] + report["majflt"],
            status=int(report["status"]),
            signal=int(report["signal"]),
            results=results_of(texts["out"]),
            output=texts["out"],
            errors=texts["err"].strip(),
        )

    def run(self, argv, **options):
        return self.finish(self.start(argv, **options))

    def redis(self, preload, requests, timeout=300, prefix=(), env=None):
        """A redis server under redis-benchmark; what is measured is the server,
        and the time is that of the clients. Before it may stand a prefix."""
        sock = os.path.join(self.scratch, "redis.sock")
        if os.path.exists(sock):
            os.unlink(sock)  # of a server that was killed
        server = [*prefix, "redis-server", "--port", "0", "--unixsocket", sock]
        server += ["--save", "", "--appendonly", "no", "--dir", self.scratch]
        started = self.start(server, preload=preload, env=env, timeout=timeout)
        client = ["redis-benchmark", "-s", sock, "-q", "-n", str(requests), "-P", "16"]
        client += ["-c", "20", "-r", "50000", "-d", "200"]
        client += ["-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            for _ in range(1500):
                if os.path.exists(sock) or started[0].poll() is not None:
                    break
                time.sleep(0.02)
            start = time.monotonic()
            failed = subprocess.run(client, env=self.env, timeout=timeout, **quiet).returncode
            wall = time.monotonic() - start
            subprocess.run(["redis-cli", "-s", sock, "shutdown", "nosave"], env=self.env, **quiet)
        except BaseException:
            started[0].terminate()
            started[0].wait()
            raise
        outcome = self.finish(started)
        outcome.wall = wall
        outcome.status = outcome.status or failed
        return outcome


# Allocators ------------------------------------------------------------------

DEBIAN_PEERS = (
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
)


def command_output(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def installed_libraries():
    """soname -> path, as the dynamic linker knows them."""
    ldconfig = shutil.which("ldconfig", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
    libraries = {}
    for line in command_output(ldconfig or "ldconfig", "-p").splitlines():
        soname, arrow, path = line.strip().partition(" => ")
        if arrow:
            libraries.setdefault(soname.split()[0], path)
    return libraries


def version_of(path):
    """The Debian package of a file with its version, or the file's date."""
    for name in (path, os.path.realpath(path), os.path.realpath(path).replace("/usr/lib/", "/lib/")):
        package = command_output("dpkg-query", "-S", name).partition(": ")[0]
        if package:
            shown = command_output("dpkg-query", "-W", "-f", "${Package} ${Version}", package)
            return shown
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(os.path.getmtime(path)))
    return "%s, of %s" % (os.path.realpath(path), changed)


def libkmm_version(root):
    commit = command_output("git", "-C", root, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return "not from a git tree"
    changed = command_output("git", "-C", root, "status", "--porcelain", "--", "mm", "lib", "include")
    return "commit %s%s" % (commit, " with changes" if changed else "")


def serves_malloc(runner, path):
    """Is the library's malloc what a preloaded program gets?"""
    outcome = runner.run([runner.program("fast"), "which"], preload=path)
    if outcome.failure():
        raise Skip("%s: %s %s" % (path, outcome.failure(), outcome.errors))
    found = outcome.output.strip()
    if os.path.realpath(found) != os.path.realpath(path):
        raise Skip("%s: malloc comes from %s instead" % (path, found))


def find_allocators(runner, root, build, peers, skipped):
    """glibc, libkmm, Debian's, and those of BENCH_PEERS="name=path ...".

    What is not there goes to skipped as "name: reason"."""
    libc = command_output("getconf", "GNU_LIBC_VERSION") or "not glibc"
    found = [Allocator("glibc", "", libc)]
    libraries = installed_libraries()
    wanted = [("libkmm", os.path.join(build, "libkmm_malloc.so"), "run make")]
    for name, soname, package in DEBIAN_PEERS:
        wanted.append((name, libraries.get(soname, soname), package + " is not installed"))
    for word in peers.split():
        name, equals, path = word.partition("=")
        if not (name and equals and path):
            raise ValueError("BENCH_PEERS: %s: not name=path" % word)
        if name in [w[0] for w in wanted] or name == "glibc":
            raise ValueError("BENCH_PEERS: %s: this name is taken" % name)
        wanted.append((name, os.path.abspath(path), "no such file: " + path))
    for name, path, reason in wanted:
        try:
            if not os.path.isfile(path):
                raise Skip(reason)
            serves_malloc(runner, path)
        except Skip as why:
            skipped.append("%s: %s" % (name, why))
            continue
        version = libkmm_version(root) if name == "libkmm" else version_of(path)
        found.append(Allocator(name, path, version))
    return found


# Memory cgroups --------------------------------------------------------------


class MemoryGroup:
    """A cgroup below our own with a limit, of either version of cgroups."""

    def __init__(self, limit):
        self.path = None
        parent, files = self.find_parent()
        path = os.path.join(parent, "kmm-bench-%d" % os.getpid())
        try:
            os.mkdir(path)
            self.path = path
            for name, value in files:
                file = os.path.join(path, name)
                # Swap is not always accounted for; the limit itself must be.
                if os.path.exists(file) or name in ("memory.max", "memory.limit_in_bytes"):
                    with open(file, "w") as f:
                        f.write(str(limit if value is None else value))
        except OSError as error:
            self.close()
            raise Skip("no memory cgroup can be made: %s" % error) from None

    @staticmethod
    def find_parent():
        with open("/proc/self/cgroup") as file:
            own = dict(line.rstrip("\n").split(":", 2)[1:] for line in file)
        for controllers, path in own.items():
            if "memory" in controllers.split(","):
                root = "/sys/fs/cgroup/memory"
                files = [("memory.limit_in_bytes", None), ("memory.memsw.limit_in_bytes", None)]
                return MemoryGroup.mounted(root, path), files
        if "" in own:
            files = [("memory.max", None), ("memory.swap.max", 0)]
            return MemoryGroup.mounted("/sys/fs/cgroup", own[""]), files
        raise Skip("no memory cgroup: this kernel has none")

    @staticmethod
    def mounted(root, path):
        # In a container our own path may lie outside of what is mounted.
        inside = root + path
        return inside if os.path.isdir(inside) else root

    def procs(self):
        return os.path.join(self.path, "cgroup.procs")

    def close(self):
        # The kernel needs a moment after the last process.
        for _ in range(50):
            if not self.path:
                return
            try:
                os.rmdir(self.path)
                self.path = None
            except OSError:
                time.sleep(0.02)
