# SPDX-License-Identifier: MIT
#
# The views: what they show is what the process says itself, each format can be
# read by who reads such formats, and neither a process that changes nor one that
# is damaged leads them astray. Read in by run.sh; views.py reads the outputs.

reports="slabinfo buddyinfo pagetypeinfo zoneinfo vmstat meminfo"
views() { limited "$kmm" "$@" 2>&1; }
views_py() { limited python3 "$here/views.py" "$@" 2>&1; }
shim=$build/libkmm_malloc.so.0

# views_equal NAME TARGET: what $kmm says of it is what the process wrote to
# $dir/views.
views_equal() {
	local report output=

	for report in $reports; do
		cmp -s <(views "$report" "$2") "$dir/views/$report" ||
			output+="$report $(diff <(views "$report" "$2") \
				"$dir/views/$report" | head -n 3)"
	done
	equal "$1" "" "$output"
}

test_views_reports() {
	local tunables

	mkdir -p "$dir/views"
	for tunables in rseq=1 rseq=0; do
		wanted "views_reports_$tunables" || continue
		# Nothing may happen once it has written its own reports.
		start env KMM_CMDLINE=page_reporting=0 \
			GLIBC_TUNABLES=glibc.pthread.$tunables \
			"$dir/views-prog" reports "$dir/views"
		views_equal "views_reports_$tunables" "$pid"
		if [ $tunables = rseq=1 ] && command -v gcore >/dev/null &&
			gcore -o "$dir/core" "$pid" >/dev/null 2>&1; then
			views_equal views_reports_core "$dir/core.$pid"
			output=$(views caches -o json "$dir/core.$pid" |
				views_py json caches)
			equal views_core_json "" "$output"
			usage views_core_watch caches --watch=1 "$dir/core.$pid"
			usage views_core_rss rss "$dir/core.$pid"
			rm -f "$dir"/core*
		fi
		stop
	done
}

test_views_formats() {
	local report output=

	wanted views_formats || return 0
	start "$dir/views-prog" known "$dir/known"
	for report in $reports caches rss; do
		views "$report" -o json "$pid" >"$dir/json"
		views "$report" -o csv "$pid" >"$dir/csv"
		output+=$(views_py json "$report" <"$dir/json")
		# Reading brings in pages of the map, which count in rss.
		output+=$(views_py same "$dir/json" "$dir/csv")
	done
	views top -o json "$pid" >"$dir/json"
	views top -o csv "$pid" >"$dir/csv"
	output+=$(views_py json top <"$dir/json")
	output+=$(views_py same "$dir/json" "$dir/csv")
	# shellcheck disable=SC2046
	views whatis -o json "$pid" $(cut -d' ' -f2 "$dir/known") >"$dir/json"
	# shellcheck disable=SC2046
	views whatis -o csv "$pid" $(cut -d' ' -f2 "$dir/known") >"$dir/csv"
	output+=$(views_py json whatis <"$dir/json")
	output+=$(views_py same "$dir/json" "$dir/csv")
	equal views_formats "" "$output"
	usage views_bad_format caches -o xml "$pid"
	usage views_no_target caches
	usage views_two_targets caches "$pid" "$pid"
	usage views_no_address whatis "$pid"
	usage views_bad_address whatis "$pid" main
	usage views_bad_seconds caches --watch=often "$pid"
	usage views_top_bad_key top --once --sort=x "$pid"
	usage views_top_no_terminal top "$pid"
	equal views_active "1" "$(views caches -o json "$pid" |
		views_py row name known active)"
	stop
	start "$dir/views-prog" names
	equal views_names "" "$(views caches -o json "$pid" | views_py names)"
	views caches -o json "$pid" >"$dir/json"
	views caches -o csv "$pid" >"$dir/csv"
	matches views_openmetrics_names '^[0-9]+ families$' \
		"$(views metrics "$pid" | views_py openmetrics)"
	# The screen must not be cleared by a name.
	equal views_top_control "" "$(views top --once "$pid" |
		LC_ALL=C grep -n "[^ -~]")"
	stop
}

# known NAME REGEX: of what whatis says of that address.
known() {
	matches "views_whatis_$1" "$2" "$(views whatis "$pid" \
		"$(sed -n "s/^$1 //p" "$dir/known")")"
}

# beside NAME OFFSET REGEX: of what whatis says of an address near a known one.
beside() {
	matches "views_whatis_guarded_$1$2" "$3" "$(views whatis "$pid" \
		"$(printf '%x' $(($(sed -n "s/^$1 //p" "$dir/known") + $2)))")"
}

