"""The audit log: who did what. It only grows."""

from unittest.mock import ANY

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from inventory.models import Location
from pms_backend.access.models import AuditEntry
from pms_backend.access.services import FieldChange, record_audit
from pms_backend.api import context
from pms_integration import services as pms_integration
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_connection, make_location

AUDIT = "/api/v1/access/audit/"

pytestmark = pytest.mark.django_db


def test_what_a_client_does_is_in_it(api: JSONClient):
    location = {"code": "main", "name": "Main"}
    api.post("/api/v1/inventory/locations/", location, headers={"X-Request-Id": "r-1"})

    made = Location.objects.get()
    assert api.get(AUDIT, {"action": "location.created"}).json()["results"][0] == {
        "id": str(AuditEntry.objects.get(action="location.created").pk),
        "occurred_at": ANY,
        "actor": "client:tests",
        "door": "api",
        "action": "location.created",
        "subject": f"location:{made.pk}",
        "name": "Main (main)",
        "changes": [],
        "request_id": "r-1",
        "detail": {},
    }


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE access_auditentry SET actor = 'user:somebody'",
        "DELETE FROM access_auditentry",
        "SELECT set_config('pms.allow_truncate', 'off', true); TRUNCATE access_auditentry",
    ],
)
def test_it_is_append_only(sql: str):
    with context.bind(actor="user:ann"):
        record_audit(action="api_client.revoked", subject="api_client:x")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert AuditEntry.objects.get().actor == "user:ann"


def test_the_audit_log_is_filtered_by_actor_door_action_and_time(api: JSONClient):
    for actor, door in (("user:ann", context.Door.ADMIN), ("user:bob", context.Door.API)):
        with context.bind(actor=actor, door=door):
            record_audit(action="user.changed", subject="user:eve")

    assert [entry["actor"] for entry in api.get(AUDIT, {"actor": "user:bob"}).json()["results"]] == ["user:bob"]
    assert [entry["door"] for entry in api.get(AUDIT, {"door": "admin"}).json()["results"]] == ["admin"]
    assert api.get(AUDIT, {"door": "window"}).status_code == 422
    assert api.get(AUDIT, {"action": "user.changed", "since": "2999-01-01T00:00:00Z"}).json()["results"] == []
    assert api.get(AUDIT, {"who": "me"}).status_code == 422


def test_costs_are_in_it_for_who_may_write_products(client_with: ClientWith):
    changes = [FieldChange("variants[A-1].cost", "4.00", "5.00"), FieldChange("variants[A-1].price", "8.00", "9.00")]
    record_audit(action="product.updated", subject="product:1", changes=changes)

    def fields(*scopes: str) -> list[str]:
        (entry,) = client_with(scopes).get(AUDIT, {"subject": "product:1"}).json()["results"]
        return [change["field"] for change in entry["changes"]]

    assert fields("access:admin") == ["variants[A-1].price"]
    assert fields("access:admin", "products:write") == ["variants[A-1].cost", "variants[A-1].price"]


def entries() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "subject"))


def test_logins_are_in_it_and_passwords_are_not(client):
    User.objects.create_superuser("ann", password="right-and-long")

    client.post("/admin/login/", {"username": "ann", "password": "wrong-and-long"})
    client.post("/admin/login/", {"username": "ann", "password": "right-and-long"})
    client.post("/admin/logout/")

    actions = ["user.login_failed", "user.logged_in", "user.logged_out"]
    actors = ["address:127.0.0.1", "user:ann", "user:ann"]
    assert entries() == [(actor, action, "login:ann") for actor, action in zip(actors, actions, strict=True)]
    assert AuditEntry.objects.first().detail == {"address": "127.0.0.1"}
    assert "wrong-and-long" not in str(list(AuditEntry.objects.values()))


def test_what_is_done_to_a_connection_is_in_it_without_its_secret():
    location = make_location("main")
    before = len(entries())
    made = make_connection("demo", owns=location)
    secret = pms_integration.rotate_secret(connection_id=made.pk)

    done = ["created", "location_mapped", "secret_rotated"]
    assert [action for _, action, _ in entries()[before:]] == [f"pms_connection.{what}" for what in done]
    assert secret not in str(list(AuditEntry.objects.values()))
