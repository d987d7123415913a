import type { Api } from "./client.js";
import type { components } from "./schema.js";

export type Level = components["schemas"]["Level"];

/** What the socket sends. */
type Message =
  | { type: "snapshot"; sequence: number; levels: Level[]; reset?: true }
  | { type: "stock.changed"; sequence: number; level: Level }
  | { type: "heartbeat"; sequence: number }
  | { type: "pong" }
  | { type: "error"; code: string; detail: string };

/** What is used of a WebSocket, the browser's or that of the package `ws`, whose events differ in type. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

const QUIET_MS = 25_000; // heartbeats come every 10 s

/** Keeps the levels of some SKUs right, across lost connections, until `stop` is called. */
export class StockWatch {
  readonly levels = new Map<string, Level>();
  private after: number | undefined;
  private attempt = 0;
  private socket: Socket | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private round = 0;

  constructor(
    private readonly api: Api,
    private readonly skus: string[],
    private readonly open: (ticket: string) => Socket,
    private readonly onChange: (levels: Map<string, Level>) => void,
    private readonly onError: (code: string, detail: string) => void,
  ) {
    void this.connect();
  }

  stop(): void {
    this.round++;
    this.drop();
  }

  /** Connects again at once, for example when the page is looked at again. */
  async connect(): Promise<void> {
    this.drop();
    const mine = ++this.round;
    this.timer = setTimeout(() => this.retry(), QUIET_MS);
    const answer = await this.api.POST("/api/v1/realtime/tickets/").catch(() => null); // a ticket opens one socket
    if (mine !== this.round) return; // stopped, or begun anew meanwhile
    if (answer?.data === undefined) return this.retry();
    this.listen(this.open(answer.data.ticket));
  }

  private listen(socket: Socket): void {
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ action: "subscribe", skus: this.skus, after: this.after }));
    socket.onerror = () => {}; // `onclose` follows; without a listener Node would exit
    socket.onclose = () => this.retry();
    socket.onmessage = ({ data }: { data: unknown }) => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.retry(), QUIET_MS);
      this.apply(JSON.parse(String(data)) as Message);
    };
  }

  private apply(message: Message): void {
    if (message.type === "error") return this.onError(message.code, message.detail);
    if (message.type === "pong") return;
    if (message.type === "snapshot" && message.reset) {
      this.levels.clear(); // we were away for too long: this is all there is
      this.after = undefined;
    }
    this.after = Math.max(this.after ?? 0, message.sequence); // the largest of any message: we resume from there
    if (message.type === "heartbeat") return;
    this.attempt = 0;
    for (const level of message.type === "snapshot" ? message.levels : [message.level]) {
      const place = `${level.sku}@${level.location}`;
      const known = this.levels.get(place);
      if (known === undefined || known.version < level.version) this.levels.set(place, level);
    }
    this.onChange(this.levels);
  }

  private retry(): void {
    this.drop();
    const delay = Math.random() * Math.min(30_000, 500 * 2 ** this.attempt++);
    this.timer = setTimeout(() => void this.connect(), delay);
  }

  private drop(): void {
    clearTimeout(this.timer);
    if (this.socket === undefined) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = undefined;
  }
}
