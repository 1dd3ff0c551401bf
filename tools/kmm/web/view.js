// SPDX-License-Identifier: MIT
/*
 * The page of kmm view; page.js is in front of this. DATA is what
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

/* Small things ------------------------------------------------------------- */

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

/* A heap: taking the strings apart ----------------------------------------- */

/* In the order of enum snapshot_kind. */
const KINDS = [
	{ letter: "f", name: "free", colour: "#56b4e9" },
	{ letter: "z", name: "free, zero", colour: "#dcebf5" },
	{ letter: "p", name: "per-CPU list", colour: "#f0e442" },
	{ letter: "s", name: "slab", colour: "#009e73" },
	{ letter: "l", name: "large block", colour: "#d55e00" },
	{ letter: "a", name: "alloc_pages", colour: "#cc79a7" },
	{ letter: "o", name: "other", colour: "#8a9099" },
];
const SLAB = 3, LARGE = 4, OTHER = 6;
const STATES = [
	{ name: "live", colour: "#009e73" },
	{ name: "free", colour: "#ffffff" },
	{ name: "never used", colour: "#c9ced4" },
	{ name: "in a sheaf", colour: "#f0e442" },
];
/* Orders from few to many pages: dark to light, as cividis. */
const ORDERS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173",
		"#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
const CACHES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9",
		"#d55e00", "#6f4e9c", "#8c6d31"];
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" +
	"0123456789+/";

function parseBlock(word) {
	const letter = word[0], rest = word.slice(1);
	const kind = KINDS.findIndex((k) => k.letter === letter);

	if (letter === "b")
		return { mix: rest.split(".").map(Number) };
	if (letter === "l")
		return { kind, pages: +rest, order: -1 };
	if (letter === "o")
		return { kind, pages: 1, order: 0 };
	if (letter !== "s")
		return { kind, pages: 2 ** rest, order: +rest };
	const [numbers, states] = rest.split(":");
	const [order, cache, inuse, objects] = numbers.split(".").map(Number);

	return { kind, pages: 2 ** order, order, cache, inuse, objects,
		 states };
}

/* Objects of a slab, as numbers into STATES; null if that is not known. */
function objectStates(block) {
	const list = [];

	if (block.states === undefined)
		return null;
	if (!block.states)
		return new Array(block.objects).fill(0);
	for (const c of block.states)
		for (let v = DIGITS.indexOf(c), i = 0; i < 3; i++, v >>= 2)
			if (list.length < block.objects)
				list.push(v & 3);
	return list;
}

/*
 * Cells of the map, once for each sample: a cell is a page, or a pageblock if
 * there were too many. block[] says of each which block it is of, first[] where
 * that begins.
 */
function parseSample(sample) {
	if (sample.parsed)
		return sample.parsed;
	const per = sample.whole ? 2 ** DATA.pageblockOrder : 1;
	const map = { cells: 0, blocks: [], of: [], first: [], ranges: [],
		      bytes: per * 2 ** DATA.pageShift };

	for (const [start, pages, text] of sample.ranges) {
		map.ranges.push({ start: BigInt(start), pages,
				  first: map.cells });
		for (const item of text ? text.split(",") : []) {
			const [word, times] = item.split("*");

			for (let i = 0; i < (times || 1); i++) {
				const block = parseBlock(word);

				map.first.push(map.cells);
				for (let p = 0; p < (block.pages || 1); p++)
					map.of[map.cells++] = map.blocks.length;
				map.blocks.push(block);
			}
		}
	}
	sample.parsed = map;
	return map;
}

function now() {
	return DATA.samples[state.sample];
}

function rangeOf(map, cell) {
	let found = map.ranges[0];

	for (const r of map.ranges)
		if (cell >= r.first)
			found = r;
	return found;
}

function addressOf(map, cell) {
	const r = rangeOf(map, cell);

	return r.start + BigInt(cell - r.first) * BigInt(map.bytes);
}

function cellAt(map, address) {
	for (const r of map.ranges) {
		const cell = (address - r.start) / BigInt(map.bytes);

		if (address >= r.start && cell < BigInt(r.pages))
			return r.first + Number(cell);
	}
	return -1;
}

