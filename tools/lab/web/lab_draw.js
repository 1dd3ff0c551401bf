// SPDX-License-Identifier: MIT
/*
 * Pictures of the page of kmm lab: a state, or two of them side by side. What
 * is in a state is described in tools/lab/state_json.c; lab.js shows them.
 *
 * What differs between two states is outlined. It is found by comparing what
 * is drawn, piece by piece.
 */
"use strict";

const MANY_OBJECTS = 24, MANY_SLOTS = 16;

/* Small things ------------------------------------------------------------- */

function plural(n, what) {
	return n + " " + what + (n === 1 ? "" : "s");
}

/* "8-15", or "8". */
function range(at, nr) {
	return nr > 1 ? `${at}-${at + nr - 1}` : String(at);
}

function isStrategy(entry) {
	return /^\s*strategy\s+\S/.test(entry.line);
}

/* Pieces ------------------------------------------------------------------- */
/*
 * A picture is a list of rows, each with a key and a label. A row has pieces,
 * which know by their own key whether they are in the other picture, too.
 */

function chip(text, kind, key, title) {
	return { text, kind: kind || "", key: key || text, title };
}

/* Keys of all pieces of a row; without a row, none. */
function keysOf(row) {
	return new Set(row ? row.pieces.map((p) => p.key) : []);
}

function drawPiece(piece, change) {
	if (piece.plain)
		return make("span", { class: piece.plain +
			(change && piece.plain === "text" ? " new" : "") },
			piece.text);
	return make("span", { class: `chip ${piece.kind} ${change}`,
			      title: piece.title || "" }, piece.text);
}

/* change: "new" or "gone", what a piece is that the other row has not. */
function drawRow(row, other, change) {
	const cell = make("div", { class: "cell" +
		(row && row.small ? " small" : "") });
	const known = keysOf(other);

	if (!row) {
		cell.append(make("span", { class: "none" }, "\u2013"));
		return cell;
	}
	if (!row.pieces.length)
		cell.append(make("span", { class: "none" }, row.none || "none"));
	row.pieces.forEach((piece, i) => {
		if (row.arrows && i)
			cell.append(make("span", { class: "arrow" }, "\u2192"));
		cell.append(drawPiece(piece, known.has(piece.key) ||
				      piece.empty ? "" : change));
	});
	return cell;
}

/* An arena ----------------------------------------------------------------- */

function arenaRows(state) {
	const rows = [];
	const few = state.lists.length <= 10;

	for (const list of state.lists) {
		if (!few && !list.blocks.length)
			continue;
		rows.push({ key: list.name, label: list.name, arrows: true,
			    none: "empty", pieces: list.blocks.map((b) =>
				chip(`${b.size} at ${b.at}`)) });
	}
	rows.push({ key: "sum", label: "sum", pieces: [
		`${state.free} of ${plural(state.bytes, "byte")} free`,
		`in ${plural(state.nrFree, "block")}`,
		`the largest ${state.largest}`,
		`${state.inside} wasted inside`].map((text) =>
			({ plain: "text", key: text, text })) });
	return rows;
}

function blockKey(b) {
	return `${b.at}/${b.size}/${b.name || ""}/${b.wanted || ""}`;
}

/* The first of these labels that fits. */
function fitting(width, labels, letter) {
	return labels.find((l) => l.length * letter + 6 <= width) || "";
}

function blockLabels(b) {
	if (!b.name)
		return [String(b.size)];
	return b.wanted === b.size ? [`${b.name} ${b.size}`, b.name] :
		[`${b.name} ${b.wanted}/${b.size}`, b.name];
}

function blockTitle(b) {
	if (!b.name)
		return `free: ${plural(b.size, "byte")} at ${b.at}`;
	return `${b.name}: ${plural(b.size, "byte")} at ${b.at}, ` +
		`${b.wanted} asked for`;
}

function hatching() {
	return make("defs", {}, make("pattern", { id: "waste", width: 6,
		height: 6, patternUnits: "userSpaceOnUse" },
		make("path", { d: "M0 6L6 0", stroke: "#7a3b00",
			       "stroke-width": 1.3 })));
}

/*
 * The arena as strips of bytes, in the proportion of sizes. A block that goes
 * over the end of a strip goes on in the next one.
 */
