"""Infrastructure for every test: real PostgreSQL, real Redis, and callers of the API."""

import functools
import gc
import itertools
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.test import override_settings
from pytest_django import DjangoDbBlocker
from redis import Redis
from rest_framework.test import APIClient
from xdist.scheduler import LoadFileScheduling

from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.operations.bounded_reading import BoundedReading
from tests.both_handlers import use_both_handlers
from tests.emptying import empty_what_was_written
from tests.events.receivers import Receive, connecting
from tests.sockets import GAP, SocketServer, continue_feed

END_SESSIONS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user ORDER BY pid = pg_backend_pid()
"""


use_both_handlers()

# Whole systems with real processes: minutes of waiting, which the other tests fill.
LONGEST: Final = ("flows", "faults", "standalone")


class FilesAndFlows(LoadFileScheduling):
    """Each file to one of the processes that run the tests, and the flows to one: they share a system."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "tests/flows" if file.startswith("tests/flows/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesAndFlows:
    """What `--dist loadfile` does, but for the flows."""
    return FilesAndFlows(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that none of two processes ends with all of them."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


def pytest_collection_finish() -> None:
    """Spares the garbage collector what lives as long as the run: modules, models, thousands of tests."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says at the end what was left out for want of the sample data."""
    skipped = terminalreporter.stats.get("skipped", ())
    if count := sum("SAMPLE_DATA_DIR" in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(
            f"SAMPLE_DATA_DIR is not set, or lacks files: {count} tests with real data were left out.", yellow=True
        )


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Without the line of each request: tests look for what else is logged."""

    def is_other(record: logging.LogRecord) -> bool:
        return record.name != "pms.requests"

    caplog.handler.addFilter(is_other)
    yield caplog
    caplog.handler.removeFilter(is_other)


class JSONClient(APIClient):
    """DRF's client, which sends JSON by default."""

    default_format = "json"


class ClientWith(Protocol):
    """Makes a caller with these scopes and this tier."""

    def __call__(self, scopes: Sequence[str], tier: str = DEFAULT_TIER, **more: Any) -> JSONClient: ...


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The test database, of which the ledger may be emptied: a test with commits ends in a TRUNCATE.

    The setting is the database's, not the session's: a pooler shares its sessions. Those that are open already do
    not hear it, and a pooler would keep them: they are ended.
    """
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(connection.settings_dict["NAME"])
            cursor.execute(f"ALTER DATABASE {name} SET pms.allow_truncate = 'on'")
            with suppress(OperationalError):  # of this session itself, the last to go
                cursor.execute(END_SESSIONS)
        connections.close_all()
    empty_what_was_written()


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    """What one test leaves in Redis is not there for the next."""
    yield
    for redis in redis_databases():
        redis.flushdb()


@pytest.fixture(autouse=True)
def _reads_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Health reads in the test's own thread, whose transaction no other thread sees."""

    def refresh(reading: BoundedReading[Any]) -> None:
        reading._began_at = time.monotonic()
        reading._run_once()

    monkeypatch.setattr(BoundedReading, "refresh", refresh)


@pytest.fixture(autouse=True, scope="session")
def _settings_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Stores files in directories of the run's own, and spares each test what it would prepare and not use.

    WhiteNoise looks for a static file when a test asks for it: it would list all of them for each test client.
    """
    own = {"MEDIA_ROOT": tmp_path_factory.mktemp("media"), "RUN_DIR": tmp_path_factory.mktemp("run")}
    quick = {"WHITENOISE_AUTOREFRESH": True, "PASSWORD_HASHERS": ["tests.passwords.QuickHasher"]}
    with override_settings(**own, **quick):
        yield


@functools.cache
def redis_databases() -> tuple[Redis, ...]:
    """Those that we use: the broker's, the cache's, the channels'."""
    urls = (f"{settings.REDIS_URL}/0", settings.REDIS_CACHE_URL, settings.REDIS_CHANNELS_URL)
    return tuple(Redis.from_url(url) for url in urls)


@pytest.fixture
def client_with(db: None) -> ClientWith:
    """`client_with(["products:read"], tier="storefront")`: a caller with a key of its own."""

    def make(scopes: Sequence[str], tier: str = DEFAULT_TIER, **more: Any) -> JSONClient:
        key = create_api_client(name="tests", scopes=scopes, tier=tier).api_key
        client = JSONClient(**more)
        client.credentials(HTTP_X_API_KEY=key)
        return client

    return make


@pytest.fixture
def api(client_with: ClientWith) -> JSONClient:
    """A caller that may do everything."""
    return client_with(ALL_SCOPES, tier=INTERNAL_TIER)


@pytest.fixture
def receive() -> Iterator[Receive]:
    """`receive("tests", receiver)`: connects a receiver of published events for the time of the test."""
    yield from connecting()


@pytest.fixture(scope="session")
def _socket_server(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[SocketServer]:
    with django_db_blocker.unblock():
        server = SocketServer().start()
    yield server
    server.kill()


_feeds = itertools.count(GAP, 100 * GAP)


@pytest.fixture
def sockets(_socket_server: SocketServer, transactional_db: None) -> SocketServer:
    """The socket server, which serves one test after the other; the feed of each goes on behind the last one's."""
    next_feed()
    return _socket_server


def next_feed() -> None:
    """Puts the head of this test's feed behind all that were before."""
    continue_feed(next(_feeds))
