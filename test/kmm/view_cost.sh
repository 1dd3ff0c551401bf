#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What it costs a process to be looked at: the CPU time of one of its steps (an
# allocation and a free of some size), while a view reads it ten times a second,
# beside that of a process that nobody looks at. Medians of some rounds, all
# views in turn in each. And how long one view takes, with its start. A
# measurement, no test.
#
#	test/kmm/view_cost.sh BUILD [ROUNDS [STEPS]]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: view_cost.sh BUILD [ROUNDS [STEPS]]}" && pwd)
rounds=${2:-5}
steps=${3:-200000000}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-cc} -O2 -I"$here/../../include" "$here/views.c" "$build/libkmm.a" \
	-o "$dir/views" -pthread
mkfifo "$dir/out"

views="nothing slabinfo caches metrics pagetypeinfo rss"
median() { sort -n "$1" | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

for _ in $(seq "$rounds"); do
	for view in $views; do
		"$dir/views" work "$steps" >"$dir/out" &
		pid=$!
		exec 7<"$dir/out"
		read -r _ <&7
		if [ "$view" != nothing ]; then
			/usr/bin/env bash -c 'TIMEFORMAT=%R; time "$@" >/dev/null' \
				sh "$build/kmm" "$view" "$pid" 2>>"$dir/once.$view"
			"$build/kmm" "$view" --watch=0.1 "$pid" \
				>/dev/null 2>&1 || : &
		fi
		read -r ns <&7
		echo "$ns" >>"$dir/step.$view"
		exec 7<&-
		wait
	done
done
printf '%-14s %12s %8s %12s\n' looked_at_by ns_per_step ratio ms_per_view
base=$(median "$dir/step.nothing")
for view in $views; do
	ns=$(median "$dir/step.$view")
	once=-
	[ "$view" = nothing ] || once=$(median "$dir/once.$view" |
		awk '{ printf "%.0f", $1 * 1000 }')
	awk -v v="$view" -v n="$ns" -v b="$base" -v o="$once" \
		'BEGIN { printf "%-14s %12.1f %8.2f %12s\n", v, n, n / b, o }'
done
