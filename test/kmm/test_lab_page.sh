# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# kmm lab --html and --serve, read in by run.sh: the page has what the terminal
# shows (lab_page.py), steps by mouse and keys in a browser, and takes commands
# from whom it should, and nobody else.

lab_page() { limited "$kmm" lab --html="$dir/$1.html" "${@:2}"; }

# lab_browse NAME WANT PAGE STEP...: what the steps print.
lab_browse() {
	equal "$1" "$2" "$(limited "$here/browser.py" "$chromium" "${@:3}" 2>&1)"
}

# same_as_terminal NAME SCRIPT...
same_as_terminal() {
	limited "$kmm" lab --plain "${@:2}" >"$dir/page.out" 2>&1
	lab_page page "${@:2}" >/dev/null
	equal "$1" "" "$(limited "$here/lab_page.py" "$dir/page.html" \
		"$dir/page.out" 2>&1)"
}

test_lab_page_files() {
	local file name output

	for file in "$root"/tools/lab/scripts/*.lab; do
		name=lab_page_$(basename "$file" .lab)
		wanted "$name" || continue
		same_as_terminal "$name" "$(basename "$file" .lab)"
	done
	if wanted lab_page_kmalloc; then
		printf '%s\n' 'strategy mm mem=512K sheaf_capacity=0' \
			'kmalloc 100' 'kmalloc 20000' 'alloc 1' 'kfree A' \
			'cache create foo 24' 'cache alloc foo 200' \
			'kfree B' 'cpu 1' 'alloc 0' drain >"$dir/kmalloc.lab"
		same_as_terminal lab_page_kmalloc "$dir/kmalloc.lab"
	fi
	if wanted lab_page_two_scripts; then
		same_as_terminal lab_page_two_scripts lecture-100 pages
	fi
	if wanted lab_page_says_what_failed; then
		printf '%s\n' 'alloc 2' 'aloc 3' 'free A' >"$dir/wrong.lab"
		output=$(lab_page wrong "$dir/wrong.lab" 2>&1; echo $?)
		matches lab_page_says_what_failed \
			$'aloc 3\n.*makes no sense.*\n1$' "$output"
	fi
	if wanted lab_page_cannot_write; then
		matches lab_page_cannot_write 'cannot write /nonesuch/x: No such' \
			"$(limited "$kmm" lab --html=/nonesuch/x slab 2>&1)"
	fi
	if wanted lab_page_no_script; then
		matches lab_page_no_script 'cannot read nonesuch: No such' \
			"$(lab_page none nonesuch 2>&1)"
		matches lab_page_directory 'cannot read .*: Is a directory' \
			"$(lab_page none "$dir" 2>&1)"
		printf 'alloc 0\n\0alloc 0\n' >"$dir/binary.lab"
		matches lab_page_binary 'cannot read .*: Invalid argument' \
			"$(lab_page none "$dir/binary.lab" 2>&1)"
		: >"$dir/empty.lab"
		matches lab_page_empty ': 1 step$' \
			"$(lab_page empty "$dir/empty.lab" 2>&1)"
	fi
}

# Of the page, for browser.py.
command='eval:document.querySelector(".command").innerText'
where='eval:document.getElementById("where").innerText'
row() {
	echo "eval:document.querySelector('[data-row=\"$1\"]').innerText.split('\\n').join(' ')"
}
said() {
	echo 'eval:document.querySelector(".said, .error").innerText'
}

test_lab_page_browser() {
	wanted lab_page_browser || return 0
	lab_page pages pages >/dev/null
	# Buttons; keys; a drag of the slider to its left end; a click on a line
	# of the script.
	lab_browse lab_page_browser "> alloc 0
17 0 3
> free B
> alloc 0
> alloc 4
> strategy mm
step 1 of 16
clicked
> drain
0 3" "$dir/pages.html" \
		size:1280,720 press:#forward press:#forward \
		key:ArrowRight "$command" "$(row "order 0")" \
		key:ArrowRight "$command" press:#back "$command" \
		key:End "$command" drag:880,22,300,22 "$command" "$where" \
		'eval:[...document.querySelectorAll("#script .step")].find((e) => e.innerText === "drain").click() || "clicked"' \
		"$command" "$(row "order 0")"
	# Objects of a slab, and the sentence, as the terminal has them.
	lab_page slab slab >/dev/null
	lab_browse lab_page_objects "$(limited "$kmm" lab --plain slab |
		awk '/^> /{ n++ } n == 9 && /foo slab 5/ { print $5 }
			n == 9 && /no sheaf yet/ { print substr($0, 3) }')" \
		"$dir/slab.html#step=9" \
		'eval:[...document.querySelectorAll("[data-row=\"foo slab 5\"] .object")].map((e) => "o-_."[["o", "sheaf", "fresh"].findIndex((c) => e.classList.contains(c)) & 3]).join("")' \
		'eval:document.querySelector(".said").innerText.slice(0, 73)'
	# On paper: an exercise for each command, without the answers.
	lab_browse lab_page_worksheet "15 0
15 15" "$dir/pages.html" \
		'eval:drawWorksheet() || document.querySelectorAll("#worksheet .exercise").length - 1 + " " + document.querySelectorAll("#worksheet .place").length' \
		'eval:document.getElementById("answers").click() || drawWorksheet() || document.querySelectorAll("#worksheet .exercise").length - 1 + " " + document.querySelectorAll("#worksheet .place").length'
}

# Live -------------------------------------------------------------------------

# http METHOD PATH [HEADER: VALUE]... [<BODY]: status and text of the answer.
http() {
	limited python3 -c '
import http.client, sys
method, path, *headers = sys.argv[2:]
link = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
body = sys.stdin.buffer.read() if method == "POST" else None
link.request(method, path, body, dict(h.split(": ") for h in headers))
answer = link.getresponse()
print(answer.status, answer.read().decode())
' "$port" "$@"
}

# serve_start ARGUMENT...: $server, $url, $port, $token.
serve_start() {
	mkfifo "$dir/served"
	"$kmm" lab --serve "$@" >"$dir/served" 2>&1 &
	server=$!
	exec 7<"$dir/served"
	rm "$dir/served"
	read -r url <&7
	port=${url#*127.0.0.1:} port=${port%%/*} token=${url##*=}
}

serve_stop() {
	kill -INT "$server"
	wait "$server"
	status=$?
	exec 7<&-
}

refusals() {
	local path=/do?token=$token wrong

	wrong=$(tr 0-9a-f 1-9a-f0 <<<"$token")
	equal lab_serve_wrong_token "403 the token is wrong: use the address that kmm lab has printed" \
		"$(http GET "/?token=$wrong")"
	matches lab_serve_no_token '^403 ' "$(http GET /)"
	matches lab_serve_short_token '^403 ' "$(http GET "/?token=${token%?}")"
	matches lab_serve_do_wrong_token '^403 ' \
		"$(http POST "/do?token=$wrong&at=1" <<<'alloc 0')"
	matches lab_serve_other_host '^403 .*127.0.0.1 only' \
		"$(http GET "/?token=$token" "Host: site.example:$port")"
	matches lab_serve_other_port '^403 ' \
		"$(http GET "/?token=$token" "Host: 127.0.0.1")"
	matches lab_serve_other_origin '^403 .*pages of others' \
		"$(http POST "$path&at=1" 'Origin: http://site.example' \
			<<<'alloc 0')"
	matches lab_serve_localhost '^200 <!DOCTYPE html>' \
		"$(http GET "/?token=$token" "Host: localhost:$port")"
	matches lab_serve_nothing_there '^404 ' "$(http GET "/x?token=$token")"
	matches lab_serve_at_nothing '^400 .*no number of an entry' \
		"$(http POST "$path&at=99" <<<'alloc 0')"
	matches lab_serve_too_long '^413 ' \
		"$(head -c 1100000 /dev/zero | http POST "$path&at=1")"
	# Nothing of that has done anything.
	equal lab_serve_refused_is_not_done 1 \
		"$(http GET "/?token=$token" | grep -c '"kind":"step"')"
}

answers() {
	local path=/do?token=$token

	matches lab_serve_does '"kind":"step".*"line":"alloc 3".*"said":\{"text":"A is pages' \
		"$(http POST "$path&at=1" <<<'alloc 3')"
	matches lab_serve_says_what_is_wrong \
		'"answer":.*"ok":false,"text":".*nothing called Q' \
		"$(http POST "$path&at=2" <<<'free Q')"
	# Behind the first entry: what follows it is gone.
	matches lab_serve_replaces '"at":1,"entries":\[\{[^{]*"line":"alloc 2".*"said":\{"text":"A is pages' \
		"$(http POST "$path&at=1" <<<'alloc 2')"
	matches lab_serve_back_is_no_entry '"answer":.*"ok":true' \
		"$(http POST "$path&at=2" <<<'back')"
	matches lab_serve_goes_on '"text":"A waits on' \
		"$(http POST "$path&at=2" <<<'free A')"
	matches lab_serve_death_is_survived \
		'"answer":.*stopped the machine.*"report":"BUG double free' \
		"$(http POST "$path&at=0" <<<$'strategy mm bad_free=abort\nalloc 4\nfree A' \
			>/dev/null
		http POST "$path&at=3" <<<'free A')"
	matches lab_serve_runs_a_script '"depth":0,"line":"run lecture-100".*"depth":1,"line":"strategy first-fit 100"' \
		"$(http POST "$path&at=1" <<<'run lecture-100')"
	matches lab_serve_loads '^200 .*"line":"strategy mm".*"line":"alloc 1"' \
		"$(http POST "$path&at=0" <<<$'# a script\nalloc 1')"
	matches lab_serve_saves_nothing 'a page keeps its commands itself' \
		"$(http POST "$path&at=1" <<<"save $dir/never")"
}

test_lab_serve_browser() {
	local done='until:document.getElementById("command").value === ""'

	# Type; a mistake; back, and another command; another strategy with the
	# same commands; what would be saved.
	lab_browse lab_serve_browser "A is pages 8-15: a free block of order 3 was there, and was taken as it is.
'x' is no number from 0 to 10
step 2 of 2
emptied
step 1 of 2
step 2 of 2
> alloc 1
chosen
> alloc 1
step 4 of 4
strategy mm;alloc 1;strategy buddy 64;alloc 1;" "$url" \
		press:#command 'type:alloc 3' key:Enter "$done" "$(said)" \
		'type:alloc x' key:Enter 'until:document.querySelector(".error")' \
		"$(said)" "$where" \
		'eval:(document.getElementById("command").value = "") || "emptied"' \
		key:ArrowLeft "$where" 'type:alloc 1' key:Enter "$done" \
		"$where" "$command" \
		press:#arguments type:64 \
		'eval:(document.getElementById("strategy").value = "buddy") && "chosen"' \
		press:#again 'until:document.body.dataset.step === "4"' \
		"$command" "$where" \
		'eval:decodeURIComponent(document.getElementById("save").href.split(",")[1]).split("\n").join(";")'
	# The commands of a script that was run are the same ones once.
	printf 'alloc 1\nfree A\n' >"$dir/two.lab"
	lab_browse lab_serve_same_commands_of_a_script "step 3 of 3
chosen
step 6 of 6" "$url" \
		press:#command "type:run $dir/two.lab" key:Enter "$done" "$where" \
		'eval:(document.getElementById("strategy").value = "buddy") && "chosen"' \
		press:#arguments type:64 \
		press:#again 'until:document.body.dataset.step !== "3"' "$where"
}

test_lab_serve() {
	local server url port token status output

	if limited "$kmm" lab --serve nonesuch 2>&1 |
			grep -q 'without libmicrohttpd'; then
		skipped lab_serve "kmm was built without libmicrohttpd"
		return
	fi
	wanted lab_serve || return 0
	serve_start
	refusals
	answers
	output=$(limited "$kmm" lab --serve="$port" 2>&1)
	matches lab_serve_port_in_use \
		"cannot listen on 127.0.0.1:$port: Address already in use" \
		"$output"
	serve_stop
	equal lab_serve_ends 0 "$status"
	if [ -z "$chromium" ]; then
		skipped lab_serve_browser "needs chromium"
		return
	fi
	serve_start
	test_lab_serve_browser
	serve_stop
}

test_lab_serve_missing() {
	wanted lab_serve_missing || return 0
	$CC -std=gnu11 -D_GNU_SOURCE -x c - -o "$dir/missing" <<-END || exit 2
		#include "$root/tools/lab/lab_server.c"
		int main(void) { return lab_server(0, 0, 0, 0); }
	END
	matches lab_serve_missing 'built without libmicrohttpd.*not in it' \
		"$("$dir/missing" 2>&1)"
}

usage usage_lab_html_nothing lab --html="$dir/x.html"
usage usage_lab_html_compare lab --html="$dir/x.html" compare lecture
usage usage_lab_html_and_serve lab --html="$dir/x.html" --serve slab
for port in 0 65536 99999999999 x 80x -1 ''; do
	usage "usage_lab_serve_port_$port" lab --serve="$port"
done
chromium=$(command -v chromium || command -v chromium-browser)
test_lab_page_files
if [ -n "$chromium" ]; then
	test_lab_page_browser
else
	skipped lab_page_browser "needs chromium"
fi
test_lab_serve
test_lab_serve_missing
