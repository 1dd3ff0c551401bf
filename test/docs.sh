#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What the documents claim, as far as a script can know:
#
#	names		each name() in a document or a comment exists in the sources
#	files		each path that a document names exists
#	book		each function stands in the file that its row of a table names
#	links		each relative link, and each heading it points to, exists
#	rooms		each .c file of mm/ and lib/ has its page in Documentation/rooms/
#	parameters	the tables are what KMM_CMDLINE=help prints
#	flags		the table of GFP flags has the header's values
#	shim		malloc.md names each symbol and each system call
#	programs	each block ```c program compiles, runs, and prints what the
#			block ```output behind it shows; each block
#			```c from=FILE is a part of that file
#	man		the manual pages lint clean and name each exported symbol
#
# Usage: test/docs.sh BUILD
#
# Backticks in single quotes are Markdown:
# shellcheck disable=SC2016
set -eu

cd "$(dirname "$0")/.."
build=${1:?usage: test/docs.sh BUILD}
cc=${CC:-cc}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

passed=0
failed=0

# result NAME FILE: the file lists what is wrong, one a line
result()
{
	if [ -s "$2" ]; then
		echo "FAILED $1"
		sed 's/^/	/' "$2"
		failed=$((failed + 1))
	else
		echo "ok $1"
		passed=$((passed + 1))
	fi
}

documents=$(find README.md Documentation -name '*.md' | sort)
pages=$(find Documentation/man -name '*.[137]' | sort)
sources=$(find mm lib include tools -name '*.[ch]' | sort)
exercises=$(find Documentation/labs -name '*.[ch]' | sort)

# Names -----------------------------------------------------------------------

# Named on purpose, though the sources do not have them: functions of the C
# library and of the host, and of the kernel in comparisons.
cat >"$tmp/elsewhere" <<'END'
bsd_signal clone dlclose dlmopen dlopen fork getline main membarrier mincore mlockall mmap
mprotect mremap munmap printf process_vm_readv read siginterrupt siglongjmp sigset strncmp
vfork vsnprintf write
END
cat >"$tmp/kernel" <<'END'
___free_pages __alloc_pages_noprof __alloc_pages_slowpath __do_kmalloc_node
__free_one_page __module_address __rmqueue_fallback alloc_contig_pages cache_show
free_unref_page get_stack_info kmalloc_nolock rmqueue_pcplist stack_access_ok
stack_trace_save unwind_next_frame
END

# Code without comments: a name that only a comment has does not exist.
code()
{
	# shellcheck disable=SC2086
	awk '
	FNR == 1 { inside = 0 }
	{
		line = $0; out = ""
		while (line != "") {
			if (inside) {
				end = index(line, "*/")
				if (!end)
					break
				line = substr(line, end + 2)
				inside = 0
				continue
			}
			block = index(line, "/*")
			rest = index(line, "//")
			if (rest && (!block || rest < block)) {
				out = out substr(line, 1, rest - 1)
				break
			}
			if (!block) {
				out = out line
				break
			}
			out = out substr(line, 1, block - 1)
			line = substr(line, block + 2)
			inside = 1
		}
		print out
	}' $sources $exercises
}

code >"$tmp/code"
{
	grep -oE '[A-Za-z_][A-Za-z0-9_]*\(' "$tmp/code" | tr -d '('
	sed -nE 's/^#[ \t]*define[ \t]+([A-Za-z0-9_]+).*/\1/p' "$tmp/code"
	# Functions that a macro makes of a word.
	sed -nE 's/^PAGE_FLAG_FUNCS\((\w+), .*/Page\1\nSetPage\1\nClearPage\1/p' \
		"$tmp/code"
	tr ' ' '\n' <"$tmp/elsewhere"
	tr ' ' '\n' <"$tmp/kernel"
} | sort -u >"$tmp/known"

for file in $documents $pages $sources $exercises; do
	{
		grep -oE '\b[A-Za-z_][A-Za-z0-9_]*\(\)' "$file" | tr -d '()'
		sed -nE 's/^\.Fn ("[a-z_ ]* )?([A-Za-z_0-9]+).*/\2/p' "$file"
	} | sort -u | comm -23 - "$tmp/known" | while read -r name; do
		# "kmem_cache_create() minus _destroy()"
		case $name in _[a-z]*) grep -q "[a-z]$name\$" "$tmp/known" && continue ;; esac
		echo "$name() in $file"
	done
