// Receives webhooks: every event once, in order, and none is missed. Needs `npm install standardwebhooks`.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

// EVENTS_URL: https://pms.example.com/api/v1/events/?types=stock.*,product.* with the types of your endpoint.
const { WEBHOOK_SECRET, EVENTS_URL, API_KEY, PORT = "8080" } = process.env;
const webhook = new Webhook(WEBHOOK_SECRET);
const lines = existsSync("applied.jsonl") ? readFileSync("applied.jsonl", "utf8").trim().split("\n") : [];
const applied = new Map(lines.filter(Boolean).map((line) => JSON.parse(line)).map(({ id, sequence }) => [id, sequence]));
let last = applied.size ? Math.max(...applied.values()) : undefined;
let queue = Promise.resolve(); // up to 20 webhooks come at the same time: one after the other

function apply(id, { sequence, type }) {
  if (applied.has(id)) return;
  appendFileSync("applied.jsonl", `${JSON.stringify({ id, sequence, type })}\n`); // with your own change, in a transaction
  applied.set(id, sequence);
  last = Math.max(last ?? 0, sequence);
}

async function receive(id, event) {
  while (last !== undefined && (event.previous_sequence ?? 0) > last) { // a gap: the feed has what is missing
    const response = await fetch(`${EVENTS_URL}&after=${last}`, { headers: { "X-Api-Key": API_KEY } });
    if (!response.ok) throw new Error(`The feed answers ${response.status}`);
    const page = await response.json();
    for (const missing of page.results) apply(missing.id, missing);
    last = Math.max(last, page.next_after);
  }
  apply(id, event);
}

createServer(async (request, response) => {
  const body = await text(request);
  let event;
  try { event = webhook.verify(body, request.headers); } catch { return response.writeHead(401).end(); }
  const done = queue.then(() => receive(request.headers["webhook-id"], event));
  queue = done.catch(() => {});
  done.then(() => response.writeHead(204).end(), () => response.writeHead(500).end()); // 500: it comes again
}).listen(Number(PORT), "127.0.0.1", function () { console.log(this.address().port); });
