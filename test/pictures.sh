#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The pictures of the book are what the lab draws: each script in
# Documentation/book/pictures/ is run, and the SVG files that it writes are
# compared with those beside it. Each SVG file there is made by one of them and
# shown in a chapter.
#
# Usage: test/pictures.sh BUILD		check
#	 test/pictures.sh --update BUILD	write what the lab draws now
set -eu

cd "$(dirname "$0")/.."
update=
if [ "${1-}" = --update ]; then
	update=yes
	shift
fi
build=$(cd "${1:?usage: test/pictures.sh [--update] BUILD}" && pwd)
pictures=$PWD/Documentation/book/pictures
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

passed=0
failed=0

# result NAME PROBLEM: nothing is wrong if PROBLEM is empty
result()
{
	if [ "$2" ]; then
		echo "FAILED $1: $2"
		failed=$((failed + 1))
	else
		echo "ok $1"
		passed=$((passed + 1))
	fi
}

cd "$tmp"
for script in "$pictures"/*.lab; do
	problem=
	"$build/kmm" lab --plain "$script" >log 2>&1 || problem=$(tail -n 3 log)
	result "book picture: ${script##*/} runs" "$problem"
done

for have in *.svg; do
	if [ "$update" ]; then
		cmp -s "$have" "$pictures/$have" || {
			cp "$have" "$pictures/$have"
			echo "updated $have"
		}
	fi
	problem=
	cmp -s "$have" "$pictures/$have" ||
		problem="the lab draws it otherwise; see make pictures"
	[ "$problem$update" ] || grep -qF "pictures/$have)" "$pictures"/../*.md ||
		problem='no chapter shows it'
	result "book picture: $have" "$problem"
done
for picture in "$pictures"/*.svg; do
	[ -e "$tmp/${picture##*/}" ] ||
		result "book picture: ${picture##*/}" 'no script draws it'
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
