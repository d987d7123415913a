// Keeps `levels`, a Map of "SKU@LOCATION" to its level, right across reconnects.
// `getTicket` asks your own backend, which holds the API key, for POST /api/v1/realtime/tickets/.
export function watchStock({ url, getTicket, wanted = { all: true }, levels = new Map(), onChange = () => {} }) {
  let after, attempt = 0, socket, timer, stopped = false;

  const keep = (level) => {
    const place = `${level.sku}@${level.location}`;
    if ((levels.get(place)?.version ?? -1) < level.version) levels.set(place, level); // the highest version is the truth
  };
  const alive = () => { // heartbeats come every 10 s: a connection without one for longer is dead
    clearTimeout(timer);
    timer = setTimeout(() => socket.close(), 25_000);
  };
  const again = () => {
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(connect, Math.random() * Math.min(30_000, 500 * 2 ** attempt++)); // backoff with jitter
  };
  async function connect() {
    const ticket = await getTicket().catch(() => null);
    if (ticket === null) return again();
    socket = new WebSocket(`${url}?ticket=${encodeURIComponent(ticket)}`);
    socket.onopen = () => { alive(); socket.send(JSON.stringify({ action: "subscribe", ...wanted, after })); };
    socket.onclose = again; // 4001: the ticket's owner may not watch any more; getTicket will say so
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      alive();
      if (message.type === "snapshot") {
        attempt = 0;
        if (message.reset) levels.clear(); // we were away for too long: this is all there is
        message.levels.forEach(keep);
      } else if (message.type === "stock.changed") keep(message.level);
      if (message.reset) after = message.sequence;
      else if (message.sequence !== undefined) after = Math.max(after ?? 0, message.sequence);
      if (message.type !== "heartbeat") onChange(levels, message);
    };
  }
  connect();
  return () => { stopped = true; clearTimeout(timer); socket?.close(); };
}
