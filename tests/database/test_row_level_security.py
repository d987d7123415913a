"""The roles of Supabase's generated API see and change nothing, whatever Supabase grants them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connection, transaction

from pms_backend.operations.row_level_security import find_missing, hide_from_generated_api
from tests.database.world import make_world

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ROLES = ("anon", pytest.param("authenticated", marks=pytest.mark.slow))
# What Supabase grants by default to both roles on what is in the schema `public`.
GRANTS = "".join(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO anon, authenticated; " for kind in
                 ("TABLES", "SEQUENCES", "ROUTINES"))  # fmt: skip
# Everything that would let rows out in spite of row-level security; and what is not protected by it.
EXPOSED = """
SELECT 'table ' || relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity
UNION ALL SELECT 'policy ' || policyname FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT 'view ' || relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')
UNION ALL SELECT 'function ' || proname FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND (prosecdef OR has_function_privilege('anon', oid, 'EXECUTE'))
UNION ALL SELECT 'publication of ' || tablename FROM pg_publication_tables
ORDER BY 1
"""


@pytest.fixture
def _roles() -> None:
    """Supabase's roles; they end with the test's transaction."""
    execute(
        "CREATE ROLE anon NOLOGIN; CREATE ROLE authenticated NOLOGIN; "
        "GRANT USAGE ON SCHEMA public TO anon, authenticated"
    )


def execute(statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def role(name: str) -> Iterator[None]:
    execute(f"SET LOCAL ROLE {name}")
    try:
        yield
    finally:
        execute("RESET ROLE")


def refusal(statement: str) -> str:
    """Why PostgreSQL refuses the statement; it must."""
    with pytest.raises(ProgrammingError) as refused, transaction.atomic():
        execute(statement)
    return str(refused.value).partition("\n")[0]


def changed(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount


def tables() -> list[tuple[str, str]]:
    """Each table, with one of its columns."""
    return execute("""
        SELECT relname, (SELECT attname FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum = 1) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1
    """)


def exposed() -> list[str]:
    return [name for (name,) in execute(EXPOSED)]


@pytest.mark.usefixtures("_roles")
def test_no_table_view_policy_or_function_lets_a_row_out():
    assert exposed() == []
    assert len(tables()) > 60
    assert find_missing(DEFAULT_DB_ALIAS) == []


@pytest.mark.usefixtures("_roles")
@pytest.mark.parametrize("name", ROLES)
def test_row_level_security_alone_hides_every_row_of_every_table(name: str):
    make_world()
    execute(GRANTS)
    filled = [table for table, _ in tables() if execute(f"SELECT EXISTS (SELECT FROM {table})") == [(True,)]]

    with role(name):
        seen = {table: execute(f"SELECT count(*) FROM {table}") for table in filled}
        updated = {table: changed(f'UPDATE {table} SET "{column}" = "{column}"') for table, column in tables()}
        deleted = {table: changed(f"DELETE FROM {table}") for table, _ in tables()}
        inserted = {table: refusal(f"INSERT INTO {table} DEFAULT VALUES") for table, _ in tables()}

    assert len(filled) > 50
    assert seen == {table: [(0,)] for table in filled}
    assert set(updated.values()) == {0}
    assert set(deleted.values()) == {0}
    assert inserted == {
        table: f'new row violates row-level security policy for table "{table}"' for table, _ in tables()
    }


@pytest.mark.usefixtures("_roles")
@pytest.mark.parametrize("name", ROLES)
def test_after_a_migration_these_roles_have_no_privilege_either(name: str):
    execute(GRANTS)

    hide_from_generated_api(DEFAULT_DB_ALIAS)

    with role(name):
        for table, column in tables():
            for statement in (
                f"SELECT FROM {table}", f'UPDATE {table} SET "{column}" = "{column}"', f"DELETE FROM {table}",
                f"INSERT INTO {table} DEFAULT VALUES", f"TRUNCATE {table}",
            ):  # fmt: skip
                assert refusal(statement) == f"permission denied for table {table}"
        assert refusal("SELECT nextval('products_product_id_seq')") == (
            "permission denied for sequence products_product_id_seq"
        )
        assert refusal("SELECT inventory_check_promises(1)") == (
            "permission denied for function inventory_check_promises"
        )
    assert exposed() == []


@pytest.mark.usefixtures("_roles")
def test_a_new_table_is_found_and_the_migrate_that_creates_it_hides_it():
    execute("CREATE TABLE later (id bigint GENERATED BY DEFAULT AS IDENTITY); INSERT INTO later DEFAULT VALUES")
    execute("CREATE FUNCTION later_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM later'")
    execute(GRANTS)
    with role("anon"):
        assert execute("SELECT later_count()") == [(1,)]
    assert {"table later", "function later_count"} <= set(exposed())
    assert "ALTER TABLE later ENABLE ROW LEVEL SECURITY" in find_missing(DEFAULT_DB_ALIAS)

    call_command("migrate", verbosity=0)

    assert exposed() == find_missing(DEFAULT_DB_ALIAS) == []
    with role("anon"):
        assert refusal("SELECT FROM later") == "permission denied for table later"


@pytest.mark.usefixtures("_roles")
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("CREATE POLICY open ON products_product USING (true)", "policy open"),
        ("CREATE VIEW shown AS SELECT * FROM products_product", "view shown"),
        ("CREATE MATERIALIZED VIEW stored AS SELECT * FROM products_product", "view stored"),
        ("CREATE PUBLICATION told FOR TABLE products_product", "publication of products_product"),
        ("CREATE FUNCTION asked() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "function asked"),
    ],
)
def test_what_would_let_rows_out_is_found(statement: str, found: str):
    execute(statement)

    assert found in exposed()


@pytest.mark.usefixtures("_roles")
def test_tables_and_functions_of_others_are_left_alone():
    execute("CREATE ROLE other; CREATE ROLE ours; GRANT CREATE, USAGE ON SCHEMA public TO other, ours")
    with role("other"):
        execute("CREATE TABLE theirs (id int); GRANT ALL ON theirs TO anon; CREATE TABLE open (id int)")
        execute("CREATE FUNCTION their_count() RETURNS int LANGUAGE sql AS 'SELECT 1'")

    with role("ours"):
        execute("CREATE TABLE mine (id int)")

        assert find_missing(DEFAULT_DB_ALIAS) == ["ALTER TABLE mine ENABLE ROW LEVEL SECURITY"]


def test_for_the_owner_no_statement_has_a_filter_and_no_row_is_missing():
    make_world()
    execute("SET CONSTRAINTS ALL IMMEDIATE; CREATE ROLE owner; CREATE ROLE reader")
    execute("ALTER TABLE products_product OWNER TO owner")
    execute("GRANT SELECT ON products_product TO reader")
    count = execute("SELECT count(*) FROM products_product")
    plans = {}

    for name in ("owner", "reader"):
        with role(name):
            plans[name] = "\n".join(line for (line,) in execute("EXPLAIN SELECT * FROM products_product"))
            if name == "owner":
                assert execute("SELECT count(*) FROM products_product") == count != [(0,)]

    assert "Filter" not in plans["owner"]
    assert "One-Time Filter: false" in plans["reader"]
