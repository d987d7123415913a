"""Every rule of the database refuses what it is there for.

Whatever else is tried leaves the stock explained, and the ledger and the audit log as they were written.

The rules are read from PostgreSQL: one that is new and has no attack fails here.
"""

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from pms_backend.api.exceptions import constraint, sqlstate
from tests.database.attacks import CHECKS, HIDDEN_BY, OTHERWISE, PRUNING, TRIGGERS
from tests.database.catalog import Column, Rule, columns, copy_of_a_row, rules
from tests.database.world import make_world

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NOBODY = 999_999_999
APPEND_ONLY = ("access_auditentry", "inventory_stockmovement")
# Of these, the one whose oldest row the upkeep may remove.
PRUNED = "access_auditentry"
# Everything that the rules of the inventory promise together; no rows where it holds.
BROKEN = """
SELECT level.id FROM inventory_stocklevel AS level JOIN inventory_location AS location ON location.id = location_id
WHERE on_hand <> (SELECT coalesce(sum(delta), 0) FROM inventory_stockmovement WHERE level_id = level.id)
    OR on_hand <> coalesce((SELECT on_hand_after FROM inventory_stockmovement WHERE level_id = level.id
        ORDER BY level_version DESC LIMIT 1), 0)
    OR reserved <> (SELECT coalesce(sum(line.reserved), 0) FROM inventory_reservationline AS line
        JOIN inventory_reservation AS reservation ON reservation.id = reservation_id
        WHERE level_id = level.id AND status = 'active')
    OR incoming <> (SELECT coalesce(sum(in_transit), 0) FROM inventory_transferline
        JOIN inventory_transfer AS transfer ON transfer.id = transfer_id
        WHERE target_level_id = level.id AND status = 'in_transit')
    OR (NOT location.is_active AND (on_hand, reserved, incoming) <> (0, 0, 0))
"""
VALUES = {
    "bigint": ("{0} + 1", "{0} - 1", "0", "-1", "NULL"),
    "boolean": ("NOT {0}",),
    "timestamp with time zone": ("now()", "NULL", "'0001-01-01 00:00:00+01'", "'infinity'"),
    "character varying": ("''", "'x'", "'active'", "'released'", "'draft'", "'in_transit'", "'received'", "'posted'"),
}
TABLES_OF = {
    "level_id": "inventory_stocklevel",
    "target_level_id": "inventory_stocklevel",
    "location_id": "inventory_location",
    "source_id": "inventory_location",
    "target_id": "inventory_location",
    "variant_id": "products_variant",
    "reservation_id": "inventory_reservation",
    "transfer_id": "inventory_transfer",
}


@pytest.fixture
def _world() -> None:
    make_world()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


@pytest.fixture
def world(_world: None) -> list[Rule]:
    """The rules, with a row of every table."""
    found = rules()
    with connection.cursor() as cursor:
        for table in {column.table for column in columns()}:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
            assert cursor.fetchone() == (True,), table
    return found


