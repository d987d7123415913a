"""Exits 0 if the server of this container answers a request like those of the proxy: `healthcheck.py [PORT]`."""

import http.client
import os
import sys

SECONDS = 3
PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
HOST = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".") or "localhost"

connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=SECONDS)
connection.request("GET", "/health/live", headers={"Host": HOST, "X-Forwarded-Proto": "https"})
sys.exit(connection.getresponse().status != http.client.OK)
