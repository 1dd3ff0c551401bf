#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Tests of the kmm command from outside: a program under `kmm run` lives and
# ends as without it, reports arrive whole and with the right names, and other
# processes and cores are read or refused in words.
#
#	test/kmm/run.sh BUILD [PATTERN]
#
# One line per test: "ok NAME", "FAILED NAME: why", "skipped NAME: reason";
# the last line counts them. PATTERN is a glob over the names. Other files of
# this directory that are called test_*.sh add tests: they are read in.
#
# No test waits for a time: programs say that they are ready on a fifo.
set -u

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	sed -n '8s/^#	//p' "$0" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
pattern=${2:-*}
kmm=$build/kmm
CC=${CC:-gcc}
CXX=${CXX:-g++}
if [ ! -x "$kmm" ]; then
	echo "$0: $kmm is not there; install libdw-dev, zlib1g-dev and libncurses-dev and run make" >&2
	exit 2
fi

dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C
unset KMM_CMDLINE LD_PRELOAD GLIBC_TUNABLES DEBUGINFOD_URLS
nr_ok=0 nr_failed=0 nr_skipped=0

ok()      { nr_ok=$((nr_ok + 1)); echo "ok $1"; }
failed()  { nr_failed=$((nr_failed + 1)); echo "FAILED $1: $2"; }
skipped() { nr_skipped=$((nr_skipped + 1)); echo "skipped $1: $2"; }

wanted() {
	# shellcheck disable=SC2254
	case $1 in
	$pattern) return 0 ;;
	*) return 1 ;;
	esac
}

# Neither may hang, and the shell's own notes on killed jobs are no output.
limited() { timeout -k 5 60 "$@"; }
run() { limited "$kmm" run "$@"; }

# equal NAME WANT HAVE
equal() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		failed "$1" "wanted '${2:0:200}', got '${3:0:200}'"
	fi
}

# matches NAME REGEX TEXT
matches() {
	if [[ $3 =~ $2 ]]; then
		ok "$1"
	else
		failed "$1" "no /$2/ in '${3:0:400}'"
	fi
}

# The number of the line of a file with a mark in it.
line_of() { grep -nE "line: $2( |\$)" "$here/$1" | cut -d: -f1; }

build() {
	local flags="-std=gnu11 -O2 -g -fno-builtin -Wall -Wextra -Wno-use-after-free"

	flags="$flags -Wno-unknown-warning-option"
	# shellcheck disable=SC2086
	{
	$CC $flags "$here/wrong.c" -o "$dir/wrong" -ldl &&
	$CC $flags -shared -fPIC "$here/plugin.c" -o "$dir/plugin.so" &&
	$CC $flags "$here/ways.c" -o "$dir/ways" &&
	$CC $flags -I"$root/include" "$here/anchors.c" -o "$dir/anchors" &&
	$CC $flags -static "$here/ways.c" -o "$dir/ways-static" &&
	$CC $flags -static "$here/ways.c" "$build/kmm_malloc.o" \
		-o "$dir/ways-linked" -pthread &&
	$CXX -O2 -g "$here/wrong.cc" -o "$dir/wrong++"
	} || exit 2
	mkfifo "$dir/fifo" "$dir/ready"
}

# The command line ------------------------------------------------------------

# usage NAME ARGS...: they are refused, with a message and status 2.
usage() {
	local name=$1 output status
	shift
	wanted "$name" || return 0
	output=$(limited "$kmm" "$@" 2>&1 </dev/null)
	status=$?
	if [ $status = 2 ] && [ -n "$output" ]; then
		ok "$name"
	else
		failed "$name" "status $status, '$output'"
	fi
}

