#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `make demo` shows, after building: real programs on the allocator, the
# allocator's own view of its memory, the way of one request, and an object
# cache with a constructor.
#
#	scripts/demo.sh [BUILD]
#
# Fails if a program's output under the shim differs from the one without.
set -eu

cd "$(dirname "$0")/.."
build=${1:-build}
shim=$(cd "$build" && pwd)/libkmm_malloc.so
examples=$build/examples
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

for file in "$shim" "$examples/report" "$examples/ctor_cache"; do
	[ -e "$file" ] || { echo "$0: no $file; run make demo" >&2; exit 1; }
done

title() { printf '\n== %s\n\n' "$1"; }

# compare NAME COMMAND...: its output without the shim and with it.
compare() {
	name=$1
	shift
	if ! "$@" >"$dir/plain" 2>&1; then
		echo "$name: failed, without the shim too:"
		cat "$dir/plain"
		exit 1
	fi
	if ! LD_PRELOAD=$shim "$@" >"$dir/shim" 2>&1 ||
		! cmp -s "$dir/plain" "$dir/shim"; then
		echo "$name: the output differs under the shim:"
		diff "$dir/plain" "$dir/shim" || true
		exit 1
	fi
	printf '%-32s same output: %s\n' "$name" "$(cksum <"$dir/shim")"
}

# Python's own pools would keep small objects away from malloc().
export PYTHONMALLOC=malloc PYTHONHASHSEED=0
# A wrapper script in the way would only show the shell.
python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3)
compiler=$(command -v "${CC:-gcc}" || command -v cc)

# sh -c: print the checksum of what the compiler makes.
# shellcheck disable=SC2016
compile='"$1" -O2 -std=gnu11 -Iinclude -DKMM_BUILD -c mm/page_alloc.c -o "$2" && cksum <"$2"'

title "Real programs, all of whose malloc() calls libkmm serves"
echo "Each runs twice, on libc's malloc and with LD_PRELOAD=libkmm_malloc.so;"
echo "the checksums of what they print must agree."
echo
compare "python3, dictionaries and threads" "$python" \
	test/preload/programs/churn.py
compare "perl, hashes and expressions" perl test/preload/programs/churn.pl
compare "the C compiler, mm/page_alloc.c" sh -c "$compile" sh "$compiler" \
	"$dir/object.o"

title "Inside such a process: malloc_stats(), called from Python"
echo "300000 strings are alive. Look where the free memory is: pages in"
echo "the buddy system, objects on slabs, and objects in sheaves, the arrays that"
echo "stand in front of the slabs on each CPU."
echo
LD_PRELOAD=$shim "$python" -c '
import ctypes
strings = [str(i) * 5 for i in range(300000)]
ctypes.CDLL(None).malloc_stats()' 2>&1

title "Free pages, as in /proc/buddyinfo"
echo "The number of free blocks of 2^order pages. The program took single pages"
echo "and freed every second one: those at order 0 cannot merge, since a block's"
echo "buddy is in use. That is external fragmentation."
echo
"$examples/report" buddyinfo | awk '
	NR == 1 {
		printf "%-19s", "order"
		for (i = 5; i <= NF; i++)
			printf "%5d", i - 5
		print ""
	}
	{
		printf "%s %s %s %6s", $1, $2, $3, $4
		for (i = 5; i <= NF; i++)
			printf "%5d", $i
		print ""
	}'

title "Object caches, as in /proc/slabinfo"
echo "Of 3000 requests every third is still in use. num_objs counts the objects"
echo "in all slabs; those that are not active wait to be used again. The sheaves"
echo "are objects of caches themselves. (Caches in use, the first six columns.)"
echo
row='%-12s %13s %10s %9s %12s %14s\n'
"$examples/report" slabinfo | awk -v row="$row" '
	/^#/ { printf row, $1 " " $2, $3, $4, $5, $6, $7 }
	NR > 2 && $3 > 0 { printf row, $1, $2, $3, $4, $5, $6 }'

title "The way of one request"
echo "From the call down to the pages, by the names of the functions in mm/."
echo
"$examples/report" route 100
echo
"$examples/report" route 20000

title "An object cache with a constructor"
echo "Objects stay constructed while they are free: compare the counts."
echo
"$examples/ctor_cache"
