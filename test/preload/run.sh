#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Tests of the malloc shim from outside: the edges of the malloc family, wild
# pointers, fork, threads, loading, limits, sandboxes, and real programs, whose
# output must not change.
#
#	test/preload/run.sh build/libkmm_malloc.so [PATTERN]
#	test/preload/run.sh glibc [PATTERN]
#
# One line per test: "ok NAME", "FAILED NAME: why", "skipped NAME: reason";
# the last line counts them. PATTERN is a glob over the names. "glibc" runs
# what also holds for libc's own malloc, as a check of the tests. Names that
# begin with "norseq/" are run with restartable sequences switched off in libc,
# those with "debug/" with slab_debug, which must find nothing.
#
# The test programs are built with $CC and $CXX into a directory of their own.
set -u

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	sed -n '8,9s/^#	//p' "$0" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
pattern=${2:-*}
CC=${CC:-gcc}
CXX=${CXX:-g++}
python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3)

if [ "$1" = glibc ]; then
	shim=
elif [ -f "$1" ]; then
	shim=$(readlink -f "$1")
else
	echo "$0: $1: no such file; run make first" >&2
	exit 2
fi

dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
export TEST_DIR=$dir LC_ALL=C
# Python's own pools would hide the allocator.
export PYTHONMALLOC=malloc PYTHONHASHSEED=0
unset KMM_CMDLINE LD_PRELOAD GLIBC_TUNABLES
nr_ok=0 nr_failed=0 nr_skipped=0

ok()      { nr_ok=$((nr_ok + 1)); echo "ok $1"; }
failed()  { nr_failed=$((nr_failed + 1)); echo "FAILED $1: $2"; }
skipped() { nr_skipped=$((nr_skipped + 1)); echo "skipped $1: $2"; }

# The prefix of names, and whether a name is asked for.
variant=
wanted() {
	# shellcheck disable=SC2254
	case $1 in
	$pattern) return 0 ;;
	*) return 1 ;;
	esac
}

# A command with the shim, and with what the variant is about.
with_shim() {
	local set=

	case $variant in
	norseq/) set=GLIBC_TUNABLES=glibc.pthread.rseq=0 ;;
	debug/) set=KMM_CMDLINE=slab_debug ;;
	esac
	timeout -k 5 150 env ${shim:+LD_PRELOAD=$shim TEST_SHIM=$shim} \
		$set "$@" </dev/null
}

# What became of a process, in words.
outcome() {
	case $1 in
	124 | 137 | 142) echo "hung" ;;
	134) echo "aborted" ;;
	139) echo "segmentation fault" ;;
	*) echo "exit status $1" ;;
	esac
}

# check NAME COMMAND...: the command ends with 0; 77 means it does not apply.
check() {
	local name=$variant$1 output status
	shift
	wanted "$name" || return 0
	output=$(with_shim "$@" 2>&1)
	status=$?
	case $status in
	0) ok "$name" ;;
	77) skipped "$name" "does not apply here" ;;
	*) failed "$name" "$(outcome $status): $(tail -n 1 <<<"$output")" ;;
	esac
}

# same NAME COMMAND...: the same output and exit status with and without.
same() {
	local name=$variant$1 plain ours
	shift
	wanted "$name" || return 0
	if ! command -v "$1" >/dev/null; then
		skipped "$name" "$1 is not installed"
		return
	fi
	plain=$(timeout -k 5 150 "$@" 2>&1 </dev/null; echo "status $?")
	ours=$(with_shim "$@" 2>&1; echo "status $?")
	if [ "$plain" = "$ours" ]; then
		ok "$name"
	else
		failed "$name" "$(diff <(echo "$plain") <(echo "$ours") |
			grep '^[<>]' | head -n 2 | cut -c -150 | tr '\n' ' ')"
	fi
}

# check_all PROGRAM: each test that it lists.
check_all() {
	local test
	for test in $("$dir/$1" list); do
		check "$test" "$dir/$1" "$test"
	done
}

