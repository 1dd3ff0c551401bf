#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exercises of Documentation/labs: do their checkers tell right from wrong?

	solutions	each passes its checker, with several seeds; and 07 and 08
			on top of the solutions of 02, 03 and 07
	skeletons	each is told that nothing is written yet
	mistakes	each of mistakes.py is told in the right words
	class		all exercises of one learner are summed up
	junit		and the same as a file for a program that grades
	copy		the exercises work without the rest of the tree
	adapter		the example runs on the library, on both backends; and
			what the interface promises beyond it

Usage: test/labs/run.py BUILD [WORD...]	only tests whose name has one of the words
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from mistakes import MISTAKES

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABS = ROOT / "Documentation" / "labs"
SOLUTIONS = ROOT / "test" / "labs" / "solutions"
NUMBERS = [f"{n:02}" for n in range(1, 11)]
SEEDS = [1, 4711, 99999]
SECONDS = 120


def make(build, directory, target, *variables):
    """Runs make there; returns its exit status and all that it prints."""
    command = ["make", "--no-print-directory", "-C", str(LABS / directory),
               target, f"BUILD={build}", *variables]
    # What a make above this one hands down is not meant for it.
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")
           and k != "MFLAGS"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, timeout=SECONDS,
                          stdin=subprocess.DEVNULL, env=env, check=False)
    return done.returncode, done.stdout


def check(build, tmp, name, number, solution, *variables):
    return make(build, number, "check", f"SOLUTION={solution}",
                f"program={tmp}/{name}", *variables)


def missing(output, words):
    return [f"not said: {word}" for word in words if word not in output]


def solution_passes(build, tmp, name, number, seed, parts):
    variables = [f"SEED={seed}"]
    if parts:
        variables.append("PARTS=" + " ".join(str(SOLUTIONS / f"{part}.c")
                                              for part in parts))
    status, output = check(build, tmp, name, number,
                           SOLUTIONS / f"{number}.c", *variables)
    wrong = [f"exit status {status}"] if status else []
    if "warning:" in output:
        wrong.append("the compiler warns")
    return wrong + missing(output, ["the exercise is done."]), output


def skeleton_fails(build, tmp, name, number):
    status, output = check(build, tmp, name, number, "skeleton.c")
    wrong = [] if status else ["it passes"]
    if "warning:" in output:
        wrong.append("the compiler warns")
    words = ["FAILED", "rule      "]
    if number != "10":
        words.append("still says NOT_YET: fill in the place")
    return wrong + missing(output, words), output


def mistake_is_told(build, tmp, name, number, old, new, words):
    text = (SOLUTIONS / f"{number}.c").read_text()
    if text.count(old) != 1:
        return [f"{text.count(old)} places in the solution to change"], ""
    source = pathlib.Path(tmp) / f"{name}.c"
    source.write_text(text.replace(old, new))
    status, output = check(build, tmp, name, number, source, "SEED=1")
    return ([] if status else ["it passes"]) + \
        missing(output, ["FAILED", "rule      ", *words]), output


def waiting_is_told(build, tmp, name):
    """Waiting takes no CPU time; the other limit ends it."""
    text = (SOLUTIONS / "01.c").read_text()
    source = pathlib.Path(tmp) / f"{name}.c"
    source.write_text("#include <unistd.h>\n" +
                      text.replace("return pfn ^", "pause();\n\treturn pfn ^"))
    status, output = check(build, tmp, name, "01", source, "LIMIT=2")
    return ([] if status else ["it passes"]) + \
        missing(output, ["in        buddy_pfn(8, 2)", "nothing moves any more",
                         "Every call returns."]), output


def class_is_summed_up(build, tmp, _name):
    """One learner's directory: one right, one wrong, the others not there."""
    directory = pathlib.Path(tmp) / "learner"
    directory.mkdir()
    (directory / "01.c").write_text((SOLUTIONS / "01.c").read_text())
    (directory / "03.c").write_text((LABS / "03" / "skeleton.c").read_text())
    status, output = make(build, ".", "check", f"SOLUTIONS={directory}",
                          f"out={tmp}")
    return ([] if status else ["it passes"]) + missing(output, [
        "01 passed  All 3 cases passed", "02 -       no 02.c",
        "03 FAILED  FAILED two pages", "1 passed, 1 failed"]), output


def read_junit(path):
    """Counts of a JUnit file; and of each case its name, and what is in it."""
    root = xml.etree.ElementTree.parse(path).getroot()
    counts = [int(root.get(k)) for k in ("tests", "failures", "errors",
                                         "skipped")]
    if counts != [len(list(root.iter(tag))) for tag in
                  ("testcase", "failure", "error", "skipped")]:
        counts.append("which is not what is in it")
    return counts, [(case.get("name"), [(e.tag, e.get("message"), e.text or "")
                                        for e in case])
                    for case in root.iter("testcase")]


def junit_is(build, tmp, name, number, source, status, counts, first):
    """source: changes to the solution. first: of the first case that has not
    passed, its name, kind, and words of the message and the text."""
    path = pathlib.Path(tmp) / f"{name}.xml"
    file = pathlib.Path(tmp) / f"{name}.c"
    text = (SOLUTIONS / f"{number}.c").read_text()
    for old, new in source:
        text = text.replace(old, new)
    file.write_text(text)
    got, output = check(build, tmp, name, number, file, "SEED=1",
                        f"JUNIT={path}")
    try:
        have, cases = read_junit(path)
    except xml.etree.ElementTree.ParseError as bad:
        return [f"no XML: {bad}"], path.read_text()
    wrong = [] if bool(got) == status else [f"exit status {got}"]
    if have != counts:
        wrong.append(f"counts are {have}")
    bad = [(case, *inside[0]) for case, inside in cases if inside][:1]
    if bool(bad) != bool(first) or \
       any(word not in part for word, part in zip(first, *bad)):
        wrong.append(f"the first case that fails is {bad}")
    return wrong, output