# Each allocation is guarded, and lies at the end of its page.
guarded() {
	local allocated freed

	start env KMM_CMDLINE="kfence_all" "$dir/views-prog" known "$dir/known"
	allocated="allocated +by thread $pid, [0-9.]+ s ago.*#0 .*allocate_known\\+0x[0-9a-f]+ [^ ]*views.c:[0-9]+"
	freed="freed +by thread $pid, [0-9.]+ s ago.*#0 .*mode_known"
	beside live +0 ": guarded object, in use.*where +kfence-#[0-9]+.*cache +kmalloc-128.*offset_bytes +0"$'\n.*size_bytes +100.*'"$allocated"
	beside live +99 ': guarded object, in use.*offset_bytes +99'
	beside live +100 ': beside a guarded object, in use.*where +1 byte right of kfence-#[0-9]+'
	beside live -8 ': beside a guarded object, in use.*where +8 bytes left of'
	beside live +104 ': guard page of KFENCE, in use.*where +5 bytes right of.*cache +kmalloc-128'
	beside live -3993 ': guard page of KFENCE, in use.*where +3993 bytes left of kfence-#1'
	beside freed +0 ": guarded object, free.*cache +kmalloc-512.*size_bytes +300.*$allocated.*$freed"
	stop
}

test_views_whatis() {
	local what="kmalloc-128, in use"

	wanted views_whatis || return 0
	start "$dir/views-prog" known "$dir/known"
	known thread_stack ': stack of thread [0-9]+'$'\n'
	known stack ": stack of thread $pid"$'\n.*\[stack\]'
	known live ": object [0-9]+ of $what.*offset_bytes +0"$'\n'
	known inside ": object [0-9]+ of $what.*offset_bytes +50"$'\n.*size_bytes +128'
	known of_cache ': object [0-9]+ of known, in use.*size_bytes +72'
	known freed ': object [0-9]+ of kmalloc-512, free, in a sheaf.*the (main|spare) sheaf of per-CPU unit'
	known large ': large block, in use.*offset_bytes +40000.*flags large'
	known pages ': pages, in use.*order 3.*references 1'
	known page ': struct page'
	known free_page ': free pages, free, on .*flags (buddy|pcp|zeroed)'
	known vmalloc ': vmalloc block, in use.*offset_bytes +5'$'\n'
	known variable ': module.*views-prog.*symbol +known_variable\+0'
	known function ': module.*symbol +known_function\+0.*views.c:[0-9]+'
	matches views_whatis_nothing '^0x10: nothing' "$(views whatis "$pid" 10)"
	stop
	start env GLIBC_TUNABLES=glibc.pthread.rseq=0 \
		"$dir/views-prog" known "$dir/known"
	known freed ': object [0-9]+ of kmalloc-512, free, in a sheaf'
	stop
	start env KMM_CMDLINE="kmalloc_ladder=fine page_shift=12" \
		"$dir/views-prog" across "$dir/known"
	known across ': large block, in use.*offset_bytes +3145632.*size_bytes +3145728'
	stop
	guarded
	start env KMM_CMDLINE="slab_debug=U page_owner" \
		"$dir/views-prog" known "$dir/known"
	known live 'requested_bytes +100.*allocated +by thread [0-9]+, .* ago.*#[0-9]+ .*allocate_known\+'
	known freed ' free'$'\n''.*freed +by thread.*#[0-9]+ .*mode_known.*views.c'
	known large 'requested_bytes +50000.*allocated +by thread.*mode_known'
	known vmalloc 'requested_bytes +300000.*allocated.*mode_known'
	stop
}

# rss_sums NAME PROGRAM...: what the kernel says, of a program that waits.
rss_sums() {
	local name=$1 output

	shift
	wanted "$name" || return 0
	start "$@"
	output=$(views rss -o json "$pid" | views_py rss 0.5)
	equal "$name" "" "$output"
	stop
}

test_views_rss() {
	local live free

	rss_sums views_rss_python env LD_PRELOAD="$shim" python3 -c '
import sys, signal
kept = [bytes(i % 3000) for i in range(50000)]
del kept[::2]
print("ready", flush=True)
signal.pause()'
	rss_sums views_rss_perl env LD_PRELOAD="$shim" perl -e '
my %kept = map { $_ => "x" x ($_ % 500) } 1 .. 50000;
delete $kept{$_} for 1 .. 20000;
$| = 1; print "ready\n"; sleep 1000'
	if command -v ruby >/dev/null; then
		rss_sums views_rss_ruby env LD_PRELOAD="$shim" ruby -e '
kept = (1..50000).map { |i| "x" * (i % 400) }
kept.select!.with_index { |_, i| i % 3 == 0 }
GC.start
puts "ready"
$stdout.flush
sleep'
	fi
	if command -v redis-server >/dev/null && wanted views_rss_redis; then
		LD_PRELOAD=$shim redis-server --port 0 --save "" --dir "$dir" \
			--unixsocket "$dir/redis" >"$dir/ready" 2>&1 &
		pid=$!
		exec 7<"$dir/ready"
		limited grep -m 1 -q "ready to accept" <&7
		equal views_rss_redis "" \
			"$(views rss -o json "$pid" | views_py rss 2)"
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		exec 7<&-
	fi
	if wanted views_rss_half; then
		start env KMM_CMDLINE=page_reporting=0 "$dir/views-prog" half
		views rss -o json "$pid" >"$dir/json"
		live=$(views_py row row live bytes <"$dir/json")
		free=$(views_py row row free_objects bytes <"$dir/json")
		# 32 MiB of each, but for what is in sheaves.
		matches views_rss_half '^3[23] 3[12]$' \
			"$((live >> 20)) $(((free >> 20)))"
		equal views_rss_half_sum "" "$(views_py rss 0.5 <"$dir/json")"
		stop
	fi
}

