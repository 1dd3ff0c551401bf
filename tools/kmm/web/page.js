// SPDX-License-Identifier: MIT
/*
 * What the scripts of kmm's pages begin with: the data, and elements.
 */
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);

function $(id) {
	return document.getElementById(id);
}

const SVG = ["svg", "rect", "text", "line", "g", "title", "path", "pattern",
	     "defs"];

/* An element; children are elements or texts. An attribute such as onclick is a
 * function. */
function make(tag, attributes, ...children) {
	const e = SVG.includes(tag) ?
		document.createElementNS("http://www.w3.org/2000/svg", tag) :
		document.createElement(tag);

	for (const [name, value] of Object.entries(attributes || {})) {
		if (name.startsWith("on"))
			e.addEventListener(name.slice(2), value);
		else
			e.setAttribute(name, value);
	}
	e.append(...children);
	return e;
}

