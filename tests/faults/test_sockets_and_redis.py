"""Sockets stay connected and miss nothing when Redis, the relay or the hub's database connection fails."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker
from redis import Redis
from redis.exceptions import RedisError

from inventory import services
from inventory.models import StockLevel
from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event, head_sequence
from tests.conftest import next_feed
from tests.factories import make_location, make_product
from tests.faults.celery_processes import ROOT, database_url
from tests.faults.own_redis import OwnRedis
from tests.sockets import Socket, SocketServer
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

SKUS = [f"A-{number}" for number in range(20)]
BULK_ROWS = 10_000
PATIENCE_SECONDS = 60
END_ALL_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


class Relay:
    """The relay's process, which is started again when it has died."""

    def __init__(self, redis_url: str) -> None:
        self.environment = {**os.environ, "DATABASE_URL": database_url(), "REDIS_URL": redis_url}
        self.start()

    def start(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.faults.relay_process", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def module_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path_factory.mktemp("own") / "redis")
    yield redis
    redis.processes.close()


@pytest.fixture
def redis(module_redis: OwnRedis) -> OwnRedis:
    """A Redis that runs, whatever the test before has done to it."""
    if module_redis.is_killed:
        module_redis.start()
    return module_redis


@pytest.fixture
def relay(redis: OwnRedis, transactional_db: None) -> Iterator[Relay]:
    next_feed()
    relay = Relay(redis.url)
    yield relay
    relay.kill()


@pytest.fixture(scope="module")
def module_server(
    module_redis: OwnRedis, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[SocketServer]:
    with django_db_blocker.unblock():
        server = SocketServer(REDIS_URL=module_redis.url).start()
    yield server
    server.kill()


@pytest.fixture
def server(module_server: SocketServer, redis: OwnRedis, transactional_db: None) -> SocketServer:
    """The socket server, which serves one test after the other."""
    return module_server


@pytest.fixture
def watching(server: SocketServer, relay: Relay) -> Iterator[list[Socket]]:
    """Two clients that watch everything, and one that watches one SKU."""
    make_location("main")
    for sku in SKUS:
        make_product(sku)
    key = create_api_client(name="screen", scopes=["inventory:read"]).api_key
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(server.socket(key)) for _ in range(3)]
        for socket, wanted in zip(sockets, ({"all": True}, {"all": True}, {"skus": SKUS[-1:]}), strict=True):
            socket.subscribe(**wanted)
        yield sockets


def change_all(times: int = 1) -> None:
    for _ in range(times):
        for sku in SKUS:
            services.adjust_stock(sku=sku, location="main", delta=1, reason="receipt")


def assert_none_missed(watching: list[Socket]) -> None:
    """Each has received every change that it watches, once, in order, and has the current levels."""
    wait_until(lambda: not Event.objects.filter(sequence=None).exists())
    head = head_sequence()
    for socket in watching:
        socket.receive_until(lambda socket=socket: socket.sequence >= head)
    changes = Event.objects.filter(type="stock.changed").order_by("sequence")
    everything = list(changes.values_list("sequence", flat=True))
    one = list(changes.filter(subject=f"level:main/{SKUS[-1]}").values_list("sequence", flat=True))
    assert [socket.sequences for socket in watching] == [everything, everything, one]
    shown = dict(StockLevel.objects.values_list("variant__sku", "on_hand"))
    for socket in watching:
        levels = {sku: level["on_hand"] for (sku, _), level in socket.levels.items()}
        assert levels == {sku: shown[sku] for sku in levels}


def test_redis_is_flushed(watching: list[Socket], redis: OwnRedis) -> None:
    change_all()
    redis.flush()
    change_all()
    redis.flush()
    change_all()

    assert_none_missed(watching)


def test_redis_is_killed_and_started_again(watching: list[Socket], redis: OwnRedis) -> None:
    change_all()
    redis.kill()
    change_all()
    assert_none_missed(watching)
    redis.start()
    change_all()

    assert_none_missed(watching)
    # Wake-ups arrive again: the group has a member.
    with contextlib.suppress(RedisError):
        wait_until(lambda: Redis.from_url(f"{redis.url}/2").zcard("pms:group:stock-hubs") == 1)


def test_a_socket_can_be_opened_without_redis(
    watching: list[Socket], server: SocketServer, redis: OwnRedis, relay: Relay
) -> None:
    redis.kill()
    key = create_api_client(name="late", scopes=["inventory:read"]).api_key

    with server.socket(key) as late:
        assert late.subscribe(all=True)["levels"] == []
        change_all()
        assert_none_missed(watching)
        late.receive_until(lambda: len(late.sequences) == len(SKUS))


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_relay_dies_between_its_commit_and_its_wake_up(watching: list[Socket], relay: Relay, times: int) -> None:
    change_all()
    relay.kill()
    for _ in range(times):
        change_all()
        relay.start("--die-before-its-wake-up")
        assert relay.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    relay.start()
    change_all()

    assert_none_missed(watching)


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_the_hub_loses_its_database_connections(watching: list[Socket], relay: Relay, times: int) -> None:
    for _ in range(times):
        change_all()
        assert_none_missed(watching)
        relay.kill()
        with connection.cursor() as cursor:
            cursor.execute(END_ALL_OTHERS)
            assert cursor.fetchone()[0] > 0
        change_all()
        relay.start()

    assert_none_missed(watching)


def test_a_bulk_of_ten_thousand(watching: list[Socket]) -> None:
    rows = [
        services.Adjustment(index=index, sku=SKUS[index % len(SKUS)], location="main", delta=1, reason="receipt")
        for index in range(BULK_ROWS)
    ]

    services.adjust_stock_in_bulk(rows=rows)

    assert_none_missed(watching)
    assert len(watching[0].sequences) == BULK_ROWS


def test_the_socket_server_is_killed_and_clients_resume(watching: list[Socket], server: SocketServer) -> None:
    change_all()
    for socket in watching:
        socket.receive_until(lambda socket=socket: socket.sequence > 0)
    server.kill()
    change_all(2)
    server.start()

    key = create_api_client(name="screen", scopes=["inventory:read"]).api_key
    with server.socket(key) as resumed:
        before = watching[0]
        resumed.levels = before.levels
        snapshot = resumed.subscribe(all=True, after=before.sequence)
        wait_until(lambda: not Event.objects.filter(sequence=None).exists())
        resumed.receive_until(lambda: resumed.sequence >= head_sequence())

    assert "reset" not in snapshot
    shown = dict(StockLevel.objects.values_list("variant__sku", "on_hand"))
    assert {sku: level["on_hand"] for (sku, _), level in resumed.levels.items()} == shown == dict.fromkeys(SKUS, 3)