test_views_watch() {
	local status

	if wanted views_watch; then
		start "$dir/views-prog" churn
		mkfifo "$dir/watched"
		# It ends when the process does, which has been seen by then.
		{ limited "$kmm" meminfo -o json --watch=0.01 "$pid" \
			2>"$dir/stderr"; echo $? >"$dir/status"; } \
			>"$dir/watched" &
		exec 7<"$dir/watched"
		head -n 5 <&7 >"$dir/five"
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		cat <&7 >/dev/null
		exec 7<&-
		wait 2>/dev/null
		equal views_watch_end "3 kmm meminfo: process $pid has ended" \
			"$(cat "$dir/status" "$dir/stderr" | xargs)"
		equal views_watch "" "$(views_py json meminfo 5 <"$dir/five")"
		rm "$dir/watched"
		matches views_dead 'there is no process|has ended' \
			"$(views meminfo "$pid")"
	fi
	if wanted views_watch_csv; then
		start "$dir/views-prog" churn
		equal views_watch_csv "time,name,bytes" \
			"$(limited "$kmm" meminfo -o csv --watch=0.01 "$pid" |
			head -n 20 | grep '^time,' )"
		stop
	fi
}

# At whatever moment a process is read, an answer comes, and is well formed: 200
# times, of four threads that never rest.
test_views_churn() {
	local report output=

	wanted views_churn || return 0
	start "$dir/views-prog" churn
	for report in $reports caches rss; do
		limited "$kmm" "$report" -o json --watch=0.01 "$pid" \
			2>"$dir/why" | head -n 25 >"$dir/json"
		output+=$(cat "$dir/why"; views_py json "$report" 25 <"$dir/json")
	done
	equal views_churn "" "$output"
	limited "$kmm" metrics "$pid" >"$dir/metrics"
	matches views_churn_metrics families "$(views_py openmetrics <"$dir/metrics")"
	stop
}

# Nonsense is written over a process that waits: zones, caches, struct pages. No
# command may crash, or go on for ever.
test_views_damaged() {
	local seed report places status output=

	wanted views_damaged || return 0
	for seed in $(seq 25); do
		start env KMM_CMDLINE=page_reporting=0 \
			"$dir/views-prog" known "$dir/known"
		places=$(limited "$kmm" anchor "$pid" | awk '
			/zones|slab_caches|kmalloc_row|percpu|sparse_ranges|vmap_tree|memmap/ {
				bytes = $3 * $4
				print $2 ":" (bytes > 4096 ? 4096 : bytes) }')
		places+=" $(sed -n 's/^page //p' "$dir/known"):4096"
		# shellcheck disable=SC2086
		views_py damage "$pid" "$seed" $places
		for report in $reports caches rss metrics "top --once"; do
			# shellcheck disable=SC2086
			timeout -k 1 20 "$kmm" $report "$pid" \
				>/dev/null 2>"$dir/why"
			status=$?
			[ $status -le 1 ] ||
				output+="seed $seed $report: $status; "
		done
		# shellcheck disable=SC2046
		timeout -k 1 20 "$kmm" whatis "$pid" \
			$(cut -d' ' -f2 "$dir/known") >/dev/null 2>"$dir/why"
		status=$?
		[ $status -le 1 ] || output+="seed $seed whatis: $status; "
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
	done
	equal views_damaged "" "$output"
}

test_views_screen() {
	wanted views_screen || return 0
	if ! command -v tmux >/dev/null; then
		skipped views_screen "needs tmux"
		return
	fi
	start "$dir/views-prog" known "$dir/known"
	equal views_screen "" "$(views_py screen "$kmm" "$pid")"
	kill -KILL "$pid" 2>/dev/null	# unless it was, by the test
	wait "$pid" 2>/dev/null
}

test_views() {
	$CC -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra -I"$root/include" \
		"$here/views.c" "$build/libkmm.a" -o "$dir/views-prog" \
		-pthread || exit 2
	test_views_reports
	test_views_formats
	test_views_whatis
	test_views_rss
	test_views_watch
	test_views_churn
	test_views_damaged
	test_views_screen
}

test_views
