#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The functions that where.h lists, each with the line of its definition, as
# rows of a C table. A definition begins in the first column and has no ';' before
# its '{'.
#
# Usage: tools/lab/lines.sh <tools/lab/where.h, from the top of the tree
set -eu

sed -nE 's/^ \* ((mm|lib|tools)\/[a-z_\/]*\.c)[ 	]+([a-z_ ]+)$/\1 \3/p' |
while read -r file functions; do
	for function in $functions; do
		line=$(awk -v name="$function" '
		!start && $0 ~ "^[a-z](.*[ *])?" name "\\(" { start = FNR }
		start && /;/ { start = 0 }
		start && /^{/ { print start; exit }' "$file")
		printf '\t{ "%s", "%s", %d },\n' "$function" "$file" "${line:-0}"
	done
done
