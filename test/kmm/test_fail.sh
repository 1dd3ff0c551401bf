# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# Tests of kmm run --fail; run.sh reads this file. Allocations that fail are
# those of fails.c.

fail_flags="-std=gnu11 -O1 -g -fno-builtin -Wall -Wextra"
fail_flags="$fail_flags -Wno-unknown-warning-option -Wno-use-after-free"
# shellcheck disable=SC2086
$CC $fail_flags "$here/fails.c" -o "$dir/fails" -pthread || exit 2

# ends NAME STATUS ARGS...: `kmm run ARGS` ends with that status.
ends() {
	local name=$1 want=$2 output status
	shift 2
	wanted "$name" || return 0
	output=$(run "$@" 2>&1 </dev/null)
	status=$?
	if [ $status = "$want" ]; then
		ok "$name"
	else
		failed "$name" "status $status, ${output:0:400}"
	fi
}

# says NAME REGEX ARGS...: what `kmm run ARGS` writes has it.
says() {
	local name=$1 regex=$2
	shift 2
	wanted "$name" || return 0
	matches "$name" "$regex" "$(run "$@" 2>&1 </dev/null)"
}

# The numbers and sizes of the calls that failed.
failures() { sed -nE 's/^FAULT_INJECTION: .* of [a-z]+\(([0-9]+)\), call ([0-9]+),.*/\2:\1/p' | xargs; }

# Without addresses, and the frames of libraries.
normal() {
	sed -E '/^  #[0-9]+ /{/fails\.c/!d}; /^  \.\.\.$/d
		s/^  #[0-9]+/  #/; s/0x[0-9a-f]+/0x/g'
}

test_fail() {
	local output other n

	for n in x nth nth:0 nth:x nth: sweep:0 sweep:3-2 sweepx times= \
		interval=1x seed=x from=x probability=10%% nth:1,sweep nth:1,interval=2; do
		usage "fail_usage_$n" run "--fail=$n" true
	done
	usage fail_usage_timeout run --fail-timeout=0 true
	usage fail_usage_jobs run --fail-jobs=x true

	# What the functions return, and that the old block stays.
	ends fail_malloc_family 0 --fail=space=1001 "$dir/fails" family
	says fail_nth_is_reported \
		"^FAULT_INJECTION: forcing a failure of malloc\(40\), call 2, by 0x[0-9a-f]+ unchecked\+[^ ]* $here/fails.c:$(line_of fails.c unchecked)"$'\n  #0 ' \
		--fail=nth:2 "$dir/fails" unchecked
	ends fail_nth_beyond_is_nothing 0 --fail=nth:4 "$dir/fails" unchecked

	# A constructor of a library comes before the program; it is not counted,
	# but what the library does later is.
	if wanted fail_counts_from_the_program; then
		# shellcheck disable=SC2086
		$CC $fail_flags -shared -fPIC -xc - -o "$dir/early.so" <<-'END' ||
		#include <stdlib.h>
		static void __attribute__((constructor)) early(void)
		{
			free(malloc(77));
		}
		static void __attribute__((destructor)) late(void)
		{
			free(malloc(88));
		}
		END
			exit 2
		output=$(for n in nth:1 nth:4 nth:1,from=start nth:5,from=start
		do
			LD_PRELOAD=$dir/early.so run --fail=$n "$dir/fails" \
				unchecked 2>&1 | failures
		done)
		equal fail_counts_from_the_program "1:6 4:88 1:77 5:88" \
			"$(xargs <<<"$output")"
	fi
	if wanted fail_stack; then
		output=$(for n in stack=in_here not=in_here stack=fails,not=in_here \
			"stack=$dir/fails:in_here"; do
			run "--fail=$n" "$dir/fails" stacks 2>&1 | failures
		done)
		# A module is told by the '/', or by ".so".
		equal fail_stack "1:5 2:2/1:1 2:3//1:5 2:2" \
			"$(tr '\n' / <<<"$output" | sed 's,/$,,')"
	fi
	says fail_stack_unknown_function "no function 'nowhere'" \
		--fail=stack=nowhere "$dir/fails" stacks
	if wanted fail_cache; then
		equal fail_cache "1:40" "$(run --fail=cache=kmalloc-4? \
			"$dir/fails" unchecked 2>&1 | failures)"
	fi
	if wanted fail_probability_is_reproducible; then
		output=$(run --fail=probability=50%,seed=3,cache=kmalloc-16 \
			"$dir/fails" threads \
			2>&1 | failures | wc -w)
		other=$(run --fail=probability=50%,seed=3,cache=kmalloc-16 \
			"$dir/fails" threads \
			2>&1 | failures | wc -w)
		equal fail_probability_is_reproducible "$output" "$other"
	fi
	if wanted fail_interval_counts_threads; then
		equal fail_interval_counts_threads "3:16 6:16 9:16 12:16" \
			"$(run --fail=interval=3,cache=kmalloc-16 "$dir/fails" threads 2>&1 |
				failures | tr ' ' '\n' | sort -n | xargs)"
	fi
}

