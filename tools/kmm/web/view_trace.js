// SPDX-License-Identifier: MIT
/*
 * The page of kmm view for a trace of calls.
 */
"use strict";

const CALLERS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9",
		 "#d55e00", "#f0e442", "#6f4e9c", "#8c6d31", "#44aa99",
		 "#882255", "#999933", "#b5bac0"];
const HEAT = ["#f3f5f7", "#cfe1ef", "#9ecae1", "#5ba3cf", "#2a7ab9", "#08519c",
	      "#08306b"];

function sizeName(k) {
	return k === 32 ? "more" : "\u2264 " + bytes(2 ** k);
}

/* Size classes that occur, as [first, end). */
function classes() {
	const used = (k) => DATA.samples.some((s) => s.asked[k] || s.held[k]);
	let first = 0, end = 33;

	while (first < 32 && !used(first))
		first++;
	while (end > first + 1 && !used(end - 1))
		end--;
	return [first, end];
}

function setUpHeat(parent) {
	const canvas = make("canvas", { id: "heat" });
	const legend = make("div", { class: "bar" });
	const [first, end] = classes();
	const rowHeight = Math.max(9, Math.min(22, Math.floor(230 / (end -
								   first))));
	const n = DATA.samples.length, left = 74;
	let width = 0;
	const what = () => state.colour === "held" ? "held" : "asked";
	const sampleAt = (e) => Math.max(0, Math.min(n - 1, Math.floor(
		(e.clientX - canvas.getBoundingClientRect().left - left) /
		(width - left) * n)));
	const classAt = (e) => end - 1 - Math.floor((e.clientY -
		canvas.getBoundingClientRect().top) / rowHeight);
	const draw = () => {
		width = parent.clientWidth - 4;
		const ctx = sized(canvas, width, (end - first) * rowHeight + 1);
		const most = Math.max(1, ...DATA.samples.map((s) =>
			Math.max(0, ...s[what()])));

		ctx.font = "11px system-ui, sans-serif";
		ctx.textBaseline = "middle";
		for (let k = first; k < end; k++) {
			const y = (end - 1 - k) * rowHeight;

			ctx.fillStyle = "#1b1f24";
			ctx.fillText(sizeName(k), 0, y + rowHeight / 2);
			for (let i = 0; i < n; i++) {
				const v = DATA.samples[i][what()][k] || 0;
				const x = left + (width - left) * i / n;

				ctx.fillStyle = HEAT[v ? Math.max(1, Math.ceil(
					6 * Math.log1p(v) /
					Math.log1p(most))) : 0];
				ctx.fillRect(x, y, (width - left) / n + 0.5,
					     rowHeight - 1);
			}
		}
		ctx.strokeStyle = "#000";
		ctx.strokeRect(left + (width - left) * state.sample / n, 0.5,
			       Math.max(3, (width - left) / n),
			       (end - first) * rowHeight);
		legend.replaceChildren(make("select", { "aria-label": "what",
			onchange: (e) => set({ colour: e.target.value }) },
			make("option", { value: "" }, "allocations"),
			make("option", { value: "held" }, "live bytes")),
			"none", ...HEAT.map((c) => key(c, "")),
			(what() === "held" ? bytes(most) : count(most)) +
			" (logarithmic)");
		legend.firstChild.value = state.colour === "held" ? "held" : "";
	};
	let dragging = false;

	canvas.addEventListener("pointerdown", (e) => {
		play(false);
		dragging = true;
		canvas.setPointerCapture(e.pointerId);
		set({ sample: sampleAt(e) });
	});
	canvas.addEventListener("pointerup", () => { dragging = false; });
	canvas.addEventListener("pointermove", (e) => {
		const i = sampleAt(e), k = classAt(e), s = DATA.samples[i];

		if (dragging)
			set({ sample: i });
		tip(e, `${seconds(partTime(i))}, ${sizeName(k)}\n` +
		    `${count(s.asked[k] || 0)} allocations\n` +
		    `${bytes(s.held[k] || 0)} live at its end`);
	});
	canvas.addEventListener("pointerleave", (e) => tip(e, ""));
	parent.append(make("section", {}, make("h2", {}, "Sizes over time ",
		make("small", {}, "each row twice the size of the one below")),
		legend, canvas));
	updates.push(draw);
	window.addEventListener("resize", draw);
}