/* Pages of each kind. */
function kindSums(sample) {
	if (!sample.sums) {
		const sums = KINDS.map(() => 0);

		for (const b of parseSample(sample).blocks) {
			if (b.mix)
				b.mix.forEach((n, k) => { sums[k] += n; });
			else
				sums[b.kind] += b.pages;
		}
		sample.sums = sums;
	}
	return sample.sums;
}

function cacheName(index) {
	return DATA.cacheNames[index][0];
}

/* Colours of the caches with most slabs, over all samples. */
function cacheColours() {
	const most = new Map();

	for (const s of DATA.samples)
		for (const [cache, slabs] of s.caches)
			most.set(cache, Math.max(most.get(cache) || 0, slabs *
				2 ** DATA.cacheNames[cache][4]));
	return new Map([...most].sort((a, b) => b[1] - a[1])
		.slice(0, CACHES.length).map(([c], i) => [c, CACHES[i]]));
}

/* A colour between white and this one. */
function tint(colour, share) {
	const part = (i) => Math.round(255 + (parseInt(colour.slice(i, i + 2),
						       16) - 255) * share);

	return `rgb(${part(1)},${part(3)},${part(5)})`;
}

/* The map ------------------------------------------------------------------ */

const GUTTER = 94;
let topCaches, geometry;

function blockColour(block) {
	const slab = block.kind === SLAB;

	if (state.cache)
		return slab && cacheName(block.cache) === state.cache ?
			"#0072b2" : tint(KINDS[block.kind].colour, 0.25);
	if (state.colour === "order")
		return block.order < 0 ? "#d55e00" : block.kind === OTHER ?
			KINDS[OTHER].colour :
			ORDERS[Math.min(block.order, ORDERS.length - 1)];
	if (state.colour === "cache" && slab)
		return topCaches.get(block.cache) || "#b5bac0";
	if (state.colour === "cache")
		return block.kind < SLAB ? "#f3f5f7" : "#dfe2e6";
	if (slab)
		return tint(KINDS[SLAB].colour,
			    0.3 + 0.7 * block.inuse / block.objects);
	return KINDS[block.kind].colour;
}

/* Columns are a power of two, so that buddies stand beside or below each
 * other. */
function layOut(map, width, height) {
	const rowsOf = (cols) => sum(map.ranges.map((r) => Math.ceil(
		(r.pages * 2 ** DATA.pageShift / map.bytes) / cols) + 1)) - 1;
	let cols = 16;

	while (cols < 512 && rowsOf(cols) * (width - GUTTER) / cols > height)
		cols *= 2;
	/* Whole pixels, where that costs few of them. */
	const exact = Math.min(28, (width - GUTTER) / cols);
	const size = exact >= 8 ? Math.floor(exact) : Math.max(1.25, exact);
	const g = { cols, size, rows: [], height: 0 };
	let row = 0;

	for (const r of map.ranges) {
		const cells = Math.ceil(r.pages * 2 ** DATA.pageShift /
					map.bytes);

		g.rows.push({ range: r, row, cells });
		row += Math.ceil(cells / cols) + 1;
	}
	g.height = Math.ceil(Math.max(1, row - 1) * size) + 2;
	return g;
}

function placeOf(g, cell) {
	let found = g.rows[0];

	for (const r of g.rows)
		if (cell >= r.range.first)
			found = r;
	const i = cell - found.range.first;

	const column = i % g.cols, row = found.row + Math.floor(i / g.cols);
	const x = GUTTER + Math.round(column * g.size);
	const y = Math.round(row * g.size);

	return { x, y, width: GUTTER + Math.round((column + 1) * g.size) - x,
		 height: Math.round((row + 1) * g.size) - y };
}

function cellAtPoint(g, x, y) {
	const col = Math.floor((x - GUTTER) / g.size);
	const row = Math.floor(y / g.size);

	if (col < 0 || col >= g.cols)
		return -1;
	for (const r of g.rows) {
		const i = (row - r.row) * g.cols + col;

		if (row >= r.row && i < r.cells)
			return r.range.first + i;
	}
	return -1;
}

