#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a compiler for an exercise. If it finds an error, and JUNIT names a file,
# that is said there, too: a program that grades looks at nothing else.
#
# Usage: build.sh LAB COMPILER ARGUMENT...
set -u

lab=$1
shift
[ "${JUNIT:-}" ] || exec "$@"

rm -f "$JUNIT"
output=$("$@" 2>&1)
status=$?
[ -z "$output" ] || printf '%s\n' "$output" >&2
[ $status -ne 0 ] || exit 0
{
	echo '<?xml version="1.0" encoding="UTF-8"?>'
	echo "<testsuite name=\"Exercise $lab\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">"
	echo "  <testcase classname=\"Exercise $lab\" name=\"it compiles\">"
	printf '    <error message="the compiler found an error">'
	printf '%s\n' "$output" | LC_ALL=C tr -c '\11\12\40-\176' '?' |
		sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
	printf '</error>\n  </testcase>\n</testsuite>\n'
} >"$JUNIT"
exit $status
