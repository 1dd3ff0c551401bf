#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Does the benchmark work? Some of its patterns, once, with little to do; what it
# measures is looked at by nobody.
#
#	test/bench/smoke.sh [BUILD]
set -u

cd "$(dirname "$0")/../.."
build=${1:-build}
programs=$build/test/bench
report=$build/bench/report.txt
passed=0 failed=0

check() {
	name=$1
	shift
	if "$@"; then
		echo "ok bench_$name"
		passed=$((passed + 1))
	else
		echo "FAILED bench_$name"
		failed=$((failed + 1))
	fi
}

lists_every_section() {
	test/bench/bench.py --build "$build" --list >"$build/bench.list" &&
		[ "$(grep -c '^[a-z]' "$build/bench.list")" = 7 ]
}

# The whole way, from the rounds to the files.
runs_and_reports() {
	rm -f "$report"
	test/bench/bench.py --build "$build" --quick --rounds 1 --only larson \
		--only mixed --only "process starts" >/dev/null 2>&1 &&
		grep -q '^libkmm  *commit\|^libkmm  *not from' "$report" &&
		grep -q '^larson ' "$report" && ! grep -q '^failed:' "$report" &&
		[ -s "$build/bench/summary.csv" ] && [ -s "$build/bench/bench.svg" ]
}

refuses_unknown_job() {
	! test/bench/bench.py --build "$build" --only nonsense >/dev/null 2>&1
}

# Those of fast and objects, which the rounds above leave out.
fast_paths_run() {
	for pattern in pair ring calloc realloc aligned batch; do
		"$programs/fast" $pattern n=2000 >/dev/null || return 1
	done
	for pattern in cache bulk kmalloc kmalloc_const freelist; do
		"$programs/objects" $pattern n=2000 >/dev/null || return 1
	done
}

check lists_every_section lists_every_section
check runs_and_reports runs_and_reports
check refuses_unknown_job refuses_unknown_job
check fast_paths_run fast_paths_run
echo "$passed passed, $failed failed"
[ $failed = 0 ]
