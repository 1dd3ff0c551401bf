#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the fast paths look at: nothing but what they need.

All debugging is chosen at run time and costs the fast paths nothing, because
they do not know of it: a cache that is watched has no sheaves, so that they fail
by themselves. Here their machine code is read: which variables of the library
each refers to, as far as its first calls of slow paths, and how many instructions
that is.

	fastpath.py BUILD		check; one line each, then a count
	fastpath.py --show BUILD	print the code as well
"""
import platform
import re
import subprocess
import sys

# Of each function, the variables that it may refer to.
FAST = {
    "libkmm_malloc.so.0": {
        "malloc": {"percpu", "kmalloc_row", "malloc_index"},
        "free": {"percpu", "memmap"},
    },
    "libkmm.so.0": {
        "kfree": {"percpu", "memmap"},
        "kmem_cache_free": {"percpu", "memmap"},
    },
}
# The longest way through one, with the other backend's beside it.
MOST_INSTRUCTIONS = 80


def symbols(library):
    """[(address, size, name)] of functions and data."""
    text = subprocess.run(["nm", "-S", library], check=True, text=True,
                          capture_output=True).stdout
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 4:
            found.append((int(fields[0], 16), int(fields[1], 16),
                          fields[3].split("@")[0]))
    return found


def owner(table, address):
    for start, size, name in table:
        if start <= address < start + size:
            return name
    return None


def code(library, start, size):
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", f"--start-address={start:#x}",
         f"--stop-address={start + size:#x}", library],
        check=True, text=True, capture_output=True).stdout
    return [line for line in text.splitlines() if re.match(r"\s+[0-9a-f]+:\t", line)]


def referred(table, lines):
    """Names of the data that instructions refer to; x86-64's syntax."""
    names = set()
    for line in lines:
        match = re.search(r"# ([0-9a-f]+) <", line)
        if match:
            names.add(owner(table, int(match.group(1), 16)))
    # The descriptor of a restartable sequence has no name.
    return {name for name in names if name}


def main():
    show = "--show" in sys.argv
    arguments = [a for a in sys.argv[1:] if not a.startswith("-")]
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    if platform.machine() != "x86_64":
        print("skipped fast paths: what an instruction refers to is read from "
              "x86-64's disassembly")
        return 0
    passed = failed = 0
    for library, functions in FAST.items():
        path = f"{arguments[0]}/{library}"
        table = symbols(path)
        for name, allowed in functions.items():
            start, size, _ = next(s for s in table if s[2] == name)
            lines = code(path, start, size)
            if show:
                print("\n".join(lines))
            others = referred(table, lines) - allowed
            if others or not lines or len(lines) > MOST_INSTRUCTIONS:
                failed += 1
                print(f"FAILED {library}: {name}() has {len(lines)} "
                      f"instructions and looks at {sorted(others) or 'nothing else'}")
            else:
                passed += 1
                print(f"ok {library}: {name}() has {len(lines)} instructions "
                      f"and looks at {', '.join(sorted(allowed))} only")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
