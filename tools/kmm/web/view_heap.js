// SPDX-License-Identifier: MIT
/*
 * The page of kmm view for a heap: the map of its pages, one page in detail, caches,
 * sheaves and free lists. tools/kmm/page.c has the form of the strings.
 */
"use strict";

/* Taking the strings apart ------------------------------------------------- */

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

