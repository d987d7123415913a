"""History: entries as services write them, and through which door a change came."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

import manage
from inventory import services as inventory
from pms_backend.access.history_words import lines
from pms_backend.access.models import ApiClient, AuditEntry
from pms_backend.access.services import (
    MAX_CHANGES,
    FieldChange,
    HistoryEntry,
    collected,
    record_audit,
    record_history,
)
from pms_backend.access.services.history import MAX_VALUE_LENGTH
from pms_backend.api import context
from tests.conftest import JSONClient
from tests.factories import make_location
from tests.history import changes_of, history_writes
from tests.staff import PASSWORD, permissions_named, superuser

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "another-horse-battery"
SHOP = ("shop", "--scopes", "products:read")
CLIENTS = "/api/v1/access/clients/"


def test_many_entries_are_one_statement_each_with_its_own_request(django_assert_num_queries: DjangoAssertNumQueries):
    with context.bind(actor="pms:demo", request_id="r-1", door=context.Door.PMS), django_assert_num_queries(1):
        record_history(
            [
                HistoryEntry(action="product.updated", subject="product:1", name="Lamp", request_id="wh-1"),
                HistoryEntry(action="product.updated", subject="product:2", name='A "B", {C}', detail={"n": 1}),
            ]
        )

    first, second = AuditEntry.objects.order_by("id")
    assert (first.subject, first.name, first.request_id, first.detail) == ("product:1", "Lamp", "wh-1", {})
    assert (second.subject, second.name, second.request_id, second.detail) == (
        "product:2",
        'A "B", {C}',
        "r-1",
        {"n": 1},
    )
    assert {(one.actor, one.door) for one in (first, second)} == {("pms:demo", "pms")}


def test_values_become_json_and_long_ones_are_cut():
    moment = datetime(2030, 1, 31, 12, tzinfo=UTC)
    long, names = "x" * (MAX_VALUE_LENGTH + 1), ["y" * 600, "z" * 600]
    changes = [
        FieldChange("price", None, Decimal("12.50")),
        FieldChange("publish_at", moment, None),
        FieldChange("description", long[1:], long),
        FieldChange("tags", ["a"], names),
    ]

    record_audit(action="product.updated", subject="product:1", changes=changes)

    cut = "x" * (MAX_VALUE_LENGTH - 1) + "…"
    shown = changes_of(AuditEntry.objects.get())
    assert shown[:3] == [
        ("price", None, "12.50"),
        ("publish_at", "2030-01-31T12:00:00Z", None),
        ("description", long[1:], cut),
    ]
    assert shown[3][1] == ["a"]
    assert (len(shown[3][2]), shown[3][2][:5], shown[3][2][-1]) == (MAX_VALUE_LENGTH, '["yyy', "…")


def test_of_many_changes_the_first_are_kept_and_their_number():
    changes = [FieldChange(f"attributes.a{number}", None, number) for number in range(MAX_CHANGES + 5)]

    record_audit(action="product.updated", subject="product:1", changes=changes)
    record_audit(action="product.updated", subject="product:2", changes=changes[5:])

    cut, whole = AuditEntry.objects.order_by("id")
    assert (changes_of(cut)[-1], len(cut.changes)) == ((f"attributes.a{MAX_CHANGES - 1}", None, MAX_CHANGES - 1), 200)
    assert (cut.detail, len(whole.changes), whole.detail) == ({"change_count": MAX_CHANGES + 5}, MAX_CHANGES, {})
    assert "and 5 more" in lines(cut.changes, cut.detail)
    assert f"and {MAX_CHANGES - 3} more" in lines(cut.changes, cut.detail, limit=8)
    assert "more" not in lines(whole.changes, whole.detail)


def test_collected_entries_are_one_statement_each_with_its_own_origin():
    with history_writes() as writes, collected():
        record_audit(action="product.created", subject="product:1")
        with collected(), context.bind(actor="pms:demo", request_id="r-1", door=context.Door.PMS):
            record_audit(action="product.updated", subject="product:2")
        assert not AuditEntry.objects.exists()

    assert len(writes) == 1
    entries = AuditEntry.objects.order_by("id").values_list("subject", "actor", "request_id", "door")
    assert list(entries) == [("product:1", "system", "", "system"), ("product:2", "pms:demo", "r-1", "pms")]


def test_what_a_savepoint_rolls_back_is_not_collected():
    def tried(subject: str) -> None:
        with transaction.atomic():
            record_audit(action="product.updated", subject=subject)
            with transaction.atomic():
                record_audit(action="product.updated", subject=f"{subject}/inner")
            raise RuntimeError

    with collected():
        with suppress(RuntimeError):
            tried("product:1")
        with transaction.atomic():
            record_audit(action="product.updated", subject="product:2")
        with transaction.atomic():
            record_audit(action="product.updated", subject="product:3")
            transaction.set_rollback(True)

    assert [entry.subject for entry in AuditEntry.objects.all()] == ["product:2"]


def test_after_an_exception_nothing_is_collected():
    with pytest.raises(RuntimeError), collected():
        record_audit(action="product.updated", subject="product:1")
        raise RuntimeError
    record_audit(action="product.updated", subject="product:2")

    assert [entry.subject for entry in AuditEntry.objects.all()] == ["product:2"]


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_nothing_is_recorded():
    with pytest.raises(transaction.TransactionManagementError):
        record_audit(action="product.updated", subject="product:1")

    assert not AuditEntry.objects.exists()


def test_a_write_that_is_rolled_back_leaves_no_history():
    with pytest.raises(RuntimeError), transaction.atomic():
        inventory.create_location(code="main", name="Main")
        raise RuntimeError

    assert not AuditEntry.objects.exists()


def test_the_door_is_that_of_the_request(api: JSONClient):
    api.post("/api/v1/inventory/locations/", {"code": "main", "name": "Main"})
    superuser().post("/admin/inventory/location/add/", {"code": "west", "name": "West", "priority": 1, "address": ""})

    doors = AuditEntry.objects.filter(action="location.created").values_list("name", "actor", "door")
    assert set(doors) == {
        ("Main (main)", "client:tests", "api"),
        ("West (west)", f"user:{User.objects.get()}", "admin"),
    }


def test_the_door_of_a_command(monkeypatch: pytest.MonkeyPatch):
    # Django's own closes the connection in the end.
    monkeypatch.setattr(manage, "execute_from_command_line", lambda _: call_command("create_api_client", *SHOP))

    manage.main()

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.door, entry.name) == ("system", "command", "shop")
    assert entry.subject == f"api_client:{ApiClient.objects.get().public_id}"


def test_what_nobody_asked_for_comes_from_the_system():
    make_location("main")

    assert list(AuditEntry.objects.values_list("actor", "door")) == [("system", "system")]


def test_a_change_of_a_client_has_its_values_and_one_statement(api: JSONClient):
    made = api.post(CLIENTS, {"name": "shop", "scopes": ["products:read"]}).json()

    with history_writes() as writes:
        api.patch(f"{CLIENTS}{made['id']}/", {"scopes": ["products:write"], "name": "shop"})
    with history_writes() as writes_of_nothing:
        api.patch(f"{CLIENTS}{made['id']}/", {"name": "shop"})
    api.post(f"{CLIENTS}{made['id']}/rotate/")
    api.post(f"{CLIENTS}{made['id']}/revoke/")

    assert (len(writes), len(writes_of_nothing)) == (1, 0)
    entries = AuditEntry.objects.filter(subject=f"api_client:{made['id']}").order_by("id")
    assert [entry.action for entry in entries] == [
        f"api_client.{what}" for what in ("created", "updated", "rotated", "revoked")
    ]
    assert changes_of(entries[1]) == [("scopes", ["products:read"], ["products:write"])]
    assert made["api_key"] not in str(list(AuditEntry.objects.values()))


def test_what_staff_do_to_roles_is_in_it():
    staff = superuser()
    before = AuditEntry.objects.count()

    staff.post("/admin/auth/group/add/", {"name": "pickers"})
    group = Group.objects.get(name="pickers")
    permission = "inventory.view_location"
    wanted = {"name": "packers", "permissions": [permissions_named(permission)[0].pk]}
    staff.post(f"/admin/auth/group/{group.pk}/change/", wanted)
    staff.post(f"/admin/auth/group/{group.pk}/change/", wanted)
    staff.post("/admin/auth/group/", {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"})

    entries = AuditEntry.objects.order_by("id")[before:]
    assert {(entry.actor, entry.door, entry.subject) for entry in entries} == {
        (f"user:{User.objects.get()}", "admin", f"group:{group.pk}")
    }
    assert [(entry.action, entry.name, changes_of(entry)) for entry in entries] == [
        ("group.created", "pickers", []),
        ("group.changed", "packers", [("name", "pickers", "packers"), (f"permissions[{permission}]", False, True)]),
        ("group.deleted", "packers", []),
    ]


def test_what_staff_do_to_users_is_in_it_without_passwords():
    staff, ann = superuser(), User.objects.create_user("ann", email="ann@old.example")
    before = AuditEntry.objects.count()

    page = f"/admin/auth/user/{ann.pk}/"
    values = {"username": "ann", "email": "ann@new.example", "is_active": "on", "is_staff": "on"}
    counter = Group.objects.get(name="Counter")
    moments = {"date_joined_0": "2026-01-01", "date_joined_1": "12:00:00"}
    staff.post(f"{page}change/", {**values, **moments, "groups": [counter.pk]})
    password = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
    staff.post(f"{page}password/", {**password, "set-password": ""})

    entries = AuditEntry.objects.order_by("id")[before:]
    assert [(entry.action, entry.subject, changes_of(entry)) for entry in entries] == [
        (
            "user.changed",
            f"user:{ann.pk}",
            [
                ("groups[Counter]", False, True),
                ("email", "ann@old.example", "ann@new.example"),
                ("is_staff", False, True),
            ],
        ),
        ("user.changed", f"user:{ann.pk}", [("password", "set", "set")]),
    ]
    assert NEW_PASSWORD not in str(list(AuditEntry.objects.values()))


def test_a_change_of_ones_own_password_is_in_it():
    root = superuser("root")
    new = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}

    refused = root.post("/admin/password_change/", {**new, "old_password": "wrong-and-long"})
    before = AuditEntry.objects.filter(action="user.changed").count()
    changed = root.post("/admin/password_change/", {**new, "old_password": PASSWORD})

    assert (refused.status_code, before, changed.status_code) == (200, 0, 302)
    entry, user = AuditEntry.objects.get(action="user.changed"), User.objects.get()
    assert (entry.actor, entry.door, entry.subject) == ("user:root", "admin", f"user:{user.pk}")
    assert (changes_of(entry), user.check_password(NEW_PASSWORD)) == ([("password", "set", "set")], True)