function drawMix(ctx, p, mix) {
	const total = sum(mix);
	let y = p.y + p.height - 1;

	mix.forEach((n, kind) => {
		const h = (p.height - 1) * n / total;

		ctx.fillStyle = KINDS[kind].colour;
		ctx.fillRect(p.x, y - h, p.width - 1, h);
		y -= h;
	});
}

function outline(ctx, g, cell, dash) {
	const p = placeOf(g, cell), out = g.size < 6 ? 2 : 0;

	ctx.setLineDash(dash ? [3, 2] : []);
	ctx.strokeStyle = "#000";
	ctx.lineWidth = 2;
	ctx.strokeRect(p.x - out, p.y - out, p.width - 1 + 2 * out,
		       p.height - 1 + 2 * out);
}

function drawMap(canvas) {
	const map = parseSample(now());
	const width = canvas.parentElement.clientWidth - 4;
	const g = geometry = layOut(map, width, 310);
	const ctx = sized(canvas, width, g.height);
	const gap = g.size >= 4.5 ? 1 : 0;

	ctx.fillStyle = "#fff";
	ctx.fillRect(0, 0, width, g.height);
	for (let cell = 0; cell < map.cells; cell++) {
		const p = placeOf(g, cell), b = map.of[cell];
		const block = map.blocks[b];

		if (block.mix) {
			drawMix(ctx, p, block.mix);
			continue;
		}
		const right = map.of[cell + 1] !== b;
		const below = map.of[cell + g.cols] !== b;

		ctx.fillStyle = blockColour(block);
		ctx.fillRect(p.x, p.y, p.width - (right ? gap : 0),
			     p.height - (below ? gap : 0));
	}
	ctx.fillStyle = "#5b6470";
	ctx.font = "10px ui-monospace, monospace";
	ctx.textBaseline = "top";
	for (const r of g.rows) {
		const step = Math.ceil(14 / g.size);

		for (let row = 0; row * g.cols < r.cells; row += step * 2)
			ctx.fillText(hex(r.range.start + BigInt(row * g.cols) *
					 BigInt(map.bytes)), 0,
				     (r.row + row) * g.size);
	}
	if (state.page >= 0 && state.page < map.cells) {
		const buddy = buddyOf(map, state.page);

		if (buddy >= 0)
			outline(ctx, g, buddy, true);
		outline(ctx, g, state.page, false);
	}
}

/* The first cell of a block's buddy; -1 if it has none. */
function buddyOf(map, cell) {
	const b = map.of[cell], block = map.blocks[b];

	if (!block || block.mix || block.kind === OTHER || block.order < 0)
		return -1;
	const size = BigInt(2 ** (DATA.pageShift + block.order));

	return cellAt(map, addressOf(map, map.first[b]) ^ size);
}

function describe(block) {
	if (block.mix)
		return KINDS.map((k, i) => [k.name, block.mix[i]])
			.filter(([, n]) => n)
			.map(([name, n]) => name + " " + plural(n, "page"))
			.join("\n");
	if (block.kind === SLAB)
		return `slab of ${cacheName(block.cache)}, order ${block.order}`;
	if (block.kind === LARGE)
		return `large block, ${plural(block.pages, "page")}`;
	if (block.kind === OTHER)
		return "other: between large blocks, or on its way";
	return `${KINDS[block.kind].name}, order ${block.order}`;
}

function movePage(name) {
	if (DATA.kind !== "heap" || state.page < 0)
		return false;
	const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -geometry.cols,
		       ArrowDown: geometry.cols }[name];
	const page = state.page + (step || 0);

	if (step && page >= 0 && page < parseSample(now()).cells)
		set({ page });
	return Boolean(step);
}

