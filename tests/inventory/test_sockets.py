"""The messages of `/ws/stock/` and its errors."""

import json

import pytest
from django.core.management import call_command

from inventory import services
from inventory.socket_limits import MAX_LOCATIONS, MAX_MESSAGE_BYTES, MAX_SKUS
from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event, head_sequence
from pms_backend.events.services import relay_pending
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.inventory.model.warehouse import LevelKey
from tests.sockets import Socket, SocketServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(sockets: SocketServer) -> str:
    """Creates two SKUs at two locations, 10 units each, and returns an API key that may read stock."""
    for code in ("main", "back"):
        make_location(code)
    for sku in ("A-1", "B-2"):
        make_product(sku)
        for code in ("main", "back"):
            set_stock(sku, code, 10)
    relay_pending()
    return create_api_client(name="screen", scopes=["inventory:read"]).api_key


def publish_changes(*levels: LevelKey) -> None:
    """Adds one unit to each level, and publishes these changes."""
    for sku, location in levels:
        services.adjust_stock(sku=sku, location=location, delta=1, reason="receipt")
    relay_pending()


ALL = [("A-1", "main"), ("A-1", "back"), ("B-2", "main"), ("B-2", "back")]


def levels_of(snapshot: dict) -> list[LevelKey]:
    return [(level["sku"], level["location"]) for level in snapshot["levels"]]


def change_all_levels(socket: Socket) -> list[LevelKey]:
    """Changes every level, and returns the levels of the changes that the connection receives."""
    assert socket.ask(action="ping") == {"type": "pong"}
    publish_changes(*ALL)
    # This snapshot marks the end: all changes are sent before it.
    socket.send(action="subscribe", skus=["unknown"])
    changed = []
    while (message := socket.receive())["type"] != "snapshot":
        if message["type"] == "stock.changed":
            changed.append((message["level"]["sku"], message["level"]["location"]))
    return changed


@pytest.mark.parametrize(
    ("selection", "levels"),
    [
        ({"all": True}, ALL),
        ({"skus": ["a-1 "]}, ALL[:2]),
        ({"skus": ["A-1", "B-2", "unknown"]}, ALL),
        ({"locations": ["main"]}, [ALL[0], ALL[2]]),
        ({"skus": ["A-1"], "locations": ["main"]}, [ALL[0]]),
        ({"skus": ["A-1"], "locations": ["nowhere"]}, []),
        ({"skus": ["\x00"]}, []),
        ({"all": True, "skus": ["A-1"]}, ALL),
        ({"skus": ["A-1"], "locations": []}, ALL[:2]),
    ],
)
def test_a_subscription_sends_a_snapshot_and_then_the_changes(
    sockets: SocketServer, key: str, selection: dict, levels: list
) -> None:
    with sockets.socket(key) as socket:
        snapshot = socket.subscribe(**selection)
        changes = change_all_levels(socket)

    assert sorted(levels_of(snapshot)) == sorted(levels)
    assert snapshot["sequence"] == head_sequence() - 4
    assert "reset" not in snapshot
    assert changes == levels


def test_levels_are_the_same_as_in_the_api(sockets: SocketServer, key: str) -> None:
    with sockets.socket(key) as socket:
        snapshot = socket.subscribe(skus=["A-1"])
        publish_changes(("A-1", "main"))
        change = socket.next("stock.changed")

    client = JSONClient(headers={"X-Api-Key": key})
    levels = client.get("/api/v1/inventory/levels/A-1/").json()["levels"]
    by_location = {level["location"]: level for level in snapshot["levels"]}
    assert by_location["back"] in levels
    assert change == {"type": "stock.changed", "sequence": head_sequence(), "level": change["level"]}
    assert change["level"] in levels
    assert change["level"]["version"] == by_location["main"]["version"] + 1


def test_subscriptions_add_up_and_each_keeps_its_locations(sockets: SocketServer, key: str) -> None:
    with sockets.socket(key) as socket:
        socket.subscribe(skus=["A-1"], locations=["main"])
        socket.subscribe(skus=["B-2"])
        changes = change_all_levels(socket)

    assert changes == [ALL[0], ALL[2], ALL[3]]


