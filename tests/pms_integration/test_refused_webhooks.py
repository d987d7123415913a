"""Refused webhooks are counted on their connection: shown with the reason, and cheap however many come."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks import Webhook

from pms_backend.api import redis_pipeline
from pms_integration import services
from pms_integration.models import PMSConnection, PMSEvent
from pms_integration.services import WebhookRefusal
from tests.conftest import JSONClient
from tests.factories import make_connection
from tests.outages import redis_down
from tests.staff import staff_with, superuser
from webhooks.views import MAX_BODY_BYTES

pytestmark = pytest.mark.django_db

LIST = "/admin/pms_integration/pmsconnection/"
BODY = b'{"type": "inventory.updated", "data": {}}'


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection()


def post(pms: PMSConnection, body: bytes = BODY, *, secret: str = "", age: float = 0, slug: str = "", **headers: str):
    at = datetime.now(tz=UTC) - timedelta(seconds=age)
    signed = {
        "webhook-id": "m-1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret or pms.secret).sign("m-1", at, body.decode()),
        **headers,
    }
    address = f"/api/v1/webhooks/pms/{slug or pms.slug}/"
    return Client().post(address, data=body, content_type="application/json", headers=signed)


def forge(pms: PMSConnection):
    return post(pms, secret=services.connections.new_secret())


def reason(pms: PMSConnection) -> str:
    return services.refused_webhooks()[pms.slug].last_reason


def test_each_refusal_has_its_reason(pms: PMSConnection):
    assert (forge(pms).status_code, reason(pms)) == (401, "wrong_signature")
    assert (post(pms, **{"webhook-signature": ""}).status_code, reason(pms)) == (401, "no_signature")
    assert (post(pms, age=301).status_code, reason(pms)) == (401, "stale")
    assert (post(pms, b"[]").status_code, reason(pms)) == (400, "not_json")
    assert (post(pms, b" " * (MAX_BODY_BYTES + 1)).status_code, reason(pms)) == (413, "too_large")

    assert services.refused_webhooks()[pms.slug].count == 5
    assert not PMSEvent.objects.exists()


def test_the_sender_is_told_the_same_whatever_is_wrong_with_the_signature(pms: PMSConnection):
    answers = [forge(pms), post(pms, **{"webhook-signature": ""}), post(pms, age=301)]

    assert len({(answer.status_code, answer.json()["code"], answer.json()["detail"]) for answer in answers}) == 1


def test_what_is_accepted_is_not_counted(pms: PMSConnection):
    assert [post(pms).status_code, post(pms).status_code] == [202, 200]

    assert services.refused_webhooks() == {}


@pytest.mark.parametrize("body", [BODY, b" " * (MAX_BODY_BYTES + 1)], ids=["forged", "too large"])
def test_a_connection_that_does_not_exist_is_not_counted(pms: PMSConnection, body: bytes):
    assert post(pms, body, slug="nobody").status_code in (404, 413)

    assert services.refused_webhooks() == {}
    assert not cache.client.get_client().keys("*refused-webhooks*")


def test_many_forged_webhooks_write_nothing_and_keep_three_values(pms: PMSConnection):
    with CaptureQueriesContext(database) as statements:
        for _ in range(60):
            assert forge(pms).status_code in (401, 429)

    # The version of the connection that refuses is looked up, as before.
    assert {statement["sql"].split()[0] for statement in statements} == {"SELECT"}
    assert len(statements) <= 61
    redis = cache.client.get_client()
    keys = redis.keys("*refused-webhooks*")
    # Two at the turn of an hour.
    assert len(keys) <= 2
    assert all(redis.hlen(key) == 3 and 0 < redis.ttl(key) <= 25 * 3600 for key in keys)
    assert services.refused_webhooks()[pms.slug].count == 60


def test_it_counts_the_last_24_hours_of_each_connection(pms: PMSConnection, monkeypatch: pytest.MonkeyPatch):
    other, now = make_connection("other"), datetime.now(UTC).replace(minute=30, second=0, microsecond=0)

    def refuse(connection: PMSConnection, hours_ago: int, why: WebhookRefusal) -> None:
        at(now - timedelta(hours=hours_ago))
        services.count_refused_webhook(slug=connection.slug, reason=why)

    def at(moment: datetime) -> None:
        monkeypatch.setattr(time, "time", moment.timestamp)

    for hours_ago in (24, 23, 2, 2):
        refuse(pms, hours_ago, WebhookRefusal.WRONG_SIGNATURE)
    refuse(other, 0, WebhookRefusal.STALE)

    ours, theirs = (services.refused_webhooks()[each.slug] for each in (pms, other))

    assert (ours.count, ours.since, ours.last_at) == (3, now - timedelta(hours=23), now - timedelta(hours=2))
    assert (theirs.count, theirs.since, theirs.last_at, theirs.last_reason) == (1, now, now, "stale")
    assert (ours.last_reason, ours.is_recent) == ("wrong_signature", False)


@pytest.mark.parametrize("rates", ["off", '{"webhooks": "1/minute"}'], ids=["no limit", "above the limit"])
def test_a_forged_webhook_costs_one_round_trip_with_its_limit(
    pms: PMSConnection, rates: str, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.RATE_LIMITS = rates
    forge(pms)
    trips = []

    def counted(self: Any, packed: bytes, count: int) -> Any:
        trips.append(packed)
        return exchange(self, packed, count)

    exchange = redis_pipeline._ThreadConnection.exchange
    monkeypatch.setattr(redis_pipeline._ThreadConnection, "exchange", counted)
    forge(pms)
    monkeypatch.undo()

    assert (len(trips), services.refused_webhooks()[pms.slug].count) == (1, 2)


def test_a_count_that_is_half_written_is_not_shown(pms: PMSConnection):
    forge(pms)
    redis = cache.client.get_client()
    [key] = redis.keys("*refused-webhooks*")

    for fact in ("first", "last"):
        kept = redis.hget(key, f"{pms.slug}:{fact}")
        redis.hdel(key, f"{pms.slug}:{fact}")
        assert services.refused_webhooks() == {}
        assert superuser(fact).get(LIST).status_code == 200
        redis.hset(key, f"{pms.slug}:{fact}", kept)

    assert services.refused_webhooks()[pms.slug].count == 1


def test_without_redis_webhooks_are_refused_and_received_as_before(pms: PMSConnection):
    with redis_down():
        refused, received = forge(pms), post(pms)

        assert (refused.status_code, received.status_code) == (401, 202)
        assert services.refused_webhooks() == {}
        assert superuser().get(LIST).status_code == 200


def test_the_page_and_the_list_say_how_many_and_why(pms: PMSConnection):
    client, quiet = superuser(), make_connection("quiet")
    assert "refused" not in client.get(f"{LIST}{pms.pk}/change/").context["refused_in_words"]
    for _ in range(2):
        forge(pms)

    page = client.get(f"{LIST}{pms.pk}/change/")

    words = page.context["refused_in_words"]
    assert words.startswith("2 webhooks were refused since ")
    assert words.endswith(": its signature does not match. Was the secret changed?")
    assert words in page.content.decode()
    assert client.get(LIST).content.decode().count(words) == 1
    listed = client.get(f"{LIST}?webhooks=refused").context["cl"].result_list
    assert ([row.pk for row in listed], quiet.pk in [row.pk for row in listed]) == ([pms.pk], False)


def test_the_dashboard_says_so_to_whoever_can_do_something_about_it(pms: PMSConnection):
    forge(pms)
    texts = [
        [item.text for item in client.get("/admin/").context["to_do"] or []]
        for client in (
            staff_with("pms_integration.change_pmsconnection"),
            staff_with("pms_integration.view_pmsconnection", "inventory.change_transfer", name="eva"),
        )
    ]

    assert texts == [["Webhooks of 1 PMS were refused in the last hour"], []]


def test_the_api_shows_the_same(pms: PMSConnection, api: JSONClient):
    make_connection("quiet")
    before = timezone.now() - timedelta(seconds=1)
    forge(pms)

    states = {row["slug"]: row["state"] for row in api.get("/api/v1/pms/connections/").json()["results"]}

    refused = states["demo"]["refused_webhooks"]
    assert (refused["count_24h"], refused["last_reason"]) == (1, "wrong_signature")
    assert before <= datetime.fromisoformat(refused["last_at"]) <= timezone.now()
    assert states["quiet"]["refused_webhooks"] == {"count_24h": 0, "last_at": None, "last_reason": None}