function mapLegend(bar) {
	const colours = make("select", { "aria-label": "colours",
		onchange: (e) => set({ colour: e.target.value, cache: "" }) },
		make("option", { value: "" }, "colour: type"),
		make("option", { value: "order" }, "colour: order"),
		make("option", { value: "cache" }, "colour: cache"));

	bar.replaceChildren();
	if (!now().whole)
		bar.append(colours);
	colours.value = state.colour;
	if (state.cache && !now().whole) {
		bar.append(key("#0072b2", "slabs of " + state.cache),
			   make("button", { onclick: () =>
				set({ cache: "" }) }, "show all"));
	} else if (state.colour === "order" && !now().whole) {
		ORDERS.forEach((c, i) => bar.append(key(c, i === 9 ? "9+" : i)));
		bar.append(key("#d55e00", "large, not a power of two"));
	} else if (state.colour === "cache" && !now().whole) {
		for (const [cache, colour] of topCaches)
			bar.append(key(colour, cacheName(cache)));
		bar.append(key("#b5bac0", "other slabs"),
			   key("#dfe2e6", "no slab"), key("#f3f5f7", "free"));
	} else {
		KINDS.forEach((k, i) => {
			if (kindSums(now())[i])
				bar.append(key(k.colour, k.name + " " +
					bytes(kindSums(now())[i] *
					      2 ** DATA.pageShift)));
		});
	}
}

function setUpMap(parent) {
	const note = make("small", {});
	const bar = make("div", { class: "bar", id: "legend" });
	const canvas = make("canvas", { id: "map", tabindex: 0 });
	const at = (e) => {
		const r = canvas.getBoundingClientRect();

		return cellAtPoint(geometry, e.clientX - r.left,
				   e.clientY - r.top);
	};

	parent.append(make("section", {}, make("h2", {}, "Pages ", note), bar,
			   make("div", { class: "scroll" }, canvas)));
	canvas.addEventListener("click", (e) => {
		if (at(e) >= 0)
			set({ page: at(e), cache: now().whole ? "" :
			      state.cache });
	});
	canvas.addEventListener("mousemove", (e) => {
		const map = parseSample(now()), cell = at(e);

		tip(e, cell < 0 ? "" : hex(addressOf(map, cell)) + "\n" +
		    describe(map.blocks[map.of[cell]]));
	});
	canvas.addEventListener("mouseleave", (e) => tip(e, ""));
	updates.push(() => {
		note.textContent = now().whole ?
			"too many to show each: one cell is a pageblock of " +
			bytes(parseSample(now()).bytes) +
			", filled in proportion" :
			"one cell is a page of " + bytes(2 ** DATA.pageShift) +
			"; cells that touch are one block" +
			(state.colour || state.cache ? "" :
			 "; a paler slab has more room");
		mapLegend(bar);
		drawMap(canvas);
	});
	window.addEventListener("resize", () => drawMap(canvas));
}

/* One page ----------------------------------------------------------------- */

function rows(list) {
	const dl = make("dl");

	for (const [name, value] of list)
		dl.append(make("dt", {}, name), make("dd", {}, value));
	return dl;
}

function drawObjects(box, block, base) {
	const states = objectStates(block);
	const [, size, distance, pad] = DATA.cacheNames[block.cache];

	if (!states) {
		box.append(make("p", { class: "note" },
			"Which of its objects are in use was not recorded: " +
			"there were too many slabs."));
		return;
	}
	const bar = make("div", { class: "bar objects" });
	const canvas = make("canvas");
	const width = box.clientWidth - 24;
	const cell_ = Math.max(5, Math.min(22, Math.floor(
		Math.sqrt(width * 110 / states.length))));
	const cols = Math.floor(width / cell_);
	const ctx = sized(canvas, width, Math.ceil(states.length / cols) *
			  cell_ + 1);

	STATES.forEach((s, i) => {
		const n = states.filter((v) => v === i).length;

		if (n)
			bar.append(key(s.colour, `${n} ${s.name}`));
	});
	states.forEach((v, i) => {
		const x = i % cols * cell_, y = Math.floor(i / cols) * cell_;

		ctx.fillStyle = STATES[v].colour;
		ctx.fillRect(x + 0.5, y + 0.5, cell_ - 1.5, cell_ - 1.5);
		ctx.strokeStyle = "#0005";
		ctx.strokeRect(x + 0.5, y + 0.5, cell_ - 1.5, cell_ - 1.5);
	});
	canvas.addEventListener("mousemove", (e) => {
		const r = canvas.getBoundingClientRect();
		const i = Math.floor((e.clientY - r.top) / cell_) * cols +
			Math.floor((e.clientX - r.left) / cell_);

		tip(e, i >= states.length ? "" : `object ${i}, ` +
		    hex(base + BigInt(pad + i * distance)) +
		    `\n${size} bytes, ${STATES[states[i]].name}`);
	});
	canvas.addEventListener("mouseleave", (e) => tip(e, ""));
	box.append(bar, canvas);
}

