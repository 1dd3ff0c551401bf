#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The public headers as programs meet them: each compiles alone, in C and in
# C++, under strict warnings; none hides a header of the system; and programs
# that use every macro form compile, link and run.
#
# Usage: run.sh BUILD-DIRECTORY

# $warnings is a list of words.
# shellcheck disable=SC2086
set -u

if [ $# -ne 1 ]; then
	echo "usage: $0 build-directory" >&2
	exit 2
fi
build=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
warnings="-pedantic -Wall -Wextra -Wconversion -Wundef -Werror"
passed=0
failed=0

# result NAME COMMAND... : run it, print one line, and its output if it fails.
result() {
	name=$1
	shift
	if "$@" >"$dir/output" 2>&1; then
		echo "ok $name"
		passed=$((passed + 1))
	else
		echo "FAILED $name"
		sed 's/^/	/' "$dir/output"
		failed=$((failed + 1))
	fi
}

have() {
	command -v "$1" >/dev/null
}

# A program that has a header and nothing else, twice to try its guard.
# An empty file is no C program, hence the declaration.
alone() {
	printf '#include <%s>\n#include <%s>\nextern int alone;\n' \
		"$4" "$4" >"$dir/alone.$2"
	"$1" "$3" $warnings -Iinclude -fsyntax-only "$dir/alone.$2"
}

shadows_nothing() {
	! ls "/usr/include/$1"
}

# program COMPILER STANDARD SOURCE LIBRARY : compile, link and run it.
program() {
	"$1" "$2" $warnings -O2 -Iinclude "$3" -o "$dir/program" "$4" \
		-lpthread &&
	LD_LIBRARY_PATH="$build" "$dir/program"
}

headers=$(cd include && ls linux/*.h kmm/*.h)

for header in $headers; do
	for cc in gcc clang; do
		have "$cc" &&
			result "$header $cc c11" \
				alone "$cc" c -std=c11 "$header"
	done
	for cxx in g++ clang++; do
		have "$cxx" &&
			result "$header $cxx c++17" \
				alone "$cxx" cc -std=c++17 "$header"
	done
	case $header in
	linux/*)
		result "$header shadows no system header" \
			shadows_nothing "$header"
		;;
	esac
done

for library in "$build/libkmm.a" "$build/libkmm.so"; do
	kind=${library##*/}
	for cc in gcc clang; do
		have "$cc" &&
			result "forms.c $cc $kind" program "$cc" -std=c11 \
				test/headers/forms.c "$library"
	done
	for cxx in g++ clang++; do
		have "$cxx" &&
			result "overloads.cc $cxx $kind" program "$cxx" \
				-std=c++17 test/headers/overloads.cc "$library"
	done
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