@pytest.mark.parametrize(
    ("selection", "levels"),
    [
        ({"skus": ["A-1"]}, ALL[2:]),
        ({"skus": ["A-1"], "locations": ["main"]}, ALL[1:]),
        ({"locations": ["main"]}, ALL),
        ({"all": True}, []),
    ],
)
def test_unsubscribed_changes_are_not_sent(sockets: SocketServer, key: str, selection: dict, levels: list) -> None:
    with sockets.socket(key) as socket:
        socket.subscribe(skus=["A-1", "B-2"], locations=["main", "back"])
        socket.send(action="unsubscribe", **selection)
        changes = change_all_levels(socket)

    assert changes == levels


def test_a_snapshot_with_after_has_only_the_levels_that_changed_since(sockets: SocketServer, key: str) -> None:
    before = head_sequence()
    publish_changes(ALL[0], ALL[0], ALL[3])

    with sockets.socket(key) as socket:
        everything = socket.subscribe(all=True, after=before)
        some = socket.subscribe(skus=["B-2"], after=before)
        nothing = socket.subscribe(all=True, after=head_sequence())

    assert sorted(levels_of(everything)) == sorted([ALL[0], ALL[3]])
    assert {level["on_hand"] for level in everything["levels"]} == {12, 11}
    assert levels_of(some) == [ALL[3]]
    assert nothing["levels"] == []
    assert {snapshot["sequence"] for snapshot in (everything, some, nothing)} == {head_sequence()}
    assert not any("reset" in snapshot for snapshot in (everything, some, nothing))


def test_an_expired_or_unknown_sequence_returns_the_whole_state(sockets: SocketServer, key: str) -> None:
    oldest = Event.objects.order_by("sequence").values_list("sequence", flat=True)[0]

    with sockets.socket(key) as socket:
        retained = socket.subscribe(all=True, after=oldest - 1)
        expired = socket.subscribe(all=True, after=oldest - 2)
        unknown = socket.subscribe(skus=["A-1"], after=head_sequence() + 1)
        beyond_all = socket.subscribe(locations=["main"], after=2**64 - 1)

    assert ("reset" in retained, len(retained["levels"])) == (False, 4)
    assert [snapshot["reset"] for snapshot in (expired, unknown, beyond_all)] == [True, True, True]
    assert [len(snapshot["levels"]) for snapshot in (expired, unknown, beyond_all)] == [4, 2, 2]


def test_pending_changes_are_sent_before_a_second_snapshot(sockets: SocketServer, key: str) -> None:
    """Otherwise a client that resumes `after` the snapshot's sequence would miss them."""
    with sockets.socket(key) as socket:
        socket.subscribe(skus=["A-1"])
        publish_changes(ALL[0])
        socket.send(action="subscribe", skus=["B-2"])
        order = [socket.receive()["type"], socket.receive()["type"]]

    assert order == ["stock.changed", "snapshot"]


def test_a_heartbeat_has_the_sequence_up_to_which_all_changes_were_sent(sockets: SocketServer, key: str) -> None:
    # The real interval is waited for in tests/flows/test_main_job.py.
    server = SocketServer("hub.HEARTBEAT_SECONDS = 1").start()
    try:
        with server.socket(key) as socket:
            socket.subscribe(skus=["A-1"])
            publish_changes(ALL[2])
            while (heartbeat := socket.receive(15))["sequence"] < head_sequence():
                continue
    finally:
        server.kill()

    assert heartbeat == {"type": "heartbeat", "sequence": head_sequence()}