build() {
	local flags="-std=gnu11 -g -O1 -fno-builtin -Wall -Wextra -Wshadow"
	local program nr

	# Misuse of free() is what badfree.c is about.
	flags="$flags -Wno-unknown-warning-option -Wno-free-nonheap-object"
	flags="$flags -Wno-use-after-free"
	# shellcheck disable=SC2086
	$CC $flags -shared -fPIC "$here/atfork.c" -o "$dir/libatfork.so" || exit 2
	# shellcheck disable=SC2086
	$CC $flags "$here/forks.c" -o "$dir/forks" -L"$dir" -latfork \
		-Wl,-rpath,"$dir" -pthread -ldl || exit 2
	for program in edge symbols badfree kfence threads loading limits \
		idle sandbox mixed small; do
		# shellcheck disable=SC2086
		$CC $flags "$here/$program.c" -o "$dir/$program" -pthread -ldl ||
			exit 2
	done
	# shellcheck disable=SC2086
	$CC $flags -shared -fPIC "$here/hooks.c" -o "$dir/hooks.so" -ldl ||
		exit 2
	mkdir "$dir/inner"
	# shellcheck disable=SC2086
	$CC $flags -shared -fPIC "$here/plugin.c" -o "$dir/plugin.so" \
		-Wl,--enable-new-dtags,-rpath,"$dir/inner" -ldl || exit 2
	$CC -shared -fPIC -xc /dev/null -o "$dir/inner/libinner.so" || exit 2
	# The initial-exec model takes from the static TLS block.
	for nr in $(seq 0 39); do
		printf '__thread char block%d[24] %s = "x";\n' "$nr" \
			'__attribute__((tls_model("initial-exec")))' |
			$CC -shared -fPIC -xc - -o "$dir/tls$nr.so" || exit 2
	done
	if command -v "$CXX" >/dev/null; then
		$CXX -std=c++17 -g -O1 -Wall -Wextra "$here/startup.cc" \
			-o "$dir/startup" -pthread || exit 2
	fi
}

# The library as a file -------------------------------------------------------

exported_names() {
	nm -D --defined-only "$shim" | awk '{ print $3 }' | sort
}

listed_names() {
	sed -n 's/^	\([a-z_0-9]*\);$/\1/p' "$here/../../lib/malloc/exports.map" |
		sort
}

test_file() {
	local size
	if wanted file_exports_are_the_list; then
		if [ "$(exported_names)" = "$(listed_names)" ]; then
			ok file_exports_are_the_list
		else
			failed file_exports_are_the_list "$(diff \
				<(listed_names) <(exported_names) |
				grep '^[<>]' | tr '\n' ' ')"
		fi
	fi
	if wanted file_needs_libc_only; then
		if readelf -d "$shim" | grep NEEDED |
			grep -qv -e 'libc\.so' -e ld-linux; then
			failed file_needs_libc_only \
				"$(readelf -d "$shim" | grep NEEDED | tr '\n' ' ')"
		else
			ok file_needs_libc_only
		fi
	fi
	if wanted file_tls_at_most_64_bytes; then
		size=$(readelf -lW "$shim" | awk '$1 == "TLS" { print $6 }')
		if [ $((${size:-0})) -le 64 ]; then
			ok file_tls_at_most_64_bytes
		else
			failed file_tls_at_most_64_bytes "$((size)) bytes"
		fi
	fi
}

# What the process opens: the first malloc() must add nothing to the list.
opened_files() {
	strace -f -qq -e trace=open,openat,openat2 -o "$dir/trace" \
		env "$@" /bin/true &&
		sed -n '/execve/d; s/.*"\(.*\)".*/\1/p' "$dir/trace" |
		grep -v -e ld.so.preload -e libkmm_malloc
}

test_quiet_start() {
	wanted start_opens_no_file || return 0
	if ! strace -o /dev/null true 2>/dev/null; then
		skipped start_opens_no_file "strace is not installed or not allowed"
	elif [ "$(opened_files A=B)" = \
		"$(opened_files "LD_PRELOAD=$shim")" ]; then
		ok start_opens_no_file
	else
		failed start_opens_no_file "$(diff <(opened_files A=B) \
			<(opened_files "LD_PRELOAD=$shim") | grep '^[<>]' |
			tr '\n' ' ')"
	fi
}

# What every process pays for: lib/often.ld has it lie together, by the names of
# functions as gcc 12 leaves them.
test_small_start() {
	local code variables compilers

	wanted start_is_small || return 0
	compilers=$(readelf -p .comment "$shim")
	if [[ $compilers != *GCC:*\ 12.* || $compilers == *clang* ]] ||
		[ "$(getconf PAGESIZE)" != 4096 ]; then
		skipped start_is_small "not built by gcc 12, or pages are larger"
		return
	fi
	read -r code variables < <(with_shim "$dir/small")
	if [ "$code" -gt 0 ] && [ "$code" -le 16 ] &&
		[ "$variables" -gt 0 ] && [ "$variables" -le 6 ]; then
		ok start_is_small
	else
		failed start_is_small "$code pages of code and constants, \
$variables of variables: is a new function or variable missing in lib/often.ld?"
	fi
}