def run(statement: str) -> str:
    """What refused the statement, by now or at the commit; empty where nothing did. Nothing of it stays."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)
    except IntegrityError as error:
        return constraint(error) or sqlstate(error)
    return ""


def test_every_check_refuses_what_it_names(world: list[Rule]) -> None:
    checks = [rule for rule in world if rule.kind == "c"]
    # PostgreSQL's own, of columns that are not negative; a rule of ours may say the same first.
    not_negative = [rule for rule in checks if rule.name == f"{rule.table}_{rule.columns[0]}_check"]
    named = {rule.name: rule for rule in checks if rule not in not_negative}

    assert set(CHECKS) == set(named)
    for rule in not_negative:
        assert run(f'UPDATE {rule.table} SET "{rule.columns[0]}" = -1') in {rule.name, *named}
    for name, attacks in CHECKS.items():
        table = named[name].table
        hidden = f"ALTER TABLE {table} DROP CONSTRAINT {HIDDEN_BY[name]}; " if name in HIDDEN_BY else ""
        for attack in attacks:
            assert run(f"{hidden}{_unlocked(table)}UPDATE {table} SET {attack}") == name, attack


def test_every_unique_key_refuses_a_second_row(world: list[Rule]) -> None:
    keys = [rule for rule in world if rule.kind in "puix"]

    assert set(OTHERWISE) <= {rule.name for rule in keys}
    for rule in keys:
        there = [f"{column} IS NOT NULL" for column in rule.columns] + ([rule.predicate] if rule.predicate else [])
        if rule.kind == "x":
            there.append("options <> '{}'")
        attack = copy_of_a_row(rule.table, where=" AND ".join(there), **OTHERWISE.get(rule.name, {}))
        assert run(_unlocked(rule.table) + attack) == rule.name, attack


def test_every_trigger_refuses_what_it_is_there_for(world: list[Rule]) -> None:
    triggers = {rule.name for rule in world if rule.kind == "t"}

    assert set(TRIGGERS) == triggers
    for attacks in TRIGGERS.values():
        for statement, name in attacks:
            assert run(statement) == name, statement


def test_every_reference_is_to_something(world: list[Rule]) -> None:
    for rule in world:
        if rule.kind == "f":
            one = f"WHERE ctid = (SELECT min(ctid) FROM {rule.table})"
            attack = f"UPDATE {rule.table} SET {rule.columns[0]} = {NOBODY} {one}"
            assert run(_unlocked(rule.table) + attack) == rule.name, attack


@pytest.mark.usefixtures("_world")
def test_every_column_that_is_required_is_not_null() -> None:
    for column in columns():
        if column.is_required:
            refused = run(f'{_unlocked(column.table)}UPDATE {column.table} SET "{column.name}" = NULL')
            assert refused == "23502", column


@pytest.mark.usefixtures("_world")
def test_no_statement_leaves_stock_that_nothing_explains() -> None:
    tables = sorted({column.table for column in columns() if column.table.startswith("inventory_")})
    statements = [
        *(statement for column in columns() if column.table in tables for statement in _updates(column)),
        *(f"DELETE FROM {table}{rows}" for table in tables for rows in _rows(table)),
        *(copy_of_a_row(table, where=f"id = {edge}") for table in tables for edge in _edges(table)),
    ]

    assert _broken() == []
    assert len(statements) > 500
    unexplained = []
    for statement in statements:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                if _broken():
                    unexplained.append(statement)
                transaction.set_rollback(True)
        except DatabaseError:
            continue
    assert unexplained == []


@pytest.mark.usefixtures("_world")
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_statement_changes_or_removes_a_row_that_is_append_only(table: str) -> None:
    removals = [f"DELETE FROM {table}{rows}" for rows in _rows(table)]
    statements = [
        *(statement for column in columns() if column.table == table for statement in _updates(column)),
        *removals,
    ]

    assert len(statements) > 60
    for permission in ("", PRUNING):
        ended = {statement: run(permission + statement) for statement in statements}
        others = {statement: name for statement, name in ended.items() if name != f"{table}_append_only"}
        assert others == ({removals[1]: ""} if permission and table == PRUNED else {})


def _unlocked(table: str) -> str:
    """What lets a statement reach the rule behind the trigger that refuses all changes of this table."""
    stays = {**dict.fromkeys(APPEND_ONLY, "append_only"), "inventory_stocklevel": "stays"}.get(table)
    return f"ALTER TABLE {table} DISABLE TRIGGER {table}_{stays}; " if stays else ""


def _broken() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(BROKEN)
        return [row[0] for row in cursor.fetchall()]


def _updates(column: Column) -> Iterator[str]:
    values = [value.format(f'"{column.name}"') for value in VALUES.get(column.type, ("NULL",))]
    if column.name in TABLES_OF:
        values += _edges(TABLES_OF[column.name])
    for value in values:
        for rows in _rows(column.table):
            yield f'UPDATE {column.table} SET "{column.name}" = {value}{rows}'


def _rows(table: str) -> list[str]:
    return ["", *(f" WHERE id = {edge}" for edge in _edges(table))]


def _edges(table: str) -> list[str]:
    return [f"(SELECT {edge}(id) FROM {table})" for edge in ("min", "max")]
