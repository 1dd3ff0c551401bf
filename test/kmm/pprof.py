#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Decodes a profile.proto as pprof does, and prints it as text:
#
#	pprof.py FILE stacks	"main;make 2 200 1 100" per stack, values added up
#	pprof.py FILE mappings	"PATH BUILD-ID"
#	pprof.py FILE lines	"make FILE:LINE", of all locations
#
# Strict: whatever pprof would refuse, or would not understand, ends it with a
# message. The field numbers are those of proto/profile.proto.
import collections
import gzip
import sys

VARINT, BYTES = 0, 2


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            assert value < 1 << 64, "a number of more than 64 bits"
            return value, at


def fields(data):
    """All fields of a message: number -> list of values, in order."""
    found = collections.defaultdict(list)
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == VARINT:
            value, at = varint(data, at)
        elif tag & 7 == BYTES:
            size, at = varint(data, at)
            value = data[at:at + size]
            at += size
            assert at <= len(data), "a field longer than its message"
        else:
            sys.exit("a field of type %d" % (tag & 7))
        found[tag >> 3].append(value)
    return found


def one(message, number, default=0):
    values = message.get(number, [default])
    assert len(values) == 1, "field %d is there twice" % number
    return values[0]


def packed(data):
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value


def by_id(messages):
    table = {one(m, 1): m for m in messages}
    assert len(table) == len(messages) and 0 not in table, "ids are not unique"
    return table


class Profile:
    def __init__(self, path):
        with gzip.open(path) as file:
            top = fields(file.read())
        unknown = set(top) - {1, 2, 3, 4, 5, 6, 9, 11, 12, 14}
        assert not unknown, "fields %s" % unknown
        self.strings = [s.decode() for s in top[6]]
        assert self.strings[0] == "", "the first string is not empty"
        self.types = [self.value_type(t) for t in top[1]]
        assert self.types == ["alloc_objects/count", "alloc_space/bytes",
                              "inuse_objects/count", "inuse_space/bytes"]
        assert self.value_type(one(top, 11)) == "space/bytes"
        assert one(top, 12) > 0 and one(top, 9) > 0
        assert self.strings[one(top, 14)] == "inuse_space"
        self.mappings = by_id([fields(m) for m in top[3]])
        self.locations = by_id([fields(m) for m in top[4]])
        self.functions = by_id([fields(m) for m in top[5]])
        self.samples = [fields(m) for m in top[2]]

    def value_type(self, data):
        message = fields(data)
        return "%s/%s" % (self.strings[one(message, 1)],
                          self.strings[one(message, 2)])

    def frames(self, location):
        """(function, file, line) at a location, innermost first."""
        mapping = one(location, 2)
        if mapping:
            m = self.mappings[mapping]
            assert one(m, 2) <= one(location, 3) < one(m, 3), "not in mapping"
        for data in location[4]:
            line = fields(data)
            function = self.functions[one(line, 1)]
            yield (self.strings[one(function, 2)],
                   self.strings[one(function, 4)], one(line, 2))

    def stacks(self):
        sums = collections.defaultdict(lambda: [0] * len(self.types))
        for sample in self.samples:
            values = list(packed(one(sample, 2)))
            assert len(values) == len(self.types)
            size = one(fields(one(sample, 3)), 3)
            assert values[1] >= size * (values[0] > 0)
            names = []
            for i in packed(one(sample, 1, b"")):
                location = self.locations[i]
                names += [f[0] for f in self.frames(location)] or \
                    ["%#x" % one(location, 3)]
            total = sums[";".join(reversed(names))]
            for i, value in enumerate(values):
                total[i] += value
        for stack, total in sorted(sums.items()):
            print(stack, *total)

    def show_mappings(self):
        for m in self.mappings.values():
            print(self.strings[one(m, 5)], self.strings[one(m, 6)])

    def lines(self):
        seen = {f for l in self.locations.values() for f in self.frames(l)}
        for function, file, line in sorted(seen):
            print("%s %s:%d" % (function, file, line))


if __name__ == "__main__":
    profile = Profile(sys.argv[1])
    {"stacks": profile.stacks, "mappings": profile.show_mappings,
     "lines": profile.lines}[sys.argv[2]]()
