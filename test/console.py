#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the commands that documents show, and compare what they print.

A block of a document that begins with ```console holds commands, each with
what it prints:

	```console
	$ kmm run ./double_free_at_once
	BUG double free of 0x14d57c0070c0: object 3 of kmalloc-64 is free ...
	...
	$ echo $?
	134
	```

A command goes on in the lines behind it that begin with "> ", or are ">" alone.
All blocks of a document are run by one shell each, in order, in a directory
that has the wrong programs of test/wrong as ./NAME and the document's files;
kmm is in the path. Standard error and output are shown together. What differs
from run to run does not matter: addresses, process numbers, times, sizes of
libc's frames (see MASKS). A line "..." stands for any number of lines. A line
that ends with "..." matches one that begins like it. In a block that begins with
"```console about", numbers and the width of columns do not matter either.

	console.py BUILD DOCUMENT...		check; one line each, then a count
	console.py --update BUILD DOCUMENT...	write what they print now, but leave
						blocks that match as they are

A command that would wait for more lines fails, and so does one that does not
end within --timeout seconds. The rest of its document is not run then.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What may differ, and what stands in its place for a comparison.
MASKS = [
    (re.compile(r"0x[0-9a-f]+"), "0xN"),
    (re.compile(r"\b(thread|pid|tid|process|tgid)([ =]+)\d+"), r"\1\2N"),
    (re.compile(r"\b[0-9.]+ (s|ms) (old|ago)"), "T old"),
    (re.compile(r"\bage=\d+"), "age=N"),
    (re.compile(r"\bcpu=\d+"), "cpu=N"),
    (re.compile(r"\bat \d+\.\d+s\b"), "at T"),
    (re.compile(r"\[\d+\]"), "[N]"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "DATE"),
    (re.compile(r"\+0xN/0xN"), ""),
    (re.compile(r" \S*/(test/wrong/)"), r" \1"),
    (re.compile(r"^ *#\d+ "), "#N "),
    (re.compile(r"\b\d+\.\d{3,}\b"), "T"),
]

# Frames of libc before main() are named by its version and its debug
# information.
LIBC = re.compile(r"^\s*#\d+ +0x[0-9a-f]+ .*(__libc_start|_start|clone|"
                  r"libc\.so|start_thread)")


# In blocks that show measured numbers.
ABOUT = [
    (re.compile(r"(?<![\w.-])\d+(\.\d+)?(?![\w.])"), "N"),
    (re.compile(r"\s+"), " "),
]


def masked(lines, about):
    result = []
    for line in lines:
        if LIBC.match(line):
            continue
        line = line.rstrip()
        for pattern, text in MASKS + (ABOUT if about else []):
            line = pattern.sub(text, line)
        result.append(line)
    return result


def line_matches(want, have):
    if want.endswith("...") and want != "...":
        return have.startswith(want[:-3].rstrip())
    return want == have


def matches(want, have):
    """Is @have what @want shows? Both are masked lines."""
    if not want:
        return not have
    if want[0] == "...":
        return any(matches(want[1:], have[i:]) for i in range(len(have) + 1))
    return bool(have) and line_matches(want[0], have[0]) and \
        matches(want[1:], have[1:])


class Block:
    """One ```console block: (command, lines shown) pairs."""

    def __init__(self, lines):
        self.pairs = []
        for line in lines:
            if line.startswith("$ "):
                self.pairs.append((line[2:], []))
            elif (line + " ").startswith("> ") and not self.pairs[-1][1]:
                command, shown = self.pairs.pop()
                self.pairs.append((command + "\n" + line[2:], shown))
            else:
                self.pairs[-1][1].append(line)


class Stuck(Exception):
    """A command that never ends, and why."""


