#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The names that the shared libraries export, against the lists of golden/:
# a name more is an internal one that leaked, a name less breaks programs.
#
# Usage: exports.sh BUILD-DIRECTORY

set -u

if [ $# -ne 1 ]; then
	echo "usage: $0 build-directory" >&2
	exit 2
fi
build=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
LC_ALL=C
export LC_ALL
passed=0
failed=0

# same NAME EXPECTED ACTUAL : two lists of names, one a line, sorted.
same() {
	if diff -U0 "$2" "$3" >"$dir/diff"; then
		echo "ok $1"
		passed=$((passed + 1))
	else
		echo "FAILED $1 (- expected, + found)"
		sed -n 's/^[-+][^-+]/	&/p' "$dir/diff"
		failed=$((failed + 1))
	fi
}

# Without versions; a version node itself shows as an absolute symbol.
exports() {
	nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
		sed 's/@.*//' | sort
}

# The names between "global:" and "local:" of a version script.
script_names() {
	sed -n '/^global:/,/^local:/s/^	\([^;]*\);.*/\1/p' "$1" | sort
}

# What the public headers mark KMM_API: of each declaration, without the
# attributes that have arguments, the word before the first bracket.
marked_names() {
	find include -name '*.h' ! -name types.h -exec cat {} + |
		tr '\n' ' ' |
		sed 's/KMM_API/\n&/g' | sed -n 's/^KMM_API\([^;]*\);.*/\1/p' |
		sed 's/KMM_[A-Z_]*([^)]*)//g; s/[[(].*//; s/ *$//; s/.*[ *]//' |
		sort
}

golden=test/golden
for library in libkmm.so libkmm_malloc.so; do
	exports "$build/$library" >"$dir/$library"
	same "$library exports" "$golden/$library.exports" "$dir/$library"
done
marked_names >"$dir/marked"
same "KMM_API in include/" "$golden/libkmm.so.exports" "$dir/marked"
script_names lib/libkmm.map >"$dir/script"
same "lib/libkmm.map" "$golden/libkmm.so.exports" "$dir/script"
script_names lib/malloc/exports.map >"$dir/script"
same "lib/malloc/exports.map" "$golden/libkmm_malloc.so.exports" "$dir/script"

# `make often` writes that list; after a renaming it wants to be called again.
grep -o '(\.\(text\|bss\)\.[a-zA-Z_0-9]* ' lib/often.ld |
	sed 's/.*\.//; s/ //' | sort -u >"$dir/often"
grep -hwoFf "$dir/often" -r include lib mm --include='*.[ch]' |
	sort -u >"$dir/found"
same "lib/often.ld names what is there" "$dir/often" "$dir/found"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