function drawStrips(state, other, change, width, blank) {
	const perRow = Math.ceil(state.bytes / Math.min(4, Math.max(1,
		Math.ceil(state.bytes / 160))));
	const nrRows = Math.ceil(state.bytes / perRow), big = nrRows < 3;
	const high = [62, 62, 46][nrRows] || 34, step = high + 22;
	const x = (n) => 2 + n / perRow * (width - 4);
	const known = new Set(other ? other.blocks.map(blockKey) : []);
	const svg = make("svg", { viewBox: `0 0 ${width} ${nrRows * step}`,
				  role: "img", class: big ? "big" : "" },
			 hatching());
	const edges = [];
	let lastTick = -100;

	for (const b of blank ? [{ at: 0, size: state.bytes }] : state.blocks) {
		const marked = change && !blank && !known.has(blockKey(b));
		let first = true;

		for (let at = b.at; at < b.at + b.size;) {
			const row = Math.floor(at / perRow), y = row * step + 3;
			const end = Math.min(b.at + b.size, (row + 1) * perRow);
			const left = x(at - row * perRow);
			const wide = x(end - row * perRow) - left;
			const box = { x: left, y, width: wide, height: high };
			const waste = Math.max(at, b.at + (b.wanted || b.size));

			svg.append(make("rect", { ...box, class: blank ? "blank" :
				b.name ? "used" : "free", ...(blank ?
				{ fill: "#fff" } : {}) },
				make("title", {}, blank ? "" : blockTitle(b))));
			if (b.name && waste < end)
				svg.append(make("rect", { ...box,
					x: x(waste - row * perRow),
					width: x(end - row * perRow) -
					       x(waste - row * perRow),
					fill: "url(#waste)" }));
			if (first && !blank)
				svg.append(make("text", { x: left + wide / 2,
					y: y + high / 2 + (big ? 8 : 5),
					"text-anchor": "middle",
					class: b.name ? "name" : "" },
					fitting(wide, blockLabels(b), big ?
						12.8 : 9.2)));
			if (marked)
				edges.push(make("rect", { x: left + 1, y: y + 1,
					width: Math.max(1, wide - 2),
					height: high - 2,
					class: "edge " + change }));
			const tick = left + row * width;

			if (tick - lastTick > 30 && !blank) {
				svg.append(make("text", { x: left, y: y + high +
					15, class: "tick" }, String(at)));
				lastTick = tick;
			}
			first = false;
			at = end;
		}
	}
	svg.append(...edges);
	return svg;
}

/* The library: rows -------------------------------------------------------- */

const TYPES = ["unmovable", "movable", "reclaimable"];

function pageblockRows(state) {
	if (!state.pageblocks.length)
		return [];
	return [{ key: "pageblocks", label: "pageblocks", pieces:
		state.pageblocks.map((b) => {
			const text = `${range(b.at, b.nr)} ${b.type}`;

			return { plain: "text", key: text, text };
		}) }];
}

function zoneRows(state) {
	const rows = [], several = state.zones.length > 1;

	for (const zone of state.zones) {
		const name = several ? zone.name + " " : "";

		for (const list of zone.lists) {
			const label = `${name}order ${list.order} ` + list.type;

			rows.push({ key: label.trim(), label: label.trim(),
				/* What rows of two states are sorted by. */
				order: list.order + TYPES.indexOf(list.type) / 8,
				pieces: list.blocks.map((at) => chip(
					range(at, 2 ** list.order))) });
		}
		rows.push({ key: name + "sum", label: name + "free", pieces: [
			{ plain: "text", key: String(zone.nrFree),
			  text: plural(zone.nrFree, "page") }] });
	}
	return rows;
}

function cpuListRows(state) {
	const several = state.zones.length > 1;

	return state.cpuPages.map((list) => {
		const pieces = [];

		list.orders.forEach((pages, order) => {
			for (const at of pages)
				pieces.push(chip(range(at, 2 ** order),
						 "sheaf"));
		});
		for (const run of list.runs)
			pieces.push(chip(range(run.at, run.nr), "sheaf"));
		pieces.push({ plain: "group", key: "n" + list.count,
			      text: `${list.count} of ${list.high}` });
		return { key: `cpu ${list.cpu} ${list.zone}`,
			 label: `CPU ${list.cpu}'s own` + (several ?
				" " + list.zone : ""), pieces };
	});
}

const OBJECTS = {
	"o": ["o", "in use"], "-": ["sheaf", "in a sheaf"],
	".": ["", "free, on the slab's freelist"],
	"_": ["fresh", "never handed out"],
};

