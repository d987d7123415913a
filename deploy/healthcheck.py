"""Exits 0 if the web server of this container answers a request like those of the proxy."""

import http.client
import os
import sys

SECONDS = 3
HOST = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".") or "localhost"

connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=SECONDS)
connection.request("GET", "/health/live", headers={"Host": HOST, "X-Forwarded-Proto": "https"})
sys.exit(connection.getresponse().status != http.client.OK)
