"""`POST /api/v1/webhooks/pms/{slug}/`: each response of the contract, and what is stored."""

import base64
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone
from standardwebhooks import Webhook

from pms_integration import services
from pms_integration.models import PMSConnection, PMSEvent
from tests.factories import make_connection
from webhooks.views import MAX_BODY_BYTES

pytestmark = [pytest.mark.django_db, pytest.mark.database]

BODY = orjson.dumps({"type": "inventory.updated", "timestamp": "2026-01-01T00:00:00Z", "data": {"é": 1}})


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection("demo")


def post(body: bytes, secret: str, *, webhook_id: str = "m-1", age: float = 0, slug: str = "demo", **headers: str):
    moment = datetime.now(tz=UTC) - timedelta(seconds=age)
    signed = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, moment, body.decode(errors="replace")),
        **headers,
    }
    return Client().post(
        f"/api/v1/webhooks/pms/{slug}/", data=body, content_type="application/json",
        headers={name: value for name, value in signed.items() if value},
    )  # fmt: skip


def assert_refused(response, status: int, code: str) -> None:
    assert (response.status_code, response["content-type"]) == (status, "application/problem+json")
    assert response.json()["code"] == code
    assert not PMSEvent.objects.exists()


def test_a_signed_webhook_is_stored_as_its_bytes_and_accepted(pms: PMSConnection) -> None:
    response = post(BODY, pms.secret)

    assert (response.status_code, response.json()) == (202, {"id": "m-1", "status": "received"})
    event = PMSEvent.objects.get()
    assert (bytes(event.body), event.type, event.attempts) == (BODY, "inventory.updated", 0)


def test_the_same_id_again_is_a_duplicate_and_changes_nothing(pms: PMSConnection) -> None:
    post(BODY, pms.secret)

    response = post(b'{"type": "other"}', pms.secret)

    assert response.status_code == 200
    assert response.json() == {"id": "m-1", "status": "received", "duplicate": True}
    assert bytes(PMSEvent.objects.get().body) == BODY


def test_the_same_id_of_another_connection_is_another_webhook(pms: PMSConnection) -> None:
    other = make_connection("other")
    post(BODY, pms.secret)

    assert post(BODY, other.secret, slug="other").status_code == 202
    assert PMSEvent.objects.count() == 2


def test_both_secrets_are_good_while_one_is_rotated_and_the_first_is_not_after_the_next(pms: PMSConnection) -> None:
    first = pms.secret
    second = services.rotate_secret(connection_id=pms.pk)

    assert post(BODY, first, webhook_id="m-1").status_code == 202
    assert post(BODY, second, webhook_id="m-2").status_code == 202

    services.rotate_secret(connection_id=pms.pk)
    assert post(BODY, first, webhook_id="m-3").status_code == 401


GOOD = "GOOD"
OTHER = "v1," + base64.b64encode(b"0" * 32).decode()


def test_the_previous_secret_is_good_for_a_day_after_a_rotation(pms: PMSConnection) -> None:
    before, rotated_at = pms.secret, timezone.now()
    after = services.rotate_secret(connection_id=pms.pk)
    pms.refresh_from_db()
    until = pms.previous_secret_until
    assert timedelta(0) <= until - rotated_at - timedelta(hours=24) < timedelta(minutes=1)

    PMSConnection.objects.update(previous_secret_until=timezone.now() + timedelta(minutes=1))
    assert post(BODY, before, webhook_id="m-1").status_code == 202

    PMSConnection.objects.update(previous_secret_until=timezone.now())
    assert post(BODY, before, webhook_id="m-2").status_code == 401
    assert post(BODY, after, webhook_id="m-3").status_code == 202
    assert list(PMSEvent.objects.order_by("id").values_list("webhook_id", flat=True)) == ["m-1", "m-3"]


