# SPDX-License-Identifier: MIT
"""Inputs for the real programs, generated: the same bytes on every machine.

Each is made once, in build/bench/inputs, under a name that holds its size.
"""

import os
import random
import shutil
import subprocess

WORDS = (
    "page slab sheaf zone order block cache object free list node barn lock count size "
    "buddy merge split drain refill flush shrink report fault huge map range section"
).split()


def made(path, make):
    """path, after make(path) has written it if it was not there."""
    if not os.path.exists(path):
        new = path + ".new"
        shutil.rmtree(new, ignore_errors=True)
        make(new)
        os.rename(new, path)
    return path


def text(directory, lines):
    """Lines of words with a number in front, in no order."""

    def make(path):
        rng = random.Random(lines)
        with open(path, "w") as file:
            for _ in range(lines):
                words = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(2, 9)))
                file.write("%08x %s\n" % (rng.getrandbits(32), words))

    return made(os.path.join(directory, "text-%d" % lines), make)


def c_function(rng, number):
    nr_cases = number % 9 + 4
    names = {"i": number, "cases": nr_cases, "elements": number % 7 + 1}
    lines = [
        "struct s%(i)d { int a[%(elements)d]; struct node *list; long sum; };",
        "long f%(i)d(struct s%(i)d *s, long n)",
        "{",
        "\tlong r = %(i)d;",
        "\tfor (long i = 0; i < n; i++) {",
        "\t\tswitch ((i + r) %% %(cases)d) {",
    ]
    lines = [line % names for line in lines]
    for case in range(nr_cases):
        value = "i * %d" % case
        if number and case % 3 == 0:
            other = rng.randrange(number)
            value = "f%d((struct s%d *)s, i - 1)" % (other, other)
        lines.append("\t\tcase %d:" % case)
        lines.append("\t\t\tr += %s ^ (s->sum >> %d);" % (value, case))
        lines.append("\t\t\ts->a[i %% %(elements)d] = (int)r;" % names)
        lines.append("\t\t\tbreak;")
    lines += [
        "\t\t}",
        "\t\tif (s->list && s->list->value[i & 3] > r)",
        "\t\t\ts->list = s->list->next;",
        "\t}",
        "\treturn s->sum += r;",
        "}\n",
    ]
    return "\n".join(lines)


def c_source(directory, functions):
    """A C file whose functions have loops, switches, structs and calls."""

    def make(path):
        rng = random.Random(functions)
        with open(path, "w") as file:
            file.write("struct node { struct node *next; long value[4]; };\n")
            for number in range(functions):
                file.write(c_function(rng, number))

    return made(os.path.join(directory, "big-%d.c" % functions), make)


def fast_import(rng, commits, files):
    """What git fast-import reads. Six lines of each file change in a commit."""
    contents = [[rng.choice(WORDS) + "\n" for _ in range(120)] for _ in range(files)]
    for number in range(commits):
        message = "change %d of %s" % (number, rng.choice(WORDS))
        date = 10**9 + 60 * number
        yield "commit refs/heads/main\ncommitter bench <bench@example.org> %d +0000\n" % date
        yield "data %d\n%s\n" % (len(message), message)
        for index in rng.sample(range(files), 3) if number else range(files):
            lines = contents[index]
            for _ in range(6):
                lines[rng.randrange(len(lines))] = "%s %d\n" % (rng.choice(WORDS), rng.getrandbits(20))
            body = "".join(lines)
            yield "M 100644 inline dir%d/file%d\n" % (index % 5, index)
            yield "data %d\n%s\n" % (len(body), body)


def repository(directory, commits, files=40):
    """A git repository of that many commits, each a change of some files."""

    def make(path):
        subprocess.run(["git", "init", "-q", "--bare", path], check=True)
        stream = "".join(fast_import(random.Random(commits), commits, files))
        command = ["git", "-C", path, "fast-import", "--quiet"]
        subprocess.run(command, input=stream.encode(), check=True)

    return made(os.path.join(directory, "repository-%d.git" % commits), make)
