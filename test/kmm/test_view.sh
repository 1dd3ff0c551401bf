# SPDX-License-Identifier: MIT
#
# Pictures: what kmm view and kmm plot write is what is in the heap or trace,
# and the page works in a browser, if there is one. Read in by run.sh; view.py
# reads pages, browser.py opens them.
#
# shellcheck shell=bash disable=SC2154

view() { limited "$kmm" view "$@" 2>&1; }
view_py() { limited python3 "$here/view.py" "$@" 2>&1; }

# view_start [MIB]: its addresses are $small and $large; it reads from fd 9.
view_start() {
	mkfifo "$dir/view-in"
	LD_PRELOAD="$build/libkmm_malloc.so.0" "$dir/view-prog" "$@" \
		<"$dir/view-in" >"$dir/ready" &
	pid=$!
	exec 9>"$dir/view-in" 8<"$dir/ready"
	rm "$dir/view-in"
	read -r small large <&8
}

view_stop() {
	exec 9>&- 8<&-
	wait "$pid"
}

test_view_heap() {
	local output

	wanted view_heap || wanted view_plot || return 0
	view_start
	output=$(view -o "$dir/heap.html" --samples=3 --interval=1 "$pid")
	matches view_pause "heap.html: 3 samples; .* stopped for [0-9.]+ ms" \
		"$output"
	equal view_heap "" "$(view_py heap "$dir/heap.html" "$small" "$large")"
	limited "$kmm" plot -o "$dir/plots" --samples=2 --interval=1 "$pid" \
		>/dev/null
	equal view_plot "" "$(view_py svg "$dir"/plots/{pages,free,sheaves}.svg \
		"$dir"/plots/{fragmentation,memory}.svg)"
	# It was let go on each time.
	echo >&9
	view_stop
	equal view_harmless 0 $?
}

test_view_whole() {
	wanted view_whole || return 0
	view_start 1024
	view -o "$dir/whole.html" --samples=2 --interval=1 "$pid" >/dev/null
	equal view_whole "" "$(view_py whole "$dir/whole.html" 1024)"
	matches view_whole_size '^[0-9]{1,6}$' "$(stat -c %s "$dir/whole.html")"
	view_stop
}

test_view_trace() {
	local output

	wanted view_trace || return 0
	run --trace="$dir/view-trace" "$dir/view-prog" </dev/null >/dev/null
	output=$(view -o "$dir/trace.html" --samples=10 "$dir/view-trace")
	matches view_trace_parts "[0-9]+ calls in 10 parts" "$output"
	output=$(limited "$kmm" trace --top "$dir/view-trace")
	equal view_trace "" "$(view_py trace "$dir/trace.html" \
		"$(awk '$6 == "all" { print $1 }' <<<"$output")" \
		"$(sed -n 's/^\([0-9]*\) frees.*/\1/p' <<<"$output")")"
	limited "$kmm" plot -o "$dir/plots" "$dir/view-trace" >/dev/null
	equal view_trace_plot "" "$(view_py svg \
		"$dir"/plots/{live,calls,sizes,callers}.svg)"
}

# browse NAME WANT PAGE STEP...: what the steps print.
browse() {
	equal "$1" "$2" "$(limited "$here/browser.py" "$chromium" \
		"$dir/$3" "${@:4}" 2>&1)"
}

test_view_browser() {
	local chromium page first text map

	wanted view_browser || return 0
	if ! chromium=$(command -v chromium || command -v chromium-browser); then
		skipped view_browser "needs chromium"
		return
	fi
	view_start
	view -o "$dir/heap.html" --samples=5 --interval=1 "$pid" >/dev/null
	view_stop
	first=$(sed -n 's/.*"ranges":\[\["\(0x[0-9a-f]*\)".*/\1/p' \
		"$dir/heap.html" | head -n 1)
	page=$(((large - first) >> 12))
	text='eval:document.getElementById("details").innerText.split("\n")'

	# A place that is linked to; the keys move from there.
	browse view_link "Page $page
$large
sample 2 of 5
Page $((page + 1))" "heap.html#sample=1&page=$page" "${text}[0]" \
		"${text}.find(l => l.startsWith('0x'))" \
		'eval:document.getElementById("when").value.split(" ·")[0]' \
		key:ArrowRight "${text}[0]"

	# The first page of the map, and the slider to its left end.
	map=$(limited "$here/browser.py" "$chromium" "$dir/heap.html" \
		'eval:document.getElementById("map").getBoundingClientRect().y')
	browse view_click_and_drag "Page 0
#sample=4&page=0
#sample=0&page=0
0" heap.html \
		"click:112,$((${map%.*} + 3))" "${text}[0]" \
		eval:location.hash drag:940,61,80,61 eval:location.hash \
		"eval:document.getElementById('slider').value"

	# A slab says what its objects are.
	browse view_objects "True" \
		"heap.html#page=$(((small - first) >> 12))" \
		"eval:/\\d+ live/.test(document.querySelector('.objects').innerText)"

	run --trace="$dir/view-trace" "$dir/view-prog" </dev/null >/dev/null
	view -o "$dir/trace.html" "$dir/view-trace" >/dev/null
	browse view_browser_trace "yes
True" trace.html eval:document.body.dataset.ready \
		'eval:document.getElementById("tab").innerText.includes("main")'
}

test_view() {
	$CC -std=gnu11 -O2 -g -fno-builtin -Wall -Wextra \
		"$here/view_prog.c" -o "$dir/view-prog" || exit 2
	usage view_usage_no_operand view
	usage view_usage_two_operands view 1 2
	usage view_usage_samples view --samples=0 1
	usage view_usage_interval view --interval=x 1
	usage view_usage_plot plot --samples=501 1
	test_view_heap
	test_view_whole
	test_view_trace
	test_view_browser
}

test_view
