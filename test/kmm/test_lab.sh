# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# kmm lab, read in by run.sh. What the scripts of tools/lab/scripts show must be
# what test/kmm/lab has, line by line, but for line numbers and addresses. To
# write it anew after a change: test/kmm/lab/refresh.py BUILD

lab() { limited "$kmm" lab --plain "$@"; }

# The functions that the lab names, each as "FUNCTION FILE LINE".
named_functions() {
	sed -nE 's/^  \[([a-z_]+)\(\) ([^:]+):([0-9]+)\]$/\1 \2 \3/p' | sort -u
}

# Those that do not begin at that line.
wrong_places() {
	local function file line

	while read -r function file line; do
		sed -n "${line}p" "$root/$file" 2>/dev/null |
			grep -qE "^[a-z].*[ *]$function\(" ||
			echo "$function $file $line"
	done
}

test_lab_strategies() {
	local output

	wanted lab_strategies || return 0
	$CC -std=gnu11 -O2 -g -Wall -Wextra "$here/lab_strategies.c" \
		"$root"/tools/lab/strategy.c "$root"/tools/lab/strategies/*.c \
		-o "$dir/lab_strategies" -pthread || exit 2
	output=$(limited "$dir/lab_strategies" 2>&1)
	echo "$output"
	nr_ok=$((nr_ok + $(grep -c '^ok ' <<<"$output")))
	nr_failed=$((nr_failed + $(grep -c '^FAILED ' <<<"$output")))
	grep -q '^ok lab_thread-cache_locks' <<<"$output" ||
		failed lab_strategies "did not finish"
}

test_lab_scripts() {
	local file name

	for file in "$root"/tools/lab/scripts/*.lab; do
		name=$(basename "$file" .lab)
		wanted "lab_script_$name" || continue
		equal "lab_script_$name" \
			"  $here/lab/$name.out: as expected" \
			"$(lab check "$here/lab/$name.out" 2>&1)"
	done
	# The same on one CPU of the host, and with nothing from the environment.
	if wanted lab_script_depends_on_no_host; then
		equal lab_script_depends_on_no_host \
			"$(lab slab pages)" \
			"$(KMM_CMDLINE='sheaf_capacity=60 mem=1M' \
				GLIBC_TUNABLES=glibc.pthread.rseq=0 \
				taskset -c 0 "$kmm" lab slab pages 2>&1)"
	fi
	if wanted lab_functions_are_where_it_says; then
		lab "$root"/tools/lab/scripts/*.lab >"$dir/lab.now" 2>&1
		equal lab_functions_are_where_it_says "" \
			"$(named_functions <"$dir/lab.now" | wrong_places)"
		matches lab_functions_are_named \
			'expand mm/buddy.c.*refill mm/sheaf.c' \
			"$(named_functions <"$dir/lab.now" | tr '\n' ' ')"
	fi
	if wanted lab_table_has_each_function; then
		equal lab_table_has_each_function "" \
			"$(sed -nE 's/^.*"(.*)", "(.*)", ([0-9]+).*/\1 \2 \3/p' \
				"$build/obj/tools/lab/lab_lines.h" |
				wrong_places)"
	fi
}

