# SPDX-License-Identifier: MIT
"""An interpreter's heap: objects, dictionaries, strings and a parser at work.

Usage: objects.py ROUNDS
"""

import json
import re
import sys


class Node:
    def __init__(self, depth, number):
        self.number = number
        self.name = "node-%d-%d" % (depth, number)
        self.children = [Node(depth - 1, number * 3 + i) for i in range(3)] if depth else []

    def total(self):
        return self.number + sum(child.total() for child in self.children)

    def plain(self):
        return {"name": self.name, "children": [child.plain() for child in self.children]}


def words(rounds):
    counts = {}
    for i in range(rounds * 8000):
        key = "key-%d" % (i * 2654435761 % 30011)
        counts[key] = counts.get(key, 0) + 1
        if i % 10000 == 9999:
            for old in list(counts)[::3]:
                del counts[old]
    return len(counts)


def main():
    rounds = int(sys.argv[1])
    kept = []
    for i in range(rounds):
        tree = Node(6, i)
        text = json.dumps(tree.plain())
        kept.append(text[: 1000 * (i % 50)])
        if i % 8 == 7:
            del kept[::2]
        print(tree.total(), len(json.loads(text)["children"]), len(re.findall("node-0-[0-9]*7", text)))
    print(words(rounds), len(kept))


main()