# Wild pointers ---------------------------------------------------------------

test_badfree() {
	local test name output status pointer report

	for test in $("$dir/badfree" list); do
		name=$variant$test
		wanted "$name" || continue
		output=$(with_shim "$dir/badfree" "$test" 2>&1)
		status=$?
		pointer=$(sed -n 's/^pointer 0x//p' <<<"$output")
		report=$(grep -v '^pointer' <<<"$output")
		if [ $status != 134 ]; then
			failed "$name" "$(outcome $status) where SIGABRT is due"
		elif ! grep -qi "$pointer" <<<"$report"; then
			failed "$name" "the report does not name $pointer: ${report%%$'\n'*}"
		elif [[ $report != BUG\ * && $report != WARNING:* ]]; then
			failed "$name" "not a report: ${report%%$'\n'*}"
		elif ! grep -q "freed from .*/badfree+" <<<"$report"; then
			failed "$name" "not the caller: ${report%%$'\n'*}"
		else
			ok "$name"
		fi
	done
	for test in $("$dir/badfree" list); do
		name=$variant${test}_warn
		wanted "$name" || continue
		output=$(KMM_CMDLINE=bad_free=warn with_shim "$dir/badfree" \
			"$test" 2>&1)
		status=$?
		pointer=$(sed -n 's/^pointer 0x//p' <<<"$output")
		report=$(grep -v '^pointer' <<<"$output")
		if [ $status != 0 ] || ! grep -q '^went on$' <<<"$output"; then
			failed "$name" "$(outcome $status): $(tail -n 1 <<<"$output")"
		elif ! grep -qi "$pointer" <<<"$report"; then
			failed "$name" "the report does not name $pointer"
		else
			ok "$name"
		fi
	done
}

# KFENCE ----------------------------------------------------------------------

# What each test's report must say: the first line, in which N is any number;
# then of each stack in it the first word of its heading and the functions that
# must be in it, in this order.
kfence_expected() {
	local main="kfence_damage_$1 main"
	case $1 in
	read_behind) echo "out-of-bounds read in read_byte: N is 12 bytes right of kfence-#N"
		echo "accessed read_byte $main, allocated alloc_block $main" ;;
	write_behind) echo "out-of-bounds write in write_byte: N is 12 bytes right of kfence-#N"
		echo "accessed write_byte $main, allocated alloc_block $main" ;;
	read_before) echo "out-of-bounds read in read_byte: N is 1 byte left of kfence-#N"
		echo "accessed read_byte $main, allocated alloc_block $main" ;;
	read_freed) echo "use-after-free read in read_byte: N is 5 bytes inside kfence-#N"
		echo "accessed read_byte $main, allocated alloc_block $main, freed free_block $main" ;;
	write_freed) echo "use-after-free write in write_byte: N is 36 bytes inside kfence-#N"
		echo "accessed write_byte $main, allocated alloc_block $main, freed free_block $main" ;;
	free_twice) echo "double free in free_again: N is kfence-#N, free already"
		echo "freed free_again $main, allocated alloc_block $main, freed free_block $main" ;;
	free_inside) echo "invalid free in free_again: N is 16 bytes inside kfence-#N"
		echo "freed free_again $main, allocated alloc_block $main" ;;
	byte_behind) echo "memory corruption in free_block: N is 1 byte right of kfence-#N [ 78"
		echo "freed free_block $main, allocated alloc_block $main" ;;
	byte_before) echo "memory corruption in free_block: N is 2 bytes left of kfence-#N [ 78 . ]"
		echo "freed free_block $main, allocated alloc_block $main" ;;
	realloc_freed) echo "double free in realloc_block: N is kfence-#N, free already"
		echo "freed realloc_block $main, allocated alloc_block $main, freed free_block $main" ;;
	kept) echo "memory corruption found at exit: N is 1 byte right of kfence-#N [ 78"
		echo "allocated alloc_block $main" ;;
	esac
}

