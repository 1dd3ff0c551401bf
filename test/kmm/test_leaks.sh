# SPDX-License-Identifier: MIT
#
# kmm leaks, kmm live, kmm run --leaks: exactly the blocks that leaks.c loses are
# found, by the function that allocated them, in processes and cores. Read in by
# run.sh.

# leaks_at_exit NAME MODE REGEX: of the report of `kmm run --leaks`.
leaks_at_exit() {
	wanted "$1" || return 0
	matches "$1" "$3" "$(run --leaks "$dir/leaks" "$2" 2>&1)"
}

# leaks_guarded NAME OPTION MODE REGEX: the same, where all blocks are guarded.
leaks_guarded() {
	wanted "$1" || return 0
	matches "$1" "$4" "$(run "$2" --leaks "$dir/leaks" "$3" 2>&1)"
}

# leaks_outside NAME MODE REGEX: of the report of `kmm leaks PID`.
leaks_outside() {
	wanted "$1" || return 0
	start env KMM_CMDLINE="slab_debug=U page_owner kmemleak" \
		LD_PRELOAD="$shim" "$dir/leaks" "$2" wait
	matches "$1" "$3" "$(limited "$kmm" leaks "$pid" 2>&1)"
	stop
}

test_leaks() {
	local both output status shim=$build/libkmm_malloc.so.0

	$CC -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra "$here/leaks.c" \
		-o "$dir/leaks" -ldl -pthread || exit 2
	none=$'\n''lost: 0 bytes in 0 blocks, 0 stacks; '
	for both in leaks_at_exit leaks_outside; do
		$both ${both}_lost lost \
			"231 bytes in 3 blocks lost:.*size 77.* lose\\+.*leaks.c:.*lost: 231 bytes in 3 blocks, 1 stack; "
		$both ${both}_threads threads \
			"396 bytes in 4 blocks lost:.* lose\\+.*lose_in_thread.*lost: 396 bytes in 4 blocks, 1 stack; "
		$both ${both}_interior interior "$none"
		$both ${both}_behind behind "lost: 64 bytes in 1 block, "
		$both ${both}_through through \
			"200 bytes in 1 block lost, and 200 in 1 through it:.* lose_ring\\+.*32 bytes in 1 block lost, and 64 in 2 through it:.* lose_chain\\+.*lost: 496 bytes in 5 blocks, 2 stacks; "
		$both ${both}_large large \
			"6291456 bytes in 1 block lost:.*vmalloc.* lose\\+.*50000 bytes in 1 block lost:.*pages.* lose\\+"
		$both ${both}_told told "lost: 800 bytes in 1 block, "
		$both ${both}_nothing nothing "$none"
	done
	# Guarded objects are lost, and reached, as others are.
	for both in --guard=1/1 --check=page; do
		status=${both#--}
		status=leaks_${status%%[=]*}
		leaks_guarded "${status}_lost" $both guarded \
			"231 bytes in 3 blocks lost:.*size 77\\), kmalloc-80.* lose\\+.*leaks.c:.*lost: 231 bytes in 3 blocks, 1 stack; "
		leaks_guarded "${status}_through" $both through \
			"lost: 496 bytes in 5 blocks, 2 stacks; "
		leaks_guarded "${status}_nothing" $both nothing "$none"
	done
	leaks_outside leaks_outside_reached reached "$none"

	# Without stacks, from a program that nobody prepared.
	if wanted leaks_unprepared; then
		start env KMM_CMDLINE=kmalloc_ladder=fine LD_PRELOAD="$shim" \
			"$dir/leaks" lost wait
		matches leaks_unprepared \
			"3 blocks lost:.*kmalloc-80.*lost: 240 bytes in 3 blocks, .*who allocated them is not known" \
			"$(limited "$kmm" leaks "$pid" 2>&1)"
		stop
	fi
	if wanted leaks_no_rseq; then
		start env GLIBC_TUNABLES=glibc.pthread.rseq=0 \
			KMM_CMDLINE=kmalloc_ladder=fine LD_PRELOAD="$shim" \
			"$dir/leaks" lost wait
		matches leaks_no_rseq "lost: 240 bytes in 3 blocks, " \
			"$(limited "$kmm" leaks "$pid" 2>&1)"
		stop
	fi
	# It goes on afterwards, as if nothing had been.
	if wanted leaks_leaves_no_trace; then
		start env LD_PRELOAD="$shim" "$dir/leaks" nothing wait
		limited "$kmm" leaks "$pid" >/dev/null
		limited "$kmm" live "$pid" >/dev/null
		matches leaks_leaves_no_trace "TracerPid:	0" \
			"$(cat "/proc/$pid/status")"
		kill -TERM "$pid"
		wait "$pid"
		equal leaks_leaves_no_signal 143 $?
	fi
	if wanted leaks_core; then
		start env KMM_CMDLINE="slab_debug=U page_owner" \
			LD_PRELOAD="$shim" "$dir/leaks" threads wait
		if command -v gcore >/dev/null &&
			gcore -o "$dir/core" "$pid" >/dev/null 2>&1; then
			matches leaks_core \
				"396 bytes in 4 blocks lost:.* lose\\+.*lost: 396 bytes in 4 blocks, 1 stack; " \
				"$(limited "$kmm" leaks "$dir/core.$pid" 2>&1)"
		else
			skipped leaks_core "needs gdb's gcore"
		fi
		stop
		rm -f "$dir"/core*
	fi
	if wanted leaks_python; then
		matches leaks_python "999 bytes in 3 blocks lost:.*lost: 999 bytes in 3 blocks, " \
			"$(PYTHONMALLOC=malloc run --leaks python3 -c '
import ctypes
malloc = ctypes.CDLL(None).malloc
malloc.restype = None
for i in range(3):
	malloc(ctypes.c_size_t(333))
' 2>&1)"
	fi
	if wanted leaks_live; then
		matches leaks_live "3200000 bytes in 100000 blocks:.* keep_list\\+.*live: 32" \
			"$(run --live "$dir/leaks" nothing 2>&1)"
	fi
	if wanted leaks_exitcode; then
		run --leaks --error-exitcode=9 "$dir/leaks" lost >/dev/null 2>&1
		equal leaks_exitcode 9 $?
		run --leaks --error-exitcode=9 "$dir/leaks" nothing >/dev/null 2>&1
		equal leaks_exitcode_of_nothing 0 $?
	fi
	if wanted leaks_suppressed; then
		printf '# known\nleak:lose\n' >"$dir/known"
		output=$(run --leaks --error-exitcode=9 \
			--suppressions="$dir/known" "$dir/leaks" lost 2>&1)
		status=$?
		matches leaks_suppressed \
			"lost: 0 bytes .*suppressed: 3 blocks" "$output"
		equal leaks_suppressed_exitcode 0 $status
		echo nonsense >"$dir/known"
		usage leaks_suppressions_of_nothing run \
			--suppressions=/dev/null true
		usage leaks_suppressions_of_live run --live \
			--suppressions=/dev/null true
		usage leaks_bad_suppressions run --leaks \
			--suppressions="$dir/known" true
	fi
	if wanted leaks_own_heap; then
		$CC -std=gnu11 -O2 -g -I"$root/include" "$here/leaks_own.c" \
			-o "$dir/leaks_own" "$build/libkmm.a" -pthread || exit 2
		matches leaks_own_heap \
			"128 bytes in 2 blocks lost:.*, own, .* lose_object\\+.*lost: 128 bytes in 2 blocks, 1 stack; " \
			"$(run --leaks "$dir/leaks_own" 2>&1)"
		start env KMM_CMDLINE="slab_debug=U page_owner kmemleak" \
			LD_PRELOAD="$shim" "$dir/leaks_own" wait
		matches leaks_own_heap_outside \
			"^heap of .*libkmm_malloc.so.*lost: 0 bytes.*
heap of .*leaks_own:
.*128 bytes in 2 blocks lost:.*, own, .* lose_object\\+.*lost: 128 bytes in 2 blocks, 1 stack; " \
			"$(limited "$kmm" leaks "$pid" 2>&1)"
		stop
	fi
	if wanted leaks_with_check; then
		output=$(run --check --leaks "$build/test/wrong/overrun_one_byte" 2>&1)
		matches leaks_after_check "Right Redzone overwritten" "$output"
		output=$(run --leaks --check "$build/test/wrong/overrun_one_byte" 2>&1)
		matches leaks_before_check "Right Redzone overwritten" "$output"
	fi
	if wanted leaks_not_searched; then
		matches leaks_not_searched "not searched: " \
			"$(run --leaks "$dir/ways" kill 9 2>&1)"
	fi
	# Children end by themselves; only the program itself is looked at.
	if wanted leaks_children; then
		output=$(run --leaks "$dir/leaks" forks 2>&1)
		equal leaks_children 1 "$(grep -c '^lost: 88 bytes' <<<"$output")"
	fi
}

test_leaks