function showDetails(box) {
	const map = parseSample(now()), cell = state.page;

	if (now().whole && state.cache) {
		showExamples(box);
		return;
	}
	if (cell < 0 || cell >= map.cells) {
		box.replaceChildren(make("h2", {}, "No page selected"),
			make("p", { class: "note" }, cell < 0 ?
			"Click a page. Arrow keys move on the map, comma and " +
			"full stop in time, the space bar plays." :
			"There was no such page in this sample."));
		return;
	}
	const b = map.of[cell], block = map.blocks[b];
	const start = addressOf(map, map.first[b]);
	const buddy = buddyOf(map, cell);
	const list = [["address", make("code", {}, hex(addressOf(map, cell)))]];

	if (block.mix) {
		list.push(["pageblock", bytes(map.bytes)]);
		KINDS.forEach((k, i) => block.mix[i] && list.push(
			[k.name, plural(block.mix[i], "page")]));
	} else {
		list.push(["what", describe(block)],
			  ["block", `${plural(block.pages, "page")} from ` +
			   `${hex(start)}, ${bytes(block.pages * map.bytes)}`]);
	}
	if (buddy >= 0)
		list.push(["buddy", `${hex(addressOf(map, buddy))}, dashed: ` +
			   describe(map.blocks[map.of[buddy]])]);
	box.replaceChildren(make("h2", {}, (block.mix ? "Pageblock " :
		"Page ") + cell), rows(list));
	if (block.kind === SLAB) {
		const c = DATA.cacheNames[block.cache];

		box.firstChild.after(make("p", { class: "note" },
			`${block.objects} objects of ${c[1]} bytes, one every ` +
			`${c[2]}; ${block.inuse} not on the slab's freelist`));
		drawObjects(box, block, start);
	}
}

/* Where the map shows no slabs: some of the cache that was clicked. */
function showExamples(box) {
	const slabs = now().slabs.map(([start, text]) =>
		[BigInt(start), parseBlock(text)])
		.filter(([, block]) => cacheName(block.cache) === state.cache);

	box.replaceChildren(make("h2", {}, `Some slabs of ${state.cache} `,
		make("small", {}, "the first ones; there may be more")));
	for (const [start, block] of slabs) {
		box.append(make("code", {}, hex(start)));
		drawObjects(box, block, start);
	}
	if (!slabs.length)
		box.append(make("p", { class: "note" },
				"There are none in this sample."));
}

/* Lists -------------------------------------------------------------------- */

function freeSums(sample, order) {
	let pages = 0, blocks = 0, suitable = 0;

	for (const zone of sample.free)
		zone.forEach((n, k) => {
			blocks += n;
			pages += n * 2 ** k;
			if (k >= order)
				suitable += n * 2 ** (k - order);
		});
	return { pages, blocks, suitable };
}

/* The kernel's mm/vmstat.c: unusable_free_index() and
 * __fragmentation_index(), as shares of 1; null: it would not fail. */
function unusable(sample, order) {
	const s = freeSums(sample, order);

	return s.pages ? (s.pages - s.suitable * 2 ** order) / s.pages : 1;
}

function fragmentation(sample, order) {
	const s = freeSums(sample, order);

	if (!s.blocks)
		return 0;
	if (s.suitable)
		return null;
	return (1000 - Math.floor((1000 + Math.floor(s.pages * 1000 /
		2 ** order)) / s.blocks)) / 1000;
}

function orders() {
	return Math.max(DATA.pageblockOrder + 1, ...DATA.samples.map((s) =>
		Math.max(s.pcp.length, ...s.free.map((z) => z.length))));
}

