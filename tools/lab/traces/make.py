#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the traces of this directory: the same ones each time.

	tools/lab/traces/make.py	writes NAME.trace beside itself

lecture   100 bytes in six blocks; three are freed, and 20 bytes do not fit
sawtooth  fill up, free all but a few, and again, with other sizes each time
python    many small objects, most of which die young, some never
server    connections that hold a few blocks while requests come and go; the
          blocks of a request are freed by another thread
"""
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))


class Trace:
    def __init__(self, name, about):
        self.path = os.path.join(HERE, name + ".trace")
        self.lines = ["# SPDX-License-Identifier: MIT", "# " + about]
        self.next = 0

    def alloc(self, size, thread=0):
        self.lines.append(f"a {self.next} {size}" +
                          (f" {thread}" if thread else ""))
        self.next += 1
        return self.next - 1

    def free(self, block, thread=0):
        self.lines.append(f"f {block}" + (f" {thread}" if thread else ""))

    def write(self):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("\n".join(self.lines) + "\n")


def lecture():
    t = Trace("lecture", "The lecture's arena: 48 of 100 bytes are free, 20 "
              "do not fit.")
    t.lines.append("arena 100")
    blocks = [t.alloc(size) for size in (16, 16, 20, 16, 16, 16)]
    for i in (1, 3, 5):
        t.free(blocks[i])
    t.alloc(20)
    t.write()


def sawtooth(rng):
    t = Trace("sawtooth", "Fill up, free all but a tenth, with other sizes.")
    kept = []
    for tooth in range(8):
        size = 24 + 20 * tooth
        blocks = [t.alloc(rng.randint(size // 2, size)) for _ in range(120)]
        rng.shuffle(blocks)
        kept += blocks[:12]
        for block in blocks[12:]:
            t.free(block)
        if tooth % 3 == 2:
            for block in kept[:18]:
                t.free(block)
            del kept[:18]
    t.write()


def python(rng):
    t = Trace("python", "Small objects; most die young, some never.")
    young = []
    sizes = [16, 24, 28, 32, 40, 48, 56, 64, 72, 88, 104, 120, 232, 368, 480]
    weights = [4, 6, 20, 12, 8, 14, 18, 10, 6, 4, 4, 2, 2, 1, 1]
    for _ in range(1500):
        young.append(t.alloc(rng.choices(sizes, weights)[0]))
        while len(young) > 1 and rng.random() < 0.45:
            t.free(young.pop(-1 - int(rng.expovariate(0.4)) % len(young)))
        if len(young) > 250:
            del young[rng.randrange(len(young))]
    t.write()


def server(rng):
    t = Trace("server", "Connections, and requests that another thread ends.")
    connections = []
    for _ in range(400):
        if len(connections) < 6 or rng.random() < 0.1:
            connections.append([t.alloc(320), t.alloc(rng.choice((1024, 4096)))])
        request = [t.alloc(rng.choice((64, 96, 128, 200)))
                   for _ in range(rng.randint(1, 3))]
        request.append(t.alloc(int(min(3000, rng.paretovariate(1.2) * 100))))
        for block in request:
            t.free(block, 1)
        if len(connections) > 20 or rng.random() < 0.05:
            for block in connections.pop(rng.randrange(len(connections))):
                t.free(block)
    t.write()


lecture()
sawtooth(random.Random(1))
python(random.Random(2))
server(random.Random(3))
