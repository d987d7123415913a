"""Hides our tables from the roles of Supabase's generated API (docs/supabase.md).

Row-level security without a policy hides all rows from every role except the owner of the table. The owner is the role
that migrates and runs the programs; for it PostgreSQL adds nothing to any statement.
"""

from typing import Any, Final

from django.db import connections

# What extensions and other roles own in the schema is left alone.
_MISSING: Final = """
WITH
    grantees AS (
        SELECT oid, quote_ident(rolname) AS name FROM pg_roles WHERE rolname IN ('anon', 'authenticated')
        UNION ALL SELECT 0, 'PUBLIC'
    ),
    relations AS (
        SELECT * FROM pg_class AS relation
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            AND pg_has_role(relowner, 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = relation.oid
                AND deptype = 'e')
    ),
    functions AS (
        SELECT * FROM pg_proc AS function
        WHERE pronamespace = current_schema()::regnamespace AND pg_has_role(proowner, 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = function.oid
                AND deptype = 'e')
    )
SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', oid::regclass)
FROM relations WHERE relkind IN ('r', 'p') AND NOT relrowsecurity
UNION
SELECT format('REVOKE ALL ON TABLE %s FROM %s', relations.oid::regclass, grantees.name)
FROM relations, aclexplode(relacl) JOIN grantees ON grantees.oid = grantee
UNION
SELECT format('REVOKE ALL ON ROUTINE %s FROM %s', functions.oid::regprocedure, grantees.name)
FROM functions, aclexplode(coalesce(proacl, acldefault('f', proowner))) JOIN grantees ON grantees.oid = grantee
ORDER BY 1
"""


def find_missing(using: str) -> list[str]:
    """The statements that would hide what is not hidden yet, of all objects of this role in its schema.

    They enable row-level security, and revoke the privileges of `anon`, `authenticated` and everybody on tables,
    sequences and functions.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_MISSING)
        return [statement for (statement,) in cursor.fetchall()]


def hide_from_generated_api(using: str, **_: Any) -> None:
    """Receives `post_migrate`: a table is hidden by the `migrate` that creates it.

    Each statement is a transaction of its own and locks one table, for a moment, that is not hidden yet. `ALTER TABLE …
    DISABLE ROW LEVEL SECURITY` and `GRANT` undo it, until the next `migrate`.
    """
    for statement in find_missing(using):
        with connections[using].cursor() as cursor:
            cursor.execute(statement)
