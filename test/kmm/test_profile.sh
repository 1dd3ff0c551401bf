# SPDX-License-Identifier: MIT
#
# kmm profile, kmm allocinfo and their options of kmm run: what sites.c allocates
# is what the profiles say, by function, in each format. Read in by run.sh.

# A profile with names, on standard output: of the stacks below main().
pprof_of() { python3 "$here/pprof.py" "$1" "${2:-stacks}" 2>&1; }
below_main() { sed -n 's/.*;main;//p'; }

# What sites.c keeps, and all that it allocates.
kept='keep_large 700000
keep_outer;keep_inlined 3200
keep_small 100000'
allocated='keep_large 700100
keep_outer;keep_inlined 3200
keep_small 100000
pass_by 600000'
samples='keep_large 20 700100 10 700000
keep_outer;keep_inlined 100 3200 100 3200
keep_small 1000 100000 1000 100000
pass_by 200 600000 0 0'

# has_sites NAME TEXT: an allocinfo of sites.c.
has_sites() {
	local at="$here/sites.c"

	matches "$1" "^allocinfo - version: 1.0
#     <size>  <calls> <tag info>
      700000       10 $at:[0-9]+ \[sites\] func:keep_large
      100000     1000 $at:$(line_of sites.c small) \[sites\] func:keep_small
        3200      100 $at:$(line_of sites.c inlined) \[sites\] func:keep_inlined" "$2"
}

test_profile_run() {
	local output file=$dir/out.pb.gz

	if wanted profile_run_folded; then
		run --profile=1 --profile-format=folded \
			--profile-output="$dir/out.folded" "$dir/sites" 2>/dev/null
		equal profile_run_folded "$kept" "$(below_main <"$dir/out.folded")"
	fi
	if wanted profile_run_pprof; then
		run --profile=1 --profile-output="$file" "$dir/sites" 2>/dev/null
		equal profile_run_pprof "$samples" "$(pprof_of "$file" | below_main)"
		output=$(pprof_of "$file" lines)
		matches profile_pprof_lines \
			"keep_inlined $here/sites.c:$(line_of sites.c inlined)
.*keep_small $here/sites.c:$(line_of sites.c small)
.*main $here/sites.c:" "$output"
		output=$(readelf -n "$dir/sites" | sed -n 's/.*Build ID: //p')
		matches profile_pprof_build_id "(^|
)$dir/sites $output(
|$)" "$(pprof_of "$file" mappings)"
	fi
	if wanted profile_run_default_names; then
		output=$(cd "$dir" && run --profile "$dir/sites" 2>&1 &&
			run --profile --profile-format=folded "$dir/sites" 2>&1
			ls kmm.*)
		rm -f "$dir"/kmm.[0-9]*
		matches profile_run_default_names \
			"^heap profile of process ([0-9]+): kmm.[0-9]+.pb.gz
heap profile of process ([0-9]+): kmm.[0-9]+.folded
kmm.[0-9]+.(folded|pb.gz)
kmm.[0-9]+.(folded|pb.gz)$" "$output"
	fi
	# The child's is its own, with what it has from its parent.
	if wanted profile_run_children; then
		run --profile=1 --profile-format=folded \
			--profile-output="$dir/children" "$dir/sites" fork \
			2>/dev/null
		equal profile_run_children "100000 200000" \
			"$(sed -n 's/.*;keep_small //p' "$dir/children" \
				"$dir"/children.[0-9]* | sort -n | xargs)"
		rm -f "$dir"/children*
	fi
	if wanted profile_run_killed; then
		output=$(run --profile --alloc-profile "$dir/sites" killed 2>&1
			echo $?)
		matches profile_run_killed 'no profile: process .*134$' "$output"
	fi
	if wanted profile_run_static; then
		$CC -static "$here/ways.c" -o "$dir/static" &&
			output=$(run --profile "$dir/static" exit 3 2>&1
				echo $?)
		matches profile_run_static \
			'no profile: the program does not use libkmm
3$' "$output"
	fi
	# Said before the program runs, which writes nothing.
	if wanted profile_output_refused; then
		output=$(run --profile --profile-output="$dir/none/x" \
			touch "$dir/ran" 2>&1
			run --alloc-profile="$dir" touch "$dir/ran" 2>&1
			echo $?
			ls "$dir/ran" 2>&1)
		matches profile_output_refused \
			'--profile-output: cannot write .*/none/x: No such file.*