/* When a part ends. */
function partTime(i) {
	return DATA.duration * (i + 1) / DATA.samples.length;
}

function showPart(box) {
	const s = now(), [first, end] = classes(), body = make("tbody");
	const length = Math.max(DATA.duration / DATA.samples.length, 1e-6);
	const most = Math.max(1, ...s.asked), mostHeld = Math.max(1, ...s.held);

	for (let k = first; k < end; k++)
		body.append(make("tr", {}, make("td", { class: "l" },
			sizeName(k)), make("td", {}, count(s.asked[k] || 0)),
			make("td", { style: "width:25%" },
			     meter([[s.asked[k] || 0, "#0072b2"]], most)),
			make("td", {}, bytes(s.held[k] || 0)),
			make("td", { style: "width:25%" },
			     meter([[s.held[k] || 0, "#e69f00"]], mostHeld))));
	box.replaceChildren(make("h2", {}, "This part of the trace"), rows([
		["until", seconds(partTime(state.sample))],
		["live", `${bytes(s.live)} in ${plural(s.blocks, "block")}; ` +
		 `${bytes(s.peak)} at most`],
		["calls", `${plural(s.allocs, "allocation")}, ` +
		 `${plural(s.frees, "free")}, ${count(s.failed)} failed; ` +
		 `${count((s.allocs + s.frees) / length * 1000)} per second`]]),
		make("table", {}, header("size", "allocations", "", "live", ""),
		     body));
}

function showCallers(box) {
	const body = make("tbody");
	const at = (c) => c.live[state.sample] || 0;

	DATA.callers.forEach((c, i) => body.append(make("tr", {},
		make("td", { class: "l w" }, key(CALLERS[i], ""), " ", c.name),
		make("td", {}, bytes(at(c))), make("td", {}, count(c.calls)),
		make("td", {}, bytes(c.bytes)))));
	box.replaceChildren(make("table", {}, header("caller", "live",
		"calls in all", "bytes in all"), body));
}

function showTrace() {
	const left = $("left"), right = $("right");
	const n = DATA.samples.length;
	const time = DATA.samples.map((_, i) => partTime(i));
	const per = 1000 / Math.max(DATA.duration / n, 1e-6);
	const part = make("section", { id: "details" });
	const callers = DATA.callers.map((c, i) => ({ name: c.name.replace(
		/^0x[0-9a-f]+ /, "").replace(/\+.*/, ""), colour: CALLERS[i],
		area: true, values: time.map((_, k) => c.live[k] || 0) }))
		.filter((c) => c.values.some(Boolean));

	$("subtitle").textContent = `${DATA.date} \u00b7 process ${DATA.pid}` +
		(DATA.processes > 1 ? ` and ${DATA.processes - 1} more` : "") +
		` \u00b7 ${count(DATA.calls)} calls in ${seconds(DATA.duration)}`;
	setUpHeat(left);
	chart(left, "Live bytes", "at the end of each part, by caller; the " +
	      "line: the most within it", callers.concat({ name: "peak",
		colour: "#1b1f24", values: DATA.samples.map((s) => s.peak) }),
	      time, { height: 140, binary: true, format: bytes });
	chart(left, "Calls per second", "", [
		{ name: "allocations", colour: "#0072b2",
		  values: DATA.samples.map((s) => s.allocs * per) },
		{ name: "frees", colour: "#e69f00",
		  values: DATA.samples.map((s) => s.frees * per) }],
	      time, { height: 110, format: count });
	right.append(part);
	updates.push(() => showPart(part));
	setUpTabs(right, [["callers", "Top callers", showCallers]]);
	updates.push(() => {
		$("when").textContent = `part ${state.sample + 1} of ${n} ` +
			`\u00b7 until ${seconds(partTime(state.sample))}`;
	});
}

