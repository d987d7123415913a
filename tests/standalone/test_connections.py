"""The stack counts its connections, and does not start if the database allows fewer."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from inventory.hub import Hub
from pms_backend.api.async_database import READ_THREADS
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.programs import CONNECTIONS, SOCKET_CONNECTIONS

NEEDED = sum(CONNECTIONS.values())
HUB_THREADS = 1


@pytest.fixture
def url() -> Iterator[str]:
    """The URL of a role that may have a limit."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
        admin.execute("CREATE ROLE few LOGIN PASSWORD 'few'")
        parts = urlsplit(os.environ["DATABASE_URL"])
        yield parts._replace(netloc=f"few:few@{parts.netloc.rpartition('@')[2]}").geturl()
        admin.execute("DROP ROLE few")


def limit(number: int) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f"ALTER ROLE few CONNECTION LIMIT {number}")


def test_a_database_that_allows_enough_is_accepted(url: str):
    for number in (-1, NEEDED):
        limit(number)
        Configuration.from_environment({"DATABASE_URL": url}).require_connections(CONNECTIONS)


def test_a_database_that_allows_fewer_is_refused_in_a_line_that_says_why(url: str):
    limit(NEEDED - 1)

    with pytest.raises(StartupError) as refused:
        Configuration.from_environment({"DATABASE_URL": url}).require_connections(CONNECTIONS)

    assert str(refused.value) == (
        f"DATABASE_URL: it allows {NEEDED - 1} connections, and {NEEDED} may be needed"
        " (web 14, sockets 5, relay 1, sync 4, pms 15, deliveries 2, worker 6, beat 1, monitor 3, commands 3)"
    )


def test_the_servers_own_limit_counts(url: str):
    with pytest.raises(StartupError, match=r"^DATABASE_URL: it allows \d+ connections"):
        Configuration.from_environment({"DATABASE_URL": url}).require_connections({"web": 100_000})


def test_behind_a_pooler_the_limit_does_not_matter(url: str):
    limit(1)

    Configuration.from_environment({"DATABASE_URL": url, "DATABASE_POOLER": "transaction"}).require_connections(
        CONNECTIONS
    )


def test_the_sockets_have_as_many_as_they_have_threads():
    assert SOCKET_CONNECTIONS == READ_THREADS + HUB_THREADS
    assert Hub()._reader._threads._max_workers == HUB_THREADS
