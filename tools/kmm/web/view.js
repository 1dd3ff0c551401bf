// SPDX-License-Identifier: MIT
/*
 * The page of kmm view; page.js and view_*.js are in front of this. DATA is what
 * tools/kmm/page.c writes; its comment has the form of the strings.
 *
 * What is shown is a function of `state`, which the part of the address behind
 * the # holds as well: so a place can be linked to.
 *
 *	#sample=3&page=17	the page with number 17, of all ranges in a row,
 *				in the fourth sample
 *	&tab=sheaves&colour=order&cache=kmalloc-96
 */
"use strict";

const state = { sample: 0, page: -1, tab: "", colour: "", cache: "" };
const updates = [];		/* called after each change of state */
let playing = 0;

/* State -------------------------------------------------------------------- */

function readHash() {
	const words = new URLSearchParams(location.hash.slice(1));

	for (const name of Object.keys(state)) {
		if (!words.has(name))
			continue;
		state[name] = typeof state[name] === "number" ?
			parseInt(words.get(name), 10) || 0 : words.get(name);
	}
	state.sample = Math.max(0, Math.min(state.sample,
					    DATA.samples.length - 1));
}

function writeHash() {
	const words = new URLSearchParams();

	for (const [name, value] of Object.entries(state))
		if (value !== "" && value !== -1)
			words.set(name, value);
	history.replaceState(null, "", "#" + words);
}

function set(changes) {
	Object.assign(state, changes);
	state.sample = Math.max(0, Math.min(state.sample,
					    DATA.samples.length - 1));
	$("slider").value = state.sample;
	for (const update of updates)
		update();
	writeHash();
}

function play(on) {
	clearInterval(playing);
	playing = 0;
	$("play").textContent = on ? "\u23f8 pause" : "\u25b6 play";
	if (!on)
		return;
	if (state.sample === DATA.samples.length - 1)
		set({ sample: 0 });
	playing = setInterval(() => {
		if (state.sample === DATA.samples.length - 1)
			play(false);
		else
			set({ sample: state.sample + 1 });
	}, Math.max(60, 4000 / DATA.samples.length));
}

function setUpTimeline() {
	$("slider").max = DATA.samples.length - 1;
	$("slider").addEventListener("input", (e) => {
		play(false);
		set({ sample: +e.target.value });
	});
	$("play").addEventListener("click", () => play(!playing));
	if (DATA.samples.length === 1)
		$("play").disabled = $("slider").disabled = true;
	document.addEventListener("keydown", (e) => {
		const inControl = /^(INPUT|SELECT|BUTTON)$/.test(
			e.target.tagName);

		if (inControl || e.ctrlKey || e.metaKey || e.altKey)
			return;
		if (e.key === " ")
			play(!playing);
		else if (e.key === ",")
			set({ sample: state.sample - 1 });
		else if (e.key === ".")
			set({ sample: state.sample + 1 });
		else if (!movePage(e.key))
			return;
		e.preventDefault();
	});
	window.addEventListener("hashchange", () => {
		readHash();
		set({});
	});
}

/* The start ---------------------------------------------------------------- */

$("title").textContent = "kmm view \u00b7 " + DATA.target;
document.title = "kmm view: " + DATA.target;
state.sample = DATA.samples.length - 1;
readHash();
setUpTimeline();
if (DATA.kind === "heap")
	showHeap();
else
	showTrace();
set({});
document.body.dataset.ready = "yes";
