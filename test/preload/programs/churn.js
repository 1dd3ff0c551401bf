// SPDX-License-Identifier: MIT
// Buffers, strings and worker threads in node; prints checksums in order.
const { Worker, isMainThread, parentPort, workerData } =
	require("worker_threads");
const crypto = require("crypto");
const zlib = require("zlib");

function churn(n) {
	const hash = crypto.createHash("sha256");
	let buffers = [];
	for (let i = 0; i < 4000; i++) {
		const buffer = Buffer.alloc(1 + (i * 7919) % 9001, i & 255);
		buffers.push(buffer);
		if (buffers.length > 300)
			buffers = buffers.slice(150);
		if (i % 16 === 0)
			hash.update(buffer);
	}
	const packed = zlib.deflateSync(Buffer.concat(buffers));
	hash.update(zlib.inflateSync(packed));
	hash.update(JSON.stringify(Object.fromEntries(
		Array.from({ length: 3000 }, (_, i) => ["k" + i, "v" + i * n]))));
	return hash.digest("hex");
}

if (isMainThread) {
	const one = (n) => new Promise((resolve, reject) => {
		const worker = new Worker(__filename, { workerData: n });
		worker.on("message", resolve);
		worker.on("error", reject);
	});
	Promise.all([1, 2, 3, 4].map(one)).then((all) => {
		console.log(churn(0));
		all.forEach((digest) => console.log(digest));
	});
} else {
	parentPort.postMessage(churn(workerData));
}
