# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# test/console.py, which runs what documents show, read in by run.sh: commands of
# several lines, and those that would never end.

# console NAME [OPTION]...: the document is standard input.
console() {
	cat >"$dir/$1.md"
	limited "$root/test/console.py" "${@:2}" "$build" "$dir/$1.md" 2>&1
}

test_console() {
	if wanted console_empty_line; then
		matches console_empty_line '^ok .*cat.*1 passed, 0 failed$' \
			"$(printf '%s\n' '```console' "\$ cat <<'END'" '> one' '>' \
				'> two' '> END' one '' two '```' | console lines)"
	fi
	if wanted console_update_keeps_empty_line; then
		printf '%s\n' '```console' "\$ cat <<'END'" '>' '> two' '> END' \
			'' three '```' | console update --update >"$dir/update.log"
		equal console_update_keeps_empty_line \
			"\`\`\`console;\$ cat <<'END';>;> two;> END;;two;\`\`\`;" \
			"$(tr '\n' ';' <"$dir/update.md")"
	fi
	# The rest is not run: the shell could be anywhere.
	if wanted console_no_end; then
		matches console_no_end \
			'^ok .*FAILED .*here-document .*delimited by end-of-file.*1 passed, 1 failed$' \
			"$(printf '%s\n' '```console' '$ echo 1' 1 "\$ cat <<'END'" \
				'> one' '$ echo 2' 2 '```' | console no_end)"
	fi
	if wanted console_no_quote; then
		matches console_no_quote 'FAILED .*unexpected EOF.*0 passed, 1 failed$' \
			"$(printf '%s\n' '```console' "\$ echo '1" 1 '```' |
				console no_quote)"
	fi
	if wanted console_exit; then
		matches console_exit 'FAILED .*ends the shell.*0 passed, 1 failed$' \
			"$(printf '%s\n' '```console' '$ exit 3' '$ echo 2' 2 '```' |
				console exit)"
	fi
	if wanted console_never_ends; then
		matches console_never_ends \
			'FAILED .*no end within 1.0 s.*begun.*0 passed, 1 failed$' \
			"$(printf '%s\n' '```console' '$ echo begun; sleep 1000' 1 \
				'$ echo 2' 2 '```' | console never --timeout=1)"
	fi
}

test_console
