#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Write lib/often.ld anew: which functions and variables of the shim small
# programs use. Some are run under Valgrind's lackey, which tells each address.
# `make often' does that, on a build that does not know of Valgrind.
#
# How many pages they fill is said on stderr. What only restartable sequences use
# is not seen, since Valgrind has none, and named here.
import bisect
import os
import re
import subprocess
import sys
import tempfile

# What the start of each process uses, and a few threads; {} is the build.
START = [
    ["true"],
    ["sh", "-c", "for i in 1 2 3; do echo $i; done; (exit 0); exit 0"],
    ["{}/test/bench/heap", "hello"],
    ["{}/test/bench/threads", "scratch", "n=100", "writes=10"],
    ["{}/test/bench/threads", "xmalloc", "pairs=1", "n=1000"],
]
# And what others use.
PROGRAMS = [
    ["ls", "-l", "/"],
    ["sort", "-r", "/etc/passwd"],
    ["perl", "-e", "$h{$_} = 'x' x $_ for 1 .. 500; delete $h{$_} for 1 .. 499"],
    ["/usr/bin/python3", "-S", "-c",
     "import _json; b = [bytearray(i) for i in range(2000)]"],
    ["{}/test/bench/threads", "larson", "generations=2", "n=2000"],
]
UNSEEN = ["boot_rseq", "host_membarrier_register", "host_rseq", "percpu_enable_rseq"]
# Nor are threads that wait for each other, since it runs one at a time, what the
# reporter does after seconds, what only that build has inlined, and programs that
# would take too long there.
UNSEEN_WARM = """alloc_frozen_run already_free area_insert area_map change_pageblocks
    host_discard host_futex_wait host_futex_wake host_membarrier host_name_thread
    host_page_readable host_protect_none host_remap host_sleep_ms host_start_thread
    host_unmap isolate_unreported keep_area kept_add page_reporting_start prep_large
    putback_reported report_blocks report_free_pages report_zone reporter
    slab_small_order spin_lock_slow spin_unlock_slow treap_erase treap_find
    treap_insert virt_to_page_slow vmalloc_aligned vmalloc_bytes_freed vmalloc_free
    vmap_is_full vmap_keep vmap_release vmap_reuse_kept vmap_take""".split()
# Of an array that is so many times larger than what is written only the beginning
# is used: that shall be on a page with what is small, the rest harms nobody.
BEGUN = 4