function header(...names) {
	const tr = make("tr");

	names.forEach((n, i) => tr.append(make("th", i ? {} : { class: "l" },
					       n)));
	return make("thead", {}, tr);
}

function showFree(box) {
	const s = now(), body = make("tbody");
	const nr = (k) => sum(s.free.map((z) => z[k] || 0));
	const size = (k) => 2 ** (k + DATA.pageShift);
	const most = Math.max(1, ...Array.from({ length: orders() },
		(_, k) => (nr(k) + (s.pcp[k] || 0)) * size(k)));

	for (let k = 0; k < orders(); k++) {
		const zero = Math.min(s.zero[k] || 0, nr(k));
		const bar = meter([[(nr(k) - zero) * size(k), KINDS[0].colour],
			[zero * size(k), "#a9cfe6"],
			[(s.pcp[k] || 0) * size(k), KINDS[2].colour]], most);
		const index = fragmentation(s, k);

		body.append(make("tr", {}, make("td", { class: "l" },
			`${k} \u00b7 ${bytes(size(k))}`),
			make("td", {}, count(nr(k))),
			make("td", {}, count(zero)),
			make("td", {}, count(s.pcp[k] || 0)),
			make("td", { style: "width:26%" }, bar),
			make("td", {}, unusable(s, k).toFixed(3)),
			make("td", {}, index === null ? "\u2013" :
			     index.toFixed(3))));
	}
	box.replaceChildren(make("p", { class: "note" },
		"Blocks on the free lists of all zones, those of them that read " +
		"as zero, and blocks on per-CPU lists; bars are bytes. Unusable: " +
		"the share of free memory in blocks too small for this order. " +
		"Fragmentation: why it would fail, 0 for lack of memory, 1 for " +
		"fragmentation; \u2013 it would succeed."),
		make("table", {}, header("order", "blocks", "zero", "per-CPU",
		"bytes", "unusable", "fragment."), body),
		make("p", { class: "note" }, "pages on per-CPU lists: " +
		(s.cpuPages.map((n, cpu) => n ? `CPU ${cpu}: ${n}` : "")
		.filter(Boolean).join(", ") || "none")));
}

function pickCache(cache) {
	const map = parseSample(now());
	const name = cacheName(cache);
	const first = map.blocks.findIndex((b) => b.kind === SLAB &&
					   b.cache === cache);

	set({ cache: state.cache === name ? "" : name,
	      page: first >= 0 ? map.first[first] : state.page });
}

function showCaches(box) {
	const body = make("tbody");
	const list = now().caches.slice().sort((a, b) =>
		b[1] * 2 ** DATA.cacheNames[b[0]][4] -
		a[1] * 2 ** DATA.cacheNames[a[0]][4]);

	for (const [cache, slabs, partial, objects, active, sheaves, barn] of
	     list) {
		const [name, , size] = DATA.cacheNames[cache];
		const waiting = sheaves + barn;

		body.append(make("tr", { class: "pick" + (name === state.cache ?
			" on" : ""), onclick: () => pickCache(cache) },
			make("td", { class: "l" }, name),
			make("td", {}, size), make("td", {}, count(slabs)),
			make("td", {}, count(partial)),
			make("td", {}, count(active)),
			make("td", {}, count(waiting)),
			make("td", {}, count(Math.max(0, objects - active -
						      waiting))),
			make("td", { style: "width:16%" }, meter(
				[[active, STATES[0].colour],
				 [waiting, STATES[3].colour]], objects))));
	}
	box.replaceChildren(make("p", { class: "note" },
		now().whole ? "Click a cache to see some of its slabs." :
		"Click a cache to see its slabs on the map."),
		make("table", {}, header("cache", "size", "slabs", "partial",
		"live", "in sheaf", "free", ""), body));
}

function fill(n, capacity) {
	return capacity ? make("td", { style: "width:22%", title:
		`${n} of ${capacity}` }, meter([[n, STATES[3].colour]],
		capacity)) : make("td", { class: "l" }, "none");
}

