#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The probes in the built libraries against the tables of Documentation/probes.md.

Tracers read where a probe is, and what its arguments are, from the notes of the
library. So does this: each documented probe is there once with as many arguments
as the table says, and no other; it lies in a function of mm/probes.c, and so on
no fast path; its semaphore lies where the kernel can write to it; and each has an
example.

	probes.py BUILD		check; one line each, then a count
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENT = os.path.join(ROOT, "Documentation", "probes.md")
LIBRARIES = ("libkmm.so.0", "libkmm_malloc.so.0")

# Those of calls have one semaphore together, and the fast paths read it.
CALLS = {"kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free", "vmalloc",
         "vfree"}


def output_of(*command):
    return subprocess.run(command, check=True, text=True,
                          capture_output=True).stdout


def documented():
    """{name: [argument names]} of the tables, {name: number of examples}."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    tables = {name: arguments.split(", ") for name, arguments in
              re.findall(r"^\| `(\w+)` \| `([\w, ]+)` \|", text, re.M)}
    examples = re.findall(r'^bpftrace -e "usdt:\$lib:kmem:(\w+) ', text, re.M)
    return tables, examples


def probes(library):
    """[(name, location, arguments, semaphore)] of the notes."""
    text = output_of("readelf", "-nW", library)
    return [(name, int(location, 16), arguments.split(), int(semaphore, 16))
            for name, location, semaphore, arguments in re.findall(
                r"Provider: kmem\s+Name: (\w+)\s+Location: 0x(\w+), Base: "
                r"\S+ Semaphore: 0x(\w+)\s+Arguments: (.*)", text)]


def writable_from_file(library):
    """[(start, end)] of the addresses that are mapped writable from the file."""
    text = output_of("readelf", "-lW", library)
    return [(int(address, 16), int(address, 16) + int(size, 16))
            for address, size in re.findall(
                r"LOAD\s+0x\w+ 0x(\w+) 0x\w+ 0x(\w+) 0x\w+ RW", text)]


def symbols(library):
    """[(address, size, name)]"""
    fields = [line.split() for line in
              output_of("nm", "-S", library).splitlines()]
    return [(int(f[0], 16), int(f[1], 16), f[3]) for f in fields if len(f) == 4]


def problems(library, tables):
    found = probes(library)
    names = [probe[0] for probe in found]
    for name in sorted(set(tables) - set(names)):
        yield f"no probe {name}"
    for name in sorted(set(names) - set(tables)):
        yield f"{name} is not documented"
    for name in sorted(set(names)):
        if names.count(name) > 1:
            yield f"{names.count(name)} probes {name}"
    table = symbols(library)
    calls = [address for address, _, name in table if name == "percpu"]
    segments = writable_from_file(library)
    for name, location, arguments, semaphore in found:
        want = tables.get(name, arguments)
        if len(arguments) != len(want):
            yield f"{name} has {len(arguments)} arguments, not {len(want)}"
        inside = [function for start, size, function in table
                  if start <= location < start + size]
        if not any(f.startswith(("probe_", "trace_call")) for f in inside):
            yield f"{name} is in {', '.join(inside) or 'no function'}"
        if not any(start <= semaphore < end for start, end in segments):
            yield f"{name}: no tracer can raise the semaphore at {semaphore:#x}"
        if (semaphore in calls) != (name in CALLS):
            yield f"{name}: its semaphore is at {semaphore:#x}"


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    build = sys.argv[1]
    tables, examples = documented()
    if not any(probes(f"{build}/{library}") for library in LIBRARIES):
        has = subprocess.run([os.environ.get("CC", "cc"), "-E", "-x", "c", "-"],
                             input="#include <sys/sdt.h>\n", text=True,
                             capture_output=True, check=False)
        if has.returncode:
            print("skipped probes: sys/sdt.h is not there, so the libraries "
                  "have none")
            return 0
    failed = 0
    for library in LIBRARIES:
        bad = list(problems(f"{build}/{library}", tables))
        failed += bool(bad)
        print(f"FAILED probes of {library}" if bad else
              f"ok {library}: {len(tables)} probes as documented")
        for problem in bad:
            print("\t" + problem)
    missing = sorted(set(tables) - set(examples))
    failed += bool(missing)
    print(f"FAILED no example for {', '.join(missing)}" if missing else
          "ok each probe has an example")
    print(f"{len(LIBRARIES) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
