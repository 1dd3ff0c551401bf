# SPDX-License-Identifier: MIT
#
# Traces: kmm run --trace, kmm trace, kmm replay. Read in by run.sh.
#
# shellcheck shell=bash disable=SC2154

calls=$dir/calls
trace=$dir/trace

build_calls() {
	$CC -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra \
		-Wno-use-after-free -Wno-unknown-warning-option \
		"$here/calls.c" -o "$calls" -pthread || exit 2
}

# Calls alone, of those between the two marks.
marked() {
	sed -E 's/^[0-9.]+ \[[0-9]+\] //; s/ <- .*//' |
		awk '/^malloc\(11111\)/ { in_mark = !in_mark; getline; next } in_mark'
}
kmm_trace() { limited "$kmm" trace "$@" 2>&1; }

# What does not fit: an address allocated while it is in use, or freed while it
# is not. At the end, the number of calls.
life() {
	awk '
	/^#/ { next }
	{
		addr = ""
		if (match($0, /= 0x[0-9a-f]+/))
			addr = substr($0, RSTART + 2, RLENGTH - 2)
		old = ""
		if (match($0, /(free|realloc)\(0x[0-9a-f]+/)) {
			old = substr($0, RSTART, RLENGTH)
			sub(/.*\(/, "", old)
		}
		if (old != "" && !($0 ~ / = NULL/)) {
			if (!live[old]) print "not live: " $0
			live[old] = 0
		}
		if (addr != "") {
			if (live[addr]) print "live: " $0
			live[addr] = 1
		}
		nr++
	}
	END { print (nr > '"$1"' ? "consistent" : nr) }'
}

test_trace() {
	local want have text name

	if wanted trace_calls_are_known; then
		want=$(run --trace="$trace" "$calls" known)
		have=$(kmm_trace "$trace" | marked)
		equal trace_calls_are_known "$want" "$have"
		matches trace_names_callers \
			"malloc\(100\) = 0x[0-9a-f]+ <- 0x[0-9a-f]+ known\+.*calls\.c:" \
			"$(kmm_trace --size=100 "$trace")"
		equal trace_end_is_seen "" "$(kmm_trace "$trace" | grep 'no end')"
	fi
	if wanted trace_text_is_the_same; then
		want=$(run --trace-text="$trace.text" "$calls" known)
		equal trace_text_is_the_same "$want" "$(marked <"$trace.text")"
	fi
	if wanted trace_stderr; then
		want=$(run --trace "$calls" known 2>"$trace.err")
		equal trace_stderr "$want" "$(marked <"$trace.err")"
		matches trace_stderr_names "known\+.*calls\.c:" "$(<"$trace.err")"
	fi
	if wanted trace_shrinks_without_memory; then
		want=$(run --trace "$calls" shrink 2>"$trace.err")
		equal trace_shrinks_without_memory "$want" "$(marked <"$trace.err")"
	fi
	if wanted trace_filters; then
		run --trace="$trace" "$calls" known >/dev/null
		equal trace_filters_op 1 \
			"$(kmm_trace --op=memalign "$trace" | grep -c memalign)"
		equal trace_filters_size "calloc(150)" \
			"$(kmm_trace --size=150-199 "$trace" | grep -o 'calloc([0-9]*)')"
		equal trace_filters_tid 0 \
			"$(kmm_trace --tid=1 "$trace" | grep -vc '^#')"
		matches trace_top "^.* 1 +1000 +0 +0 +1000 +0x[0-9a-f]+ known" \
			"$(kmm_trace --top=100 "$trace" | grep ' 1000 ')"
	fi
	if wanted trace_double_free; then
		have=$(run --trace="$trace" "$calls" twice 2>/dev/null)
		text=$(kmm_trace --address="$have" "$trace")
		matches trace_double_free_first \
			"free\($have\) <- 0x[0-9a-f]+ free_first.*calls\.c:$(line_of calls.c first)" \
			"$text"
		matches trace_double_free_second \
			"free\($have\) <- 0x[0-9a-f]+ free_second.*calls\.c:$(line_of calls.c second)" \
			"$text"
		matches trace_double_free_is_marked \
			"not allocated: freed .* <- 0x[0-9a-f]+ free_first" "$text"
	fi
	if wanted trace_threads; then
		run --trace="$trace" "$calls" threads
		equal trace_threads consistent "$(kmm_trace "$trace" | life 80000)"
		run --trace-text="$trace.text" "$calls" threads
		equal trace_threads_text consistent "$(life 80000 <"$trace.text")"
	fi
	if wanted trace_killed; then
		(run --trace="$trace" "$calls" killed) 2>/dev/null
		text=$(kmm_trace "$trace")
		matches trace_killed_last_call "free" "$(grep -v '^#' <<<"$text" | tail -1)"
		matches trace_killed_all_calls "malloc\(4321\)" "$text"
		matches trace_killed_is_said "no end" "$text"
	fi
	if wanted trace_forks; then
		run --trace="$trace" "$calls" forks
		equal trace_forks_one_file "2001 2002 2003" "$(kmm_trace "$trace" |
			grep -oE 'malloc\(200[0-9]\)' | tr -dc '0-9\n' | xargs)"
		equal trace_forks_no_bad_free 0 \
			"$(kmm_trace "$trace" | grep -c 'not allocated\|never')"
	fi
	if wanted trace_objects; then
		$CC -I"$root/include" "$root/Documentation/examples/first_cache.c" \
			"$build/libkmm.a" -pthread -o "$dir/first_cache" || exit 2
		KMM_CMDLINE=trace=$trace.objects "$dir/first_cache" >/dev/null
		matches trace_objects_by_name \
			"kmem_cache_alloc\([a-z_]+\) = 0x[0-9a-f]+ <- 0x[0-9a-f]+ main\+" \
			"$(kmm_trace --op=kmem_cache_alloc "$trace.objects")"
		equal trace_objects consistent "$(kmm_trace "$trace.objects" |
			sed 's/kmem_cache_free([a-z_]*, /free(/' | life 1)"
	fi
	if wanted trace_without_rseq; then
		GLIBC_TUNABLES=glibc.pthread.rseq=0 \
			run --trace="$trace" "$calls" threads
		equal trace_without_rseq consistent \
			"$(kmm_trace "$trace" | life 80000)"
	fi
	if wanted trace_exec; then
		# shellcheck disable=SC2016
		run --trace="$trace" sh -c '"$0" known; true' "$calls" >/dev/null
		have=0
		for name in "$trace" "$trace".[0-9]*; do
			kmm_trace "$name" | grep -q 'malloc(6291456)' &&
				have=$((have + 1))
		done
		equal trace_exec_own_file 1 "$have"
		rm -f "$trace".[0-9]*
	fi
	if wanted trace_errors; then
		run --trace="$trace" "$calls" known >/dev/null
		head -c 100 "$trace" >"$trace.short"
		matches trace_too_short "too short" "$(kmm_trace "$trace.short")"
		head -c 5000 "$trace" >"$trace.short"
		matches trace_cut "bytes are missing" "$(kmm_trace "$trace.short")"
		: >"$trace.short"
		matches trace_empty "is empty" "$(kmm_trace "$trace.short")"
		cp "$trace" "$trace.short"
		printf '\xee' | dd of="$trace.short" bs=1 seek=5120 conv=notrunc \
			status=none
		text=$(kmm_trace "$trace.short")
		equal trace_damaged_status 1 $?
		matches trace_damaged "damaged at byte 5120" "$text"
		printf '\x09' | dd of="$trace.short" bs=1 seek=12 conv=notrunc \
			status=none
		matches trace_version "version 9" "$(kmm_trace "$trace.short")"
		matches trace_text_file "is a trace in text" "$(kmm_trace "$trace.text")"
		matches trace_no_trace "is no trace" "$(kmm_trace "$here/calls.c")"
		matches trace_no_file "cannot open" "$(kmm_trace "$dir/none")"
		matches trace_no_directory "no such directory" \
			"$(run --trace="$dir/none/x" "$calls" known 2>&1)"
		# Every byte of a record wrong in turn: no crash, no hang.
		have=
		for name in 4096 4128 4160 4224 4288 4352 4416 4480; do
			cp "$trace" "$trace.short"
			head -c 32 /dev/urandom | dd of="$trace.short" bs=1 \
				seek="$name" conv=notrunc status=none
			kmm_trace "$trace.short" >/dev/null
			[ $? -le 1 ] || have+="$name "
		done
		equal trace_random_bytes "" "$have"
	fi
	if wanted trace_disk_full; then
		matches trace_disk_full "file too large: no more calls are traced" \
			"$(ulimit -f 256; run --trace="$trace" "$calls" threads 2>&1)"
		matches trace_disk_full_text "no space left: no more calls" \
			"$(run --trace-text=/dev/full "$calls" threads 2>&1)"
		matches trace_disk_full_read "bytes are missing" "$(kmm_trace "$trace")"
	fi
	if wanted trace_python; then
		name=/usr/bin/python3
		run --trace="$trace" $name -c 'import json, threading
def work():
    for i in range(200): json.loads(json.dumps(list(range(i))))
t = [threading.Thread(target=work) for i in range(4)]
for i in t: i.start()
for i in t: i.join()
print("done")' >"$trace.out"
		equal trace_python_runs "done" "$(<"$trace.out")"
		equal trace_python consistent "$(kmm_trace "$trace" | life 1000)"
		text=$(limited "$kmm" replay --rounds=1 --touch --preload=libc \
			--preload="$build/libkmm_malloc.so.0" "$trace" 2>&1)
		matches replay_python_libc "libc +[0-9.]+ " "$text"
		matches replay_python_shim "libkmm_malloc.so.0 +[0-9.]+ " "$text"
		matches replay_python_serial " 1 thread," \
			"$(limited "$kmm" replay --rounds=1 --serial "$trace" 2>&1)"
	fi
	if wanted replay_threads; then
		run --trace="$trace" "$calls" threads
		matches replay_threads "9 threads.*libkmm_malloc" \
			"$(limited "$kmm" replay --rounds=2 --touch \
			--preload="$build/libkmm_malloc.so.0" "$trace" 2>&1)"
	fi
	if wanted replay_errors; then
		run --trace="$trace" "$calls" known >/dev/null
		matches replay_no_library "No such file" \
			"$(limited "$kmm" replay --preload="$dir/none.so" "$trace" 2>&1)"
		matches replay_not_preloaded "not preloaded" \
			"$(limited "$kmm" replay --preload="$here/calls.c" "$trace" 2>&1)"
		matches replay_no_process "no process 1 " \
			"$(limited "$kmm" replay --process=1 "$trace" 2>&1)"
	fi
	usage usage_trace_no_file trace
	usage usage_trace_bad_op trace --op=nonsense x
	usage usage_trace_bad_size trace --size=a-b x
	usage usage_trace_bad_sort trace --sort=name x
	usage usage_replay_no_file replay
	usage usage_replay_rounds replay --rounds=0 x
	if wanted trace_path_with_blanks; then
		run --trace="$dir/a b.trace" "$calls" known >/dev/null
		matches trace_path_with_blanks "malloc\(" \
			"$(limited "$kmm" trace "$dir/a b.trace" 2>&1)"
	fi
	usage usage_run_trace_quote run --trace="$dir/a\"b" true
}

build_calls
test_trace
