// Does with a running stack what docs/frontend.md describes, and prints what came of it, as JSON.
import { ok } from "node:assert/strict";
import * as buffer from "node:buffer";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import WebSocket from "ws";
import { ApiError, connect, dataOf } from "./client.js";
import { addImage, importFile } from "./files.js";
import { createProduct, everyProduct, readProduct, saveProduct } from "./products.js";
import { StockWatch } from "./stock.js";

globalThis.File ??= buffer.File as unknown as typeof File; // Node 18
const [stack = "", picture = ""] = process.argv.slice(2); // .data/quickstart.json, and a PNG
const { base_url, ws_url, api_key } = JSON.parse(await readFile(stack, "utf8")) as Record<string, string>;
ok(base_url && ws_url && api_key);
const api = connect(base_url, () => `Api-Key ${api_key}`);
const run = randomUUID().slice(0, 8);
const sku = `BOWL-${run}`;

// Created once, though it is sent twice; a refusal names the field.
const key = randomUUID();
const bowl = { name: `Bowl ${run}`, brand: run, variants: [{ sku, price: "15.00", currency: "EUR" }] };
const created = await createProduct(api, bowl, key);
const repeated = await createProduct(api, bowl, key);
for (const number of [1, 2]) {
  await createProduct(api, { ...bowl, variants: [{ sku: `${sku}-${number}` }] }, randomUUID());
}
const refused = await createProduct(api, { ...bowl, variants: [{ sku, price: "cheap" }] }, randomUUID()).catch(
  (error: unknown) => error,
);
ok(refused instanceof ApiError);

const listed: string[] = [];
for await (const product of everyProduct(api, { brand: run, page_size: 1, ordering: "created_at" })) {
  listed.push(product.variants[0]?.sku ?? "");
}

// Two people edit one product: the second sees what the first has made of it, and saves again.
const mine = await readProduct(api, created.id);
await saveProduct(api, await readProduct(api, created.id), { name: "Big bowl" });
const conflict = await saveProduct(api, mine, { brand: `${run} and sons` });
const saved = await saveProduct(api, await readProduct(api, created.id), { brand: `${run} and sons` });

const photo = new File([Uint8Array.from(await readFile(picture))], "bowl.png", { type: "image/png" });
const image = await addImage(api, created.id, photo, "A bowl");

const csv = `Handle,Title,Variant SKU,Variant Price\ncup-${run},Cup,CUP-${run},3.00\n`;
const imported = await importFile(api, new File([csv], "cups.csv"), { location: "main" }, () => undefined);

// The stock changes, and again while the connection is lost.
const sockets: WebSocket[] = [];
const open = (ticket: string) => {
  const socket = new WebSocket(`${ws_url}?ticket=${encodeURIComponent(ticket)}`);
  sockets.push(socket);
  return socket;
};
const seen: number[] = [];
let look = () => {};
const watch = new StockWatch(api, [sku], open, (levels) => {
  seen.push(levels.get(`${sku}@main`)?.on_hand ?? 0);
  look();
});
const until = (onHand: number) =>
  new Promise<void>((resolve) => {
    look = () => void (seen.at(-1) === onHand && resolve());
    look();
  });
const receive = async (delta: number) => {
  const body = { sku, location: "main", delta, reason: "receipt" } as const;
  dataOf(await api.POST("/api/v1/inventory/adjustments/", { body }));
};
await until(0);
await receive(5);
await until(5);
sockets[0]?.terminate();
await receive(2);
await until(7);
watch.stop();

console.log(
  JSON.stringify({
    isRepeated: repeated.id === created.id,
    refused: [refused.problem.code, refused.at("/variants/0/price")],
    listed: listed.map((one) => one.replace(sku, "BOWL")),
    conflict,
    saved: [saved?.product.name, saved?.product.brand.replace(run, "")],
    image: [image.width, image.height, image.alt],
    imported: [imported.status, imported.created],
    seen,
    sockets: sockets.length,
  }),
);
