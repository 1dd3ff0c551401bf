# SPDX-License-Identifier: MIT
#
# USDT probes as tracers see them: gdb and bpftrace stop at each call, with the
# right arguments, and the examples of Documentation/probes.md show something.
# Read in by run.sh.

# The examples, one a line, for the probes of one file. Each has its own maps, and
# notes that it was run.
probe_examples() {
	sed -nE 's/^bpftrace -e "(.*)"$/\1/p' "$root/Documentation/probes.md" |
		sed 's/\\"/"/g' | awk -v file="$1" '{
			gsub(/\$lib/, file)
			gsub(/@/, "@example" NR "_")
			sub(/ }$/, " @seen" NR " = 1; }")
			print
		}'
}

# bpftrace_of PROGRAM-TEXT COMMAND...: what bpftrace prints until it ends by
# itself, while the command is run again and again.
bpftrace_of() {
	local text=$1 tracer
	shift
	limited bpftrace -e "$text" >"$dir/traced" 2>&1 &
	tracer=$!
	while kill -0 "$tracer" 2>/dev/null; do
		"$@" >/dev/null 2>&1
	done
	wait "$tracer"
	cat "$dir/traced"
}

# Each block of 777 bytes, of a process whose calls all find their sheaf. One
# probe is there before the other, and in the middle of a round: the round that
# counts is one that begins when both have been seen.
probe_counts() {
	cat <<-END
		uprobe:$1:begin_round /@allocs && @frees/ {
			@in[pid] = 1; @a[pid] = 0; @f[pid] = 0;
		}
		usdt:$2:kmem:kmalloc { @allocs = 1; }
		usdt:$2:kmem:kfree { @frees = 1; }
		usdt:$2:kmem:kmalloc /@in[pid] && arg2 == 777/ {
			@a[pid]++; @last[pid] = arg1;
		}
		usdt:$2:kmem:kfree /@in[pid] && arg1 == @last[pid]/ { @f[pid]++; }
		uprobe:$1:round_done /@in[pid]/ {
			printf("%d of 777, %d freed\n", @a[pid], @f[pid]);
			clear(@in); clear(@a); clear(@f); clear(@last);
			exit();
		}
	END
}

test_probes_bpftrace() {
	local shim=$build/libkmm_malloc.so.0 output seen name

	if ! command -v bpftrace >/dev/null; then
		skipped bpftrace "needs bpftrace"
		return
	fi
	if ! limited bpftrace -e "uprobe:$dir/probes:main { exit(); }
		BEGIN { exit(); }" >"$dir/traced" 2>&1; then
		skipped bpftrace "the kernel lets nobody trace, or not us: $(
			grep -v RLIMIT_MEMLOCK "$dir/traced" | head -n 1)"
		return
	fi
	if wanted bpftrace_examples; then
		seen=$(probe_examples x | grep -o '@seen[0-9]*' | paste -sd+)
		output=$(bpftrace_of "$(probe_examples "$dir/probes")
			uprobe:$dir/probes:round_done /$seen == $(
			probe_examples x | wc -l)/ { exit(); }" \
			env KMM_CMDLINE=mem=16M "$dir/probes")
		for name in $(probe_examples x | grep -o '@example[0-9_a-z]*'); do
			# Entries, a number, or a histogram.
			grep -qE "^$name(\[|: [1-9])" <<<"$output" ||
				grep -A1 "^$name: *$" <<<"$output" |
				grep -q '|@' || echo "$name"
		done >"$dir/empty"
		equal bpftrace_examples "" "$(cat "$dir/empty")$(
			grep -m1 '^stdin.*ERROR' <<<"$output")"
	fi
	if wanted bpftrace_sees_each_call; then
		matches bpftrace_sees_each_call $'(^|\n)50 of 777, 50 freed' \
			"$(bpftrace_of "$(probe_counts "$dir/probes" \
				"$dir/probes")" "$dir/probes")"
	fi
	if wanted bpftrace_attaches_to_running_process; then
		start env LD_PRELOAD="$shim" "$dir/probes" loop
		output=$(limited bpftrace \
			-e "$(probe_counts "$dir/probes" "$shim")" 2>&1)
		stop
		matches bpftrace_attaches_to_running_process \
			$'(^|\n)50 of 777, 50 freed' "$output"
	fi
}

# gdb_at PROBE COMMAND...: what gdb prints that stops there.
gdb_at() {
	printf '%s\n' "break -probe-stap kmem:$1" commands silent \
		"${@:2}" continue end 'break use_cache' run kill >"$dir/gdb"
	limited gdb -nx -batch -iex "set debuginfod enabled off" -x "$dir/gdb" \
		"$dir/probes" 2>&1
}

# What gdb sees of a block that realloc() leaves where it is, for want of another
# one. Watched, since every block would move.
gdb_shrunk() {
	cat >"$dir/gdb" <<-END
		set exec-wrapper env LD_PRELOAD=$build/libkmm_malloc.so.0 \
			KMM_CMDLINE=mem=16M\\ kmemleak
		break begin_round
		run shrink
		break -probe-stap kmem:kmalloc
		commands
		silent
		echo allocated\\n
		continue
		end
		break -probe-stap kmem:kfree
		commands
		silent
		echo freed\\n
		continue
		end
		break round_done
		commands
		silent
		printf "there: %d\\n", shrunk != 0
		end
		continue
		kill
	END
	limited gdb -nx -batch -iex "set debuginfod enabled off" -x "$dir/gdb" \
		"$dir/probes" 2>&1 | grep -E '^(allocated|freed|there: .)$'
}

test_probes_gdb() {
	if ! command -v gdb >/dev/null; then
		skipped gdb_probes "needs gdb"
		return
	fi
	if gdb_at online_pages 'echo ' 2>&1 |
		grep -q 'ptrace: Operation not permitted'; then
		skipped gdb_probes "gdb may not trace processes"
		return
	fi
	equal gdb_sees_each_kmalloc 50 "$(gdb_at 'kmalloc if $_probe_arg2 == 777' \
		'printf "kmalloc %d %d %#x %d ", $_probe_arg2, $_probe_arg3, $_probe_arg4, $_probe_arg5' \
		'info symbol $_probe_arg0' |
		grep -cE '^kmalloc 777 1024 0xcc0 -1 main \+ ')"
	# And the large block.
	equal gdb_sees_each_kfree 51 "$(gdb_at kfree 'printf "%d ", $_probe_argc' \
		'info symbol $_probe_arg0' | grep -c '^2 main + ')"
	matches gdb_sees_pages $'(^|\n)order 5 of 32 pages\n' \
		"$(gdb_at 'mm_page_alloc if $_probe_arg1 == 5' \
		'printf "order %d of %d pages\n", $_probe_arg1, $_probe_arg4')"
	equal gdb_sees_no_realloc_in_place "there: 1" "$(gdb_shrunk)"
	matches gdb_sees_strings $'(^|\n)online Normal\n' \
		"$(gdb_at online_pages 'printf "online %s\n", (char *)$_probe_arg2')"
}

test_probes() {
	# Most of the time goes into starting tracers.
	case $pattern in
	\* | probes* | bpftrace* | gdb_sees*) ;;
	*) return ;;
	esac
	# shellcheck disable=SC2086
	$CC -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra -I"$root/include" \
		"$here/probes.c" "$build/libkmm.a" -o "$dir/probes" -pthread ||
		exit 2
	if ! readelf -n "$dir/probes" | grep -q 'Provider: kmem'; then
		skipped probes "the libraries were built without sys/sdt.h"
		return
	fi
	test_probes_gdb
	test_probes_bpftrace
}

test_probes
