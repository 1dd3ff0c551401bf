#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Write lib/often.ld anew: which functions and variables of the shim small
# programs use. Some are run under Valgrind's lackey, which tells each address.
# `make often` does that, on a build that does not know of Valgrind.
#
# How many KiB of the window they fill is said on stderr. What only restartable
# sequences use is not seen, since Valgrind has none, and named here.
import bisect
import os
import re
import subprocess
import sys
import tempfile

PROGRAMS = [
    ["true"],
    ["ls", "-l", "/"],
    ["sh", "-c", "for i in 1 2 3; do echo $i; done; (exit 0); exit 0"],
    ["sort", "-r", "/etc/passwd"],
    ["perl", "-e", "$h{$_} = 'x' x $_ for 1 .. 500; delete $h{$_} for 1 .. 499"],
    ["/usr/bin/python3", "-S", "-c", "b = [bytearray(i) for i in range(2000)]"],
]
UNSEEN = ["boot_rseq", "host_membarrier_register", "host_rseq", "percpu_enable_rseq"]

HEAD = """\
/* SPDX-License-Identifier: MIT */
/*
 * What every process uses lies together: the host maps 64 KiB around each page
 * of a library that is touched, at addresses that are multiples of that, and a
 * page of variables is its own in each process. Written by `make often'; a
 * name that is gone does no harm, and one that is missing costs memory only.
 *
 *	0	what the loader reads of every library
 *		.rodata.often, .text.often
 *	64 KiB	.text.rare, .text, other constants, tables for unwinding, variables
 *
 * The alignment of .text.rare is also what tells the loader to place the library
 * at a multiple of 64 KiB.
 */
"""

RARE = """\
SECTIONS
{
	.text.rare : ALIGN(0x10000) {
		*(.text.unlikely .text.unlikely.*)
	}
}
INSERT BEFORE .text;
"""


def symbols(library):
    """All functions and variables: [(address, size, kind, name)], sorted."""
    out = subprocess.run(["nm", "-nS", library], check=True,
                         capture_output=True, text=True).stdout
    found = []
    for line in out.splitlines():
        fields = line.split()
        if len(fields) == 4:
            found.append((int(fields[0], 16), int(fields[1], 16),
                          fields[2].lower(), fields[3]))
    return sorted(found)


def touched(library, program):
    """Addresses in the library that the program executes, reads or writes."""
    with tempfile.NamedTemporaryFile() as log:
        subprocess.run(
            ["valgrind", "--tool=lackey", "--trace-mem=yes", "-v", "-v",
             "--log-file=" + log.name] + program,
            env=dict(os.environ, LD_PRELOAD=library, PYTHONMALLOC="malloc"),
            check=True, stdout=subprocess.DEVNULL)
        bias = None
        ours = False
        addresses = set()
        for line in open(log.name, errors="replace"):
            if bias is None:
                ours = ours or line.rstrip().endswith(library)
                where = re.search(r"svma 0x([0-9a-f]+), avma 0x([0-9a-f]+)", line)
                if where and ours:
                    bias = int(where[2], 16) - int(where[1], 16)
            access = re.match(r"(?:I | [LSM]) *([0-9a-f]+),", line)
            if access:
                addresses.add(int(access[1], 16))
        if bias is None:
            sys.exit(f"{sys.argv[0]}: {program[0]}: {library} is not loaded")
        return {address - bias for address in addresses}


def written_here():
    """The words of the sources: what libgcc brings is not among them."""
    words = set()
    for root in ("include", "lib", "mm"):
        for directory, _, files in os.walk(root):
            for name in files:
                with open(os.path.join(directory, name)) as source:
                    words.update(re.findall(r"\w+", source.read()))
    return words


def base_names(table, words):
    """Each name once, without what compilers append to it."""
    names = dict.fromkeys(symbol[3].split(".")[0] for symbol in table)
    return [name for name in names if name in words]


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} BUILD")
    words = written_here()
    library = os.path.realpath(sys.argv[1] + "/libkmm_malloc.so")
    table = symbols(library)
    starts = [symbol[0] for symbol in table]
    used = {}
    for program in PROGRAMS:
        for address in touched(library, program):
            i = bisect.bisect_right(starts, address) - 1
            if i >= 0 and address < table[i][0] + table[i][1]:
                used[table[i]] = True
    functions = [s for s in table
                 if s[2] == "t" and (s in used or s[3] in UNSEEN)]
    # Large arrays last, of which often only the beginning is used.
    variables = sorted((s for s in used if s[2] == "b"),
                       key=lambda s: (s[1] > 8192, s[1] if s[1] > 8192 else 0, s[0]))
    constants = [s for s in table if s[2] == "r" and s in used]
    print(f"functions: {sum(s[1] for s in functions) // 1024} of some 52 KiB",
          file=sys.stderr)
    print(HEAD)
    print("SECTIONS\n{\n\t.text.often : {")
    print("\t\tKEEP (*(SORT_NONE(.fini)))")
    print("\t\t*crtbegin*.o(.text)")
    print("\t\t*libc_nonshared.a:*(.text .text.*)")
    print("\t\t*libgcc.a:*(.text .text.*)")
    print("\t\t*(.text.startup .text.startup.* .text.exit .text.exit.*)")
    print("\t\t*(.text.rseq_abort)")
    for name in base_names(functions, words):
        print(f"\t\t*(.text.{name} .text.{name}.*)")
    print("\t}\n}\nINSERT BEFORE .text;\n")
    print(RARE)
    print("SECTIONS\n{\n\t.rodata.often : {")
    print("\t\t*(.rodata.cst*)")
    for name in base_names(constants, words):
        print(f"\t\t*(.rodata.{name} .rodata.{name}.*)")
    print("\t}\n}\nINSERT AFTER .rela.plt;\n")
    print("SECTIONS\n{\n\t.bss.often (NOLOAD) : {")
    print("\t\t*crtbegin*.o(.bss .bss.*)")
    for name in base_names(variables, words):
        print(f"\t\t*(.bss.{name} .bss.{name}.*)")
    print("\t}\n}\nINSERT BEFORE .bss;")


if __name__ == "__main__":
    main()