# The long options of a help text or of a manual page, in order.
help_options() { grep -oE -- '--[a-z][a-z-]*(\[?=[A-Z0-9/]+\]?)?' | sort -u; }
manual_options() {
	sed -nE "/^\.Ss $1\$/,/^\.(Ss|Sh) /s/^\.It Fl Fl ([a-z-]+)(.*)/\1\2/p" \
		"$root/Documentation/man/kmm.1" | sed -E 's/^/--/
		s|( Ns Op) = Ns 1/ Ns Ar (.*)|\1 Ns = Ns Ar 1/\2|
		s/ Ns Op Ns = Ns Ar (.*)/[=\1]/; s/ Ns = Ns Ar (.*)/=\1/
		/ Ns = Ns Cm /d' | sort -u
}

test_usage() {
	local command output

	usage usage_no_command
	usage usage_unknown_command nonsense
	usage usage_unknown_option --nonsense
	usage usage_run_unknown_option run --nonsense true
	usage usage_run_no_program run
	usage usage_run_bad_exitcode run --error-exitcode=x true
	usage usage_replay_negative replay --rounds=-18446744073709551615 x
	usage usage_view_no_samples view --samples=0 x
	usage usage_leaks_too_large leaks --stacks=99999999999999999999 x
	usage usage_symbolize_argument symbolize x
	usage usage_anchor_no_argument anchor

	if wanted help_is_the_manual; then
		output=
		for command in $("$kmm" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
			output+=$(diff <("$kmm" "$command" --help |
				sed '/--help/d; /--usage/d' | help_options) \
				<(manual_options "$command") | grep '^[<>]' |
				sed "s/^/$command: /")
			grep -q "^\.Ss $command\$" \
				"$root/Documentation/man/kmm.1" ||
				output+="no section $command"
		done
		equal help_is_the_manual "" "$output"
	fi
}

# Lives and ends as without ---------------------------------------------------

# same NAME COMMAND...: the same status and output with and without kmm. The
# command runs in a shell that waits for it, as a user's would.
same() {
	local name=$1
	shift
	wanted "$name" || return 0
	equal "$name" \
		"$(limited bash -c '"$@"; echo "status $?"' sh "$@" 2>/dev/null)" \
		"$(limited bash -c '"$@"; echo "status $?"' sh "$kmm" run \
			"$@" 2>/dev/null)"
}

# forwards SIGNAL: sent to kmm, it reaches the program.
forwards() {
	local name=forward_sig$1 pid output

	wanted "$name" || return 0
	# Not by the shell's &, which makes jobs ignore SIGINT and SIGQUIT.
	python3 -c '
import os, signal, subprocess, sys
job = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE)
signal.alarm(60)
assert job.stdout.readline() == b"ready\n"
job.send_signal(getattr(signal, "SIG" + sys.argv[1]))
print(job.stdout.read().decode().strip(), job.wait())
' "$1" "$kmm" run "$dir/ways" signal >"$dir/output" 2>&1
	output=$(cat "$dir/output")
	matches "$name" '^got .* 3$' "$output"
}