BAD = [
    ("", "malformed"),
    ("{", "malformed"),
    ("[]", "malformed"),
    ("null", "malformed"),
    ("NaN", "malformed"),
    ("[" * 100_000, "malformed"),
    (b'{"action": "ping"}', "malformed"),
    ("{}", "unknown_action"),
    ('{"action": null}', "unknown_action"),
    ('{"action": ["ping"]}', "unknown_action"),
    ('{"action": "drop"}', "unknown_action"),
    ('{"action": "subscribe"}', "malformed"),
    ('{"action": "subscribe", "all": false}', "malformed"),
    ('{"action": "subscribe", "all": 1}', "malformed"),
    ('{"action": "subscribe", "skus": []}', "malformed"),
    ('{"action": "subscribe", "skus": "A-1"}', "malformed"),
    ('{"action": "subscribe", "skus": {"A-1": 1}}', "malformed"),
    ('{"action": "subscribe", "skus": [1]}', "malformed"),
    ('{"action": "subscribe", "locations": [null]}', "malformed"),
    ('{"action": "subscribe", "locations": 7, "all": true}', "malformed"),
    ('{"action": "subscribe", "all": true, "after": -1}', "malformed"),
    ('{"action": "subscribe", "all": true, "after": "1"}', "malformed"),
    ('{"action": "subscribe", "all": true, "after": 1.0}', "malformed"),
    ('{"action": "subscribe", "all": true, "after": true}', "malformed"),
    ('{"action": "subscribe", "all": true, "after": 99999999999999999999}', "malformed"),
    ('{"action": "unsubscribe"}', "malformed"),
    (json.dumps({"action": "subscribe", "skus": [f"{number}" for number in range(MAX_SKUS + 1)]}), "too_many_skus"),
    (
        json.dumps({"action": "subscribe", "locations": [f"{number}" for number in range(MAX_LOCATIONS + 1)]}),
        "too_many_locations",
    ),
]


def test_an_invalid_message_is_an_error_and_the_connection_stays_open(sockets: SocketServer, key: str) -> None:
    answers = []

    with sockets.socket(key) as socket:
        for text, _ in BAD:
            socket.connection.send(text)
            answers.append(socket.receive())
        alive = socket.ask(action="ping")
        snapshot = socket.subscribe(all=True)

    assert [answer["type"] for answer in answers] == ["error"] * len(BAD)
    assert [answer["code"] for answer in answers] == [code for _, code in BAD]
    assert all(answer["detail"] for answer in answers)
    assert alive == {"type": "pong"}
    assert len(snapshot["levels"]) == 4


def test_the_limits_apply_to_all_subscriptions_of_a_connection_together(sockets: SocketServer, key: str) -> None:
    skus = [f"S-{number}" for number in range(MAX_SKUS)]
    locations = [f"L-{number}" for number in range(MAX_LOCATIONS)]

    with sockets.socket(key) as socket:
        socket.subscribe(skus=skus, locations=locations)
        one_more_sku = socket.ask(action="subscribe", skus=["A-1"])
        one_more_location = socket.ask(action="subscribe", locations=["main"])
        repeated = socket.subscribe(skus=skus[:5])
        next_reply = socket.ask(action="ping")

    assert (one_more_sku["code"], one_more_location["code"]) == ("too_many_skus", "too_many_locations")
    assert repeated["levels"] == []
    assert next_reply == {"type": "pong"}


def test_a_message_larger_than_allowed_closes_the_connection(sockets: SocketServer, key: str) -> None:
    with sockets.socket(key) as socket:
        socket.send(action="ping", padding="x" * MAX_MESSAGE_BYTES)

        assert socket.closed() == 1009


def test_another_path_is_not_a_socket(sockets: SocketServer, key: str) -> None:
    with pytest.raises(Exception, match="403"):
        sockets.socket(key, query="../nowhere/")


def test_after_a_restore_sockets_are_closed_and_get_the_whole_state(sockets: SocketServer, key: str) -> None:
    with sockets.socket(key) as socket:
        before = socket.subscribe(all=True)["sequence"]
        call_command("continue_after_restore", "--skip", "100")

        assert socket.closed() == 1012

    with sockets.socket(key) as socket:
        snapshot = socket.subscribe(all=True, after=before)
    assert (snapshot["sequence"], snapshot["reset"], len(snapshot["levels"])) == (before + 100, True, 4)
