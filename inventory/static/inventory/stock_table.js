// Keeps `levels`, a Map of "SKU@LOCATION" to its level, right across reconnects, sleep and changes of network.
// `getTicket` asks your own backend, which holds the API key, for POST /api/v1/realtime/tickets/.
// `onState` is called with "connecting" at first, then with "live" or "lost" whenever that changes, and when the server was last heard.
const QUIET_MS = 25_000; // heartbeats come every 10 s: a connection without one for longer is dead

export function watchStock({ url, getTicket, wanted = { all: true }, after, levels = new Map(), onChange = () => {}, onState = () => {} }) {
  let state, socket, timer, attempt = 0, round = 0, heard = Date.now();

  const become = (next) => { if (next !== state) onState(state = next, heard); };
  const keep = (level) => {
    const place = `${level.sku}@${level.location}`;
    if ((levels.get(place)?.version ?? -1) < level.version) levels.set(place, level); // the highest version is the truth
  };
  const drop = () => { // without waiting for a server that may be gone
    clearTimeout(timer);
    if (socket) { socket.onopen = socket.onmessage = socket.onclose = null; socket.close(); socket = undefined; }
  };
  const again = () => {
    drop();
    become("lost");
    timer = setTimeout(connect, Math.random() * Math.min(30_000, 500 * 2 ** attempt++)); // backoff with jitter
  };
  const wake = () => { // a page that is looked at again, or has a network again, does not wait for a timer
    if (!document.hidden && (state === "lost" || Date.now() - heard > QUIET_MS)) { become("lost"); connect(); }
  };
  async function connect() {
    drop();
    const mine = ++round;
    timer = setTimeout(again, QUIET_MS);
    const ticket = await getTicket().catch(() => null);
    if (mine !== round) return; // stopped, or begun anew meanwhile
    if (ticket === null) return again();
    socket = new WebSocket(`${url}?ticket=${encodeURIComponent(ticket)}`);
    socket.onopen = () => socket.send(JSON.stringify({ action: "subscribe", ...wanted, after }));
    socket.onclose = again; // 4001: the ticket's owner may not watch any more; getTicket will say so
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      heard = Date.now();
      clearTimeout(timer);
      timer = setTimeout(again, QUIET_MS);
      if (message.type === "snapshot") {
        attempt = 0;
        if (message.reset) levels.clear(); // we were away for too long: this is all there is
        message.levels.forEach(keep);
        become("live");
      } else if (message.type === "stock.changed") keep(message.level);
      if (message.reset) after = message.sequence;
      else if (message.sequence !== undefined) after = Math.max(after ?? 0, message.sequence);
      if (message.type !== "heartbeat") onChange(levels, message);
    };
  }
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);
  become("connecting");
  connect();
  return () => { round++; drop(); document.removeEventListener("visibilitychange", wake); window.removeEventListener("online", wake); };
}