test_sweep() {
	local output other

	if wanted sweep_finds_unchecked; then
		output=$(run --fail=sweep "$dir/fails" unchecked 2>&1)
		matches sweep_finds_unchecked \
			"^sweep: crashed by SIGSEGV when one of these calls fails: 2"$'\n'"FAULT_INJECTION: [^"$'\n'"]*malloc\(40\), call 2, by 0x[0-9a-f]+ unchecked\+[^ ]* $here/fails.c:$(line_of fails.c unchecked)"$'\n' "$output"
		equal sweep_finds_nothing_else \
			"1/sweep: 3 calls, 1 crashed, 0 hung, 0 with a report, 2 exited with an error, 0 went on" \
			"$(grep -c ^FAULT <<<"$output")/$(tail -n 1 <<<"$output")"
	fi
	says sweep_passes_what_is_checked \
		"^end of the program +runs  call that failed"$'\n'"exit status 4 +9  1-9"$'\n'"sweep: 9 calls, 0 crashed, 0 hung, 0 with a report, 9 exited with an error, 0 went on$" \
		--fail=sweep "$dir/fails" checked
	if wanted sweep_in_parallel_is_the_same; then
		output=$(run --fail=sweep "$dir/fails" unchecked 2>&1)
		other=$(run --fail=sweep --fail-jobs=5 "$dir/fails" unchecked 2>&1)
		equal sweep_in_parallel_is_the_same \
			"$(normal <<<"$output")" "$(normal <<<"$other")"
	fi
	says sweep_shows_the_report \
		"^sweep: crashed by SIGABRT .* 2"$'\n'".*malloc\(20\).*BUG double free.*twice\+[^ ]* $here/fails.c:" \
		--fail=sweep "$dir/fails" twice
	says sweep_counts_reports \
		"sweep: 2 calls, 0 crashed, 0 hung, 1 with a report, 1 exited with an error, 0 went on" \
		--fail=sweep --cmdline=bad_free=warn "$dir/fails" twice
	says sweep_kills_what_hangs \
		"^sweep: hung when one of these calls fails: 1.*1 hung," \
		--fail=sweep --fail-timeout=1 "$dir/fails" persistent
	says sweep_of_a_range "2 +1  2"$'\n'"exit status 4 +2  2-3|exit status 4 +2  2-3" \
		--fail=sweep:2-3 "$dir/fails" checked
	says sweep_cuts_long_lists \
		"exit status 0 +15  1 3 5 7 9 11 13 15 17 19 21 23 and 3 more"$'\n' \
		--fail=sweep "$dir/fails" alternate
	says sweep_of_a_stack "sweep: 2 calls, .*2 went on" \
		--fail=sweep,stack=in_here "$dir/fails" stacks
	says sweep_of_a_script "sweep: [1-9]" --fail=sweep sh -c "exit 0"
	says sweep_needs_a_sound_program "misuses memory though nothing fails" \
		--fail=sweep "$dir/fails" crash
	says sweep_needs_a_program nonesuch --fail=sweep nonesuch
	ends sweep_ends_as_without_failure 2 --fail=sweep "$dir/fails" nonsense
	ends sweep_error_exitcode 9 --fail=sweep --error-exitcode=9 \
		"$dir/fails" unchecked
	ends sweep_error_exitcode_only_if_bad 0 --fail=sweep --error-exitcode=9 \
		"$dir/fails" checked
	if wanted sweep_reads_a_file_anew; then
		printf 12345 >"$dir/five"
		matches sweep_reads_a_file_anew "sweep: 1 calls, .* 1 went on" \
			"$(run --fail=sweep "$dir/fails" input 2>&1 <"$dir/five")"
	fi
	if wanted sweep_keeps_output; then
		run --fail=sweep --fail-keep="$dir/kept" sh -c 'echo text' \
			>"$dir/output" 2>&1
		equal sweep_keeps_output "text 0" "$(cat "$dir/kept/0.out") $(
			grep -c text "$dir/output")"
	fi
	if wanted sweep_leaves_no_files; then
		mkdir "$dir/tmp"
		TMPDIR=$dir/tmp run --fail=sweep --fail-jobs=2 "$dir/fails" \
			checked >"$dir/output" 2>&1
		equal sweep_leaves_no_files "" "$(ls "$dir/tmp")"
	fi
	if wanted sweep_interrupted_says_what_it_found; then
		matches sweep_interrupted_says_what_it_found \
			"^sweep: 1 calls \(interrupted\), .*[^0-9]-2" \
			"$(python3 -c '
