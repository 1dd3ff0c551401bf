# SPDX-License-Identifier: MIT
#
# tools/gdb/kmm-gdb.py: it counts as kmm_show() and kmm live do, in processes
# and cores, with and without debug information, and says why where it cannot.
# Read in by run.sh.

# gdb_of ARGS...: what the commands of the script print.
gdb_of() {
	limited gdb -nx -batch -iex "set debuginfod enabled off" \
		-x "$root/tools/gdb/kmm-gdb.py" "$@" 2>&1
}

# gdb_on PID-OR-"PROGRAM CORE" COMMAND...
gdb_on() {
	local target args=()

	case $1 in
	*[!0-9]*) read -ra target <<<"$1" ;;
	*) target=(-p "$1") ;;
	esac
	shift
	while [ $# -gt 0 ]; do
		args+=(-ex "$1")
		shift
	done
	gdb_of "${target[@]}" "${args[@]}"
}

# gdb_counts NAME TARGET: the numbers are those that shown.c wrote.
gdb_counts() {
	equal "$1_slabinfo" \
		"$(awk 'NR > 2 { print $1, $2, $3, $4, $5, $6, $15 }' \
			"$dir/slabinfo")" \
		"$(gdb_on "$2" kmm-slab | sed '1,/^# name/d' |
			awk 'NF == 8 { print $1, $2, $3, $4, $5, $6, $7 }')"
	equal "$1_buddyinfo" "$(cat "$dir/buddyinfo")" \
		"$(gdb_on "$2" kmm-buddy | grep '^Node 0, zone')"
	equal "$1_pagetypeinfo" \
		"$(grep ', type .* [0-9]* $' "$dir/pagetypeinfo")" \
		"$(gdb_on "$2" kmm-buddy | grep ', type ')"
}

# gdb_live NAME PID: the sums are those of kmm live, of two heaps of the first.
gdb_live() {
	local sums='s/^\(live: [0-9]* bytes in [0-9]* block\)s*.*/\1/p'

	local want

	want=$(limited "$kmm" live "$2" 2>&1 | sed -n "$sums" | head -n 1)
	equal "$1" "${want:-sums of kmm live}" \
		"$(gdb_on "$2" kmm-live | sed -n "$sums")"
}

gdb_whatis() {
	local output

	output=$(gdb_on "$pid" 'kmm-whatis in_use[1]' \
		'kmm-whatis (char *)in_use[4] + 7' 'kmm-whatis freed' \
		'kmm-whatis large' 'kmm-whatis (char *)large + 20000' \
		'kmm-whatis (char *)mapped + 1' 'kmm-whatis pages' \
		'kmm-whatis (char *)pages + 5000' 'kmm-whatis &freed')
	matches gdb_whatis_object "slab of shown.*start of object 1 at 0x[0-9a-f]*: in use" \
		"$output"
	matches gdb_whatis_inside "7 bytes inside of object 4 at .*: in use" \
		"$output"
	matches gdb_whatis_freed "slab of kmalloc-128.*object 0 at .*: free, in a sheaf" \
		"$output"
	equal gdb_whatis_large 2 \
		"$(grep -c "large block of 16 pages at" <<<"$output")"
	matches gdb_whatis_vmalloc "1 bytes inside a vmalloc block of 5242880 bytes" \
		"$output"
	equal gdb_whatis_pages 2 \
		"$(grep -c "from alloc_pages(), 1 references, 4 pages" \
			<<<"$output")"
	matches gdb_whatis_other "not in the heap: freed in section" "$output"
}

gdb_printers() {
	local output

	output=$(gdb_on "$pid" 'print zones[2]' 'print *memmap.pages' \
		'print flags' 'print kmalloc_row[0][3]')
	matches gdb_prints_zone "= zone Normal: [0-9]+ of [0-9]+ pages free" \
		"$output"
	matches gdb_prints_page "= slab of .* objects in use" "$output"
	matches gdb_prints_gfp "= GFP_KERNEL\\|__GFP_ZERO" "$output"
	matches gdb_prints_cache "= kmem_cache kmalloc-[0-9]+: objects of" \
		"$output"
}

