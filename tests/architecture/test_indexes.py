"""No index is a prefix of another, which would only cost writes."""

import pytest
from django.apps import apps
from django.db import connection

from tests.architecture.sources import PACKAGES

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PREFIXES_OF_OTHERS = """
SELECT short.indexrelid::regclass::text
FROM pg_index AS short
JOIN pg_index AS long ON long.indrelid = short.indrelid AND long.indexrelid <> short.indexrelid
WHERE short.indrelid = ANY (%s::regclass[]) AND NOT short.indisunique
    AND short.indpred IS NULL AND long.indpred IS NULL AND short.indexprs IS NULL
    AND long.indkey::text || ' ' LIKE short.indkey::text || ' %%' AND long.indclass[0] = short.indclass[0]
"""


def heads_of_others() -> set[str]:
    tables = [model._meta.db_table for model in apps.get_models() if model.__module__.split(".")[0] in PACKAGES]
    assert tables
    with connection.cursor() as cursor:
        cursor.execute(PREFIXES_OF_OTHERS, [tables])
        return {name for (name,) in cursor.fetchall()}


def test_no_index_is_a_prefix_of_another():
    assert heads_of_others() == set()


def test_a_redundant_index_is_found():
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX twice ON inventory_stockmovement (level_id)")

    assert heads_of_others() == {"twice"}
