"""The audit log: who did what. It only grows."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection, transaction

from pms_backend.access.models import AuditEntry
from pms_backend.access.services import record_audit
from pms_backend.api import context
from pms_backend.events import receivers
from pms_backend.events.models import Event
from pms_backend.events.services import relay_pending
from pms_integration import services as pms_integration
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product
from tests.staff import superuser

AUDIT = "/api/v1/access/audit/"

pytestmark = pytest.mark.django_db


def test_what_a_client_does_is_in_it_once_it_is_published(api: JSONClient):
    location = {"code": "main", "name": "Main"}
    api.post("/api/v1/inventory/locations/", location, headers={"X-Request-Id": "r-1"})

    relay_pending()

    entry = api.get(AUDIT, {"action": "location.changed"}).json()["results"][0]
    assert (entry["actor"], entry["request_id"]) == ("client:tests", "r-1")
    assert entry["subject"] == Event.objects.get(type="location.changed").subject


def test_what_staff_do_is_in_it_and_what_the_system_does_is_not():
    with context.bind(actor="user:ann"):
        make_product("A-1")
    make_product("B-1")

    relay_pending()

    assert list(AuditEntry.objects.values_list("actor", "action")) == [("user:ann", "product.created")]


def test_an_event_is_written_down_once():
    with context.bind(actor="user:ann"):
        make_product("A-1")
    relay_pending()

    receivers.write_audit_log(list(Event.objects.all()))

    assert AuditEntry.objects.count() == 1


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


def test_the_audit_log_is_filtered_by_actor_action_and_time(api: JSONClient):
    for actor in ("user:ann", "user:bob"):
        with context.bind(actor=actor):
            record_audit(action="user.changed", subject="user:eve")

    assert [entry["actor"] for entry in api.get(AUDIT, {"actor": "user:bob"}).json()["results"]] == ["user:bob"]
    assert api.get(AUDIT, {"action": "user.changed", "since": "2999-01-01T00:00:00Z"}).json()["results"] == []
    assert api.get(AUDIT, {"who": "me"}).status_code == 422


def entries() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "subject"))


def test_logins_are_in_it_and_passwords_are_not(client):
    User.objects.create_superuser("ann", password="right-and-long")

    client.post("/admin/login/", {"username": "ann", "password": "wrong-and-long"})
    client.post("/admin/login/", {"username": "ann", "password": "right-and-long"})
    client.post("/admin/logout/")

    actions = ["user.login_failed", "user.logged_in", "user.logged_out"]
    actors = ["address:127.0.0.1", "user:ann", "user:ann"]
    assert entries() == [(actor, action, "user:ann") for actor, action in zip(actors, actions, strict=True)]
    assert AuditEntry.objects.first().detail == {"address": "127.0.0.1"}
    assert "wrong-and-long" not in str(list(AuditEntry.objects.values()))


def test_what_staff_do_to_users_and_groups_is_in_it():
    staff = superuser()
    before = len(entries())

    staff.post("/admin/auth/group/add/", {"name": "pickers"})
    group = Group.objects.get(name="pickers")
    staff.post(f"/admin/auth/group/{group.pk}/change/", {"name": "packers"})
    staff.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})

    actor, *_ = entries()[-1]
    assert actor.startswith("user:")
    actions = ["group.created", "group.changed", "group.deleted"]
    assert entries()[before:] == [(actor, action, f"group:{group.pk}") for action in actions]


def test_what_is_done_to_a_connection_is_in_it_without_its_secret():
    location = make_location("main")
    made = make_connection("demo", owns=location)
    secret = pms_integration.rotate_secret(connection_id=made.pk)

    done = ["created", "location_mapped", "secret_rotated"]
    assert [action for _, action, _ in entries()] == [f"pms_connection.{what}" for what in done]
    assert secret not in str(list(AuditEntry.objects.values()))