class Shell:
    """A bash that is told one command after the other."""

    MARK = "===end of command==="

    def __init__(self, directory, build, timeout):
        env = dict(os.environ, LC_ALL="C",
                   PATH=os.path.abspath(build) + ":" + os.environ["PATH"],
                   BUILD=os.path.abspath(build), ROOT=ROOT)
        for name in ("KMM_CMDLINE", "LD_PRELOAD", "GLIBC_TUNABLES",
                     "DEBUGINFOD_URLS"):
            env.pop(name, None)
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=directory, env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
            start_new_session=True)
        self.timeout = timeout

    def run(self, command):
        whole = subprocess.run(["bash", "-n", "-c", command], text=True,
                               stderr=subprocess.PIPE, check=False)
        if whole.stderr:
            raise Stuck(whole.stderr.strip())
        timer = threading.Timer(self.timeout, os.killpg,
                                (self.process.pid, signal.SIGKILL))
        timer.start()
        try:
            return self.answer(command)
        finally:
            timer.cancel()

    def answer(self, command):
        # The status of the command is what `$ echo $?` shows next.
        self.process.stdin.write(
            f"{command}\n"
            f"{{ __s=$?; printf '\\n%s\\n' '{self.MARK}'; (exit $__s); }}\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                late = self.process.wait() == -signal.SIGKILL
                raise Stuck((f"no end within {self.timeout} s" if late else
                             "this ends the shell") + ", after:\n" +
                            "\n".join(lines))
            line = line.rstrip("\n")
            if line == self.MARK:
                break
            # bash's own words on a killed command.
            if re.match(r"(bash: )?line \d+: +\d+ (Aborted|Killed|Segm)", line):
                continue
            lines.append(line)
        if lines and lines[-1] == "":
            lines.pop()
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def presentable(lines, build):
    """As a document shows it: without what differs between machines."""
    return [line.replace(os.path.abspath(build), "build").replace(ROOT + "/", "")
            for line in lines if not LIBC.match(line)]


def read_document(path):
    """The document's lines, and [(first, end, about)] of its console blocks."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    blocks, start = [], None
    for i, line in enumerate(lines):
        if start is None and line in ("```console", "```console about"):
            start = i + 1
        elif start is not None and line == "```":
            blocks.append((start, i, lines[start - 1].endswith("about")))
            start = None
    return lines, blocks


def prepare(directory, build):
    programs = os.path.join(build, "test", "wrong")
    if not os.path.isdir(programs):
        return
    for name in os.listdir(programs):
        path = os.path.join(programs, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            os.symlink(os.path.abspath(path), os.path.join(directory, name))


def run_document(path, build, update, timeout):
    """Returns [(name, problem or None)]; rewrites the document on update."""
    lines, blocks = read_document(path)
    results, changed = [], []
    directory = tempfile.mkdtemp()
    shell = Shell(directory, build, timeout)
    try:
        prepare(directory, build)
        for number, (start, end, about) in enumerate(blocks, 1):
            new, all_same = [], True
            for command, shown in Block(lines[start:end]).pairs:
                name = f"{os.path.relpath(path, ROOT)}, block {number}: " \
                       f"{command.splitlines()[0]}"
                have = shell.run(command)
                same = matches(masked(shown, about), masked(have, about))
                results.append((name, None if same else
                                "\n".join("\t" + line for line in have)))
                new += ["$ " + re.sub("\n> $", "\n>", command.replace(
                    "\n", "\n> "), flags=re.M)]
                new += presentable(have, build)
                all_same = all_same and same
            # A block is of one run, or stays as it is.
            if not all_same:
                changed.append((start, end, new))
    except Stuck as stuck:
        results.append((name, f"\t{stuck}"))
    finally:
        shell.close()
        shutil.rmtree(directory)
    if update:
        for start, end, new in reversed(changed):
            lines[start:end] = new
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
    return results


def main():
    parser = argparse.ArgumentParser(
        description="Run the commands that documents show.")
    parser.add_argument("--update", action="store_true",
                        help="write what they print now")
    parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS",
                        help="for each command (%(default)s)")
    parser.add_argument("build")
    parser.add_argument("documents", nargs="+")
    args = parser.parse_args()
    passed = failed = 0
    for document in args.documents:
        for name, problem in run_document(document, args.build, args.update,
                                          args.timeout):
            if problem is None:
                passed += 1
                print(f"ok {name}")
            else:
                failed += 1
                print(f"FAILED {name}\n{problem}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
