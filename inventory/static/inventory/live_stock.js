// Keeps a page of the admin right while stock changes (docs/realtime.md, "Pages of the admin").
//
// A pushed level is written at once into the elements that show it, and highlighted for some seconds. Soon after, the
// page is fetched again and its live regions are replaced: order, names, badges and totals are the server's alone.
import { watchStock } from "./stock_table.js";

const HIGHLIGHT_MS = 6_000;
const REFRESH_AFTER_MS = 300;
const REFRESH_EVERY_MS = 1_000;
const RETRY_MS = 5_000;
// A page that takes the server long is fetched less often: a tenth of the time at most.
const SHARE_OF_TIME = 10;

const status = document.querySelector("[data-live-stock]");
// The levels that changed within the last seconds, by "SKU@LOCATION", with the figures that were shown before.
const changes = new Map();
let stop, state, timer, isStale = false, wasLive = false, nextRefresh = 0;

function show(next, since) {
  state = next;
  status.dataset.state = next;
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: status.dataset.timeZone };
  const time = new Date(since ?? Date.now()).toLocaleTimeString(document.documentElement.lang, options);
  status.querySelector("[data-live-text]").textContent = status.dataset[next].replace("{time}", time);
}

function end(reason) {
  stop();
  clearTimeout(timer);
  show(reason);
}

// --- Figures, as they are pushed --------------------------------------------------------------------------------------

const elementsOf = (place) => document.querySelectorAll(`[data-level="${CSS.escape(place)}"]`);
const cellsOf = (element) => element.querySelectorAll("[data-field]");

function figuresOf(element) {
  return Object.fromEntries([...cellsOf(element)].map((cell) => [cell.dataset.field, Number(cell.dataset.value)]));
}

function signed(difference) {
  const size = Math.abs(difference).toLocaleString(document.documentElement.lang);
  return `${difference < 0 ? "−" : "+"}${size}`;
}

function paintCell(cell, change, isNewer) {
  const field = cell.dataset.field;
  cell.querySelector(".live-difference")?.remove();
  if (isNewer && Number(cell.dataset.value) !== change.level[field]) {
    cell.dataset.value = change.level[field];
    cell.textContent = change.level[field].toLocaleString(document.documentElement.lang);
  }
  const difference = Number(cell.dataset.value) - (change?.before?.[field] ?? Number(cell.dataset.value));
  if (difference !== 0) {
    const text = document.createElement("span");
    text.className = "live-difference";
    text.textContent = signed(difference);
    cell.append(text);
  }
}

function paint(place) {
  const change = changes.get(place);
  for (const element of elementsOf(place)) {
    const isNewer = change !== undefined && change.level.version > Number(element.dataset.version);
    for (const cell of cellsOf(element)) paintCell(cell, change, isNewer);
    if (isNewer) element.dataset.version = change.level.version;
    element.classList.toggle("live-changed", change !== undefined);
    const note = element.querySelector("[data-change]");
    if (note) note.textContent = change ? status.dataset.changed : "";
  }
}

function receive(level) {
  const place = `${level.sku}@${level.location}`;
  const known = changes.get(place), [element] = elementsOf(place);
  if (!element) return; // it is on the page after the next refresh, if it belongs there
  if ((known?.level.version ?? Number(element?.dataset.version ?? -1)) >= level.version) return;
  clearTimeout(known?.timer);
  const before = known ? known.before : figuresOf(element);
  const forget = () => { changes.delete(place); paint(place); };
  changes.set(place, { level, before, timer: setTimeout(forget, HIGHLIGHT_MS) });
  paint(place);
}

// --- Regions, as the server makes them --------------------------------------------------------------------------------

// A chart that is drawn stays, and takes the figures of the new one, which nothing would draw.
function keepCharts(drawn, fresh) {
  fresh.querySelectorAll("canvas.chart").forEach((canvas, index) => {
    const chart = drawn[index] && Chart.getChart(drawn[index]);
    if (!chart) return;
    const { labels, datasets } = JSON.parse(canvas.dataset.value);
    drawn[index].setAttribute("aria-label", canvas.getAttribute("aria-label"));
    canvas.replaceWith(drawn[index]);
    chart.data.labels = labels;
    datasets.forEach(({ data }, number) => { chart.data.datasets[number].data = data; });
    chart.update();
  });
}

function replace(region, fresh) {
  const focused = region.contains(document.activeElement) ? document.activeElement : undefined;
  const scrolled = [...region.querySelectorAll(".overflow-x-auto")].map((part) => part.scrollLeft);
  const drawn = [...region.querySelectorAll("canvas.chart")];
  region.replaceWith(fresh);
  keepCharts(drawn, fresh);
  fresh.querySelectorAll(".overflow-x-auto").forEach((part, index) => { part.scrollLeft = scrolled[index] ?? 0; });
  if (focused) {
    const [name, value] = focused.id ? ["id", focused.id] : ["href", focused.getAttribute("href")];
    fresh.querySelector(`[${name}="${CSS.escape(value ?? "")}"]`)?.focus({ preventScroll: true });
  }
}

async function refresh() {
  const response = await fetch(window.location.href);
  if (response.redirected) return end("loggedOut");
  if (!response.ok) throw new Error(response.statusText);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const region of document.querySelectorAll("[data-live-region]")) {
    const fresh = page.getElementById(region.id);
    if (fresh && !region.isEqualNode(fresh)) replace(region, fresh);
  }
  changes.forEach((_, place) => paint(place));
}

async function refreshNow() {
  isStale = false;
  const began = Date.now();
  try {
    await refresh();
    nextRefresh = began + Math.max(REFRESH_EVERY_MS, SHARE_OF_TIME * (Date.now() - began));
  } catch { // the server does not respond at the moment
    isStale = true;
    nextRefresh = Date.now() + RETRY_MS;
  }
  timer = undefined;
  if (isStale && state === "live") refreshSoon();
}

function refreshSoon() {
  isStale = true;
  if (timer !== undefined || document.hidden) return;
  timer = setTimeout(refreshNow, Math.max(REFRESH_AFTER_MS, nextRefresh - Date.now()));
}

// --- The socket -------------------------------------------------------------------------------------------------------

async function getTicket() {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? "";
  const response = await fetch(status.dataset.tickets, { method: "POST", headers: { "X-CSRFToken": token } });
  if (response.status === 401) end("loggedOut");
  if (response.status === 403) end("off");
  if (!response.ok) throw new Error(response.statusText);
  return (await response.json()).ticket;
}

function onChange(levels, message) {
  if (message.type === "stock.changed") receive(message.level);
  // What was missed may be thousands of levels, of which the page shows some.
  else message.levels?.filter((level) => elementsOf(`${level.sku}@${level.location}`).length).forEach(receive);
  levels.clear(); // the page has the figures
  if (message.level || message.levels?.length || message.reset) refreshSoon();
}

function onState(next, heard) {
  show(next, heard);
  if (next !== "live") return;
  if (wasLive) refreshSoon(); // other things than stock may have changed meanwhile
  wasLive = true;
}

if (status?.dataset.url) {
  const { url, after, sku, location } = status.dataset;
  const wanted = sku || location ? { skus: sku ? [sku] : undefined, locations: location ? [location] : undefined } : { all: true };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && state === "live") refreshSoon(); });
  stop = watchStock({ url, getTicket, wanted, after: Number(after), onChange, onState });
}
