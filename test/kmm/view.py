#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is in a page of kmm view: prints what is wrong with it.

	view.py heap FILE SMALL LARGE	one sample per page, blocks at addresses
	view.py whole FILE MIB		shown by pageblocks, at least so large
	view.py trace FILE ALLOCS FREES	calls that must be in it
	view.py svg FILE...		pictures
"""
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True  # no traces among the sources

from page import read_page

DIGITS = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
          "0123456789+/")
LIVE, IN_SHEAF = 0, 3


def blocks(sample):
    """Each block, as its address, kind, pages, and what is behind those."""
    for start, pages, text in sample["ranges"]:
        address = int(start, 16)
        for item in text.split(","):
            word, _, times = item.partition("*")
            what, _, states = word.partition(":")
            kind, numbers = what[0], what[1:].split(".")
            nr = (1 if kind == "o" else int(numbers[0]) if kind == "l"
                  else 1 << int(numbers[0]))
            for _ in range(int(times or 1)):
                yield (address, kind, nr, numbers,
                       states if ":" in word else None)
                address += nr << 12
        if address != int(start, 16) + (pages << 12):
            print(f"blocks end at {address:#x}, not with their range")


def state(data, found, wanted):
    """Of the object at an address."""
    address, _, _, numbers, states = found
    pad, size = (data["cacheNames"][int(numbers[1])][k] for k in (3, 2))
    nr, rest = divmod(wanted - address - pad, size)
    if states is None or rest:
        print(f"nothing is known of {wanted:#x}, {rest} bytes into object {nr}")
        return None
    return DIGITS.index(states[nr // 3]) >> nr % 3 * 2 & 3 if states else LIVE


def states(block):
    """Of all objects of a slab."""
    nr, text = int(block[3][3]), block[4]
    if not text:
        return [LIVE] * nr
    return [DIGITS.index(text[i // 3]) >> i % 3 * 2 & 3 for i in range(nr)]


def check_caches(data, sample, all_blocks):
    """The objects seen are those that the caches count."""
    for index, slabs, _, objects, live, sheaves, barn, *_ in sample["caches"]:
        mine = [states(b) for b in all_blocks
                if b[1] == "s" and int(b[3][1]) == index]
        have = [len(mine)] + [sum(s.count(k) for s in mine)
                              for k in (LIVE, IN_SHEAF)]
        if have != [slabs, live, sheaves + barn] or \
           sum(map(len, mine)) != objects:
            print(f"{data['cacheNames'][index][0]}: slabs, live, in sheaves "
                  f"{have}, not {slabs}, {live}, {sheaves} + {barn}")


def heap(path, small, large):
    data = read_page(path)
    for sample in data["samples"]:
        all_blocks = list(blocks(sample))
        free = [sum(nr for _, kind, nr, *_ in all_blocks if kind in letters)
                for letters in ("fz", "p")]
        lists = sum(n << k for zone in sample["free"]
                    for k, n in enumerate(zone))
        if lists != free[0] or sum(sample["cpuPages"]) != free[1]:
            print(f"{free} pages are free, {lists} on lists and "
                  f"{sample['cpuPages']} on those of CPUs")
        holding = {what: [b for b in all_blocks
                          if b[0] <= what < b[0] + (b[2] << 12)][0]
                   for what in (small, large)}
        if holding[small][1] != "s" or holding[large][1] != "l" or \
           holding[large][2] < 300000 >> 12:
            print(f"blocks are {holding}")
        elif state(data, holding[small], small) != LIVE:
            print(f"{small:#x} is not live")
        check_caches(data, sample, all_blocks)
        if not sample["pause"] > 0 or not sample["rss"] > 300000:
            print("no pause, or no RSS")


def whole(path, mib):
    data = read_page(path)
    for sample in data["samples"]:
        pages = 0
        for start, nr, text in sample["ranges"]:
            for item in text.split(","):
                word, _, times = item.partition("*")
                pages += sum(map(int, word[1:].split("."))) * int(times or 1)
        if not sample["whole"] or pages < mib << 8:
            print(f"whole is {sample['whole']}, {pages} pages")


def trace(path, allocs, frees):
    data = read_page(path)
    for name, wanted in ("allocs", allocs), ("frees", frees):
        have = sum(part[name] for part in data["samples"])
        if have != wanted:
            print(f"{have} {name}, not {wanted}")
    live = [sum((c["live"][i:i + 1] or [0])[0] for c in data["callers"])
            for i in range(len(data["samples"]))]
    if live != [part["live"] for part in data["samples"]]:
        print("live bytes of callers are not all")
    if not any(live) or not "main" in data["callers"][0]["name"]:
        print(f"callers are {data['callers'][:2]}")
    for part in data["samples"]:
        if sum(part["asked"]) != part["allocs"] or \
           sum(part["held"]) != part["live"] or part["peak"] < part["live"]:
            print(f"sums are wrong: {part}")


def svg(*paths):
    for path in paths:
        root = xml.etree.ElementTree.parse(path).getroot()
        if not root.tag.endswith("svg") or len(list(root)) < 8:
            print(f"{path}: {len(list(root))} elements")


def main():
    what, *args = sys.argv[1:]
    if what == "heap":
        heap(args[0], int(args[1], 16), int(args[2], 16))
    elif what in ("whole", "trace"):
        globals()[what](args[0], *map(int, args[1:]))
    else:
        svg(*args)


if __name__ == "__main__":
    main()