done >"$tmp/bad"
result "names: each name() exists" "$tmp/bad"

# Rows of the book's tables: | `function()` | `file` | ...
for file in Documentation/book/*.md; do
	sed -nE 's/^\| `([A-Za-z_0-9]+)\(\)` \| `([^`]+)` \|.*/\1 \2/p' "$file" |
		while read -r name path; do
		grep -qE "^([A-Za-z_].*[ *])?(PAGE_FLAG_FUNCS\()?$name\(" "$path" ||
			grep -qE "^#define $name\(" "$path" ||
			echo "$name() of $path in $file"
	done
done >"$tmp/bad"
result "book: each function is in its file" "$tmp/bad"

# Files and links -------------------------------------------------------------

# Files of the kernel are named as well, but not in backticks.
for file in $documents $pages; do
	grep -oE '(`|\.Pa )(mm|lib|include|test|scripts|Documentation)/[A-Za-z0-9_/.-]*' \
		"$file" | sed 's/^`//; s/^\.Pa //' | sort -u |
		while read -r path; do
		[ -e "$path" ] || echo "$path in $file"
	done
done >"$tmp/bad"
result "files: each path exists" "$tmp/bad"

# The anchors of a document, as they are made of its headings.
anchors()
{
	sed -nE '/^```/,/^```/!s/^#+ //p' "$1" | tr '[:upper:]' '[:lower:]' |
		sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

for file in $documents; do
	sed '/^```/,/^```/d' "$file" | grep -oE '\]\([^)]+\)' |
		sed 's/^](//; s/)$//' | while read -r link; do
		case $link in http://* | https://*) continue ;; esac
		path=${link%%#*}
		target=$file
		[ -z "$path" ] || target=$(dirname "$file")/$path
		if [ ! -e "$target" ]; then
			echo "$link in $file"
		elif [ "$link" != "$path" ]; then
			anchors "$target" | grep -qxF "${link#*#}" ||
				echo "$link in $file: no such heading"
		fi
	done
done >"$tmp/bad"
result "links: each relative link leads somewhere" "$tmp/bad"

for file in mm/*.c lib/*.c lib/malloc/*.c; do
	grep -qF "$file" Documentation/rooms/*.md || echo "$file"
done >"$tmp/bad"
for page in Documentation/rooms/*.md; do
	grep -qF "rooms/${page##*/}" Documentation/README.md ||
		echo "Documentation/README.md does not list $page"
done >>"$tmp/bad"
result "rooms: each file has its page, each page is in the index" "$tmp/bad"

# Parameters ------------------------------------------------------------------

# The table of parameters.md, made from the columns of the help text.
parameter_table()
{
	KMM_CMDLINE=help "$tmp/help" 2>&1 | sed 1d | awk -F '  +' '{
		gsub(/\|/, "\\|", $2)
		printf "| `%s` | `%s` | `%s` | %s | %s |\n", $1, $2, $3, $5, $6
	}'
}

cat >"$tmp/help.c" <<'END'
#include <kmm/kmm.h>

int main(void)
{
	return kmm_trim() == (size_t)-1;
}
END
if "$cc" -Iinclude -o "$tmp/help" "$tmp/help.c" "$build/libkmm.a" -pthread \
	2>"$tmp/bad"; then
	parameter_table >"$tmp/help.txt"
	grep '^| `' Documentation/parameters.md | diff "$tmp/help.txt" - \
		>"$tmp/bad" || :
	sed 's/^| `//; s/`.*//' "$tmp/help.txt" | while read -r name; do
		grep -qE "^\.It Cm $name( |\$)" Documentation/man/kmm_cmdline.7 ||
			echo "$name is not in kmm_cmdline.7"
	done >>"$tmp/bad"
fi
result "parameters: as KMM_CMDLINE=help prints them" "$tmp/bad"

# Flags and the shim ----------------------------------------------------------