JUNITS = {
    "solution": ("01", [], False, [3, 0, 0, 0], ()),
    "mistake": ("01", [("pfn ^ (1UL", "pfn + (1UL")], True, [3, 1, 0, 2],
                ("the numbers of the text", "failure",
                 "The buddy of an upper half", "16, the block behind it")),
    "marked": ("04", [("size <= table[i]", "size < table[i]")], True,
               [6, 1, 0, 3], ("", "failure", "", "<-- the request")),
    "crash": ("01",
              [("return pfn ^", "*(volatile int *)8 = 1;\n\treturn pfn ^")],
              True, [3, 1, 0, 2],
              ("the numbers", "failure", "A function returns",
               "your code crashed in this call (Segmentation fault)")),
    "no-c": ("01", [("return pfn ^", "if (pfn < 3 && \"\u00e9\" &&\n return ^")],
             True, [1, 0, 1, 0],
             ("it compiles", "error", "the compiler found an error",
              "error: expected")),
}


def junit_of_a_class(build, tmp, name):
    """A file for each exercise that is there, also of the last one, which is
    built in another way."""
    directory, results = pathlib.Path(tmp) / name, pathlib.Path(tmp) / "results"
    directory.mkdir()
    for number in ("05", "10"):
        shutil.copy(SOLUTIONS / f"{number}.c", directory)
    (directory / "02.c").write_text("no C\n")
    _, output = make(build, ".", "check", f"SOLUTIONS={directory}",
                     f"out={tmp}/{name}", f"JUNIT={results}")
    have = {p.name: read_junit(p)[0][1:] for p in results.iterdir()}
    want = {"02.xml": [0, 1, 0], "05.xml": [0, 0, 0], "10.xml": [0, 0, 0]}
    return [] if have == want else [f"results are {have}"], output


def junit_cannot_be_written(build, tmp, name):
    status, output = check(build, tmp, name, "01", SOLUTIONS / "01.c",
                           "JUNIT=/nonesuch/01.xml")
    return ([] if status else ["it passes"]) + missing(
        output, ["cannot write /nonesuch/01.xml: No such file"]), output


def copy_works(_build, tmp, name):
    """The exercises alone, as a class gets them, build beside themselves."""
    copy = pathlib.Path(tmp) / name
    shutil.copytree(LABS, copy)
    done = subprocess.run(
        ["make", "-s", "-C", str(copy / "08"), "check",
         f"SOLUTION={SOLUTIONS / '08.c'}"], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, timeout=SECONDS, check=False,
        env={"PATH": os.environ["PATH"]})
    wrong = [] if (copy / "build" / "labs" / "08").is_dir() else \
        ["nothing is built beside them"]
    return wrong + missing(done.stdout, ["the exercise is done."]), done.stdout


def adapter_runs(build, tmp, name, *variables):
    status, output = make(build, "adapter", "run", f"out={tmp}/{name}",
                          *variables)
    wrong = [f"exit status {status}"] if status else []
    return wrong + missing(output, [
        "constructed, 0 errors",
        "cache shared object: it has objects that are handed out",
        "cache thread 5: no error",
        "objects per slab  170",
    ]), output


def adapter_destructs(build, tmp, name):
    program = ROOT / "test" / "labs" / "course_test.c"
    status, output = make(build, "adapter", "run", f"out={tmp}/{name}",
                          f"MAIN={program}")
    wrong = [f"exit status {status}"] if status else []
    return wrong + missing(output, ["course interface: ok"]), output


def tests():
    """Name, function, arguments of each test."""
    for number in NUMBERS:
        for seed in SEEDS if number != "10" else SEEDS[:1]:
            yield (f"solution-{number}-{seed}", solution_passes, number, seed,
                   [])
        yield f"skeleton-{number}", skeleton_fails, number
    yield "solution-07-on-own-pages", solution_passes, "07", 1, ["02", "03"]
    yield ("solution-08-on-own-parts", solution_passes, "08", 1,
           ["02", "03", "07"])
    for number, what, old, new, words in MISTAKES:
        yield (f"mistake-{number}-{what}", mistake_is_told, number, old, new,
               words)
    yield "waiting", waiting_is_told
    yield "class", class_is_summed_up
    for what, expected in JUNITS.items():
        yield (f"junit-{what}", junit_is, *expected)
    yield "junit-class", junit_of_a_class
    yield "junit-nowhere", junit_cannot_be_written
    yield "copy", copy_works
    yield "adapter", adapter_runs
    yield ("adapter-without-rseq", adapter_runs,
           "KMM=env GLIBC_TUNABLES=glibc.pthread.rseq=0")
    yield "adapter-interface", adapter_destructs


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    chosen = [t for t in tests()
              if not sys.argv[2:] or any(w in t[0] for w in sys.argv[2:])]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as tmp, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [(name, pool.submit(function, build, tmp, name, *args))
                for name, function, *args in chosen]
        for name, job in jobs:
            wrong, output = job.result()
            if not wrong:
                passed += 1
                continue
            failed += 1
            print(f"FAILED {name}: {'; '.join(wrong)}")
            print("".join(f"	{line}\n" for line in output.splitlines()))
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
