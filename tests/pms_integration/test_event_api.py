"""`GET /pms/events/{id}/`: a webhook with the headers and the body that came."""

import pytest

from tests.conftest import ClientWith, JSONClient
from tests.factories import make_connection, store_webhook
from webhooks.views import MAX_BODY_BYTES

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/pms/events/"
HEADERS = {"x-topic": "products/update"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"a": 1.10}', '{"a": 1.10}'),
        (b'{"a": "\\u0000"}', '{"a": "\\u0000"}'),
        (b"\xff\x00", "\N{REPLACEMENT CHARACTER}\x00"),
        (b"x" * MAX_BODY_BYTES, "x" * MAX_BODY_BYTES),
        (b"", ""),
    ],
    ids=["JSON", "escaped", "binary", "huge", "empty"],
)
def test_one_event_has_its_headers_and_all_of_its_body(api: JSONClient, body: bytes, text: str) -> None:
    event = store_webhook(connection=make_connection(), webhook_id="m-1", type="x", body=body, headers=HEADERS)

    shown = api.get(f"{EVENTS}{event.pk}/").json()

    assert (shown["headers"], shown["body"]) == (HEADERS, text)


def test_a_list_has_neither(api: JSONClient) -> None:
    store_webhook(connection=make_connection(), webhook_id="m-1", type="x", body=b"{}", headers=HEADERS)

    assert not {"headers", "body"} & set(api.get(EVENTS).json()["results"][0])


def test_the_body_may_hold_costs_and_needs_the_scope_that_shows_them(client_with: ClientWith) -> None:
    event = store_webhook(connection=make_connection(), webhook_id="m-1", type="x", body=b"{}", headers=HEADERS)

    shown = client_with(["pms:read"]).get(f"{EVENTS}{event.pk}/").json()

    assert (shown["headers"], shown["body"]) == (HEADERS, None)
