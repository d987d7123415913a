// Does with a running stack what docs/frontend.md describes, and prints what came of it, as JSON.
import { ok } from "node:assert/strict";
import * as buffer from "node:buffer";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import WebSocket from "ws";
import { ApiError, connect, dataOf } from "./client.js";
import { type Change, addImage, changesOf, importFile } from "./files.js";
import { createProduct, everyProduct, historyOf, readProduct, saveProduct } from "./products.js";
import { type Level, StockWatch } from "./stock.js";

globalThis.File ??= buffer.File as unknown as typeof File; // Node 18
const [stack = "", picture = ""] = process.argv.slice(2); // .data/quickstart.json, and a PNG
const { base_url, ws_url, api_key } = JSON.parse(await readFile(stack, "utf8")) as Record<string, string>;
ok(base_url && ws_url && api_key);
const api = connect(base_url, () => `Api-Key ${api_key}`);
const run = randomUUID().slice(0, 8);
const sku = `BOWL-${run}`;

// What a proxy answers while its backend is away: an error without a problem.
const proxy = createServer((_, answer) => answer.writeHead(502, { "Content-Length": 0 }).end()).listen(0, "127.0.0.1");
await once(proxy, "listening");
const closed = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
const away = await readProduct(connect(`http://${closed}`, () => "Api-Key none"), 1).catch(String);

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

// A price is changed; the history knows by whom.
await saveProduct(api, await readProduct(api, created.id), { variants: [{ sku, price: "12.00" }] });
const { value: change } = await historyOf(api, created.id, `variants[${sku}].price`).next();

const photo = new File([Uint8Array.from(await readFile(picture))], "bowl.png", { type: "image/png" });
const image = await addImage(api, created.id, photo, "A bowl");

const csv = `Handle,Title,Variant SKU,Variant Price\ncup-${run},Cup,CUP-${run},3.00\n`;
const file = new File([csv], "cups.csv");
const onProgress = () => undefined;
const previewed: string[] = [];
const show = (row: Change) => previewed.push(`${row.action} ${row.sku.replace(`-${run}`, "")}`);
const preview = await importFile(api, file, { location: "main", dry_run: "true" }, onProgress);
for await (const row of changesOf(api, preview)) show(row);
const imported = await importFile(api, file, { location: "main" }, onProgress);

// The first connection is refused. Then the stock changes, and again while the connection is lost.
const sockets: WebSocket[] = [];
const open = (ticket: string) => {
  const address = sockets.length === 0 ? `ws://${closed}` : `${ws_url}?ticket=${encodeURIComponent(ticket)}`;
  const socket = new WebSocket(address);
  sockets.push(socket);
  return socket;
};
const seen: number[] = [];
let look = () => {};
const fail = (code: string) => {
  throw new Error(code);
};
const onChange = (levels: Map<string, Level>) => {
  seen.push(levels.get(`${sku}@main`)?.on_hand ?? 0);
  look();
};
const watch = new StockWatch(api, [sku], open, onChange, fail);
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
sockets[1]?.terminate();
await receive(2);
await until(7);
watch.stop();

const tooMany = Array.from({ length: 1001 }, (_, number) => `${sku}-${number}`);
const refusedCode = await new Promise<string>((resolve) => {
  const refusedWatch = new StockWatch(api, tooMany, open, onChange, (code) => {
    refusedWatch.stop();
    resolve(code);
  });
});
proxy.close();

console.log(
  JSON.stringify({
    isRepeated: repeated.id === created.id,
    refused: [refused.problem.code, refused.at("/variants/0/price")],
    listed: listed.map((one) => one.replace(sku, "BOWL")),
    away,
    conflict,
    saved: [saved?.product.name, saved?.product.brand.replace(run, "")],
    price: [change?.door, change?.from, change?.to],
    image: [image.width, image.height, image.alt],
    previewed,
    imported: [imported.status, imported.created],
    seen,
    sockets: sockets.length,
    refusedCode,
  }),
);
