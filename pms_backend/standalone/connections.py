"""How many connections to PostgreSQL the stack may hold, all of them in one place."""

from typing import Final

import psycopg

from pms_backend.standalone import limits
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.programs import SYNC_THREADS, WEB_PROCESSES, WEB_THREADS, WORKER_THREADS

# The hub's, and those of the threads that read for the sockets (pms_backend/api/async_database.py).
SOCKET_CONNECTIONS: Final = 5
# By program. Each thread that asks the database keeps its connection; nothing else has any.
CONNECTIONS: Final = {
    "web": WEB_PROCESSES * WEB_THREADS,
    "sockets": SOCKET_CONNECTIONS,
    "relay": 1,
    "sync": SYNC_THREADS,
    "worker": WORKER_THREADS,
    # The migration, a command, somebody's psql.
    "commands": 3,
}

# NULLs do not count: no limit of that kind.
_ALLOWED: Final = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))
"""


def require_enough(configuration: Configuration) -> None:
    """Raises `StartupError` where the given database allows fewer connections than the stack may hold.

    Behind a pooler the server's limit says nothing: the pooler shares its own connections out.
    """
    if not configuration.database_url or configuration.inherited.get("DATABASE_POOLER") == "transaction":
        return
    with psycopg.connect(configuration.database_url, connect_timeout=limits.CONNECT_SECONDS) as connection:
        (allowed,) = connection.execute(_ALLOWED).fetchone() or (0,)
    needed = sum(CONNECTIONS.values())
    if allowed < needed:
        parts = ", ".join(f"{name} {number}" for name, number in CONNECTIONS.items())
        raise StartupError(f"DATABASE_URL: it allows {allowed} connections, and {needed} may be needed ({parts})")
