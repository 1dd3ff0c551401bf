#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the shim says, with nothing switched on, of those wrong programs whose
# mistake it sees; whether each program is as its header says; and whether the
# comparison of bench_debug.py works.
#
#	test/wrong/run.sh [BUILD]
#
# Mistakes that go unseen are in the table of `make bench-debug`.
set -u

cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${1:-build}" && pwd) || exit 2
programs=$build/test/wrong
shim=$build/libkmm_malloc.so
directory=$build/bench/debug
unset KMM_CMDLINE LD_PRELOAD GLIBC_TUNABLES
passed=0 failed=0

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

check() {
	name=$1
	shift
	if "$@"; then
		echo "ok wrong_$name"
		passed=$((passed + 1))
	else
		echo "FAILED wrong_$name"
		failed=$((failed + 1))
	fi
}

# What the shim says -----------------------------------------------------------

# stops PROGRAM LINE: it dies of SIGABRT before its end, after this one line,
# where P is a pointer, N a number, PROGRAM its path; the last address in it is
# in the function of the mistake.
stops() {
	{ # The shell's own word about it is not looked at.
		(
			ulimit -c 0
			LD_PRELOAD=$shim exec "$programs/$1" \
				>"$dir/out" 2>"$dir/err"
		)
		status=$?
	} 2>/dev/null
	said=$(sed -E "s,0x[0-9a-f]{6\,},P,g; s,object [0-9]+,object N,
		s,$programs/,,; s,\+0x[0-9a-f]+\),+N)," "$dir/err")
	offset=$(sed -nE 's/.*\+(0x[0-9a-f]+)\)$/\1/p' "$dir/err")
	place=$(addr2line -f -e "$programs/$1" \
		"$(printf '%#x' $((${offset:-1} - 1)))" | head -n 1)
	mistake=$(sed -n 's/^ \* Mistake:	\(.*\)() line .*/\1/p' \
		"test/wrong/$1.c")
	if [ $status != 134 ]; then
		echo "	exit status $status where SIGABRT is due"
	elif [ -s "$dir/out" ]; then
		echo "	it came to its end"
	elif [ "$said" != "$2" ]; then
		printf '	expected: %s\n	said:     %s\n' "$2" "$said"
	elif [ "$place" != "$mistake" ]; then
		echo "	it names $place(), not $mistake()"
	else
		return 0
	fi
	return 1
}

the_shim_stops() {
	check "$1double_free_at_once" stops double_free_at_once \
		"BUG double free of P: object N of kmalloc-64 is free already; freed from P (double_free_at_once+N)"
	check "$1free_interior" stops free_interior \
		"BUG invalid free of P: 16 bytes inside object N (P) of kmalloc-64; freed from P (free_interior+N)"
	check "$1free_stack" stops free_stack \
		"BUG invalid free of P: not from this allocator, in [stack]; freed from P (free_stack+N)"
	check "$1free_foreign" stops free_foreign \
		"BUG invalid free of P: not from this allocator, in an anonymous mapping; freed from P (free_foreign+N)"
}

# It comes to its end, and then one line says what is in the sheaves twice.
notices_at_exit() {
	said=$(LD_PRELOAD=$shim "$programs/$1" 2>&1 >"$dir/out") || {
		echo "	exit status $?"
		return 1
	}
	said=$(echo "$said" | sed -E "s,0x[0-9a-f]{6\,},P,g; s,object [0-9]+ of kmalloc-64 is,it is,
		s,its page is,it is,")
	[ "$said" = "$2" ] || {
		printf '	expected: %s\n	said:     %s\n' "$2" "$said"
		return 1
	}
}

the_shim_notices_at_exit() {
	line="BUG double free of P: it is free already; noticed later, slab_debug=FZPU shows the calls"
	check "$1double_free_thread" notices_at_exit double_free_thread "$line"
	check "$1nothing_wrong" notices_at_exit nothing_wrong ""
}

# Programs ---------------------------------------------------------------------

# The line that a header names is the marked one, and in the function it names,
# which is there to be found in a stack, as are the others.
headers_tell_the_truth() {
	for source in test/wrong/*.c test/wrong/*.cc; do
		program=${source##*/}
		program=${program%.*}
		[ "$program" != nothing_wrong ] || continue
		line=$(sed -n 's/^ \* Mistake:	.*() line //p' "$source")
		[ "$(grep -n '/\* WRONG \*/' "$source" | cut -d: -f1)" = "$line" ] ||
			echo "	$source: line $line is not the marked one"
		sed -n 's/^ \* [A-Z][a-z]*:	\(.*\)().*/\1/p' "$source" >"$dir/names"
		mistake=$(head -n 1 "$dir/names")
		# The last line before it that begins a function.
		head -n "$line" "$source" | grep '^[a-z].*(' | tail -n 1 |
			grep -q "[ *]$mistake(" ||
			echo "	$source: line $line is not in $mistake()"
		nm -C "$programs/$program" >"$dir/symbols"
		while read -r function; do
			grep -q " t $function\b" "$dir/symbols" ||
				echo "	$program has no function $function()"
		done <"$dir/names"
	done >"$dir/bad"
	cat "$dir/bad"
	[ ! -s "$dir/bad" ]
}

