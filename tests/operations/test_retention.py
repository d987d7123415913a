"""Tables that would only grow: the rows that are deleted, that stay, and that are never written."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from pms_backend.access import services as access
from pms_backend.access.models import AuditEntry
from pms_backend.access.tasks import prune_audit_log
from pms_backend.api import batches, context
from pms_backend.events.services import relay_pending
from pms_integration.models import PMSEvent
from pms_integration.services import retention
from pms_integration.tasks import prune_event_bodies
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product, store_webhook
from tests.pms_integration.reports import apply, figure, receive
from tests.webhooks.test_inbound import post

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_bodies_of_what_is_done_go_and_the_rows_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PRUNE_BATCH_SIZE", 1)
    make_product("A-1")
    demo = make_connection(owns=make_location("main"))
    old = [apply(demo, "inventory.updated", figure(3, minute=-1)), apply(demo, "unknown", {})]
    dead = apply(demo, "inventory.updated", {})
    PMSEvent.objects.update(processed_at=timezone.now() - timedelta(days=31))
    young, waiting = apply(demo, "unknown", {}), receive(demo, "unknown", {})

    assert (prune_event_bodies(), prune_event_bodies()) == (2, 0)

    assert [bytes(event.body) for event in PMSEvent.objects.filter(pk__in=[event.pk for event in old])] == [b"", b""]
    assert not PMSEvent.objects.filter(pk__in=[dead.pk, young.pk, waiting.pk], body=b"").exists()
    again = post(b"{}", demo.secret, webhook_id=old[0].webhook_id)
    assert again.json() == {"id": old[0].webhook_id, "status": "processed", "duplicate": True}


def test_the_headers_go_with_the_body() -> None:
    demo = make_connection()
    event = store_webhook(connection=demo, webhook_id="m-1", type="x", body=b"{}", headers={"x-topic": "orders/create"})
    PMSEvent.objects.update(status="ignored", due_at=None, processed_at=timezone.now() - timedelta(days=31))

    assert prune_event_bodies() == 1

    event.refresh_from_db()
    assert (bytes(event.body), event.headers, event.has_body) == (b"", {}, False)


def write_entries(*days: int) -> None:
    for day in days:
        access.record_audit(action="user.changed", subject=f"user:{day}")
    for entry, day in zip(AuditEntry.objects.order_by("id"), days, strict=True):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE access_auditentry DISABLE TRIGGER access_auditentry_append_only")
            AuditEntry.objects.filter(pk=entry.pk).update(occurred_at=timezone.now() - timedelta(days=day))
            cursor.execute("ALTER TABLE access_auditentry ENABLE TRIGGER access_auditentry_append_only")


def test_old_audit_entries_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PRUNE_BATCH_SIZE", 2)
    write_entries(400, 399, 366, 364, 1)

    assert (prune_audit_log(), prune_audit_log()) == (3, 0)

    assert list(AuditEntry.objects.order_by("id").values_list("subject", flat=True)) == ["user:364", "user:1"]


def test_an_adjustment_leaves_an_event_and_a_movement_and_no_audit_entry(api: JSONClient) -> None:
    make_product("A-1")
    make_location("main")
    body = {"sku": "A-1", "location": "main", "delta": 5, "reason": "receipt"}

    assert api.post("/api/v1/inventory/adjustments/", body).status_code == 201
    relay_pending()

    assert not AuditEntry.objects.filter(action__startswith="stock.").exists()


def test_a_flood_of_failed_logins_fills_no_table_and_names_no_victim(settings) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 3
    for number in range(8):
        Client().post("/admin/login/", {"username": f"anna-{number}", "password": "guess"})

    entries = AuditEntry.objects.filter(action="user.login_failed").order_by("id")
    assert list(entries.values_list("actor", "subject")) == [
        ("address:127.0.0.1", f"login:anna-{number}") for number in range(3)
    ]


def test_a_failed_login_is_written_down_again_when_the_lock_is_over(settings) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 1
    for cooloff in (timedelta(minutes=15), timedelta(minutes=15), timedelta(0)):
        settings.AXES_COOLOFF_TIME = cooloff
        with context.bind():
            access.record_failed_login(name="anna", address="203.0.113.1")

    assert AuditEntry.objects.count() == 2