def test_the_previous_secret_ends_although_nothing_is_written(
    pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process remembers the row, which does not change when the day is over."""
    before = pms.secret
    services.rotate_secret(connection_id=pms.pk)
    assert post(BODY, before, webhook_id="m-1").status_code == 202

    a_day_later = timezone.now() + timedelta(hours=24)
    monkeypatch.setattr(timezone, "now", lambda: a_day_later)

    assert post(BODY, before, webhook_id="m-2").status_code == 401


def test_a_rotation_at_once_ends_both_secrets_before(pms: PMSConnection) -> None:
    first = pms.secret
    second = services.rotate_secret(connection_id=pms.pk)

    third = services.rotate_secret(connection_id=pms.pk, at_once=True)

    assert [post(BODY, secret).status_code for secret in (first, second)] == [401, 401]
    assert not PMSEvent.objects.exists()
    assert post(BODY, third).status_code == 202


def post_list(pms: PMSConnection, entries: str):
    good = Webhook(pms.secret).sign("m-1", datetime.now(tz=UTC), BODY.decode())
    return post(BODY, pms.secret, **{"webhook-signature": entries.replace(GOOD, good)})


@pytest.mark.parametrize(
    "entries",
    [
        "v1,BADSIG GOOD v2,BADSIG",
        f"{OTHER}  GOOD",
        "  GOOD  ",
        "GOOD\tnonsense",
        "nonsense GOOD",
        "v1,, GOOD",
        "v1 GOOD",
        ", GOOD",
        "v1, GOOD",
        "v1a,x GOOD",
        "v1,==== GOOD",
        f"v1,{base64.b64encode(b'0' * 31).decode()} GOOD",
        f"v1,{base64.b64encode(b'0' * 64).decode()} GOOD",
        f"{OTHER},more GOOD",
        "v1,\u00e9 GOOD",
        "GOOD GOOD",
        " ".join([*["v1,BADSIG"] * 500, "GOOD"]),
    ],
)
def test_one_good_entry_of_a_list_counts_whatever_else_stands_there(pms: PMSConnection, entries: str) -> None:
    assert post_list(pms, entries).status_code == 202


@pytest.mark.parametrize("entries", ["v2,BADSIG", f"{OTHER} {OTHER}", "v2GOOD", "GOOD=", "GOOD,GOOD", "v1, v1,", " "])
def test_a_list_without_a_good_entry_is_401(pms: PMSConnection, entries: str) -> None:
    assert_refused(post_list(pms, entries), 401, "invalid_signature")


def test_each_entry_is_tried_with_each_secret_while_one_is_rotated(pms: PMSConnection) -> None:
    first = pms.secret
    services.rotate_secret(connection_id=pms.pk)
    entries = " ".join([OTHER, "v1,BADSIG", Webhook(first).sign("m-1", datetime.now(tz=UTC), BODY.decode())])

    assert post(BODY, first, **{"webhook-signature": entries}).status_code == 202


@pytest.mark.parametrize("write", ["{:_}", " {}", "+{}", "{}.5", "{:e}"])
def test_a_timestamp_is_ascii_digits(pms: PMSConnection, write: str) -> None:
    timestamp = write.format(int(datetime.now(tz=UTC).timestamp()))

    assert_refused(post(BODY, pms.secret, **{"webhook-timestamp": timestamp}), 401, "invalid_signature")


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": ""},
        {"webhook-id": ""},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "yesterday"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,\u00e9"},
        {"webhook-signature": "v2," + base64.b64encode(b"0" * 32).decode()},
        {"webhook-id": "m-2"},
        {"webhook-id": "x" * 256},
    ],
)
def test_a_bad_signature_is_401(pms: PMSConnection, headers: dict[str, str]) -> None:
    assert_refused(post(BODY, pms.secret, **headers), 401, "invalid_signature")


def test_a_forged_signature_is_401(pms: PMSConnection) -> None:
    assert_refused(post(BODY, "whsec_" + "QUJD" * 8), 401, "invalid_signature")


def test_a_signature_of_other_bytes_is_401(pms: PMSConnection) -> None:
    moment = datetime.now(tz=UTC)
    forged = Webhook(pms.secret).sign("m-1", moment, '{"type": "x"}')

    assert_refused(post(BODY, pms.secret, **{"webhook-signature": forged}), 401, "invalid_signature")


@pytest.mark.parametrize("age", [301, 3600, -302, -3600])
def test_a_stale_or_future_timestamp_is_401(pms: PMSConnection, age: float) -> None:
    assert_refused(post(BODY, pms.secret, age=age), 401, "invalid_signature")


@pytest.mark.parametrize("body", [b"{nope", b"[1]", b"", b"null", b'"text"', b'{"a": NaN}'])
def test_a_body_that_is_not_a_json_object_is_400(pms: PMSConnection, body: bytes) -> None:
    assert_refused(post(body, pms.secret), 400, "malformed")


def test_a_body_that_is_not_utf8_is_never_signed(pms: PMSConnection) -> None:
    assert_refused(post(b"\xff\xfe{}", pms.secret), 401, "invalid_signature")


def test_a_body_at_the_limit_is_accepted_and_one_byte_more_is_413(pms: PMSConnection) -> None:
    frame = len(b'{"text": ""}')
    assert_refused(post(b'{"text": "%s"}' % (b"x" * (MAX_BODY_BYTES - frame + 1)), pms.secret), 413, "too_large")
    assert post(b'{"text": "%s"}' % (b"x" * (MAX_BODY_BYTES - frame)), pms.secret).status_code == 202


def test_an_unknown_or_inactive_connection_is_404(pms: PMSConnection) -> None:
    assert_refused(post(BODY, pms.secret, slug="nobody"), 404, "not_found")
    PMSConnection.objects.update(is_active=False)
    assert_refused(post(BODY, pms.secret), 404, "not_found")


def test_a_webhook_is_posted(pms: PMSConnection) -> None:
    response = Client().get("/api/v1/webhooks/pms/demo/")

    assert (response.status_code, response["content-type"]) == (405, "application/problem+json")


def test_accepting_takes_three_statements_at_most(pms: PMSConnection, django_assert_max_num_queries) -> None:
    with django_assert_max_num_queries(3):
        assert post(BODY, pms.secret).status_code == 202