sed -nE 's/^#define (__GFP_[A-Z0-9_]+)[ \t]+\(\(gfp_t\)(0x[0-9a-f]+)u\).*/\1 \2/p' \
	include/linux/gfp_types.h | while read -r flag value; do
	grep -q "^| \`$flag\` | $(printf '%#x' "$value") |" \
		Documentation/kernel-differences.md || echo "$flag $value"
done >"$tmp/bad"
sed -nE 's/^#define (SLAB_[A-Z0-9_]+)[ \t].*/\1/p' include/linux/slab.h |
	while read -r flag; do
	grep -qF "\`$flag\`" Documentation/kernel-differences.md || echo "$flag"
done >>"$tmp/bad"
result "flags: kernel-differences.md has each with its value" "$tmp/bad"

sed -nE 's/^\t([a-z_0-9]+);$/\1/p' lib/malloc/exports.map |
	while read -r symbol; do
	grep -qE "\`$symbol(\(\))?\`" Documentation/malloc.md || echo "$symbol"
done >"$tmp/bad"
grep -oE 'SYS_[a-z_0-9]+' lib/host.c | sed 's/SYS_//' | sort -u |
	while read -r call; do
	grep -qF "\`$call\`" Documentation/malloc.md ||
		echo "system call $call"
done >>"$tmp/bad"
result "shim: malloc.md has each symbol and system call" "$tmp/bad"

# Programs --------------------------------------------------------------------

# Cut the marked blocks out: N.info has the words behind the fence, N.text the
# lines; a block ```output goes to the N.output of the block before it.
for file in $documents; do
	rm -rf "$tmp/blocks"
	mkdir "$tmp/blocks"
	awk -v dir="$tmp/blocks" '
	/^```/ && !open {
		open = 1
		kind = ""
		if ($0 ~ /^```c (program|from=)/) {
			kind = "text"
			print substr($0, 6) >(dir "/" ++n ".info")
		} else if ($0 == "```output") {
			kind = "output"
		}
		next
	}
	/^```/ { open = 0; kind = ""; next }
	open && kind { print >(dir "/" n "." kind) }
	' "$file"
	for info in "$tmp/blocks"/*.info; do
		[ -e "$info" ] || continue
		block=${info%.info}
		read -r what <"$info"
		: >"$tmp/bad"
		case $what in
		program)
			cp "$block.text" "$tmp/program.c"
			if "$cc" -O2 -Wall -Wextra -Werror -Iinclude \
				-o "$tmp/program" "$tmp/program.c" \
				"$build/libkmm.a" -pthread >"$tmp/bad" 2>&1; then
				"$tmp/program" >"$tmp/out" 2>"$tmp/err" || {
					echo "exit status $?"
					cat "$tmp/err"
				} >"$tmp/bad"
				[ ! -e "$block.output" ] ||
					diff "$block.output" "$tmp/out" \
					>>"$tmp/bad" || :
			fi
			;;
		from=*)
			awk 'NR == FNR { want = want $0 "\n"; next }
				{ have = have $0 "\n" }
				END { exit !index(have, want) }' \
				"$block.text" "${what#from=}" ||
				echo "not a part of ${what#from=}" >"$tmp/bad"
			;;
		esac
		result "programs: $file, block ${block##*/} ($what)" "$tmp/bad"
	done
done

# Manual pages ----------------------------------------------------------------

: >"$tmp/bad"
if command -v mandoc >/dev/null; then
	# shellcheck disable=SC2086
	mandoc -Tlint -W warning $pages >"$tmp/bad" 2>&1 || :
	result "man: lint clean" "$tmp/bad"
else
	echo "mandoc is not installed: the manual pages are not linted"
fi

sed -nE 's/^\t([A-Za-z_0-9]+);$/\1/p' lib/libkmm.map | while read -r symbol; do
	# The manual has the names that programs write.
	name=$(echo "$symbol" | sed -E 's/_noprof$//; s/^__(kmalloc|vmalloc|kvmalloc)(_.*)?$/\1/
		s/^__kmem_cache_create_args$/kmem_cache_create/
		s/^get_free_pages$/__get_free_pages/')
	grep -qwF -- "$name" Documentation/man/*.[137] || echo "$symbol ($name)"
done >"$tmp/bad"
result "man: each exported symbol is described" "$tmp/bad"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
