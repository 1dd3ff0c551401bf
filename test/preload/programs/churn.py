# SPDX-License-Identifier: MIT
"""Dictionaries, strings, big lists and threads; prints a checksum of each."""

import hashlib
import json
import re
import threading


def strings(rounds):
    words = {}
    text = []
    for i in range(rounds):
        key = "key-%d" % (i * 2654435761 % 40013)
        words[key] = words.get(key, "") + chr(97 + i % 26)
        if i % 7 == 0:
            text.append(key.upper() * (i % 5))
        if i % 1000 == 0:
            for k in list(words)[::3]:
                del words[k]
    joined = "".join(text)
    return len(words), len(joined), len(re.findall("KEY-1+", joined))


def nested(depth, width):
    if depth == 0:
        return {"leaf": "x" * width}
    return {str(i): nested(depth - 1, width) for i in range(width)}


def checksum(value):
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def worker(results, number):
    results[number] = checksum([strings(8000), nested(4, 4 + number % 3)])


def main():
    print(strings(120000))
    print(checksum(nested(6, 6)))

    results = {}
    threads = [
        threading.Thread(target=worker, args=(results, i)) for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in sorted(results):
        print(number, results[number])

    # Blocks that grow and shrink in place: realloc of every size.
    grown = bytearray()
    for i in range(20000):
        grown += b"0123456789abcdef" * (i % 13)
        if i % 4000 == 3999:
            del grown[len(grown) // 3:]
    print(len(grown), hashlib.sha256(grown).hexdigest())


main()