test_gdb() {
	local shim=$build/libkmm_malloc.so.0 name refused

	# All or none: most of the time goes into starting gdb.
	wanted gdb_live || [[ $pattern == gdb_* ]] || return
	if ! command -v gdb >/dev/null ||
		! gdb -nx -batch -ex 'python print(1)' >/dev/null 2>&1; then
		skipped gdb "needs gdb with Python"
		return
	fi
	# shellcheck disable=SC2086
	$CC -std=gnu11 -O2 -g -Wall -Wextra -I"$root/include" \
		"$here/shown.c" "$build/libkmm.a" -o "$dir/shown" -pthread &&
	$CC -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra "$here/leaks.c" \
		-o "$dir/leaks" -ldl -pthread || exit 2
	start "$dir/shown" "$dir"
	if gdb_on "$pid" | grep -q 'ptrace: Operation not permitted'; then
		stop
		skipped gdb "gdb may not attach to processes"
		return
	fi
	gdb_counts gdb "$pid"
	gdb_live gdb_live "$pid"
	gdb_whatis
	gdb_printers
	matches gdb_slab_of_cache "[0-9]+ objects in [0-9]+ slabs; 200 in use" \
		"$(gdb_on "$pid" 'kmm-slab shown')"
	matches gdb_slab_of_object $'\n''0x[0-9a-f]+ [.s-]##[.s-]##[.s-]##' \
		"$(gdb_on "$pid" 'kmm-slab in_use[1]')"
	matches gdb_slab_of_nothing "is in no slab; see kmm-whatis" \
		"$(gdb_on "$pid" 'kmm-slab &freed')"
	if command -v gcore >/dev/null &&
		gcore -o "$dir/core" "$pid" >/dev/null 2>&1; then
		gdb_counts gdb_core "$dir/shown $dir/core.$pid"
	else
		skipped gdb_core "needs gcore"
	fi
	stop
	rm -f "$dir"/core*

	start env GLIBC_TUNABLES=glibc.pthread.rseq=0 "$dir/shown" "$dir"
	gdb_counts gdb_no_rseq "$pid"
	stop
	strip -o "$dir/shown-stripped" -K kmm_anchor "$dir/shown"
	start "$dir/shown-stripped" "$dir"
	gdb_counts gdb_stripped "$pid"
	stop
	cp "$shim" "$dir/libkmm_malloc.so.0"
	strip "$dir/libkmm_malloc.so.0"
	start env LD_PRELOAD="$dir/libkmm_malloc.so.0" "$dir/leaks" lost wait
	gdb_live gdb_live_of_shim "$pid"
	stop
	start env KMM_CMDLINE="slab_debug=UZ page_owner" LD_PRELOAD="$shim" \
		"$dir/leaks" guarded wait
	gdb_live gdb_live_tracked "$pid"
	matches gdb_whatis_stack "in use"$'\n'"allocated by thread.*#0 0x[0-9a-f]+ keep_list.*leaks.c" \
		"$(gdb_on "$pid" 'kmm-whatis list')"
	stop
	# Two heaps: the shim's is the program's.
	start env LD_PRELOAD="$shim" "$dir/shown" "$dir"
	gdb_live gdb_live_of_two "$pid"
	stop
	start env KMM_CMDLINE=kfence_all LD_PRELOAD="$shim" "$dir/leaks" \
		guarded wait
	gdb_live gdb_live_guarded "$pid"
	matches gdb_whatis_guarded "0 bytes inside guarded object kfence-#[0-9]+ of kmalloc-32, 32 bytes at 0x[0-9a-f]+, in use"$'\n'"allocated by thread.* keep_list" \
		"$(gdb_on "$pid" 'kmm-whatis list')"
	matches gdb_whatis_behind_guarded "1 bytes behind guarded object" \
		"$(gdb_on "$pid" 'kmm-whatis (char *)list + 33')"
	stop

	# Whoever cannot be read.
	start "$dir/ways" heap
	matches gdb_no_heap "no heap of libkmm" "$(gdb_on "$pid" kmm-slab)"
	stop
	start "$dir/anchors"
	matches gdb_other_version "of another version: its anchor says 1000" \
		"$(gdb_on "$pid" kmm-slab)"
	stop
	for name in kmm-slab kmm-buddy kmm-live 'kmm-whatis 1'; do
		refused=$(gdb_of -ex "$name" "$dir/shown")
		matches "gdb_no_process_${name% 1}" "no process and no core" \
			"$refused"
	done
	matches gdb_not_up "heap is not up" \
		"$(gdb_of -ex 'break main' -ex run -ex kmm-live "$dir/shown")"

	# The script's table of flags is the header's.
	equal gdb_gfp_bits \
		"$(sed -nE 's/^#define (__GFP_[A-Z0-9_]+)\s+\(\(gfp_t\)(0x[0-9a-f]+)u\).*/\1 \2/p' \
			"$root/include/linux/gfp_types.h" |
			while read -r name bits; do
				[ $((bits)) = 0 ] || echo "$name $((bits))"
			done | sort)" \
		"$(gdb_of -ex 'python print("\n".join(f"{n} {b}" for n, b in GFP_BITS))' | sort)"
}

test_gdb