.*--alloc-profile: cannot write .*: Is a directory
1
ls: ' "$output"
	fi
	if wanted profile_tmpdir_with_blanks; then
		mkdir -p "$dir/t m p"
		TMPDIR="$dir/t m p" run --profile=1 --profile-format=folded \
			--profile-output="$dir/out.folded" "$dir/sites" 2>/dev/null
		equal profile_tmpdir_with_blanks "$kept" \
			"$(below_main <"$dir/out.folded")"
	fi
	if wanted profile_run_leaves_nothing; then
		mkdir "$dir/tmp"
		TMPDIR=$dir/tmp run --profile=1 --profile-output="$file" \
			--alloc-profile "$dir/sites" 2>/dev/null
		equal profile_run_leaves_nothing "" "$(ls "$dir/tmp")"
	fi
	if wanted profile_run_no_rseq; then
		GLIBC_TUNABLES=glibc.pthread.rseq=0 run --profile=1 \
			--profile-output="$file" "$dir/sites" 2>/dev/null
		equal profile_run_no_rseq "$samples" \
			"$(pprof_of "$file" | below_main)"
	fi
	# Samples of 70000 bytes at 1000 bytes apart are all there, but for one in
	# exp(70); so is what they stand for.
	if wanted profile_run_sampled; then
		run --profile=1000 --profile-output="$file" "$dir/sites" \
			2>/dev/null
		matches profile_run_sampled "keep_large [0-9]+ 70[0-9]{4} 10 700000
.*keep_small [0-9]+ [0-9]+ [0-9]+ [0-9]+
.*pass_by [0-9]+ [0-9]+ 0 0" "$(pprof_of "$file" | below_main)"
	fi
	# What a profile remembers of a block is no pointer to it.
	if wanted profile_hides_no_leak; then
		matches profile_hides_no_leak 'lost: [0-9]+ bytes in 1[0-9]{3} blocks' \
			"$(run --leaks --profile=1 --profile-output="$file" \
				--alloc-profile="$dir/allocinfo" "$dir/sites" 2>&1)"
	fi
	usage usage_profile_rate run --profile=x true
	usage usage_profile_rate_0 run --profile=0 true
	usage usage_profile_format run --profile-format=svg true
	usage usage_profile_format_of_command profile --format=svg 1
	usage usage_profile_no_argument profile
	usage usage_allocinfo_no_argument allocinfo
}

# Folded stacks of a process, core or file.
folded_of() {
	limited "$kmm" profile --format=folded -o - "$@" 2>&1 | below_main
}

