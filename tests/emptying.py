"""Empties the database after a test that commits."""

from typing import Any, Final

from django.db import connection
from django.test import TransactionTestCase

from pms_backend.operations.roles import ROLES

# Django truncates every table and inserts the permissions again, which takes three times as long.
_EMPTY: Final = """
DO $$
DECLARE
    name text;
    has_rows boolean;
    written text[] := '{}';
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
        AND tablename NOT IN (
            'django_migrations', 'django_content_type', 'auth_permission', 'auth_group', 'auth_group_permissions'
        )
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO has_rows;
        IF has_rows THEN
            written := written || format('%I', name);
        END IF;
    END LOOP;
    IF written <> '{}' THEN
        EXECUTE 'TRUNCATE ' || array_to_string(written, ', ') || ' CASCADE';
    END IF;
    -- The roles that a migration has made stay, as the permissions do.
    DELETE FROM auth_group_permissions AS held USING auth_group AS role
        WHERE held.group_id = role.id AND role.name <> ALL ('{ROLES}');
    DELETE FROM auth_group AS role WHERE role.name <> ALL ('{ROLES}');
END $$
""".replace("ROLES", ",".join(ROLES))


def empty_what_was_written() -> None:
    """Truncates only tables with rows after each test with `transaction=True`."""

    def teardown(_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_EMPTY)

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[method-assign]
