#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is a page of kmm lab what the terminal shows? Prints what differs.

	lab_page.py PAGE TRANSCRIPT

The transcript is what kmm lab --plain prints for the same scripts. Of each
command are compared: the sentence, the function with its file and line, and the
state after it, each line of it built anew from the page's data.
"""
import re
import sys

sys.dont_write_bytecode = True  # no traces among the sources

from page import read_page


def read_steps(path):
    return [e for e in read_page(path)["entries"] if e["kind"] == "step"]


def read_transcript(path):
    """Of each command: its line, the sentence, the function, the state."""
    steps = []
    with open(path, encoding="utf-8") as f:
        for line in f.read().splitlines():
            if line.startswith("> "):
                steps.append({"line": line[2:], "said": [], "place": "",
                              "state": []})
            elif line.startswith(("    ", "  + ")):
                steps[-1]["state"].append(line[4:])
            elif line.startswith("  ["):
                steps[-1]["place"] = line[3:-1]
            elif line.startswith("  ") and not line.startswith("  - "):
                steps[-1]["said"].append(line[2:])
    return steps


def pages(at, order):
    return str(at) if not order else f"{at}-{at + (1 << order) - 1}"


def sheaf(what, s):
    if not s:
        return f"{what} none"
    return " ".join([what, *s["objects"],
                     f"({len(s['objects'])} of {s['capacity']})"])


def arena_lines(state):
    """Labels and texts, with all blocks in one line."""
    blocks = "".join(
        f". {b['size']}|" if "name" not in b else
        f"{b['name']} {b['size']}|" if b["wanted"] == b["size"] else
        f"{b['name']} {b['wanted']}/{b['size']}|" for b in state["blocks"])
    lines = {"at": blocks}
    for listed in state["lists"]:
        lines[listed["name"]] = " -> ".join(
            f"{b['size']} at {b['at']}" for b in listed["blocks"]) or "(empty)"
    blocks = state["nrFree"]
    lines["sum"] = (f"{state['free']} of {state['bytes']} bytes free in "
                    f"{blocks} block{'' if blocks == 1 else 's'}, the largest "
                    f"{state['largest']}; {state['inside']} wasted inside")
    return lines


def page_rows(state):
    shown = [c["name"] for c in state["caches"]]
    letters = ""
    for b in state["blocks"]:
        letters += b["nr"] * {
            "free": ".", "cpu": "+", "used": b.get("name", "?")[0],
            "slab": b["cache"][0] if b.get("cache") in shown else "#",
            "other": "?"}[b["is"]]
    return {f"pages {i}": letters[i:i + 32]
            for i in range(0, len(letters), 32)}


def cache_lines(cache):
    name, lines = cache["name"], {}
    for s in cache["slabs"]:
        more = "..." if len(s["objects"]) > 128 else ""
        lines[f"{name} slab {s['at']}"] = (
            f"{s['objects'][:128]}{more}  {s['inuse']} of {len(s['objects'])} in use, "
            f"{s['is']}")
    for c in cache["cpus"]:
        lines[f"{name} cpu {c['cpu']}"] = "   ".join(
            [sheaf("main", c["main"]), sheaf("spare", c["spare"])])
    barn = [sheaf(what, s) for what in ("full", "empty")
            for s in cache["barn"][what]]
    if barn:
        lines[name + " barn"] = "   ".join(barn)
    return lines


def mm_lines(state):
    lines = page_rows(state)
    if state["pageblocks"]:
        lines["pageblocks"] = ", ".join(
            f"{b['at']}-{b['at'] + b['nr'] - 1} {b['type']}"
            for b in state["pageblocks"])
    for zone in state["zones"]:
        for listed in zone["lists"]:
            order = listed["order"]
            lines[f"order {order} {listed['type']}".strip()] = " ".join(
                pages(at, order) for at in listed["blocks"])
        if not zone["nrFree"]:
            lines["free"] = "no free page"
    for c in state["cpuPages"]:
        lines[f"cpu {c['cpu']} pages"] = "  ".join(
            [f"order {order}: " + " ".join(pages(at, order) for at in listed)
             for order, listed in enumerate(c["orders"]) if listed] +
            (["runs: " + " ".join(f"{r['at']}-{r['at'] + r['nr'] - 1}"
                                  for r in c["runs"])] if c["runs"] else []) +
            [f"({c['count']} of {c['high']})"])
    for cache in state["caches"]:
        lines.update(cache_lines(cache))
    return lines


def shown_lines(lines):
    """The same of the terminal: rows of the arena in one."""
    result = {}
    for line in lines:
        label, text = re.split(r"\s{2,}", line, maxsplit=1)
        if label.startswith("at "):
            result["at"] = result.get("at", "") + text[1:]
        elif label.startswith("pages "):
            result[label] = text.replace("|", "")
        else:
            result[label] = text
    return result


def compare_states(where, state, lines):
    have = (arena_lines if state["kind"] == "arena" else mm_lines)(state)
    want = shown_lines(lines)
    for label in want:
        text = have.get(label, "nothing")
        # What is too long for a terminal is cut there.
        if want[label].endswith(" ..."):
            text = text[:len(want[label]) - 4] + " ..."
        if text != want[label]:
            print(f"{where}: {label} is {text}, not {want[label]}")
    for label in have.keys() - want.keys():
        # Rows of pages that are alike; lists that are empty, of many.
        if not label.startswith("pages ") and have[label] != "(empty)":
            print(f"{where}: {label} is {have[label]}, the terminal has none")


def main():
    page, transcript = read_steps(sys.argv[1]), read_transcript(sys.argv[2])
    if len(page) != len(transcript) or len(page) < 2:
        print(f"{len(page)} steps, not {len(transcript)}")
    for nr, (have, want) in enumerate(zip(page, transcript), 1):
        where = f"step {nr}, {have['line']}"
        said = have["said"] or {}
        text = said.get("text", " ".join(have["text"].split()))
        place = (f"{said['function']}() {said['file']}:{said['line']}"
                 if "function" in said else "")
        if have["line"] != want["line"] or \
           text != " ".join(want["said"]) or place != want["place"]:
            print(f"{where}: {text} [{place}], not {want}")
        if want["state"]:
            compare_states(where, have["state"], want["state"])


if __name__ == "__main__":
    main()