test_profile_outside() {
	local output file

	if wanted profile_outside; then
		start env KMM_CMDLINE="profile=1 mem_profiling" \
			LD_PRELOAD="$shim" "$dir/sites" wait
		equal profile_of_process "$kept" "$(folded_of "$pid")"
		equal profile_of_process_alloc "$allocated" \
			"$(folded_of --alloc "$pid")"
		limited "$kmm" profile -o "$dir/live.pb.gz" "$pid"
		equal profile_of_process_pprof "$samples" \
			"$(pprof_of "$dir/live.pb.gz" | below_main)"
		has_sites allocinfo_of_process "$(limited "$kmm" allocinfo "$pid")"
		if command -v gcore >/dev/null &&
			gcore -o "$dir/core" "$pid" >/dev/null 2>&1; then
			equal profile_of_core "$kept" \
				"$(folded_of "$dir/core.$pid")"
			has_sites allocinfo_of_core \
				"$(limited "$kmm" allocinfo "$dir/core.$pid")"
			rm -f "$dir/core.$pid"
		else
			skipped profile_of_core "takes gcore"
		fi
		stop
	fi
	if wanted profile_of_file; then
		KMM_CMDLINE="profile=1 profile_file=$dir/%p.heap mem_profiling mem_profiling_file=$dir/%p.calls" \
			LD_PRELOAD=$shim "$dir/sites"
		file=$(ls "$dir"/*.heap)
		matches profile_file_is_gperftools \
			'^heap profile: +[0-9]+: +[0-9]+ \[ *[0-9]+: +[0-9]+\] @ heap_v2/1$' \
			"$(head -n 1 "$file")"
		equal profile_of_file "$kept" "$(folded_of "$file")"
		equal profile_of_file_alloc "$allocated" \
			"$(folded_of --alloc "$file")"
		has_sites allocinfo_of_file \
			"$(limited "$kmm" allocinfo "$(ls "$dir"/*.calls)")"
		# Not of this program any more: addresses stay addresses.
		cp "$dir/sites" "$dir/moved"
		KMM_CMDLINE="profile=1 profile_file=$dir/moved.heap" \
			LD_PRELOAD=$shim "$dir/moved"
		cp "$dir/ways" "$dir/other" && mv "$dir/other" "$dir/moved"
		touch "$dir/moved"
		output=$(limited "$kmm" profile --format=folded -o - \
			"$dir/moved.heap" 2>&1)
		matches profile_of_replaced_program \
			'(moved\+)?0x[0-9a-f]+ 100000' "$output"
		rm -f "$dir"/*.heap "$dir"/*.calls
	fi
	if wanted profile_not_on; then
		start env LD_PRELOAD="$shim" "$dir/sites" wait
		matches profile_not_on 'has no such profile: start it with' \
			"$(limited "$kmm" profile "$pid" 2>&1)"
		stop
	fi
	if wanted profile_damaged_file; then
		printf 'heap profile: 1: 1 [1: 1] @ heap_v2/1\nnonsense\n' \
			>"$dir/damaged"
		matches profile_damaged_file 'damaged:2 is no line of a profile' \
			"$(limited "$kmm" profile "$dir/damaged" 2>&1)"
	fi
}

test_allocinfo() {
	local compiler output want

	if wanted allocinfo_run; then
		has_sites allocinfo_run "$(run --alloc-profile "$dir/sites" 2>&1)"
		run --alloc-profile="$dir/allocinfo" "$dir/sites"
		has_sites allocinfo_run_file "$(cat "$dir/allocinfo")"
	fi
	for compiler in "$CC -std=gnu11" "$CXX -xc++"; do
		wanted allocinfo_tags || continue
		# shellcheck disable=SC2086
		$compiler -DCONFIG_MEM_ALLOC_PROFILING=1 -O2 -Wall -Wextra -Werror \
			-I"$root/include" "$here/tags.c" -x none \
			"$build/libkmm.a" -o "$dir/tags" -pthread ||
			failed allocinfo_tags "cannot be compiled by $compiler"
		want="         900        9 $here/tags.c:$(line_of tags.c make) func:make
     6291456        1 $here/tags.c:$(line_of tags.c kvmalloc) func:main"
		equal allocinfo_tags "$want" \
			"$(KMM_CMDLINE=mem_profiling "$dir/tags" | grep tags.c)"
		start env KMM_CMDLINE=mem_profiling "$dir/tags" wait
		output=$(limited "$kmm" allocinfo "$pid" | grep tags.c | sort -n)
		equal allocinfo_tags_of_process "$want" "$output"
		stop
	done
	if wanted allocinfo_tags_section; then
		$CC -DCONFIG_MEM_ALLOC_PROFILING=1 -I"$root/include" -c \
			"$here/tags.c" -o "$dir/tags.o"
		output=$(readelf -SW "$dir/tags.o" | grep -c ' alloc_tags ')
		$CC -I"$root/include" -c "$here/tags.c" -o "$dir/tags.o"
		equal allocinfo_tags_section "1 0" \
			"$output $(nm "$dir/tags.o" | grep -c alloc_tag)"
	fi
}

test_profile_python() {
	local program='
import json, threading
def work():
    return [json.dumps({"key": i}) for i in range(20000)]
threads = [threading.Thread(target=work) for i in range(3)]
for t in threads: t.start()
for t in threads: t.join()
print(sum(len(x) for x in work()))'
	local want

	wanted profile_python || return 0
	want=$(/usr/bin/python3 -c "$program")
	equal profile_python "$want" "$(run --profile --profile-output="$dir/py.pb.gz" \
		/usr/bin/python3 -c "$program" 2>/dev/null)"
	matches profile_python_decodes '[0-9]+ [0-9]+ [0-9]+ [0-9]+$' \
		"$(pprof_of "$dir/py.pb.gz")"
	equal profile_python_exact "$want" "$(run --profile=1 \
		--alloc-profile="$dir/allocinfo" \
		--profile-output="$dir/py.pb.gz" /usr/bin/python3 -c "$program" \
		2>/dev/null)"
	matches profile_python_exact_decodes '[0-9]+ [0-9]+ [0-9]+ [0-9]+$' \
		"$(pprof_of "$dir/py.pb.gz")"
	matches allocinfo_python '^allocinfo - version: 1.0.*\[python3' \
		"$(cat "$dir/allocinfo")"
}

# storm NAME TUNABLES: all that was allocated was freed, and is known to be.
storm() {
	local output

	wanted "$1" || return 0
	output=$(GLIBC_TUNABLES=$2 run --profile=1 --profile-output="$file" \
		--alloc-profile="$dir/allocinfo" "$dir/storm" 2>/dev/null)
	equal "$1" "good / 0 0 / 0 0" "$output / $(pprof_of "$file" |
		sed -n 's/.*;hand_on [0-9]* [0-9]* //p' | sort -u) / $(
		sed -n 's/ *\([0-9]*\) *\([0-9]*\) .*func:hand_on$/\1 \2/p' \
			"$dir/allocinfo")"
}

test_profile_storm() {
	local file=$dir/storm.pb.gz

	storm profile_storm ""
	storm profile_storm_no_rseq glibc.pthread.rseq=0
}

$CC -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra "$here/sites.c" \
	-o "$dir/sites" || exit 2
$CC -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra "$here/storm.c" \
	-o "$dir/storm" -pthread || exit 2
shim=$build/libkmm_malloc.so.0
test_profile_run
test_profile_storm
test_profile_outside
test_allocinfo
test_profile_python
