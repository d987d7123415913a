"""The database itself refuses changes of the ledger, and stock that the ledger does not explain."""

import pytest
from django.db import IntegrityError, connection, transaction

from inventory.models import StockLevel, StockMovement
from inventory.services import update_location
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


# A movement of 5 units that no level knows of.
ONE_MORE = """
INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, reference, actor,
    request_id, source)
SELECT level_id, {version}, reason, 5, {on_hand_after}, '', '', '', '', '' FROM inventory_stockmovement LIMIT 1
"""


@pytest.fixture(autouse=True)
def _ten_lamps() -> None:
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", 10)
    set_stock("A-1", "main", 8)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE inventory_stocklevel SET on_hand = 9", "inventory_stocklevel_explained_by_ledger"),
        ("UPDATE inventory_stocklevel SET reserved = 1", "inventory_stocklevel_reserved_explained"),
        ("UPDATE inventory_stocklevel SET incoming = 1", "inventory_stocklevel_incoming_explained"),
        ("UPDATE inventory_stocklevel SET incoming = -1", "inventory_stocklevel_incoming_not_negative"),
        ("UPDATE inventory_stocklevel SET on_hand = -1", "inventory_stocklevel_not_oversold_unawares"),
        ("UPDATE inventory_stocklevel SET backorder_limit = -9", "inventory_stocklevel_limits_not_negative"),
        ("UPDATE inventory_stockmovement SET delta = 1", "inventory_stockmovement_append_only"),
        ("DELETE FROM inventory_stockmovement", "inventory_stockmovement_append_only"),
        (
            "UPDATE inventory_stocklevel SET on_hand = 7; UPDATE inventory_stocklevel SET on_hand = 9",
            "inventory_stocklevel_explained_by_ledger",
        ),
        (
            "UPDATE inventory_stocklevel SET on_hand = 0; UPDATE inventory_stocklevel SET reorder_point = 1",
            "inventory_stocklevel_explained_by_ledger",
        ),
        (ONE_MORE.format(version=9, on_hand_after=13), "inventory_stocklevel_explained_by_ledger"),
        (ONE_MORE.format(version=9, on_hand_after=14), "inventory_stockmovement_chain"),
        (ONE_MORE.format(version=0, on_hand_after=5), "inventory_stockmovement_chain"),
    ],
)
def test_a_stray_statement_breaks_nothing(statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert refused.value.__cause__.diag.constraint_name == constraint
    assert list(StockLevel.objects.values_list("on_hand", "reserved", "backorder_limit")) == [(8, 0, 0)]
    assert list(StockMovement.objects.order_by("id").values_list("delta", flat=True)) == [10, -2]


def test_level_and_ledger_may_be_written_by_two_statements() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE inventory_stocklevel SET on_hand = 9")
        cursor.execute("UPDATE inventory_stocklevel SET on_hand = 13, version = 9")
        cursor.execute(ONE_MORE.format(version=9, on_hand_after=13))

    assert StockMovement.objects.latest("id").on_hand_after == StockLevel.objects.get().on_hand == 13


def test_the_first_units_of_a_level_are_refused_at_a_closed_location() -> None:
    set_stock("A-1", "main", 0)
    update_location(code="main", values={"is_active": False})

    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE inventory_stocklevel SET on_hand = 5, version = 9")
        cursor.execute(ONE_MORE.format(version=9, on_hand_after=5))

    assert refused.value.__cause__.diag.constraint_name == "inventory_stocklevel_location_active"


def test_the_ledger_is_not_emptied_either() -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL pms.allow_truncate = 'off'")
        cursor.execute("TRUNCATE inventory_stockmovement CASCADE")

    assert StockMovement.objects.count() == 2


def test_a_variant_with_history_is_not_erased() -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM products_variant")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
