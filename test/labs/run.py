#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exercises of Documentation/labs: do their checkers tell right from wrong?

	solutions	each passes its checker, with several seeds; and 07 and 08
			on top of the solutions of 02, 03 and 07
	skeletons	each is told that nothing is written yet
	mistakes	each of mistakes.py is told in the right words
	class		all exercises of one learner are summed up
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
