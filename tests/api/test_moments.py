"""Moments from outside: how they are written, and that none reaches the database which cannot be read again."""

import ast
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone as clock
from django.utils.html import escape

from inventory.models import StockLevel, StockMovement
from pms_backend.access.models import ApiClient
from pms_backend.api.exceptions import constraint
from pms_backend.api.moments import EARLIEST, LATEST, OUT_OF_BOUNDS, parse_moment
from pms_integration import services as pms_integration
from pms_integration.models import PMSConnection, PMSEvent
from products.models import Product
from tests.architecture.sources import modules
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product, set_stock, store_webhook
from tests.pms_integration.reports import apply, delta, figure

OUTSIDE = [
    "0001-01-01T00:00:00+01:00",
    "0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "1753-01-01T00:00:00Z",
    "1900-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00+00:01",
    "3000-01-01T00:00:00Z",
    "2999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-01:00",
]
NONE = [
    "", "noon", "2026-11-28", "2026-11-28T20:27:49", "2026-11-28T20:27Z", "2026-W48-6T20:27:49Z", "20261128T202749Z",
    "2026-332T20:27:49Z", "2026-11-28T20:27:49+0100", "2026-11-28T20:27:49+01", "2026-11-28T20:27:49,5Z",
    "2026-11-28T20:27:49.Z", "2026-11-28T24:00:00Z", "2026-02-30T00:00:00Z", "2026-11-28T20:27:49+24:00",
    "2026-11-28T20:27:49+01:60", "2026-11-28T20:27:60Z", "2016-12-31T23:59:60+01:00", "2016-12-30T23:59:60Z",
    "2026-11-28T20:27:61Z", "٢٠٢٦-11-28T20:27:49Z", "2026-11-28T20:27:49Z\n", "+2026-11-28T20:27:49Z", "0",
    "2026-11-28T20:27:49." + "1" * 1_000 + "Z",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-28T20:27:49Z", datetime(2026, 11, 28, 20, 27, 49, tzinfo=UTC)),
        ("2026-11-28t20:27:49z", datetime(2026, 11, 28, 20, 27, 49, tzinfo=UTC)),
        ("2026-11-28 20:27:49+01:00", datetime(2026, 11, 28, 19, 27, 49, tzinfo=UTC)),
        ("2026-11-28T20:27:49-00:00", datetime(2026, 11, 28, 20, 27, 49, tzinfo=UTC)),
        ("2026-11-28T20:27:49.5-23:59", datetime(2026, 11, 29, 20, 26, 49, 500_000, tzinfo=UTC)),
        ("2026-11-28T20:27:49.1234567Z", datetime(2026, 11, 28, 20, 27, 49, 123_456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("1998-12-31T15:59:60.123-08:00", datetime(1999, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", EARLIEST),
        ("2999-12-31T23:59:59.999999Z", LATEST - timedelta(microseconds=1)),
        ("3000-01-01T00:00:00+00:01", LATEST - timedelta(minutes=1)),
    ],
)
def test_a_moment_is_rfc_3339(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment
    assert parse_moment(text).tzinfo == UTC


@pytest.mark.parametrize("text", [*NONE, *OUTSIDE])
def test_an_invalid_moment_and_one_out_of_bounds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="A moment "):
        parse_moment(text)


def shop() -> PMSConnection:
    make_product("A-1")
    return make_connection(owns=make_location("main"))


@pytest.mark.django_db
@pytest.mark.parametrize("moment", [*OUTSIDE, "2026-W48-6T20:27:49Z", "2026-11-28T20:27:49"])
@pytest.mark.parametrize("member", ["occurred_at", "timestamp"])
@pytest.mark.parametrize("type", ["inventory.updated", "inventory.adjusted"])
def test_an_event_of_such_a_moment_is_dead_and_harms_no_other(
    api: JSONClient, type: str, member: str, moment: str
) -> None:
    demo = shop()
    units = {"inventory.updated": {"on_hand": 12}, "inventory.adjusted": {"delta": 12}}[type]
    message: dict[str, Any] = {"type": type, "timestamp": clock.now().isoformat()}
    message["data"] = {"sku": "A-1", "location": "main", **units}
    (message if member == "timestamp" else message["data"])[member] = moment

    store_webhook(connection=demo, webhook_id="bad", type=type, body=orjson.dumps(message))
    pms_integration.apply_due_events()

    bad = PMSEvent.objects.get(webhook_id="bad")
    assert (bad.status, bad.attempts) == ("dead", 1)
    assert "moment" in bad.reason.lower()
    assert not StockMovement.objects.exists()
    assert apply(demo, "inventory.updated", figure(3, minute=-1)).status == "processed"
    assert apply(demo, "inventory.adjusted", delta(2, minute=0)).status == "processed"
    assert [level["on_hand"] for level in api.get("/api/v1/inventory/levels/").json()["results"]] == [5]
    assert len(api.get("/api/v1/inventory/movements/").json()["results"]) == 2


LIST = "/api/v1/inventory/levels/"
MOVEMENTS = "/api/v1/inventory/movements/"
FILTERS = [
    (LIST, "updated_after"),
    (f"{LIST}A-1/", "at"),
    (MOVEMENTS, "since"),
    (MOVEMENTS, "until"),
    ("/api/v1/products/", "updated_after"),
    ("/api/v1/products/variants/", "updated_after"),
    ("/api/v1/access/audit/", "since"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "name"), FILTERS)
@pytest.mark.parametrize("moment", [*OUTSIDE, "2026-W48-6T20:27:49Z", "2026-11-28", "2026-11-28T20:27:49"])
def test_a_query_by_such_a_moment_is_refused(api: JSONClient, path: str, name: str, moment: str) -> None:
    make_product("A-1")

    response = api.get(path, {name: moment})

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{name}"]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "name"), FILTERS)
def test_a_query_by_a_moment_with_lower_case_letters_is_answered(api: JSONClient, path: str, name: str) -> None:
    make_product("A-1")

    assert api.get(path, {name: "2026-01-01t00:00:00z"}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("moment", [*OUTSIDE, "2026-W48-6T20:27:49Z", 5])
def test_a_field_of_such_a_moment_is_refused_and_nothing_is_written(api: JSONClient, moment: object) -> None:
    product = make_product("A-1", status="active")
    make_location("main")
    stocktake = api.post("/api/v1/inventory/stocktakes/", {"location": "main", "skus": ["A-1"]}).json()["id"]
    scopes = ["products:read"]

    answers = [
        api.post(f"/api/v1/products/{product.pk}/publish/", {"publish_at": moment}),
        api.post(f"/api/v1/products/{product.pk}/publish/", {"unpublish_at": moment}),
        api.post(f"/api/v1/products/{product.pk}/unpublish/", {"unpublish_at": moment}),
        api.patch(
            f"/api/v1/inventory/stocktakes/{stocktake}/",
            {"lines": [{"sku": "A-1", "counted": 1, "counted_at": moment}]},
        ),
        api.post("/api/v1/access/clients/", {"name": "till", "scopes": scopes, "expires_at": moment}),
    ]

    assert [answer.status_code for answer in answers] == [422] * len(answers)
    assert {answer.json()["errors"][0]["code"] for answer in answers} <= {"invalid", "out_of_bounds"}
    assert Product.objects.get().unpublish_at is None
    assert not ApiClient.objects.filter(name="till").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("moment", OUTSIDE)
def test_a_command_refuses_such_a_moment(moment: str) -> None:
    with pytest.raises(CommandError, match="--expires: A moment"):
        call_command("create_api_client", "till", "--scopes", "products:read", "--expires", moment)


@pytest.mark.django_db
@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "3000-01-02", "9999-12-31"])
def test_a_form_of_the_admin_refuses_such_a_moment(admin_client: Client, day: str) -> None:
    product = make_product("A-1", status="active")
    client = {
        "name": "till",
        "scopes": "products:read",
        "tier": "default",
        "expires_at_0": day,
        "expires_at_1": "12:00",
    }
    page = reverse("admin:products_product_change", args=[product.pk])
    shown = admin_client.get(page).context["adminform"].form.initial
    form = {name: value for name, value in shown.items() if isinstance(value, str | int)}
    formsets = {f"{prefix}-{name}": 0 for prefix in ("variants", "images") for name in ("TOTAL_FORMS", "INITIAL_FORMS")}

    made = admin_client.post(reverse("admin:access_apiclient_add"), client)
    planned = admin_client.post(page, {**form, **formsets, "unpublish_at_0": day, "unpublish_at_1": "12:00"})

    for answer in (made, planned):
        assert answer.status_code == 200
        assert escape(OUT_OF_BOUNDS) in answer.content.decode()
    assert not ApiClient.objects.exists()
    assert Product.objects.get().unpublish_at is None


COLUMNS = {
    "inventory_stocklevel": ["counted_at"],
    "inventory_stockmovement": ["occurred_at", "reported_at"],
    "inventory_reservation": ["expires_at"],
    "inventory_stocktakeline": ["counted_at"],
    "products_product": ["publish_at", "unpublish_at"],
    "pms_integration_pmsstock": ["reported_at"],
    "pms_integration_pmsstockpush": ["acknowledged_at"],
    "access_apiclient": ["expires_at"],
}


@pytest.mark.django_db
@pytest.mark.database
def test_the_database_bounds_each_column_of_a_moment_from_outside() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, array_agg(attname::text ORDER BY attname) FROM pg_constraint "
            "JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey) "
            "WHERE conname LIKE '%\\_at\\_in\\_bounds' GROUP BY conrelid"
        )
        assert dict(cursor.fetchall()) == COLUMNS


@pytest.mark.django_db
@pytest.mark.database
@pytest.mark.parametrize("moment", ["0001-01-01 00:00:00+01", "4713-01-01 00:00:00+00 BC", "infinity", "3000-01-01Z"])
def test_a_stray_statement_cannot_write_such_a_moment(moment: str) -> None:
    make_product("A-1")
    set_stock("A-1", make_location("main"), 10)

    with pytest.raises(IntegrityError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE inventory_stocklevel SET counted_at = %s", [moment])

    assert constraint(refusal.value) == "inventory_stocklevel_counted_at_in_bounds"


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
def test_the_audit_names_what_an_older_database_holds() -> None:
    make_product("A-1")
    set_stock("A-1", make_location("main"), 10)
    level, movement = StockLevel.objects.values_list("pk", flat=True).get(), StockMovement.objects.get().pk
    _write_past_the_rule("0001-12-31 23:00:00+00 BC", "NOT VALID")
    out = io.StringIO()
    try:
        with pytest.raises(SystemExit):
            call_command("audit_stock", stdout=out, stderr=io.StringIO())
    finally:
        _write_past_the_rule("2026-01-01 00:00:00+00")

    lines = out.getvalue().splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        f"inventory_stocklevel {level} violates inventory_stocklevel_counted_at_in_bounds",
        f"inventory_stockmovement {movement} violates inventory_stockmovement_occurred_at_in_bounds",
    ]
    assert all("BC" in line for line in lines)


def _write_past_the_rule(moment: str, validity: str = "") -> None:
    """Writes the moment without the rule, then adds the rule again: NOT VALID as for a table that is older than it."""
    with connection.cursor() as cursor:
        for table, column in (("inventory_stocklevel", "counted_at"), ("inventory_stockmovement", "occurred_at")):
            name = f"{table}_{column}_in_bounds"
            cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name])
            rule = cursor.fetchone()[0].removesuffix(" NOT VALID")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER, DROP CONSTRAINT {name}")
            cursor.execute(f"UPDATE {table} SET {column} = %s", [moment])
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER, ADD CONSTRAINT {name} {rule} {validity}")


def test_no_other_module_reads_moments_from_text() -> None:
    # A cursor of ours holds what the database wrote; a ticket, and the monitor's file, what this project wrote.
    ours = {
        "pms_backend/api/filters.py", "products/sorting.py", "pms_backend/access/services/tickets.py",
        "pms_backend/operations/alerts/kept.py",
    }  # fmt: skip
    readers = {"parse_datetime", "fromisoformat", "IsoDateTimeFilter", "DateTimeFilter", "strptime"}
    found = {
        path
        for path, tree in modules().items()
        if not path.startswith(("pms_backend/standalone/", "pms_integration/simulator/"))
        for node in ast.walk(tree)
        if getattr(node, "attr", getattr(node, "id", None)) in readers
    }

    assert found <= ours