function showSheaves(box) {
	const body = make("tbody"), s = now();
	const list = s.sheaves.filter((sh) => !state.cache ||
				      cacheName(sh[0]) === state.cache);
	let last = -1;

	for (const [cache, cpu, main, mainMax, spare, spareMax] of list) {
		const c = s.caches.find((k) => k[0] === cache);

		body.append(make("tr", {}, make("td", { class: "l" },
			cache === last ? "" : cacheName(cache)),
			make("td", {}, cpu), fill(main, mainMax),
			make("td", {}, mainMax ? `${main}/${mainMax}` : ""),
			fill(spare, spareMax),
			make("td", {}, spareMax ? `${spare}/${spareMax}` : ""),
			make("td", {}, c && cache !== last ?
			     `${c[7]} full, ${c[8]} empty` : "")));
		last = cache;
	}
	box.replaceChildren(make("p", { class: "note" },
		"Objects that each CPU holds ready, of " + (state.cache ||
		"all caches") + ". The barn keeps sheaves for any CPU."),
		make("table", {}, header("cache", "CPU", "main", "", "spare",
					 "", "barn"), body));
	if (!list.length)
		box.append(make("p", { class: "note" }, "There are none."));
}

/* Sections of which one is shown: [[id, title, show]]. */
function setUpTabs(parent, tabs) {
	const bar = make("div", { class: "bar", role: "tablist" });
	const box = make("div", { class: "scroll", id: "tab" });

	parent.append(make("section", {}, bar, box));
	updates.push(() => {
		const now_ = tabs.find((t) => t[0] === state.tab) || tabs[0];

		bar.replaceChildren(...tabs.map(([id, title]) =>
			make("button", { "aria-pressed": id === now_[0],
				onclick: () => set({ tab: id }) }, title)));
		now_[2](box);
	});
}

function showHeap() {
	const left = $("left"), right = $("right");
	const time = DATA.samples.map((s) => s.t);
	const pause = DATA.samples.map((s) => s.pause);
	const lines = [];
	const page = 2 ** DATA.pageShift;
	const details = make("section", { id: "details" });
	const memory = KINDS.map((k, i) => ({ name: k.name, colour: k.colour,
		area: true, values: DATA.samples.map((s) =>
			kindSums(s)[i] * page) }))
		.filter((s) => s.values.some(Boolean));

	topCaches = cacheColours();
	$("subtitle").textContent = `${DATA.date} \u00b7 ` +
		`${plural(DATA.samples.length, "sample")} \u00b7 stopped for ` +
		`${seconds(sum(pause) / pause.length)} each, ` +
		`${seconds(Math.max(...pause))} at most`;
	if (DATA.samples.some((s) => s.rss))
		memory.push({ name: "RSS of the process", colour: "#1b1f24",
			      values: DATA.samples.map((s) => s.rss) });
	memory.reverse();
	[[1, "#56b4e9"], [3, "#0072b2"], [6, "#e69f00"],
	 [DATA.pageblockOrder, "#1b1f24"]].forEach(([k, colour]) => {
		lines.push({ name: `unusable for order ${k}`, colour,
			     values: DATA.samples.map((s) => unusable(s, k)) });
		lines.push({ name: `fragmentation, order ${k}`, colour,
			     dash: "2 3", values: DATA.samples.map((s) =>
				fragmentation(s, k)) });
	});
	setUpMap(left);
	chart(left, "Memory", "pages by what they are, and RSS", memory, time,
	      { height: 125, binary: true, format: bytes });
	chart(left, "Fragmentation", "the kernel's two indices, from 0 to 1",
	      lines.filter((l) => l.values.some((v) => v !== null)), time,
	      { height: 110, max: 1, format: (v) => v.toFixed(2) });
	right.append(details);
	updates.push(() => showDetails(details));
	setUpTabs(right, [["free", "Free lists", showFree],
			  ["caches", "Caches", showCaches],
			  ["sheaves", "Sheaves", showSheaves]]);
	updates.push(() => {
		$("when").textContent = `sample ${state.sample + 1} of ` +
			`${DATA.samples.length} \u00b7 ${seconds(now().t)} ` +
			`\u00b7 stopped ${seconds(now().pause)}`;
	});
}

/* A trace ------------------------------------------------------------------ */

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

/* -------------------------------------------------------------------------- */

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