import os, signal, subprocess, sys, time
job = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE)
signal.alarm(60)
# The program says when it stays where it is.
while not os.path.exists(sys.argv[-1]):
	time.sleep(0.01)
job.send_signal(signal.SIGINT)
print(job.stderr.read().decode().splitlines()[-1], job.wait())
' "$kmm" run --fail=sweep "$dir/fails" interrupt "$dir/second" 2>&1)"
	fi
	if [ -x "$build/examples/first_cache" ]; then
		says sweep_of_an_example "^end of .*sweep: [1-9][0-9]* calls, 0 crashed, 0 hung, 0 with" \
			--fail=sweep "$build/examples/first_cache"
	fi
}

# Some sandboxes do not let anybody trace.
test_place() {
	if ! python3 -c 'import ctypes, sys
sys.exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) != 0)'; then
		skipped sweep_place "ptrace() is not permitted"
		return
	fi
	says sweep_place_of_a_crash \
		"It crashes here:"$'\n'"  #0 0x[0-9a-f]+ unchecked\+[^ ]* $here/fails.c:$(line_of fails.c crash)"$'\n' \
		--fail=sweep "$dir/fails" unchecked
	says sweep_place_in_a_thread \
		"It crashes here:"$'\n'"  #0 0x[0-9a-f]+ in_thread\+" \
		--fail=sweep "$dir/fails" thread
	says sweep_place_of_a_hang "It hangs here:.* persistent\+[^ ]* $here/fails.c:" \
		--fail=sweep --fail-timeout=1 "$dir/fails" persistent
	# Two calls of one function, which differ below it.
	if wanted sweep_merges_what_crashes_at_one_place; then
		# shellcheck disable=SC2086
		$CC $fail_flags "$here/fails_alike.c" -o "$dir/alike" || exit 2
		output=$(run --fail=sweep "$dir/alike" 2>&1)
		matches sweep_merges_what_crashes_at_one_place \
			"^sweep: crashed by SIGSEGV when one of these calls fails: 1-3"$'\n'".*"$'\n'"\(and 2 other stacks\)"$'\n'"It crashes here:"$'\n'"  #0 0x[0-9a-f]+ deep_0\+" \
			"$output"
	fi
	test_fail_documentation
}

# What fault-injection.md shows is what is written.
test_fail_documentation() {
	local doc=$root/Documentation/fault-injection.md

	wanted sweep_is_as_documented || return 0
	# shellcheck disable=SC2086
	(cd "$root" && $CC $fail_flags test/kmm/fails.c -o "$dir/documented" \
		-pthread) || exit 2
	equal sweep_is_as_documented \
		"$(sed -n '/^```text sweep/,/^```$/p' "$doc" | sed '/^```/d' |
			normal)" \
		"$(for way in unchecked twice; do
			run --fail=sweep "$dir/documented" $way 2>&1
		done | normal)"
}

test_fail
test_sweep
test_place
