#!/bin/sh
# SPDX-License-Identifier: MIT
#
# An installed tree as its users meet it: install to a place of its own, move
# the tree, and build the examples of Documentation/ against it in each way
# that pkg-config offers. Every program built is run.
#
# Usage: test/install.sh BUILD
set -eu

build=$1
cc=${CC:-cc}
make=${MAKE:-make}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

fail()
{
	echo "FAIL: $*" >&2
	failed=1
}

# try NAME COMMAND...: quiet unless it fails
try()
{
	name=$1
	shift
	echo "  TRY     $name"
	"$@" >"$tmp/log" 2>&1 && return
	fail "$name: $*"
	cat "$tmp/log" >&2
}

# compile_and_run NAME WHAT-TO-COMPILE-AND-LINK...
compile_and_run()
{
	name=$1
	shift
	try "$name" "$cc" -O2 -Wall -Wextra -Werror -o "$tmp/program" "$@"
	[ $failed = 0 ] && try "$name, run" "$tmp/program"
	rm -f "$tmp/program"
}

"$make" --no-print-directory install BUILD="$build" DESTDIR="$tmp/stage" \
	PREFIX=/opt/kmm LIBDIR=/opt/kmm/lib/multi/arch >/dev/null

# Nothing in the tree may depend on where it was installed to.
mv "$tmp/stage/opt/kmm" "$tmp/moved"
libdir=$tmp/moved/lib/multi/arch

for tree in moved build; do
	case $tree in
	moved)	PKG_CONFIG_PATH=$libdir/pkgconfig ;;
	build)	PKG_CONFIG_PATH=$build ;;
	esac
	export PKG_CONFIG_PATH
	cflags=$(pkg-config --cflags libkmm)
	libs=$(pkg-config --libs libkmm)
	dir=$(pkg-config --variable=libdir libkmm)
	object=$(pkg-config --variable=object libkmm-malloc)
	malloc_libs=$(pkg-config --libs libkmm-malloc)
	export LD_LIBRARY_PATH="$dir"

	for example in Documentation/examples/*.c; do
		# Flags are lists of words.
		# shellcheck disable=SC2086
		{
		compile_and_run "$tree, shared: $example" \
			"$example" $cflags $libs -pthread
		# Here the program owns kmm_page_shift, not the library.
		compile_and_run "$tree, shared, not PIC: $example" \
			-no-pie -fno-pic "$example" $cflags $libs -pthread
		compile_and_run "$tree, libkmm.a: $example" \
			"$example" $cflags "$dir/libkmm.a" -pthread
		compile_and_run "$tree, -static: $example" \
			-static "$example" $cflags "$dir/libkmm.a" -pthread
		}
	done

	# malloc by linking: the shim must be needed, and found at run time.
	cat >"$tmp/malloc.c" <<'C'
#include <stdlib.h>
#include <string.h>

int main(void)
{
	char *volatile p = malloc(100);

	if (!p)
		return 1;
	memset(p, 1, 100);
	p = realloc(p, 100000);
	if (!p || p[99] != 1)
		return 1;
	free(p);
	return 0;
}
C
	# shellcheck disable=SC2086
	compile_and_run "$tree, -lkmm_malloc" "$tmp/malloc.c" $malloc_libs
	compile_and_run "$tree, kmm_malloc.o" \
		-static "$tmp/malloc.c" "$object" -pthread
	# Two heaps in one program, in either order. What a program says of its
	# blocks, and what kmm sees, is of libkmm's.
	cat >"$tmp/two.c" <<'C'
#include <stdlib.h>

#include <kmm/anchor.h>
#include <linux/kmemleak.h>
#include <linux/slab.h>

int main(void)
{
	void *volatile p = malloc(100);
	void *volatile q = kmalloc(100, GFP_KERNEL);

	if (!p || !q || !kmm_anchor.nr_roots)
		return 1;
	kmemleak_ignore(q);
	kfree(q);
	free(p);
	return 0;
}
C
	for objects in "$object $dir/libkmm.a" "$dir/libkmm.a $object"; do
		# shellcheck disable=SC2086
		{
		compile_and_run "$tree, kmm_malloc.o and libkmm.a" \
			-static "$tmp/two.c" $cflags $objects -pthread
		compile_and_run "$tree, the same, shared libc" \
			"$tmp/two.c" $cflags $objects -pthread
		$cc -static -o "$tmp/program" "$tmp/two.c" $cflags $objects -pthread
		}
		nm "$tmp/program" | grep -q ' T kmemleak_ignore$' ||
			fail "$tree: kmemleak_ignore() is not libkmm's"
	done

	# A program's own probes, beside ours.
	if echo '#include <sys/sdt.h>' | $cc -E - >/dev/null 2>&1; then
		sed 's/^#include <string.h>/&\n#include <sys\/sdt.h>/
			s/^	free(p);/	STAP_PROBE1(own, freed, p);\n&/' \
			"$tmp/malloc.c" >"$tmp/probed.c"
		compile_and_run "$tree, own probes, kmm_malloc.o" \
			-static "$tmp/probed.c" "$object" -pthread
		# shellcheck disable=SC2086
		compile_and_run "$tree, own probes, libkmm.a" \
			-Wl,--whole-archive "$dir/libkmm.a" \
			-Wl,--no-whole-archive "$tmp/probed.c" $cflags -pthread
	fi

	# The object must keep libc's malloc out of a static program.
	$cc -static -o "$tmp/program" "$tmp/malloc.c" "$object" -pthread
	if nm "$tmp/program" | grep -qw _int_malloc; then
		fail "$tree: a static program has libc's malloc as well"
	fi
done

# kmm finds the scripts of the lab in its own tree.
try "moved, kmm lab" "$tmp/moved/bin/kmm" lab lecture-100
# kmm finds the shim of its own tree.
try "moved, kmm run" "$tmp/moved/bin/kmm" run sh -c \
	'case $LD_PRELOAD in */moved/lib/multi/arch/*) ;; *) exit 1 ;; esac'

# A program's own names and the library's inner ones do not meet.
global=$(nm -g --defined-only "$libdir/kmm_malloc.o" | sed 's/.* //' |
	grep -E '^(zones|host|memmap|percpu|kmalloc_noprof|kfree)$' || true)
[ -z "$global" ] || fail "kmm_malloc.o has global $global"
global=$(nm -g --defined-only "$libdir/libkmm.a" | sed 's/.* //' |
	grep -E '^(zones|host|memmap|percpu)$' || true)
[ -z "$global" ] || fail "libkmm.a has global $global"

mv "$tmp/moved" "$tmp/stage/opt/kmm"
"$make" --no-print-directory uninstall BUILD="$build" DESTDIR="$tmp/stage" \
	PREFIX=/opt/kmm LIBDIR=/opt/kmm/lib/multi/arch >/dev/null
left=$(cd "$tmp/stage" && find . ! -type d)
[ -z "$left" ] || fail "uninstall leaves $left"

exit $failed
