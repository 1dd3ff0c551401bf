#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""After a change of mm/ or of the lab: write what its scripts print now.

	test/kmm/lab/refresh.py BUILD

Writes the transcripts beside this file anew, unless no more than line numbers of
sources have changed. The blocks of Documentation/lab.md
show parts of them: each line that was shown is looked for in the old transcript,
and what stands there now is put in its place. Lines that are gone are named; look
at the difference before you believe it.
"""
import difflib
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
LESSON = os.path.join(ROOT, "Documentation", "lab.md")
PLACE = re.compile(r"^(  \[[a-z_]+\(\) \S+\.c):(\d+\]|\.\.\.)$")


def shown(line):
    """As the lesson has it: line numbers of sources are left open."""
    return PLACE.sub(r"\1:...", line)


def find(want, old, start=0):
    """The line of @old that each of @want is; None for "...". None if it is no
    part of it."""
    if not want:
        return [] if start == len(old) else None
    if want[0] == "...":
        for k in range(start, len(old) + 1):
            rest = find(want[1:], old, k)
            if rest is not None:
                return [None] + rest
        return None
    if start == len(old) or shown(want[0]) != shown(old[start]):
        return None
    rest = find(want[1:], old, start + 1)
    return None if rest is None else [start] + rest


def sections(text):
    """[(first, end)]: a comment, or a command with its answer."""
    starts = [i for i, line in enumerate(text) if line[:2] in ("> ", "# ")]
    return list(zip(starts, starts[1:] + [len(text)]))


def correspondence(old, new):
    """From a line of @old to the same line of @new, whatever its numbers."""
    lines = {}
    for (i, end_i), (j, end_j) in zip(sections(old), sections(new)):
        matcher = difflib.SequenceMatcher(
            None, [re.sub(r"\d+", "N", shown(x)) for x in old[i:end_i]],
            [re.sub(r"\d+", "N", shown(x)) for x in new[j:end_j]],
            autojunk=False)
        for a, b, size in matcher.get_matching_blocks():
            for k in range(size):
                lines[i + a + k] = j + b + k
    return lines


def carry_over(name, want, old, new):
    places = find(want, old)
    if places is None:
        print(f"lab.md: this is no part of {name}.out: {want[:2]}")
        return want
    to, result, last = correspondence(old, new), [], -1
    for line, place in zip(want, places):
        if place is not None and place not in to:
            print(f"lab.md: gone from {name}: {line}")
            place = None
        if place is None:
            result += [] if result and result[-1] == "..." else ["..."]
            continue
        if to[place] != last + 1 and result and result[-1] != "...":
            result.append("...")
        last = to[place]
        result.append(shown(new[last]))
    return result


def refresh_lesson(old, new):
    with open(LESSON, encoding="utf-8") as f:
        lines = f.read().split("\n")
    result = []
    while lines:
        line = lines.pop(0)
        result.append(line)
        command = re.fullmatch(r"\$ kmm lab ([a-z0-9-]+)", line)
        if not command or command[1] not in old:
            continue
        want = []
        while lines[0] != "```" and not lines[0].startswith("$ "):
            want.append(lines.pop(0))
        result += carry_over(command[1], want, old[command[1]],
                             new[command[1]])
    with open(LESSON, "w", encoding="utf-8") as f:
        f.write("\n".join(result))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.setrecursionlimit(10000)
    kmm = os.path.join(os.path.abspath(sys.argv[1]), "kmm")
    old, new = {}, {}
    for script in sorted(glob.glob(os.path.join(ROOT, "tools/lab/scripts/*"))):
        name = os.path.splitext(os.path.basename(script))[0]
        path = os.path.join(HERE, name + ".out")
        text = subprocess.run([kmm, "lab", "--plain", name], check=True,
                              capture_output=True, text=True).stdout
        new[name] = text.rstrip("\n").split("\n")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                old[name] = f.read().rstrip("\n").split("\n")
        if [shown(x) for x in old.get(name, [])] != \
                [shown(x) for x in new[name]]:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    refresh_lesson(old, new)


if __name__ == "__main__":
    main()
