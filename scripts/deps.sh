#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what is missing for one purpose, with apt-get:
#
#	scripts/deps.sh build	compile the library
#	scripts/deps.sh demo	and run the demonstration
#	scripts/deps.sh check	and run all tests
#	scripts/deps.sh bench	run the benchmark
#	scripts/deps.sh bench-debug	compare debugging tools
#	scripts/deps.sh docs	make the documents' HTML
#
# scripts/deps.sh --have docs only says, by its status, whether nothing is missing.
#
# What is missing is found by looking for the thing itself (a command, a
# header), not for a package. Where everything is there, nothing is installed
# and no network is used, on any distribution. Programs that tests can do
# without are tried one by one; failing to install one is not an error.
set -eu

usage() {
	sed -n '6,11s/^#	//p' "$0" >&2
	exit 2
}

only_look=
if [ "${1-}" = --have ]; then
	only_look=yes
	shift
fi
[ $# -eq 1 ] || usage

have_command() { command -v "$1" >/dev/null 2>&1; }

# A header counts if the compiler finds it, wherever it is.
have_header() {
	have_command "${CC:-cc}" || have_command gcc || return 1
	compiler=${CC:-cc}
	have_command "$compiler" || compiler=gcc
	echo "#include <$1>" | "$compiler" -E -x c - >/dev/null 2>&1
}

sphinx_has() {
	have_command sphinx-build || return 1
	python=$(sed -n '1s/^#! *//p' "$(command -v sphinx-build)")
	$python -c "import $1" 2>/dev/null
}

# have KIND NAME; the kinds are those of the lists below.
have() {
	case $1 in
	command) have_command "$2" ;;
	header) have_header "$2" ;;
	# A library and its pkg-config file come in one package.
	pkgconfig) have_command pkg-config && pkg-config --exists "$2" ;;
	# For the Python that Sphinx runs on.
	sphinx) sphinx_has "$2" ;;
	library) PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -q "	$2 " ;;
	esac
}

# One thing a line: its kind, its name, Debian's package for it.
needed_build() {
	cat <<-END
		command gcc gcc
		command make make
		command ld binutils
		header stdlib.h libc6-dev
		command pkg-config pkg-config
	END
}

needed_demo() {
	needed_build
	cat <<-END
		header elfutils/libdwfl.h libdw-dev
		header zlib.h zlib1g-dev
		header ncurses.h libncurses-dev
		pkgconfig libmicrohttpd libmicrohttpd-dev
		command python3 python3
		command perl perl
	END
}

needed_check() {
	needed_demo
	cat <<-END
		pkgconfig check check
		command g++ g++
		command clang clang
		command valgrind valgrind
		header valgrind/memcheck.h valgrind
		header sys/sdt.h systemtap-sdt-dev
		command git git
	END
}

# Real programs that the shim is tried under; their tests skip without them.
optional_check() {
	cat <<-END
		command sqlite3 sqlite3
		command lua5.4 lua5.4
		command ruby ruby
		command redis-server redis-server
		command redis-cli redis-tools
		command node nodejs
		command strace strace
		command gcore gdb
		command bpftrace bpftrace
		command tmux tmux
		command chromium chromium
	END
	needed_docs
}

needed_docs() {
	cat <<-END
		command sphinx-build python3-sphinx
		sphinx myst_parser python3-myst-parser
		sphinx furo furo
		command mandoc mandoc
	END
}

needed_bench() {
	needed_build
	echo "command python3 python3"
}

# Other allocators and what to run on them; the report says what is missing.
optional_bench() {
	cat <<-END
		library libjemalloc.so.2 libjemalloc2
		library libtcmalloc_minimal.so.4 libtcmalloc-minimal4
		library libmimalloc.so.2 libmimalloc2.0
		library libglib-2.0.so.0 libglib2.0-0
		library libapr-1.so.0 libapr1
		command git git
		command lua5.4 lua5.4
		command perl perl
		command redis-server redis-server
		command redis-cli redis-tools
		command sqlite3 sqlite3
		command valgrind valgrind
		command xz xz-utils
	END
}

needed_bench_debug() {
	needed_bench
	echo "command g++ g++"
}

# The tools; what each needs is reported as not available without it.
optional_bench_debug() {
	cat <<-END
		library libjemalloc.so.2 libjemalloc2
		library libtcmalloc_minimal.so.4 libtcmalloc-minimal4
		library libmimalloc.so.2 libmimalloc2.0
		library libasan.so.8 libasan8
		command redis-server redis-server
		command redis-cli redis-tools
		command valgrind valgrind
	END
}

# The packages of what is missing, from a list on standard input.
missing() {
	while read -r kind name package; do
		have "$kind" "$name" || echo "$package"
	done | sort -u | tr '\n' ' '
}

updated=
as_root=
apt() {
	if ! have_command apt-get; then
		echo "$0: missing: $*; this is not a Debian system, please install them" >&2
		return 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		if ! have_command sudo; then
			echo "$0: missing: $*; neither root nor sudo to install them" >&2
			return 1
		fi
		as_root=sudo
	fi
	echo "installing: $*"
	if [ -z "$updated" ]; then
		$as_root apt-get update -qq ||
			echo "$0: apt-get update failed, trying without" >&2
		updated=yes
	fi
	# shellcheck disable=SC2086
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends "$@" >/dev/null
}

case $1 in
build) packages=$(needed_build | missing) ;;
demo) packages=$(needed_demo | missing) ;;
check) packages=$(needed_check | missing) ;;
bench) packages=$(needed_bench | missing) ;;
bench-debug) packages=$(needed_bench_debug | missing) ;;
docs) packages=$(needed_docs | missing) ;;
*) usage ;;
esac

if [ "$only_look" ]; then
	[ -z "$packages" ]
	exit
fi
# shellcheck disable=SC2086
if [ -n "$packages" ]; then
	apt $packages || exit 1
fi
case $1 in
check | bench | bench-debug)
	for package in $("optional_$(echo "$1" | tr - _)" | missing); do
		apt "$package" ||
			echo "$package cannot be installed; what needs it is skipped"
	done
	;;
esac