HEAD = """\
/* SPDX-License-Identifier: MIT */
/*
 * What every process uses lies together: the host maps 64 KiB around each page
 * of a library that is touched, at addresses that are multiples of that, but no
 * more than the mapping; and a page of variables that is written is its own in
 * each process. Written by `make often'; a name that is gone does no harm, and one
 * that is missing costs memory only.
 *
 *	0	what the loader reads of every library
 *		.rodata.often, .text.often	each process; the mapping ends here
 *	64 KiB	.text.rare, .text, other constants, tables for unwinding
 *	64 KiB	.text.warm			many programs; the mapping ends here
 *		what is relocated, .data
 *		.bss.often	written by each process, but for the rest of arrays
 *		.bss
 *
 * The alignment of .text.rare is also what tells the loader to place the library
 * at a multiple of 64 KiB. Between the first mapping and the second is a hole, or
 * the host would make them one.
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
    """Addresses in the library that the program uses: {address: is it written}."""
    with tempfile.NamedTemporaryFile() as log:
        subprocess.run(
            ["valgrind", "--tool=lackey", "--trace-mem=yes", "-v", "-v",
             "--log-file=" + log.name] + program,
            env=dict(os.environ, LD_PRELOAD=library, PYTHONMALLOC="malloc"),
            check=True, stdout=subprocess.DEVNULL)
        bias = None
        ours = False
        addresses = {}
        for line in open(log.name, errors="replace"):
            if bias is None:
                ours = ours or line.rstrip().endswith(library)
                where = re.search(r"svma 0x([0-9a-f]+), avma 0x([0-9a-f]+)", line)
                if where and ours:
                    bias = int(where[2], 16) - int(where[1], 16)
            access = re.match(r"(I | [LSM]) *([0-9a-f]+),", line)
            if access:
                address = int(access[2], 16)
                addresses[address] = access[1] in (" S", " M") or \
                    addresses.get(address, False)
        if bias is None:
            sys.exit(f"{sys.argv[0]}: {program[0]}: {library} is not loaded")
        return {address - bias: addresses[address] for address in addresses}


class Use:
    """What programs use of each symbol."""

    def __init__(self, table):
        self.table = table
        self.starts = [symbol[0] for symbol in table]
        self.used = {}  # symbol -> bytes from its start that are written
        self.writers = {}  # symbol -> how many programs write it

    def run(self, library, programs, build):
        for program in programs:
            words = [word.replace("{}", build) for word in program]
            written_now = set()
            for address, written in touched(library, words).items():
                i = bisect.bisect_right(self.starts, address) - 1
                symbol = self.table[i]
                if i >= 0 and address < symbol[0] + symbol[1]:
                    extent = address + 8 - symbol[0] if written else 0
                    self.used[symbol] = max(extent, self.used.get(symbol, 0))
                    if written:
                        written_now.add(symbol)
            for symbol in written_now:
                self.writers[symbol] = self.writers.get(symbol, 0) + 1

    def of_kind(self, kind):
        return [s for s in self.table
                if s[2] == kind and (s in self.used or s[3] in UNSEEN)]


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


def bss_order(use):
    """Variables, so that few pages are written: [those of the first page, others]."""
    most = max(use.writers.values())
    variables = use.of_kind("b")
    small = [s for s in variables if s[1] <= 256]
    large = [s for s in variables if s[1] > 256]
    # Not all programs allocate; shards of the gate are for those with threads.
    each = [s for s in large if use.writers.get(s, 0) * 4 > most * 3]
    begun = sorted((s for s in each if s[1] > 4096 and use.used[s] * BEGUN < s[1]),
                   key=lambda s: use.used[s])
    # What only some write comes last.
    return (small + begun[:1],
            [s for s in each if s not in begun] + begun[:0:-1] +
            [s for s in large if s not in each])


def print_section(name, where, first, lines):
    print("SECTIONS\n{\n\t" + name + " {")
    for line in first + lines:
        print("\t\t" + line)
    print("\t}\n}\nINSERT " + where + ";\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} BUILD")
    build = sys.argv[1]
    words = written_here()
    library = os.path.realpath(build + "/libkmm_malloc.so")
    table = symbols(library)
    start, all_use = Use(table), Use(table)
    start.run(library, START, build)
    all_use.run(library, PROGRAMS, build)
    often = start.of_kind("t")
    warm = [s for s in all_use.of_kind("t") if s not in often]
    constants = sorted(set(start.of_kind("r") + all_use.of_kind("r")))
    first, others = bss_order(start)
    print(f"functions: {sum(s[1] for s in often) / 1024:.1f} KiB, and "
          f"{sum(s[1] for s in warm) / 1024:.1f} of some 64", file=sys.stderr)

    def lines(prefix, symbols_of, more=()):
        names = base_names(symbols_of, words)
        return [f"*({prefix}.{name} {prefix}.{name}.*)"
                for name in names + [n for n in more if n not in names]]

    print(HEAD)
    print_section(".text.often :", "BEFORE .text", [
        "KEEP (*(SORT_NONE(.fini)))",
        "*crtbegin*.o(.text)",
        "*libc_nonshared.a:*(.text .text.*)",
        "*libgcc.a:*(.text .text.*)",
        "*(.text.startup .text.startup.* .text.exit .text.exit.*)",
        "*(.text.rseq_abort)"], lines(".text", often))
    print(RARE)
    print_section(".text.warm :", "AFTER .eh_frame", [". = ALIGN(0x10000);"],
                  lines(".text", warm, UNSEEN_WARM))
    print_section(".rodata.often :", "AFTER .rela.plt", ["*(.rodata.cst*)"],
                  lines(".rodata", constants))
    print_section(".bss.often (NOLOAD) :", "BEFORE .bss",
                  ["*crtbegin*.o(.bss .bss.*)"],
                  lines(".bss", first) + [". = ALIGN(4096);"] + lines(".bss", others))


if __name__ == "__main__":
    main()
