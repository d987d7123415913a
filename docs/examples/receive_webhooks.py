"""Receives webhooks: every event once, in order, and none is missed. Needs `pip install standardwebhooks`."""

import json
import os
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

from standardwebhooks import Webhook, WebhookVerificationError

# EVENTS_URL: https://pms.example.com/api/v1/events/?types=stock.*,product.* with the types of your endpoint.
WEBHOOK, EVENTS_URL = Webhook(os.environ["WEBHOOK_SECRET"]), os.environ["EVENTS_URL"]
database, lock = sqlite3.connect("applied.db", check_same_thread=False), threading.Lock()
database.execute("CREATE TABLE IF NOT EXISTS applied (id TEXT PRIMARY KEY, sequence INTEGER, type TEXT)")


def apply(event_id, event):
    with database:  # one transaction: your own change belongs here, so that it happens once, with the id
        row = (event_id, event["sequence"], event["type"])
        database.execute("INSERT OR IGNORE INTO applied VALUES (?, ?, ?)", row)


def receive(event_id, event):
    (last,) = database.execute("SELECT max(sequence) FROM applied").fetchone()
    while last is not None and (event["previous_sequence"] or 0) > last:  # a gap: the feed has what is missing
        request = Request(f"{EVENTS_URL}&after={last}", headers={"X-Api-Key": os.environ["API_KEY"]})
        page = json.load(urlopen(request, timeout=10))
        for missing in page["results"]:
            apply(missing["id"], missing)
        last = page["next_after"]
    apply(event_id, event)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers, status = {name.lower(): value for name, value in self.headers.items()}, 204
        try:
            event = WEBHOOK.verify(body, headers)
            with lock:  # up to 20 webhooks come at the same time
                receive(headers["webhook-id"], event)
        except WebhookVerificationError:
            status = 401
        self.send_response(status)  # any other error: no answer, and the webhook comes again
        self.end_headers()


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler)
print(server.server_port, flush=True)
server.serve_forever()
