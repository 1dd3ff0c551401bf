// SPDX-License-Identifier: MIT
/*
 * Parts of the page of kmm view: numbers in words, tables, canvases, charts. view.js
 * has what is shown.
 */
"use strict";

function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let i = 0;

	while (n >= 1024 && i < units.length - 1) {
		n /= 1024;
		i++;
	}
	return (n >= 100 || Number.isInteger(n) ? Math.round(n) :
		n.toFixed(1)) + " " + units[i];
}

function count(n) {
	return Math.round(n).toLocaleString("en-US");
}

function plural(n, what) {
	return count(n) + " " + what + (n === 1 ? "" : "s");
}

function seconds(ms) {
	if (!ms)
		return "0 s";
	return ms < 1000 ? ms.toFixed(ms < 10 ? 2 : 0) + " ms" :
		(ms / 1000).toFixed(2) + " s";
}

function hex(n) {
	return "0x" + n.toString(16);
}

function sum(list) {
	return list.reduce((a, b) => a + b, 0);
}

function tip(event, text) {
	const t = $("tip");

	t.hidden = !text;
	if (!text)
		return;
	t.textContent = text;
	t.style.left = Math.min(event.clientX + 14,
				innerWidth - t.offsetWidth - 8) + "px";
	t.style.top = Math.min(event.clientY + 14,
			       innerHeight - t.offsetHeight - 8) + "px";
}

/* A canvas that is sharp on any screen; its context, in CSS pixels. */
function sized(canvas, width, height) {
	const ratio = window.devicePixelRatio || 1;
	const ctx = canvas.getContext("2d");

	canvas.width = width * ratio;
	canvas.height = height * ratio;
	canvas.style.width = width + "px";
	canvas.style.height = height + "px";
	ctx.scale(ratio, ratio);
	return ctx;
}

function key(colour, text, dotted) {
	return make("span", { class: "key" }, make("i", dotted ?
		{ class: "dotted", style: "border-color:" + colour } :
		{ style: "background:" + colour }), text);
}

function meter(parts, of) {
	const m = make("div", { class: "meter" });

	for (const [n, colour] of parts)
		m.append(make("i", { style: `width:${of ? 100 * n / of : 0}%;` +
				     `background:${colour}` }));
	return m;
}

/* Charts over time --------------------------------------------------------- */

const CHART = { left: 62, right: 8, top: 6, bottom: 18 };

/* A round number not below n, in the steps people count in. */
function roundUp(n, binary) {
	let unit = 1;

	if (binary) {
		while (unit * 1024 <= n)
			unit *= 1024;
		return unit * 2 ** Math.ceil(Math.log2(Math.max(n, 1) / unit));
	}
	while (unit * 10 <= n)
		unit *= 10;
	return unit * [1, 2, 5, 10].find((k) => unit * k >= n);
}

function areaPath(low, high, x, y) {
	const top = high.map((v, i) => `${x(i)},${y(v)}`);
	const bottom = low.map((v, i) => `${x(i)},${y(v)}`).reverse();

	return "M" + top.concat(bottom).join("L") + "Z";
}

/* Points that are null are not drawn. */
function linePath(values, x, y) {
	let path = "", pen = false;

	values.forEach((v, i) => {
		if (v !== null)
			path += `${pen ? "L" : "M"}${x(i)},${y(v)}`;
		if (v !== null && !pen && (values[i + 1] ?? null) === null)
			path += "h2";
		pen = v !== null;
	});
	return path;
}

/*
 * series: [{ name, colour, values, area, dash }]; areas lie on each other.
 * time: of each sample, in ms.
 */
function chart(parent, title, note, series, time, options) {
	const box = make("section", {},
			 make("h2", {}, title + " ", make("small", {}, note)));
	const keys = make("div", { class: "bar" });
	const width = Math.max(320, parent.clientWidth), height = options.height;
	const n = time.length;
	const x = (i) => CHART.left + (width - CHART.left - CHART.right) *
		(n > 1 ? i / (n - 1) : 0.5);
	const base = new Array(n).fill(0);
	const layers = [];
	let most = options.max || 0, dragging = false;

	for (const s of series) {
		if (!s.area)
			continue;
		const low = base.slice();

		s.values.forEach((v, i) => { base[i] += v; });
		layers.push([s, low, base.slice()]);
	}
	if (!options.max)
		most = roundUp(Math.max(1, ...base, ...series.map((s) =>
			Math.max(...s.values.map((v) => v || 0)))),
			options.binary);
	const y = (v) => height - CHART.bottom -
		(height - CHART.top - CHART.bottom) * v / most;
	const svg = make("svg", { width, height, role: "img",
				  "aria-label": title });

	for (let k = 0; k <= 4; k++) {
		const v = most * k / 4;

		svg.append(make("line", { class: "grid", x1: CHART.left,
			x2: width - CHART.right, y1: y(v), y2: y(v) }),
			make("text", { x: CHART.left - 6, y: y(v) + 4,
			"text-anchor": "end" }, options.format(v)));
	}
	for (const [s, low, high] of layers)
		svg.append(make("path", { d: n > 1 ? areaPath(low, high, x, y) :
			`M${CHART.left},${y(low[0])}V${y(high[0])}H${width -
			CHART.right}V${y(low[0])}Z`, fill: s.colour }));
	for (const s of series)
		if (!s.area)
			svg.append(make("path", { d: linePath(s.values, x, y),
				fill: "none", stroke: s.colour,
				"stroke-width": 2,
				"stroke-dasharray": s.dash || "none" }));
	for (const i of new Set([0, Math.floor((n - 1) / 2), n - 1]))
		svg.append(make("text", { x: x(i), y: height - 4,
			"text-anchor": n === 1 ? "middle" : i === 0 ? "start" :
			i === n - 1 ? "end" : "middle" }, seconds(time[i])));
	const cursor = make("line", { class: "cursor", y1: CHART.top,
				      y2: height - CHART.bottom });

	svg.append(cursor);
	for (const s of series)
		keys.append(key(s.colour, s.name, s.dash));
	const at = (e) => Math.max(0, Math.min(n - 1, Math.round(
		(e.clientX - svg.getBoundingClientRect().left - CHART.left) /
		(width - CHART.left - CHART.right) * (n - 1))));

	svg.addEventListener("pointerdown", (e) => {
		play(false);
		dragging = true;
		svg.setPointerCapture(e.pointerId);
		set({ sample: at(e) });
	});
	svg.addEventListener("pointerup", () => { dragging = false; });
	svg.addEventListener("pointermove", (e) => {
		const i = at(e);

		if (dragging)
			set({ sample: i });
		tip(e, seconds(time[i]) + "\n" + series.map((s) => s.name +
			": " + (s.values[i] === null ? "-" :
			options.format(s.values[i]))).join("\n"));
	});
	svg.addEventListener("pointerleave", (e) => tip(e, ""));
	updates.push(() => {
		cursor.setAttribute("x1", x(state.sample));
		cursor.setAttribute("x2", x(state.sample));
	});
	box.append(keys, svg);
	parent.append(box);
}