every_program_is_compared() {
	test/wrong/bench_debug.py --build "$build" --list >"$dir/list" || return 1
	for source in test/wrong/*.c test/wrong/*.cc; do
		program=${source##*/}
		grep -q "[ ]${program%.*}\(,\|\$\)" "$dir/list" || {
			echo "	$program is not in the list"
			return 1
		}
	done
}

# bench_debug.py ---------------------------------------------------------------

runs_and_reports() {
	rm -rf "$directory"
	test/wrong/bench_debug.py --build "$build" --only double_free_at_once \
		--with glibc --with libkmm >/dev/null 2>&1 &&
		grep -qxF "| double_free_at_once | · · · stops | m · · stops |" \
			"$directory/report.md" &&
		grep -q '^double_free_at_once,libkmm,1,1,SIGABRT,0,m,MAF,0,1,BUG double free' \
			"$directory/detection.csv" && [ -s "$directory/slowdown.csv" ]
}

# What is not there is not passed over in silence, and what a tool always says
# is not taken for a report. The tool here is a stand-in.
says_what_is_not_available() {
	mkdir -p "$dir/build/test"
	ln -s "$programs" "$dir/build/test/wrong"
	cat >"$dir/build/kmm" <<-'END'
		#!/bin/sh
		[ "$2" = -- ] || { echo "kmm: no mode $2" >&2; exit 2; }
		shift 2
		echo "kmm: process $$" >&2
		exec "$@"
	END
	chmod +x "$dir/build/kmm"
	test/wrong/bench_debug.py --build "$dir/build" --only read_after_free \
		--only nothing_wrong --with libkmm --with "kmm run" \
		--with "kmm --check" >/dev/null 2>"$dir/err" || return 1
	cat >"$dir/expected" <<-END
		| nothing_wrong | n/a | says something | n/a |
		| read_after_free | n/a | – | n/a |
		- libkmm: not available: no $dir/build/libkmm_malloc.so; run make
		- kmm run: kmm run --
		- kmm --check: not available: exit 2: kmm: no mode --check
	END
	grep -E '^\| [a-z]+_|^- (libkmm|kmm [-a-z]+): [nk]' \
		"$dir/build/bench/debug/report.md" | grep -v process |
		diff "$dir/expected" -
}

times_a_program() {
	rm -f "$directory/slowdown.csv"
	test/wrong/bench_debug.py --build "$build" --quick --rounds 1 \
		--only python3 --with glibc --with libkmm >/dev/null 2>&1 &&
		[ "$(grep -c '^python3,[a-z]*,1,[0-9.]*,[0-9.]*,[0-9]*,$' \
			"$directory/slowdown.csv")" = 2 ]
}

refuses_unknown_names() {
	! test/wrong/bench_debug.py --build "$build" --only nonsense \
		>/dev/null 2>&1 &&
		! test/wrong/bench_debug.py --build "$build" --with nonsense \
			--only free_stack >/dev/null 2>&1 &&
		! test/wrong/bench_debug.py --nonsense >/dev/null 2>&1
}

the_shim_stops ""
the_shim_notices_at_exit ""
export GLIBC_TUNABLES=glibc.pthread.rseq=0
the_shim_stops norseq/
the_shim_notices_at_exit norseq/
unset GLIBC_TUNABLES
check headers_tell_the_truth headers_tell_the_truth
check every_program_is_compared every_program_is_compared
check runs_and_reports runs_and_reports
check says_what_is_not_available says_what_is_not_available
check times_a_program times_a_program
check refuses_unknown_names refuses_unknown_names
echo "$passed passed, $failed failed"
[ $failed = 0 ]