# A report with names, as kfence_expected() has it.
kfence_summary() {
	sed -n 's/^BUG kfence: //p' | head -n 1 |
		sed -E 's/0x[0-9a-f]+ ([a-z_]+)\+[^:]*( \/[^ ]*)?:/\1:/
			s/0x[0-9a-f]+ is/N is/; s/kfence-#[0-9]+/kfence-#N/
			s/(\[ 78) \..*/\1/; s/in ([a-z_]+): [^ ]*:[0-9]+:/in \1:/'
}
kfence_stacks() {
	awk '/^(accessed|allocated|freed) by thread/ { printf "%s%s", sep, $1; sep = ", " }
		/^ #[0-9]/ && /\/kfence\.c:/ { sub(/\+.*/, "", $3); if ($3 !~ /^guarded_/ && $3 != "test_main") printf " %s", $3 }
		END { print "" }'
}

# kfence_damage TEST SUFFIX WORDS: one wrong thing, one report.
kfence_damage() {
	local test=$1 words=$3 output status what want have
	local name=$variant$test$2

	wanted "$name" || return 0
	output=$(KMM_CMDLINE="$words bad_free=warn" with_shim "$dir/kfence" \
		"$test" 2>&1)
	status=$?
	want=$(kfence_expected "${test#kfence_damage_}")
	what=$("$kmm" symbolize <<<"$output" 2>&1)
	have=$(kfence_summary <<<"$what"; kfence_stacks <<<"$what")
	if [ $status != 0 ] || ! grep -q '^went on$' <<<"$output"; then
		failed "$name" "$(outcome $status): $(tail -n 1 <<<"$output")"
	elif [ "$(grep -c '^BUG' <<<"$output")" != 1 ]; then
		failed "$name" "not one report"
	elif [[ $have != "${want%% [*}"* || ${have#*$'\n'} != "${want#*$'\n'}" ]]; then
		failed "$name" "$(tr '\n' '|' <<<"$have") where $(tr '\n' '|' <<<"$want") is due"
	else
		ok "$name"
	fi
	wanted "${name}_aborts" || return 0
	output=$(KMM_CMDLINE="$words" with_shim "$dir/kfence" "$test" 2>&1)
	status=$?
	if [ $status = 134 ] && grep -q '^BUG kfence' <<<"$output"; then
		ok "${name}_aborts"
	else
		failed "${name}_aborts" "$(outcome $status)"
	fi
}

# kfence_check TEST SUFFIX WORDS: a test that checks itself.
kfence_check() {
	KMM_CMDLINE="$3 bad_free=warn" check "$1$2" "$dir/kfence" "$1"
}

test_kfence() {
	local kmm test output sampled="kfence_sample_interval=1 kfence_num_objects=16"
	local name

	kmm=$(dirname "$shim")/kmm
	for test in $("$dir/kfence" list); do
		case $test in
		kfence_damage_read_before) # kfence_all has all blocks at the end
			kfence_damage "$test" "" "$sampled" ;;
		kfence_damage_*)
			kfence_damage "$test" "" "$sampled"
			kfence_damage "$test" _all kfence_all ;;
		kfence_samples_*) kfence_check "$test" "" "$sampled" ;;
		kfence_count_until_full)
			kfence_check "$test" "" "kfence_sample=100 kfence_num_objects=2" ;;
		kfence_count_*) kfence_check "$test" "" kfence_sample=100 ;;
		kfence_each_*) kfence_check "$test" "" kfence_sample=10 ;;
		kfence_all_*) kfence_check "$test" "" kfence_all ;;
		*)
			kfence_check "$test" "" "$sampled"
			kfence_check "$test" _all kfence_all ;;
		esac
	done
	name=${variant}kfence_without_address_space
	if wanted "$name"; then
		output=$(ulimit -v 65536 && KMM_CMDLINE="kfence_sample=1 \
			kfence_num_objects=65535" with_shim /bin/echo hi 2>&1)
		if [ "$(tail -n 1 <<<"$output")" = hi ] &&
			[ "$(grep -c '^WARNING: kfence: no address space' <<<"$output")" = 1 ]; then
			ok "$name"
		else
			failed "$name" "$(tr '\n' ' ' <<<"$output")"
		fi
	fi
	KMM_CMDLINE=kfence_all same kfence_all_python "$python" -c \
		'print(sum(range(1000)))'
	KMM_CMDLINE="$sampled" same kfence_samples_python "$python" -c \
		'print(len([str(i) * 9 for i in range(300000)]))'
}

# Parameters, limits, sandboxes -----------------------------------------------

