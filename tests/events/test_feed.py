"""`GET /api/v1/events/`: the gapless feed."""

import pytest

from pms_backend.api import context
from pms_backend.events import services
from tests.conftest import ClientWith, JSONClient
from tests.events.examples import OtherHappened, ThingMoved, happen

FEED = "/api/v1/events/"

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def reader(client_with: ClientWith) -> JSONClient:
    return client_with(["events:read"])


@pytest.fixture
def five() -> None:
    """Five published events, and one that is only recorded."""
    with context.bind(actor="client:shop", request_id="r-1"):
        happen("a", "b")
    happen("a", kind=ThingMoved)
    happen("c", kind=OtherHappened)
    happen("d")
    services.relay_pending()
    happen("unpublished")


def asked(reader: JSONClient, **query: object) -> tuple[list[int], int, bool]:
    response = reader.get(FEED, query)
    assert response.status_code == 200, response.content
    body = response.json()
    return [event["sequence"] for event in body["results"]], body["next_after"], body["has_more"]


def test_an_empty_feed_begins_at_0(reader: JSONClient):
    assert asked(reader) == ([], 0, False)


@pytest.mark.usefixtures("five")
def test_an_event_is_shown_whole(reader: JSONClient):
    event = reader.get(FEED).json()["results"][0]

    identity, occurred_at = event.pop("id"), event.pop("occurred_at")
    assert identity.startswith("evt_")
    assert occurred_at.endswith("Z")
    assert event == {
        "sequence": 1,
        "type": "thing.happened",
        "subject": "thing:a",
        "actor": "client:shop",
        "request_id": "r-1",
        "data": {"thing": "a"},
    }


@pytest.mark.usefixtures("five")
def test_it_shows_what_is_published_oldest_first(reader: JSONClient):
    assert asked(reader) == ([1, 2, 3, 4, 5], 5, False)


@pytest.mark.usefixtures("five")
def test_it_is_read_piece_by_piece(reader: JSONClient):
    assert asked(reader, limit=2) == ([1, 2], 2, True)
    assert asked(reader, limit=2, after=2) == ([3, 4], 4, True)
    assert asked(reader, limit=2, after=4) == ([5], 5, False)
    assert asked(reader, limit=2, after=5) == ([], 5, False)


@pytest.mark.usefixtures("five")
def test_an_exact_fit_has_no_more(reader: JSONClient):
    assert asked(reader, limit=5) == ([1, 2, 3, 4, 5], 5, False)


@pytest.mark.usefixtures("five")
def test_a_reader_at_the_head_stays_where_it_is(reader: JSONClient):
    assert asked(reader, after=5) == ([], 5, False)


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("types", "sequences"),
    [
        ("thing.moved", [3]),
        ("thing.*", [1, 2, 3, 5]),
        ("thing.moved,other.*", [3, 4]),
        ("*", [1, 2, 3, 4, 5]),
        ("thing", []),
        ("thing.%", []),
        ("nothing.*", []),
        ("other.happened,thing.*,thing.moved", [1, 2, 3, 4, 5]),
    ],
)
def test_types_are_named_or_matched_by_their_beginning(reader: JSONClient, types: str, sequences: list[int]):
    assert asked(reader, types=types) == (sequences, 5, False)


@pytest.mark.usefixtures("five")
def test_a_filtered_reader_passes_what_it_did_not_ask_for(reader: JSONClient):
    assert asked(reader, types="thing.*", limit=3) == ([1, 2, 3], 3, True)
    assert asked(reader, types="thing.*", limit=3, after=3) == ([5], 5, False)
    assert asked(reader, types="other.*", after=4) == ([], 5, False)


@pytest.mark.usefixtures("five")
def test_one_subjects_events_are_in_their_order(reader: JSONClient):
    assert asked(reader, subject="thing:a") == ([1, 3], 5, False)
    assert asked(reader, subject="thing:a", types="thing.moved") == ([3], 5, False)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [({"limit": 501}, "/limit"), ({"limit": 0}, "/limit"), ({"after": -1}, "/after"), ({"after": "x"}, "/after"),
     ({"tpyes": "stock.*"}, "/tpyes")],
)  # fmt: skip
def test_what_cannot_be_asked_is_422(reader: JSONClient, query: dict, pointer: str):
    response = reader.get(FEED, query)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("query", "queries"), [({}, 3), ({"subject": "thing:a"}, 3), ({"types": "thing.*,other.happened"}, 4)]
)
def test_it_costs_the_same_for_any_number_of_events(
    reader: JSONClient, query: dict, queries: int, django_assert_num_queries
):
    reader.get(FEED)  # caches the API key, whose lookup is not counted

    with django_assert_num_queries(queries):
        reader.get(FEED, query)


def test_it_is_for_those_with_the_scope(client_with: ClientWith):
    assert client_with(["inventory:read", "products:read"]).get(FEED).status_code == 403