test_ends() {
	local n status

	for n in 0 1 2 42 126 127 255; do
		same status_$n "$dir/ways" exit $n
	done
	for n in HUP INT QUIT ILL ABRT FPE KILL SEGV PIPE TERM USR1; do
		same death_by_sig$n "$dir/ways" kill "$(kill -l $n)"
	done
	if wanted death_leaves_no_core_of_kmm; then
		status=$(cd "$dir" && ulimit -c unlimited && python3 -c '
import os, sys
status = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status = os.waitpid(status, 0)
print(os.WTERMSIG(status), os.WCOREDUMP(status))
' "$kmm" run "$dir/ways" kill 6)
		equal death_leaves_no_core_of_kmm "6 False" "$status"
		rm -f "$dir"/core*
	fi
	for n in HUP INT QUIT TERM USR1 USR2 ALRM WINCH; do
		forwards $n
	done
	same not_found_127 nonesuch
	same not_executable_126 "$here/wrong.c"
	same directory_126 "$dir"
	same arguments_are_the_programs printf '%s|' --log=x -- -e ''
	if wanted double_dash_ends_options; then
		equal double_dash_ends_options x "$(run -- printf x 2>&1)"
	fi
	if wanted stdin_passes; then
		equal stdin_passes "$(cksum <"$kmm")" "$(run cksum <"$kmm")"
	fi
	if wanted stderr_passes; then
		equal stderr_passes "x" \
			"$(run sh -c 'printf x >&2' 2>&1 >/dev/null)"
	fi
	(trap '' USR1; same signal_state_is_inherited \
		grep -E '^Sig(Blk|Ign)' /proc/self/status
		echo "$nr_ok $nr_failed" >"$dir/counts")
	read -r nr_ok nr_failed <"$dir/counts"
	if wanted report_fd_is_the_only_new_one; then
		limited ls /proc/self/fd | sort >"$dir/fds"
		run ls /proc/self/fd | sort >"$dir/fds-run"
		status=$(comm -13 "$dir/fds" "$dir/fds-run" | xargs)
		matches report_fd_is_the_only_new_one '^[0-9]{3,4}$' "$status"
	fi
	for n in interrupt stop; do
		wanted terminal_$n || continue
		if status=$(python3 "$here/terminal.py" $n "$kmm" run \
			"$dir/ways" count 2>&1); then
			ok terminal_$n
		else
			failed terminal_$n "$(tail -n 1 <<<"$status")"
		fi
	done
	if wanted death_of_kmm_takes_the_program; then
		python3 -c '
import os, signal, subprocess, sys
job = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
signal.alarm(60)
assert job.stdout.readline() == b"ready\n"
job.kill()
print(job.stdout.read())	# until the program is gone
' "$kmm" run "$dir/ways" signal >"$dir/output" 2>&1
		equal death_of_kmm_takes_the_program "b''" "$(cat "$dir/output")"
	fi
}

test_environment() {
	if wanted preload_keeps_others; then
		equal preload_keeps_others "$build/libkmm_malloc.so.0:$dir/plugin.so" \
			"$(LD_PRELOAD=$dir/plugin.so run printenv LD_PRELOAD 2>&1)"
	fi
	if wanted cmdline_is_added; then
		matches cmdline_is_added '^thp=never slab_merge mem=1G report_fd=[0-9]+$' \
			"$(KMM_CMDLINE=thp=never run --cmdline=slab_merge \
				--cmdline mem=1G printenv KMM_CMDLINE 2>&1)"
	fi
	if wanted guard_sets_parameters; then
		matches guard_sets_parameters '^kfence_sample_interval=100 report_fd=[0-9]+$' \
			"$(run --guard printenv KMM_CMDLINE 2>&1)"
	fi
	if wanted guard_takes_a_rate; then
		matches guard_takes_a_rate \
			'^kfence_sample_interval=100 kfence_sample=50 report_fd=[0-9]+$' \
			"$(run --guard=1/50 printenv KMM_CMDLINE 2>&1)"
	fi
	if wanted check_page_guards_all; then
		matches check_page_guards_all '^kfence_all report_fd=[0-9]+$' \
			"$(run --check=page printenv KMM_CMDLINE 2>&1)"
	fi
	if wanted guard_refuses_nonsense; then
		matches guard_refuses_nonsense "--guard: '1/0' is not 1/N" \
			"$(run --guard=1/0 printenv KMM_CMDLINE 2>&1)"
	fi
	if wanted shim_path_with_blanks; then
		mkdir -p "$dir/a b"
		cp "$build/kmm" "$build/libkmm_malloc.so.0" "$dir/a b"
		output=$(limited "$dir/a b/kmm" run --check=F \
			grep -o 'a b/libkmm_malloc.*' /proc/self/maps 2>&1 | head -n 1)
		equal shim_path_with_blanks "a b/libkmm_malloc.so.0" "$output"
		rm -r "$dir/a b"
	fi
	if wanted static_program_is_said; then
		matches static_program_is_said \
			'ways-static is statically linked' \
			"$(run "$dir/ways-static" exit 0 2>&1)"
	fi
	if wanted linked_program_reports; then
		matches linked_program_reports 'BUG double free.* report\+0x' \
			"$(run "$dir/ways-linked" report-kill 2>&1)"
	fi
	if wanted setuid_program_is_said; then
		cp /bin/true "$dir/raised"
		if chown nobody "$dir/raised" 2>/dev/null &&
			chmod u+s "$dir/raised"; then
			matches setuid_program_is_said 'raised rights' \
				"$(run "$dir/raised" 2>&1)"
		else
			skipped setuid_program_is_said "takes root"
		fi
	fi
	if wanted ordinary_program_says_nothing; then
		equal ordinary_program_says_nothing "" "$(run true 2>&1)"
	fi
	if wanted missing_shim_is_said; then
		cp "$kmm" "$dir/kmm"
		matches missing_shim_is_said 'libkmm_malloc' \
			"$("$dir/kmm" run true 2>&1; echo $?)"
		rm "$dir/kmm"
	fi
	if wanted shim_option_is_used; then
		cp "$build/libkmm_malloc.so.0" "$dir/other.so"
		equal shim_option_is_used "$dir/other.so" \
			"$(run --shim="$dir/other.so" printenv LD_PRELOAD)"
	fi
}

# Reports ---------------------------------------------------------------------

# The caller in a report of a program that is expected to abort.
report_of() { { run "$@" >/dev/null; } 2>&1; }

# Changes a file, and reports a line of it; for bash -c. A file is judged by
# when the process was started, which is known in ticks; so the change comes
# five of them later.
# shellcheck disable=SC2016
change='start=$(date +%s%N)
while [ $(($(date +%s%N) - start)) -lt 50000000 ]; do :; done
touch "$1"
echo "$2" >&"${KMM_CMDLINE##*=}"'

test_names() {
	local inlined outer output id

	inlined="drop_inlined \[inlined\] $here/wrong.c:$(line_of wrong.c inlined)"
	outer="drop\+0x[0-9a-f]+/0x[0-9a-f]+ $here/wrong.c:$(line_of wrong.c outer)"
	if wanted names_inlined; then
		matches names_inlined "^BUG double free .* freed from 0x[0-9a-f]+ $inlined, $outer"$ \
			"$(report_of "$dir/wrong")"
	fi
	if wanted names_not_pie; then
		$CC -O2 -g -fno-builtin -w -no-pie -fno-pic "$here/wrong.c" \
			-o "$dir/fixed" -ldl
		matches names_not_pie "$inlined, $outer" \
			"$(report_of "$dir/fixed")"
	fi
	# The linker puts the code elsewhere than it is in the file.
	if wanted names_of_moved_code; then
		$CC -O2 -g -fno-builtin -w -Wl,-Ttext-segment=0x10000 \
			"$here/wrong.c" -o "$dir/elsewhere" -ldl
		matches names_of_moved_code "$inlined, $outer" \
			"$(report_of "$dir/elsewhere")"
	fi
	if wanted names_cxx; then
		matches names_cxx "shop::Basket::drop\(char\*, unsigned int\)\+0x[0-9a-f/x]+ $here/wrong.cc:$(line_of wrong.cc member)" \
			"$(report_of "$dir/wrong++")"
	fi
	if wanted names_plugin; then
		matches names_plugin "plugin_drop\+0x[0-9a-f/x]+ $here/plugin.c:$(line_of plugin.c plugin)" \
			"$(report_of "$dir/wrong" plugin "$dir/plugin.so")"
	fi
	if wanted names_plugin_by_relative_path; then
		matches names_plugin_by_relative_path "plugin_drop\+0x" \
			"$(cd "$dir" && report_of ./wrong plugin ./plugin.so)"
	fi
	if wanted names_stripped_is_module_and_offset; then
		strip -o "$dir/stripped" "$dir/wrong"
		matches names_stripped_is_module_and_offset \
			"freed from 0x[0-9a-f]+ \($dir/stripped\+0x[0-9a-f]+\)"$ \
			"$(report_of "$dir/stripped")"
	fi
	if wanted names_without_lines; then
		strip -g -o "$dir/nolines" "$dir/wrong"
		matches names_without_lines \
			"drop\+0x[0-9a-f/x]+ \($dir/nolines\)" \
			"$(report_of "$dir/nolines")"
	fi
	# As clang leaves it out.
	if wanted names_without_table_of_addresses; then
		objcopy --remove-section=.debug_aranges "$dir/wrong" \
			"$dir/notable"
		matches names_without_table_of_addresses "$inlined, $outer" \
			"$(report_of "$dir/notable")"
	fi
	if wanted names_from_debug_file; then
		(cd "$dir" && objcopy --only-keep-debug wrong split.debug &&
			strip -o split wrong &&
			objcopy --add-gnu-debuglink=split.debug split)
		matches names_from_debug_file "$inlined, $outer" \
			"$(report_of "$dir/split")"
	fi
	if wanted names_replaced_program_is_module_and_offset; then
		cp "$dir/wrong" "$dir/victim"
		cp "$dir/wrong++" "$dir/replacement"
		matches names_replaced_program_is_module_and_offset \
			"freed from 0x[0-9a-f]+ \(.*\+0x[0-9a-f]+\)"$ \
			"$(report_of "$dir/victim" replaced "$dir/replacement")"
	fi

	# A stack, and build-ids, as a report has them.
	output=$(report_of "$dir/stripped" | grep -o "+0x[0-9a-f]*)"$)
	output="  #1 0x1234 ($dir/wrong$output"
	if wanted names_changed_file_is_module_and_offset; then
		cp "$dir/wrong" "$dir/changing"
		equal names_changed_file_is_module_and_offset \
			"${output/wrong/changing}" \
			"$(report_of bash -c "$change" bash "$dir/changing" \
				"${output/wrong/changing}")"
	fi
	# Two programs at the same place, one after the other. Neither is gone
	# from /proc before its report has been written.
	if wanted names_rebuilt_program; then
		cp "$dir/wrong" "$dir/rebuilt"
		cp "$dir/wrong++" "$dir/replacement"
		: >"$dir/log"
		run --log="$dir/log" python3 -c '
import os, subprocess, sys
program, replacement, fifo = sys.argv[1:]
first = subprocess.Popen([program], close_fds=False)
open(fifo).read()
os.replace(replacement, program)
second = subprocess.Popen([program], close_fds=False)
open(fifo).read()
first.wait(), second.wait()
' "$dir/rebuilt" "$dir/replacement" "$dir/fifo" &
		until_lines 1 "$dir/log" >/dev/null
		write_to_fifo
		until_lines 2 "$dir/log" >/dev/null
		write_to_fifo
		wait
		matches names_rebuilt_program \
			"$inlined, $outer"$'\n'".* shop::Basket::drop" \
			"$(cat "$dir/log")"
	fi
	id=$(readelf -n "$dir/wrong" | sed -n 's/.*Build ID: //p')
	if wanted symbolize_stack; then
		matches symbolize_stack \
			"^  #1 0x1234 $inlined"$'\n'"  #1 0x1234 $outer"$ \
			"$(limited "$kmm" symbolize <<<"$output")"
	fi
	if wanted symbolize_build_id; then
		matches symbolize_build_id "$outer"$ \
			"$(limited "$kmm" symbolize <<<"$output (BuildId: $id)")"
	fi
	if wanted symbolize_other_build_id; then
		id=$(tr 0-9a-f 1-9a-f0 <<<"$id")
		equal symbolize_other_build_id "$output (BuildId: $id)" \
			"$(limited "$kmm" symbolize <<<"$output (BuildId: $id)")"
	fi
	if wanted symbolize_other_text_is_unchanged; then
		{ cat "$kmm" "$here/run.sh"; printf '#1 0x12 (/no'; } >"$dir/text"
		equal symbolize_other_text_is_unchanged "$(cksum <"$dir/text")" \
			"$(limited "$kmm" symbolize <"$dir/text" | cksum)"
	fi
}

test_reports() {
	local output lines

	if wanted report_of_killed_program_is_whole; then
		matches report_of_killed_program_is_whole \
			'BUG double free .* report\+0x[^ ]* .*ways.c:[0-9]+$' \
			"$(run --cmdline=bad_free=warn "$dir/ways" report-kill \
				2>&1)"
	fi
	if wanted report_goes_to_log; then
		output=$(run --log="$dir/log" "$dir/wrong" 2>&1)
		equal report_goes_to_log "/1" \
			"$output/$(grep -c '^BUG double free' "$dir/log")"
	fi
	# Nobody reads the report until the program has written all of it.
	if wanted report_never_blocks_the_program; then
		run --cmdline=bad_free=warn "$dir/ways" flood 20000 \
			>"$dir/ready" 2>"$dir/fifo" &
		exec 7<"$dir/ready" 8<"$dir/fifo"
		read -r output <&7
		lines=$(grep -c '^BUG double free .* report+0x[^ ]* .*ways.c:' <&8)
		exec 7<&- 8<&-
		wait
		equal report_never_blocks_the_program "done 20000" \
			"$output $lines"
	fi
	if wanted report_of_two_processes; then
		output=$(run --cmdline=bad_free=warn "$dir/ways" pieces 2>&1)
		equal report_of_two_processes "1000 0" \
			"$(grep -c '^BUG double free .*ways.c:[0-9]*$' \
				<<<"$output") $(grep -vc '^BUG' <<<"$output")"
	fi
	if wanted report_error_exitcode; then
		run --error-exitcode=9 --cmdline=bad_free=warn "$dir/wrong" \
			2>/dev/null
		output=$?
		run --error-exitcode=9 true
		equal report_error_exitcode "9 0" "$output $?"
	fi
	# The program ends; what it left behind writes to stderr, unharmed.
	if wanted report_of_descendant_without_follow; then
		run --cmdline=bad_free=warn --log="$dir/log" \
			"$dir/ways" daemon "$dir/fifo" 2>"$dir/stderr"
		write_to_fifo
		equal report_of_descendant_without_follow "0 1" \
			"$(grep -c '^BUG' "$dir/log") $(until_lines 1 "$dir/stderr")"
	fi
	if wanted report_of_descendant_with_follow; then
		run --follow --cmdline=bad_free=warn "$dir/ways" daemon \
			"$dir/fifo" >/dev/null 2>"$dir/stderr" &
		write_to_fifo
		wait
		matches report_of_descendant_with_follow 'ways.c:[0-9]+$' \
			"$(cat "$dir/stderr")"
	fi
}

# Once somebody reads it.
write_to_fifo() {
	limited tee "$dir/fifo" <<<x >/dev/null
}

# The number of lines of a file, once there are that many.
until_lines() {
	limited tail -n +1 -f "$2" | head -n "$1" | wc -l
}

# Other processes -------------------------------------------------------------

# Start a program in the background and wait until it says so; $pid.
start() {
	"$@" >"$dir/ready" 2>/dev/null &
	pid=$!
	read -r _ <"$dir/ready"
}
stop() {
	kill -TERM "$pid"
	wait "$pid" 2>/dev/null
}

anchor() { limited "$kmm" anchor "$@" 2>&1; }
# What it says of a heap that it can read.
up='pages +[0-9]+ bytes.*slab_caches +0x'

test_anchor() {
	local shim=$build/libkmm_malloc.so.0

	if wanted anchor_shim; then
		start env LD_PRELOAD="$shim" "$dir/ways" heap
		matches anchor_shim "libkmm_malloc.*$up" "$(anchor "$pid")"
		if command -v gcore >/dev/null && wanted anchor_core &&
			gcore -o "$dir/core" "$pid" >/dev/null 2>&1; then
			stop
			matches anchor_core "libkmm_malloc.*$up" \
				"$(anchor "$dir/core.$pid")"
		else
			stop
		fi
	fi
	# The kernel leaves out of a core what is in the files.
	if wanted anchor_core_of_kernel; then
		(cd "$dir" && ulimit -c unlimited &&
			LD_PRELOAD=$shim "$dir/wrong"; true) >/dev/null 2>&1
		if [ -f "$dir/core" ]; then
			matches anchor_core_of_kernel "libkmm_malloc.*$up" \
				"$(anchor "$dir/core")"
		else
			skipped anchor_core_of_kernel "core_pattern is another"
		fi
	fi
	if wanted anchor_linked_statically; then
		start "$dir/ways-linked" heap
		matches anchor_linked_statically "ways-linked.*$up" \
			"$(anchor "$pid")"
		stop
	fi
	if wanted anchor_deleted_library; then
		cp "$shim" "$dir/gone.so"
		start env LD_PRELOAD="$dir/gone.so" "$dir/ways" heap
		rm "$dir/gone.so"
		matches anchor_deleted_library "gone.so.*$up" "$(anchor "$pid")"
		# Another file with the same symbol takes the place.
		cp "$dir/anchors" "$dir/gone.so"
		matches anchor_replaced_library "gone.so.*$up" "$(anchor "$pid")"
		stop
	fi
	# Behind the same path is another file for the process than for us.
	if wanted anchor_in_a_container; then
		cp "$dir/anchors" "$dir/here.so"
		if unshare -m true 2>/dev/null; then
			start unshare -m sh -c 'mount --bind "$1" "$2" &&
				LD_PRELOAD=$2 exec "$3" heap' sh "$shim" \
				"$dir/here.so" "$dir/ways"
			matches anchor_in_a_container "here.so.*$up" \
				"$(anchor "$pid")"
			stop
		else
			skipped anchor_in_a_container "takes root"
		fi
	fi
	if wanted anchor_not_ours; then
		start "$dir/ways" heap
		matches anchor_not_ours "does not use libkmm" "$(anchor "$pid")"
		stop
	fi
	if wanted anchor_other_version; then
		start "$dir/anchors"
		matches anchor_other_version "another version.*1000" \
			"$(anchor "$pid")"
		stop
	fi
	if wanted anchor_no_process; then
		matches anchor_no_process "no process $pid" "$(anchor "$pid")"
		matches anchor_no_file "cannot open" "$(anchor "$dir/none")"
		matches anchor_no_core "neither a process nor a core" \
			"$(anchor "$dir/ways")"
	fi
	if wanted anchor_not_permitted; then
		if command -v setpriv >/dev/null && [ "$(id -u)" = 0 ]; then
			start env LD_PRELOAD="$shim" "$dir/ways" heap
			matches anchor_not_permitted "not permitted" \
				"$(cp "$kmm" "$dir" && setpriv --reuid=65534 \
					--regid=65534 --clear-groups \
					"$dir/kmm" anchor "$pid" 2>&1)"
			stop
		else
			skipped anchor_not_permitted "takes root"
		fi
	fi
}

build
test_usage
test_ends
test_environment
test_names
test_reports
test_anchor
for file in "$here"/test_*.sh; do
	# shellcheck disable=SC1090
	[ -e "$file" ] && . "$file"
done

echo "$nr_ok passed, $nr_failed failed, $nr_skipped skipped"
[ "$nr_failed" = 0 ]