test_cmdline() {
	local output

	wanted cmdline_unknown_word_is_named || return 0
	output=$(KMM_CMDLINE="nonsense=1 foo slab_nomerge" \
		with_shim /bin/echo hi 2>&1)
	if [ "$(grep -cx hi <<<"$output")" = 1 ] &&
		[ "$(grep -c nonsense <<<"$output")" = 1 ] &&
		[ "$(grep -c foo <<<"$output")" = 1 ] &&
		[ "$(wc -l <<<"$output")" = 3 ]; then
		ok cmdline_unknown_word_is_named
	else
		failed cmdline_unknown_word_is_named "$(tr '\n' ' ' <<<"$output")"
	fi
}

test_address_space() {
	local mib name output

	for mib in 32 64 8192; do
		name=${variant}address_space_${mib}_mib_echo
		wanted "$name" || continue
		output=$(ulimit -v $((mib * 1024)) && with_shim /bin/echo hi 2>&1)
		if [ "$output" = hi ]; then
			ok "$name"
		else
			failed "$name" "$(tail -n 1 <<<"$output")"
		fi
	done
	name=${variant}address_space_8192_mib_python
	wanted "$name" || return 0
	output=$(ulimit -v $((8192 * 1024)) && with_shim "$python" -c \
		'print(len([str(i) * 9 for i in range(300000)]))' 2>&1)
	if [ "$output" = 300000 ]; then
		ok "$name"
	else
		failed "$name" "$(tail -n 1 <<<"$output")"
	fi
}

# What libc's own malloc cannot do under a limit is not asked of the shim.
test_limits() {
	local test

	for test in $("$dir/limits" list); do
		if [[ $test == *mlockall* ]] &&
			! "$dir/limits" "$test" >/dev/null 2>&1; then
			wanted "$variant$test" &&
				skipped "$variant$test" "not even without the shim"
		else
			check "$test" "$dir/limits" "$test"
		fi
	done
}

test_sandbox() {
	local call error

	[ -z "$shim" ] || check sandbox_of_documented_calls "$dir/sandbox" \
		documented kill here
	for call in membarrier madvise getrandom mprotect sched_getaffinity \
		mremap rseq prctl mbind mincore munmap clock_gettime openat; do
		error=1				# EPERM
		[ $call = rseq ] && error=38	# libc itself aborts on others
		check "sandbox_without_$call" "$dir/sandbox" $call $error here
		if "$dir/sandbox" $call $error exec "$dir/mixed" \
			>/dev/null 2>&1; then
			check "sandbox_without_${call}_from_start" \
				"$dir/sandbox" $call $error exec "$dir/mixed"
		elif wanted "${variant}sandbox_without_${call}_from_start"; then
			skipped "${variant}sandbox_without_${call}_from_start" \
				"libc does not start without it"
		fi
	done
}

# Loading ---------------------------------------------------------------------

test_loading() {
	local late=$shim name

	check loading_plugin_loop "$dir/loading" loading_plugin_loop
	for name in plugin_loop_while_threads_churn deepbind_has_one_heap \
		deepbind_in_threads_has_one_heap handle_of_libc_has_one_heap \
		dlopen_knows_its_caller; do
		check loading_$name "$dir/loading" loading_$name
	done
	if [ -n "$shim" ]; then
		shim=		# not preloaded this time
		check loading_shim_late env TEST_LATE="$late" \
			"$dir/loading" loading_shim_late
		shim=$late
	fi
	same hooks_before_shim env LD_PRELOAD="$dir/hooks.so${shim:+:$shim}" ls /
	same hooks_after_shim env LD_PRELOAD="${shim:+$shim:}$dir/hooks.so" ls /
	same hooks_python env LD_PRELOAD="$dir/hooks.so${shim:+:$shim}" \
		"$python" -c 'print(len([str(i) for i in range(100000)]))'
}

test_static() {
	local object output

	wanted static_program || return 0
	object=$(dirname "$shim")/kmm_malloc.o
	if [ ! -f "$object" ]; then
		skipped static_program "no $(basename "$object") beside the shim"
		return
	fi
	if ! output=$($CC -static -g -O1 -fno-builtin "$here/mixed.c" "$object" \
		-o "$dir/mixed-static" -pthread 2>&1); then
		failed static_program "$(tail -n 1 <<<"$output")"
		return
	fi
	# The message about the word shows whose malloc() it is.
	if output=$(KMM_CMDLINE=nonsense "$dir/mixed-static" 2>&1) &&
		grep -q nonsense <<<"$output"; then
		ok static_program
	else
		failed static_program "$(tail -n 1 <<<"$output")"
	fi
}

# Reports ---------------------------------------------------------------------

