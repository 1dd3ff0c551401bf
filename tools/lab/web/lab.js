// SPDX-License-Identifier: MIT
/*
 * The page of kmm lab; page.js and lab_draw.js are in front of this. DATA.entries is what
 * session_write_entry() writes.
 *
 * One step is shown at a time: its command, what is said of it, and the machine
 * before and after. The part of the address behind the # says which step: so one
 * can be linked to.
 *
 * A page with a token is live: it sends commands to the kmm that has served it,
 * and gets back the entries that they make.
 */
"use strict";

let entries = DATA.entries;
let steps = [];			/* indexes of entries */
let current = 0;		/* into steps */
let answer = null;		/* to a line that is no step */
let playing = 0;

const PLAY_MS = 1600;

function baseName(path) {
	return path.replace(/^.*\//, "");
}

/* What is said ------------------------------------------------------------- */

function said(entry) {
	return entry.said ? entry.said.text : entry.text.trim().replace(
		/\n {2}/g, "\n");
}

function drawSaid(entry) {
	const parts = [make("p", { class: "command" }, "> " +
			    entry.line.trim())];
	const place = entry.said && entry.said.function;

	if (entry.report.trim())
		parts.push(make("pre", { class: "report" },
				entry.report.trim()));
	if (!entry.ok)
		parts.push(make("p", { class: "error" }, said(entry)));
	else if (said(entry).includes("\n"))
		parts.push(make("pre", {}, said(entry)));
	else
		parts.push(make("p", { class: "said" }, said(entry)));
	if (place)
		parts.push(make("p", { class: "place" }, `${entry.said.function}()  ` +
				`${entry.said.file}:${entry.said.line}`));
	if (entry.state && entry.state.broken)
		parts.push(make("p", { class: "error" }, "BROKEN " +
				entry.state.broken));
	return parts;
}

/* The state before a step; null: with it, something else begins. */
function stateBefore(i) {
	const entry = entries[steps[i]], last = entries[steps[i - 1]];

	if (!i || isStrategy(entry) || !last.state || !entry.state ||
	    last.state.kind !== entry.state.kind)
		return null;
	if (last.state.kind === "arena" &&
	    last.state.strategy !== entry.state.strategy)
		return null;
	return last.state;
}

const LEGENDS = {
	arena: [["used", "with its user"], ["free", "free"]],
	mm: [["used", "with its user"], ["free", "free"],
	     ["cpu", "free to one CPU, or in a sheaf"], ["slab", "slab"],
	     ["other", "the library's own"]],
};

function drawLegend(state) {
	const legend = $("legend");

	legend.replaceChildren();
	for (const [kind, text] of LEGENDS[state.kind])
		legend.append(make("span", {}, make("i", { style:
			`background:var(--${kind})` }), text));
	if (state.kind === "arena")
		legend.append(make("span", {}, "hatched: not asked for"));
	legend.append(make("span", {}, make("i", { style:
		"border:3px solid var(--new)" }), "new"),
		make("span", {}, make("i", { style:
		"border:3px dotted var(--new)" }), "gone"));
}

/* The script --------------------------------------------------------------- */

function drawScript() {
	const list = $("script");

	list.replaceChildren();
	entries.forEach((entry, i) => {
		const item = make("li", { class: entry.kind === "script" ?
			"title" : entry.kind + (entry.ok === false ? " wrong" :
						"") },
			entry.kind === "script" ? baseName(entry.line) :
			entry.line);

		if (entry.depth)
			item.style.paddingLeft = 14 + 14 * entry.depth + "px";
		if (entry.kind === "step")
			item.addEventListener("click", () =>
				go(steps.indexOf(i)));
		list.append(item);
	});
}

function markScript() {
	const items = $("script").children;

	for (const item of items) {
		item.classList.remove("on");
		item.removeAttribute("aria-current");
	}
	const item = items[steps[current]];

	item.classList.add("on");
	item.setAttribute("aria-current", "step");
	item.scrollIntoView({ block: "nearest" });
}

/* The script that a step is of. */
function scriptName() {
	for (let i = steps[current]; i >= 0; i--)
		if (entries[i].kind === "script")
			return baseName(entries[i].line);
	return "";
}

/* One step ----------------------------------------------------------------- */

function show() {
	const entry = answer || entries[steps[current]];
	const article = document.querySelector("article");
	const name = scriptName();

	$("what").replaceChildren(...drawSaid(entry));
	$("machine").replaceChildren();
	if (entry.state) {
		$("machine").append(drawPicture(answer ? null :
			stateBefore(current), entry.state, Math.max(400, article.clientWidth - 32)));
		drawLegend(entry.state);
	}
	$("title").textContent = name ? "kmm lab: " + name : "kmm lab";
	document.title = $("title").textContent;
	$("slider").max = steps.length - 1;
	$("slider").value = current;
	$("where").textContent = `step ${current + 1} of ${steps.length}`;
	$("first").disabled = $("back").disabled = !current;
	$("last").disabled = $("forward").disabled =
		current === steps.length - 1;
	markScript();
	showChange(article);
	history.replaceState(null, "", "#step=" + (current + 1));
	document.body.dataset.step = current + 1;
}

/* If nothing that has changed is to be seen, the first of it is moved there. */
function showChange(article) {
	/* What is said stays where it is, and covers what is behind it. */
	const top = $("what").getBoundingClientRect().bottom;
	const bottom = article.getBoundingClientRect().bottom;
	const changed = [...article.querySelectorAll(".new, .gone")];

	article.scrollTop = 0;
	if (changed.length && !changed.some((e) =>
		e.getBoundingClientRect().bottom < bottom))
		article.scrollTop = changed[0].getBoundingClientRect().top -
			(top + bottom) / 2;
}

function go(step) {
	answer = null;
	current = Math.max(0, Math.min(step, steps.length - 1));
	show();
}

function play(on) {
	clearInterval(playing);
	playing = 0;
	$("play").textContent = on ? "pause" : "play";
	if (!on)
		return;
	if (current === steps.length - 1)
		go(0);
	playing = setInterval(() => {
		if (current === steps.length - 1)
			play(false);
		else
			go(current + 1);
	}, PLAY_MS);
}

function readHash() {
	const words = new URLSearchParams(location.hash.slice(1));

	return words.has("step") ? parseInt(words.get("step"), 10) - 1 || 0 :
		current;
}

const KEYS = {
	ArrowRight: () => go(current + 1), ArrowLeft: () => go(current - 1),
	PageDown: () => go(current + 1), PageUp: () => go(current - 1),
	Home: () => go(0), End: () => go(steps.length - 1),
	" ": () => play(!playing),
};

/* What is typed into a field is for the field, unless that is empty. */
function onKey(e) {
	const typing = /^(INPUT|SELECT)$/.test(e.target.tagName) &&
		e.target.id !== "slider";

	if (e.ctrlKey || e.metaKey || e.altKey || !KEYS[e.key])
		return;
	if (typing && (e.target.id !== "command" || e.target.value ||
		       e.key === " "))
		return;
	if (e.key === " " && e.target.tagName === "BUTTON")
		return;
	if (e.key !== " ")
		play(false);
	KEYS[e.key]();
	e.preventDefault();
}

function setUpControls() {
	const by = (id, f) => $(id).addEventListener("click", () => {
		play(false);
		f();
	});

	by("first", () => go(0));
	by("back", () => go(current - 1));
	by("forward", () => go(current + 1));
	by("last", () => go(steps.length - 1));
	by("print", () => print());
	$("play").addEventListener("click", () => play(!playing));
	$("slider").addEventListener("input", (e) => {
		play(false);
		go(+e.target.value);
	});
	document.addEventListener("keydown", onKey);
	addEventListener("hashchange", () => go(readHash()));
	addEventListener("resize", show);
	addEventListener("beforeprint", drawWorksheet);
}

/* On paper ----------------------------------------------------------------- */
/*
 * Every step, one below the other. Without answers, what comes after a command
 * is left blank, to be filled in.
 */

function drawExercise(step, nr, answers) {
	const entry = entries[steps[step]], before = stateBefore(step);
	const blank = !answers && !isStrategy(entry) && before;
	const box = make("div", { class: "exercise" });

	if (blank)
		box.append(make("p", { class: "command" }, `${nr}.  > ` +
				entry.line.trim()), make("div",
				{ class: "rule" }), make("div",
				{ class: "rule" }));
	else
		box.append(...drawSaid(entry));
	if (entry.state && (before || isStrategy(entry)))
		box.append(drawPicture(before, entry.state, 690, blank));
	return box;
}

function drawWorksheet() {
	const sheet = $("worksheet"), answers = $("answers").checked;
	let nr = 0;

	sheet.replaceChildren();
	entries.forEach((entry, i) => {
		if (entry.kind === "script")
			sheet.append(make("h1", {}, baseName(entry.line)));
		else if (entry.kind === "note" && entry.line.trim())
			sheet.append(make("p", { class: "note" },
				entry.line.replace(/^\s*#\s*/, "")));
		else if (entry.kind === "step")
			sheet.append(drawExercise(steps.indexOf(i),
				isStrategy(entry) ? nr : ++nr, answers));
	});
}

/* Live --------------------------------------------------------------------- */

function setEntries(list) {
	entries = list;
	steps = [];
	entries.forEach((e, i) => {
		if (e.kind === "step")
			steps.push(i);
	});
	drawScript();
	$("save").href = "data:text/plain;charset=utf-8," +
		encodeURIComponent(scriptText());
}

/* Is it a line that does the same again? The lines of a script that was run are
 * there themselves. */
function isScriptLine(e) {
	return e.kind === "step" ? e.ok :
		e.kind === "note" && !/^\s*run\s/.test(e.line);
}

/* What a script needs to do the same. */
function scriptText() {
	return entries.filter(isScriptLine).map((e) => e.line + "\n").join("");
}

function showAnswer(entry) {
	answer = entry;
	show();
}

function complain(line, text) {
	showAnswer({ line, ok: false, text, report: "", said: null,
		     state: entries[steps[current]].state });
}

/* Lines, instead of all entries from a number on. */
async function send(at, lines) {
	let reply;

	try {
		const response = await fetch(`do?token=${DATA.token}&at=${at}`,
			{ method: "POST", body: lines });

		if (!response.ok)
			throw new Error(await response.text());
		reply = await response.json();
	} catch (e) {
		complain(lines.split("\n")[0], e instanceof TypeError ?
			 "kmm does not answer: kmm lab --serve has ended" :
			 e.message);
		return false;
	}
	if (reply.answer) {
		showAnswer(reply.answer);
		return reply.answer.ok;
	}
	setEntries(entries.slice(0, reply.at).concat(reply.entries));
	go(steps.length - 1);
	return true;
}

/* Where the next command goes: behind the step that is shown, and what the
 * teacher has noted there. */
function behind() {
	let at = steps[current] + 1;

	while (at < entries.length && entries[at].kind === "note" &&
	       current === steps.length - 1)
		at++;
	return at;
}

/* back and forward are moves here, and the prompt is left as it is. */
function move(line) {
	const words = line.trim().split(/\s+/);
	const nr = words.length > 1 ? parseInt(words[1], 10) || 0 : 1;

	if (words[0] !== "back" && words[0] !== "forward")
		return false;
	go(current + (words[0] === "back" ? -nr : nr));
	return true;
}

async function onCommand(e) {
	const line = $("command").value;

	e.preventDefault();
	play(false);
	if (!line.trim())
		return;
	if (move(line) || await send(behind(), line))
		$("command").value = "";
	else
		$("command").select();
}

function chosen() {
	return `strategy ${$("strategy").value} ${$("arguments").value}`.trim();
}

/* The commands since the allocator was chosen, up to the step that is shown. */
function lessonSoFar() {
	const end = behind();
	let start = steps[current];

	while (start > 0 && !isStrategy(entries[start]))
		start--;
	return entries.slice(start + 1, end).filter(isScriptLine).map((e) =>
		e.line);
}

function setUpPrompt() {
	$("prompt").hidden = false;
	for (const [name, title] of DATA.strategies)
		$("strategy").append(make("option", { value: name, title },
					  name));
	$("prompt").addEventListener("submit", onCommand);
	$("begin").addEventListener("click", () => send(behind(), chosen()));
	$("again").addEventListener("click", () => send(behind(),
		[chosen(), ...lessonSoFar()].join("\n")));
	$("load").addEventListener("click", () => $("file").click());
	$("file").addEventListener("change", async () => {
		if ($("file").files.length)
			await send(0, await $("file").files[0].text());
		$("file").value = "";
	});
}

setUpControls();
setEntries(DATA.entries);
if (DATA.token)
	setUpPrompt();
go(readHash());
document.body.dataset.ready = "yes";