function slabRow(cache, slab) {
	const small = slab.objects.length > MANY_OBJECTS;
	const pieces = Array.from(slab.objects.slice(0, 128), (c, i) => {
		const name = slab.names[i] || "";

		return chip(name, "object " + OBJECTS[c][0],
			    `${i}${c}${name}`,
			    `object ${slab.at}.${i}: ${OBJECTS[c][1]}`);
	});

	if (slab.objects.length > 128)
		pieces.push({ plain: "group", key: "more", text: "\u2026" });
	pieces.push({ plain: "text", key: slab.inuse + slab.is,
		      text: `${slab.inuse} of ${slab.objects.length} in use, ` +
			    slab.is });
	return { key: `${cache.name} slab ${slab.at}`,
		 label: `slab ${slab.at}`, pieces, small };
}

/* Its objects, the next one first, and its empty places. */
function sheafPieces(name, sheaf, where) {
	const pieces = name ? [{ plain: "group", key: where, text: name }] : [];

	if (!sheaf) {
		pieces.push({ plain: "none", key: where + "none", text: "none" });
		return pieces;
	}
	for (const object of sheaf.objects.slice(0, MANY_SLOTS))
		pieces.push(chip(object, "sheaf", where + object));
	for (let i = sheaf.objects.length; i < Math.min(sheaf.capacity,
							MANY_SLOTS); i++)
		pieces.push({ ...chip("00.0", "slot", where + i,
				      "an empty place"), empty: true });
	if (sheaf.capacity > MANY_SLOTS)
		pieces.push({ plain: "group", key: where + "n",
			text: `${sheaf.objects.length} of ${sheaf.capacity}` });
	return pieces;
}

function cacheRows(cache) {
	const rows = [{ key: cache.name, title: "cache " + cache.name,
			note: `objects of ${cache.size} bytes, ` +
			      `${cache.apart} apart`, pieces: [] }];

	for (const slab of cache.slabs)
		rows.push(slabRow(cache, slab));
	for (const c of cache.cpus) {
		/* Each a row: so they stand under each other, before and after. */
		for (const which of ["main", "spare"])
			rows.push({ key: `${cache.name} ${c.cpu} ${which}`,
				    label: `CPU ${c.cpu} ${which}`,
				    pieces: sheafPieces("", c[which], which) });
	}
	const barn = [];

	cache.barn.full.forEach((sheaf, i) =>
		barn.push(...sheafPieces("full", sheaf, "full" + i)));
	if (cache.barn.empty.length)
		barn.push({ plain: "text", key: "e" + cache.barn.empty.length,
			    text: `${cache.barn.empty.length} empty` });
	if (barn.length)
		rows.push({ key: cache.name + " barn", label: "barn",
			    pieces: barn });
	return rows;
}

function mmRows(state) {
	return [...pageblockRows(state), ...zoneRows(state), ...cpuListRows(state),
		...state.caches.flatMap(cacheRows)];
}

/* The library: the map of pages -------------------------------------------- */

function pagesKey(b) {
	return `${b.at}/${b.nr}/${b.is}/${b.name || ""}${b.cache || ""}`;
}

function pagesTitle(b) {
	const what = { free: `free, order ${Math.log2(b.nr)}`,
		       cpu: "free, on a CPU's own list", used: b.name,
		       slab: "slab of " + b.cache, other: "the library's own" };

	return `page ${range(b.at, b.nr)}: ${what[b.is]}`;
}

function pagesLabels(b) {
	if (b.is === "free")
		return [`order ${Math.log2(b.nr)}`, String(Math.log2(b.nr))];
	return b.is === "used" ? [b.name] :
		b.is === "slab" ? [b.cache, b.cache.slice(0, 2)] : [];
}

/* Slabs of caches that the lesson is not about are the library's own. */
function isOwn(state, b) {
	return b.is === "other" || (b.is === "slab" &&
		!state.caches.some((c) => c.name === b.cache));
}

/* Large free blocks are darker. */
function freeFill(nr) {
	return `hsl(206 70% ${92 - 4 * Math.min(7, Math.log2(nr))}%)`;
}