test_reports() {
	local name=malloc_info_is_xml output

	wanted $name || return 0
	if output=$(with_shim "$python" -c '
import ctypes
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"/proc/self/fd/1", b"w"))
assert libc.malloc_info(0, file) == 0
libc.fclose(file)' | "$python" -c '
import sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.read())
assert root.tag == "malloc" and root.get("version") == "1"
assert int(root.find("system[@type=\"current\"]").get("size")) > 0
assert all(int(s.get("total")) > 0 for s in root.iter("size"))' 2>&1); then
		ok $name
	else
		failed $name "$(tail -n 1 <<<"$output")"
	fi
	name=malloc_stats_has_totals
	wanted $name || return 0
	output=$(with_shim "$python" -c '
import ctypes; ctypes.CDLL(None).malloc_stats()' 2>&1)
	if grep -q '^system bytes *= *[1-9]' <<<"$output" &&
		grep -q '^in use bytes *= *[1-9]' <<<"$output"; then
		ok $name
	else
		failed $name "${output%%$'\n'*}"
	fi
}

# Real programs ---------------------------------------------------------------

big_c_file() {
	local i
	echo 'int printf(const char *, ...);'
	for ((i = 0; i < 900; i++)); do
		echo "static int f$i(int n, const char *s) {"
		echo "	switch (n % 7) { case 0: return n + $i;"
		echo "	case 1: return s[n % 3] * $i; case 2: n ^= $i; break;"
		echo "	default: for (int k = 0; k < n; k++) n -= k * $i; }"
		echo "	return printf(\"f$i %d %s\", n, s); }"
	done
	echo 'int main(int n, char **v) { int sum = 0;'
	for ((i = 0; i < 900; i++)); do
		echo "	sum += f$i(n + $i, v[0]);"
	done
	echo '	return sum; }'
}

# Compile and print the object's checksum: a script for sh -c.
# shellcheck disable=SC2016
compile='"$@" -o "$TEST_DIR/out.o" && cksum <"$TEST_DIR/out.o"'

quick_programs() {
	local programs=$here/programs

	same python_churn "$python" "$programs/churn.py"
	same perl_churn perl "$programs/churn.pl"
	same bash_churn bash "$programs/churn.sh"
	same lua_churn lua5.4 "$programs/churn.lua"
	same sqlite_churn sqlite3 :memory: ".read $programs/churn.sql"
	same startup_and_exit "$dir/startup"
	same gcc_big_file sh -c "$compile" sh gcc -O1 -c "$dir/big.c"
}

slow_programs() {
	local programs=$here/programs

	same git_repository bash "$programs/repository.sh"
	same gxx_templates sh -c "$compile" sh g++ -std=c++17 -O1 -c \
		"$programs/heavy.cc"
	same ruby_churn ruby "$programs/churn.rb"
	same node_workers node "$programs/churn.js"
	if command -v redis-cli >/dev/null &&
		command -v redis-benchmark >/dev/null; then
		same redis_server bash "$programs/redis.sh"
	elif wanted redis_server; then
		skipped redis_server "redis-server is not installed"
	fi
	if command -v javac >/dev/null && wanted java_threads &&
		javac -d "$dir" "$programs/Churn.java" 2>/dev/null; then
		same java_threads java -cp "$dir" Churn
	elif wanted java_threads; then
		skipped java_threads "no Java compiler is installed"
	fi
}

# The run ---------------------------------------------------------------------

both_backends() {
	check_all edge
	check_all symbols
	[ -z "$shim" ] || test_badfree
	[ -z "$shim" ] || test_kfence
	check_all forks
	check_all threads
	test_loading
	test_limits
	test_address_space
	test_sandbox
	quick_programs
}

build
big_c_file >"$dir/big.c"
if [ -n "$shim" ]; then
	test_file
	test_quiet_start
	test_small_start
	test_cmdline
	test_static
	check_all idle
fi
test_reports
both_backends
slow_programs
variant=norseq/
both_backends

if [ -n "$shim" ]; then
	variant=debug/
	for test in $("$dir/edge" list); do
		case $test in
		# There, a block that is resized always moves.
		realloc_shrink_gives_memory_back | usable_size_is_constant | \
			realloc_growing_*) ;;
		*) check "$test" "$dir/edge" "$test" ;;
		esac
	done
	check_all forks
	check_all threads
	quick_programs
	slow_programs
fi

echo "$nr_ok passed, $nr_failed failed, $nr_skipped skipped"
[ $nr_failed = 0 ]
