# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Tests of kmm run --check; read in by run.sh.

# says NAME OPTION WORD REGEX: check.c does WORD wrong.
says() {
	wanted "$1" || return 0
	# shellcheck disable=SC2154
	matches "$1" "$4" "$(run "$2" "$dir/check" "$3" 2>&1)"
}

test_check() {
	$CC -std=gnu11 -O1 -g -fno-builtin -Wall -Wextra "$here/check.c" \
		-Wno-use-after-free -o "$dir/check" || return
	says check_overrun --check overrun \
		$'^BUG kmalloc-32: Right Redzone overwritten\n.*Allocated in 0x.* allocate_it\+.*free_it\+'
	says check_use_after_free --check use \
		$'^BUG kmalloc-32: Poison overwritten\n.*Allocated in 0x.* allocate_it\+.*Freed in 0x.* free_it\+'
	says check_double_free --check twice \
		$'^BUG double free .*\nAllocated in .* allocate_it\+.*\nFreed in .* free_it\+.*\nFreed again by this call\n.* free_it\+'
	says check_some_caches --check=FZPU,no-such-cache overrun '^$'
	says check_some_letters --check=FZ overrun \
		'^BUG kmalloc-32: Right Redzone overwritten'
	says check_nothing_wrong --check right '^$'
	if wanted check_pagealloc; then
		matches check_pagealloc \
			'^BUG pagealloc: use-after-free .*: 0x.* is in a free page
 #0 0x.*allocated in
 #0 0x.* make_block\+.*freed in
 #0 0x.* first_free\+' \
			"$(run --cmdline="debug_pagealloc page_owner" \
				"$build/test/wrong/large_use_after_free" 2>&1)"
	fi
	usage check_unknown_letter run --check=FX true
	usage check_blank run "--check=F Z" true
}

test_check