function drawMap(state, other, change, blank) {
	const per = state.pages <= 64 ? 16 : state.pages <= 256 ? 32 :
		state.pages <= 1024 ? 64 : 128;
	const gutter = 42, width = 440, wide = (width - gutter - 4) / per;
	const high = Math.max(10, Math.min(26, wide * 1.2));
	const nrRows = Math.ceil(state.pages / per);
	const known = new Set(other ? other.blocks.map(pagesKey) : []);
	const svg = make("svg", { role: "img", viewBox:
		`0 0 ${width} ${nrRows * (high + 3) + 4}` });
	const edges = [];
	const y = (row) => row * (high + 3) + 2;

	for (let row = 0; row < nrRows; row++)
		if (high > 14 || row % 4 === 0)
			svg.append(make("text", { x: gutter - 7,
				y: y(row) + high / 2 + 5, class: "tick",
				"text-anchor": "end" }, String(row * per)));
	for (const b of blank ? [] : state.blocks) {
		const marked = change && !known.has(pagesKey(b));
		let first = true;

		for (let at = b.at; at < b.at + b.nr;) {
			const row = Math.floor(at / per);
			const end = Math.min(b.at + b.nr, (row + 1) * per);
			const box = { x: gutter + (at - row * per) * wide,
				      y: y(row), width: (end - at) * wide,
				      height: high };

			svg.append(make("rect", { ...box,
				class: isOwn(state, b) ? "other" : b.is,
				...(b.is === "free" ? { style: "fill:" +
					freeFill(b.nr) } : {}) },
				make("title", {}, pagesTitle(b))));
			for (let p = at + 1; p < end && wide > 10; p++)
				svg.append(make("line", { class: "page",
					x1: gutter + (p - row * per) * wide,
					x2: gutter + (p - row * per) * wide,
					y1: y(row), y2: y(row) + high }));
			if (first && high > 14 && !isOwn(state, b))
				svg.append(make("text", { x: box.x + box.width /
					2, y: y(row) + high / 2 + 5,
					"text-anchor": "middle",
					class: b.is === "used" ? "name" : "" },
					fitting(box.width + 8, pagesLabels(b), 9.2)));
			if (marked)
				edges.push(make("rect", { ...box,
					class: "edge " + change +
					(high > 14 ? "" : " thin") }));
			first = false;
			at = end;
		}
	}
	for (let p = 0; p < state.pages && blank; p++)
		svg.append(make("rect", { x: gutter + p % per * wide, fill:
			"#fff", y: y(Math.floor(p / per)), width: wide,
			height: high }));
	svg.append(...edges);
	return svg;
}

/* Two states as one picture ------------------------------------------------ */

/* Rows of both, each key once, in the order of the later one. */
function unite(before, after) {
	const keys = after.map((r) => r.key);
	let last = -1;

	for (const row of before) {
		const at = keys.indexOf(row.key);

		if (at >= 0)
			last = at;
		else
			keys.splice(++last, 0, row.key);
	}
	/* Orders one after the other, wherever they have come from. */
	const rows = keys.map((k) => [before.find((r) => r.key === k),
				      after.find((r) => r.key === k)]);
	const order = ([a, b]) => (b || a).order;

	for (let i = 1; i < rows.length; i++)
		for (let k = i; k && order(rows[k]) < order(rows[k - 1]); k--)
			[rows[k], rows[k - 1]] = [rows[k - 1], rows[k]];
	return rows;
}

function appendRows(picture, before, after, blank) {
	const rowsOf = (s) => !s ? [] : s.kind === "mm" ? mmRows(s) :
		arenaRows(s);
	const rows = unite(rowsOf(before), rowsOf(after));

	for (const [was, is] of rows) {
		const row = is || was;

		if (row.title) {
			picture.append(make("h2", {}, row.title + " ",
				make("small", {}, row.note)));
			continue;
		}
		picture.append(make("div", { class: "label" }, row.label));
		if (before)
			picture.append(drawRow(was, is, blank ? "" : "gone"));
		const cell = blank ? make("div", { class: "cell blank" }) :
			drawRow(is, was, before ? "new" : "");

		cell.dataset.row = row.key;
		picture.append(cell);
	}
}

/* before may be null: it is the first state. */
function drawPicture(before, after, width, blank) {
	const picture = make("div", { class: `picture ${after.kind}` +
				      (before ? "" : " one") });
	const head = (text) => make("div", { class: "head" }, text);
	/* What will change is for the learner to say. */
	const gone = blank ? "" : "gone";

	if (after.kind === "arena") {
		for (const [name, s, other, change] of [
			["before", before, after, gone],
			["after", after, before, before ? "new" : ""]])
			if (s)
				picture.append(make("div", { class:
					"wide strip" }, make("b", {}, before ?
					name : "the arena"), drawStrips(s, other,
					change, width, blank && s === after)));
	}
	if (before)
		picture.append(make("div"), head("before"), head("after"));
	if (after.kind === "mm") {
		picture.append(make("div", { class: "label" }, "pages"));
		if (before)
			picture.append(drawMap(before, after, gone));
		picture.append(drawMap(after, before, before ? "new" : "",
				       blank));
	}
	appendRows(picture, before, after, blank);
	return picture;
}
