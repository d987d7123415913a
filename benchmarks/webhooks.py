"""The limit of accepting webhooks: a bare WSGI application that verifies, and inserts by one prepared statement.

`python -m benchmarks.webhooks`: makes the connection of both sides; prints its secret.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import django
import orjson
import psycopg
from standardwebhooks import Webhook

from benchmarks.workloads import PMS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from django.db import connection as django_connection  # noqa: E402 - Django is set up first

from pms_integration import services  # noqa: E402
from pms_integration.models import PMSConnection  # noqa: E402

_INSERT: Final = """
INSERT INTO pms_integration_pmsevent (connection_id, webhook_id, type, headers, body)
VALUES (%s, %s, %s, '{}', %b)
"""

_of_thread = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application for the workload."""
    if environ["REQUEST_METHOD"] == "GET":
        status, answer = "200 OK", b"{}"
    else:
        status, answer = "202 Accepted", _accept(environ)
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


def _accept(environ: dict[str, Any]) -> bytes:
    connection_id, webhook = _known_in_advance()
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    headers = {
        name: environ[f"HTTP_{name.upper().replace('-', '_')}"]
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    }
    message = webhook.verify(body, headers)
    row = (connection_id, headers["webhook-id"], message["type"], body)
    _connection().execute(_INSERT, row, prepare=True)
    return orjson.dumps({"id": headers["webhook-id"], "status": "received"})


@lru_cache(maxsize=1)
def _known_in_advance() -> tuple[int, Webhook]:
    connection = PMSConnection.objects.get(slug=PMS)
    django_connection.close()
    return connection.pk, Webhook(connection.secret)


def _connection() -> psycopg.Connection[tuple[Any, ...]]:
    """The open connection of this thread."""
    connection: psycopg.Connection[tuple[Any, ...]] | None = getattr(_of_thread, "connection", None)
    if connection is None:
        connection = _of_thread.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    return connection


def main() -> None:
    """Makes the connection, which is all that a webhook needs to be accepted."""
    made = services.create_connection(slug=PMS, name="Benchmark")
    sys.stdout.write(f"{made.secret}\n")


if __name__ == "__main__":
    main()