test_lab_commands() {
	local output

	# Steps back and forward, over a change of the allocator, too.
	if wanted lab_back_and_forward; then
		output=$(printf '%s\n' 'strategy first-fit 100' 'alloc 30' \
			'alloc 40' show 'strategy mm' 'alloc 3' 'cache create x 50' \
			'cache alloc x 9' show 'back 4' show 'forward 4' show |
			lab 2>&1)
		shows() { awk -v n="$1" '/^> /{ on = /^> show/; k += on; next }
			on && k == n' <<<"$output"; }
		equal lab_back_restores "$(shows 1)" "$(shows 3)"
		equal lab_forward_redoes "$(shows 2)" "$(shows 4)"
	fi
	if wanted lab_back_drops_what_follows; then
		matches lab_back_drops_what_follows 'nothing to redo' \
			"$(printf '%s\n' 'alloc 3' 'alloc 3' back 'alloc 2' \
				forward | lab 2>&1)"
	fi
	if wanted lab_save_and_run; then
		printf '%s\n' 'strategy buddy 64' 'alloc 5' 'alloc 9' 'free A' \
			"save $dir/saved.lab" show | lab >"$dir/lab.first"
		printf '%s\n' "run $dir/saved.lab" show | lab >"$dir/lab.second"
		equal lab_save_and_run "$(tail -n 8 "$dir/lab.first")" \
			"$(tail -n 8 "$dir/lab.second")"
		equal lab_saved_script "strategy mm;strategy buddy 64;alloc 5;alloc 9;free A;" \
			"$(sed 's/ *$//' "$dir/saved.lab" | tr '\n' ';')"
	fi
	if wanted lab_picture; then
		# Two panels; the second one has the page that was taken, and
		# the rows that changed have bold labels.
		output=$(printf '%s\n' 'alloc 4' 'free A' 'alloc 0' \
			"picture $dir/lab.svg 2 pages order" 'picture no.png' \
			"picture $dir/lab.svg 17" | lab 2>&1)
		matches lab_picture "2 states in $dir/lab.svg.*picture FILE.svg.*no number from 0 to 16" \
			"$output"
		matches lab_picture_steps 'class="m">free A<.*class="m">alloc 0<.*B is page 16' \
			"$(cat "$dir/lab.svg")"
		matches lab_picture_changed 'class="h">pages 0<.*class="c">B<.*class="r">pages 32<.*class="h">order 0<' \
			"$(sed '1,/>alloc 0</d' "$dir/lab.svg")"
		# A block that begins in an odd row is known to end there.
		equal lab_picture_ends 0 "$(grep -c 'and on' "$dir/lab.svg")"
		equal lab_picture_labels 0 "$(grep -c '>cpu 0' "$dir/lab.svg")"
		python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' \
			"$dir/lab.svg"
		equal lab_picture_is_xml 0 $?
	fi
	if wanted lab_check_says_where; then
		sed 's/^  A is pages 16-31/  A is pages 40-55/' \
			"$here/lab/pages.out" >"$dir/wrong.out"
		output=$(lab check "$dir/wrong.out" 2>&1)
		matches lab_check_says_where \
			"^1.*after '> alloc 4'.*expected:.*40-55.*it is:.*16-31" \
			"$? $output"
	fi
	if wanted lab_check_needs_all_of_it; then
		head -n 20 "$here/lab/pages.out" >"$dir/short.out"
		matches lab_check_needs_all_of_it 'expected: the end' \
			"$(lab check "$dir/short.out" 2>&1)"
	fi
	if wanted lab_double_free_is_reported; then
		output=$(printf '%s\n' 'alloc 4' 'free A' 'free A' \
			'cache create foo 64' 'cache alloc foo' \
			'cache free foo B' 'cache free foo B' 'alloc 2' |
			lab 2>&1)
		equal lab_double_free_is_reported "2 1" \
			"$(grep -c '^BUG double free' <<<"$output") $(grep -c \
				'C is pages' <<<"$output")"
	fi
	if wanted lab_machine_that_dies_is_replaced; then
		output=$(printf '%s\n' 'strategy mm bad_free=abort' 'alloc 4' \
			'alloc 4' 'free A' 'free A' 'free B' | lab 2>&1)
		matches lab_machine_that_dies_is_replaced \
			'BUG double free.*stopped the machine.*> free B.*B is free' \
			"$output"
	fi
	if wanted lab_wrong_line; then
		output=$(printf '%s\n' 'aloc 3' 'alloc x' 'free Q' 'alloc 99' \
			'alloc 1 fixed' |
			lab 2>&1)
		equal lab_wrong_line_is_no_success 1 $?
		matches lab_wrong_line \
			"makes no sense.*no number.*nothing called Q.*from 0 to 10.*no migratetype" \
			"$output"
	fi
	if wanted lab_four_cpus; then
		if [ "$(nproc)" -ge 2 ]; then
			matches lab_four_cpus 'foo cpu 3 ' \
				"$(printf '%s\n' 'cache create foo 64' 'cpu 3' \
					'cache alloc foo' | lab --cpus=4 2>&1)"
		else
			skipped lab_four_cpus "takes two CPUs"
		fi
	fi
	if wanted lab_first_sheaf_from_the_barn; then
		matches lab_first_sheaf_from_the_barn \
			'> cache alloc.*CPU 1 had no sheaf yet: a full sheaf came from the barn' \
			"$(printf '%s\n' 'cache create foo 1000' \
				'cache alloc foo 12' 'cache free foo all' \
				'cpu 1' 'cache alloc foo' | lab 2>&1 | xargs -d '\n')"
	fi
	if wanted lab_zones; then
		matches lab_zones 'Movable order' \
			"$(echo show | lab --mem=512K \
				--cmdline='movablecore=256K' 2>&1)"
	fi
}

test_lab_compare() {
	local output

	if wanted lab_compare_lecture; then
		output=$(lab compare lecture 2>&1)
		matches lab_compare_lecture_first_fit \
			$'\nfirst-fit +100 +1 +66.7 +16 +0.0 +2.00 .* 1.00' \
			"$output"
		matches lab_compare_lecture_buddy \
			$'\nbuddy +96 +2 +55.6 +16 +12.5 ' "$output"
		equal lab_compare_has_all \
			"first-fit best-fit next-fit segregated ranges buddy thread-cache mm" \
			"$(sed 1,3d <<<"$output" | awk '{ print $1 }' | xargs)"
	fi
	if wanted lab_compare_corpus; then
		output=$(lab compare sawtooth python server 2>&1)
		equal lab_compare_corpus "0 24" \
			"$? $(grep -cE '^[a-z-]+ +[0-9]+ +[0-9]+ ' <<<"$output")"
		equal lab_compare_mm_serves_all "0 0 0" \
			"$(awk '$1 == "mm" { print $3 }' <<<"$output" | xargs)"
	fi
	if wanted lab_compare_svg; then
		lab compare --svg="$dir/lab.svg" --threads=3 lecture >/dev/null 2>&1
		equal lab_compare_svg "8 True" "$(python3 - "$dir/lab.svg" <<-'END'
			import sys
			import xml.etree.ElementTree as tree
			root = tree.parse(sys.argv[1]).getroot()
			texts = [e.text for e in root.iter() if e.tag.endswith("text")]
			names = ["first-fit", "best-fit", "next-fit", "segregated",
			         "ranges", "buddy", "thread-cache", "mm"]
			print(sum(n in texts for n in names),
			      "lecture.trace: 10 calls, 3 threads" in texts)
			END
		)"
	fi
	if wanted lab_trace_is_the_generators; then
		cp -r "$root/tools/lab/traces" "$dir/traces"
		rm "$dir"/traces/*.trace
		python3 "$dir/traces/make.py"
		equal lab_trace_is_the_generators "" \
			"$(diff -r "$root/tools/lab/traces" "$dir/traces")"
	fi
	if wanted lab_compare_recorded; then
		run --trace="$dir/recorded" sort "$here/test_lab.sh" >/dev/null
		matches lab_compare_recorded \
			$'^recorded: [0-9]+ calls.*\nmm +[0-9]+ +0 ' \
			"$(lab compare "$dir/recorded" 2>&1)"
	fi
	if wanted lab_bad_trace; then
		printf 'a 1 16\nf 1\nf 1\n' >"$dir/bad.trace"
		matches lab_bad_trace 'bad.trace:3: block 1 is not allocated' \
			"$(lab compare "$dir/bad.trace" 2>&1)"
		printf 'a 1\n' >"$dir/bad.trace"
		matches lab_bad_trace_line "bad.trace:1: neither" \
			"$(lab compare "$dir/bad.trace" 2>&1)"
	fi
}

test_lab_lesson() {
	local output

	wanted lab_lesson || return 0
	output=$("$root/test/console.py" "$build" \
		"$root/Documentation/lab.md" 2>&1)
	matches lab_lesson ' 0 failed$' "$output"
}

usage usage_lab_threads lab --threads=0 compare lecture
usage usage_lab_compare_nothing lab compare
usage usage_lab_check_nothing lab check
usage usage_lab_strategy lab --strategy=worst-fit
test_lab_strategies
test_lab_scripts
test_lab_commands
test_lab_compare
test_lab_lesson
